"""The properties of Custom::ConnectTrafficDistribution (API: UpdateTrafficDistribution)."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AliasChoices, ConfigDict, Field, ValidationError, model_validator

from connect_provider.properties import (
    INSTANCE,
    INSTANCE_SPELLINGS,
    InstanceArnOrId,
    Properties,
    ResourceProperties,
)

Split = Mapping[str, int | bool]  # Region -> percentage, or whether agents can sign in
Splits = Mapping[str, Split]  # config name, such as TelephonyConfig -> its split

RegionName = Annotated[
    str,
    Field(
        min_length=8,
        max_length=31,
        pattern=r"^[a-z]{2}(-[a-z]+){1,2}(-[0-9])?$",
        description="a Region, such as us-east-1",
    ),
]


class Distribution(Properties):
    """The share of a Region."""

    Region: RegionName
    Percentage: int = Field(ge=0, le=100, multiple_of=10, description="its share of the whole")


class DistributionConfig(Properties):
    """The split of calls or agents. Each Region appears once; percentages sum to 100."""

    Distributions: list[Distribution] = Field(
        min_length=1, description="every Region of the group, once"
    )

    @model_validator(mode="after")
    def _adds_up(self) -> "DistributionConfig":
        total = sum(share.Percentage for share in self.Distributions)
        if total != 100:
            raise ValueError(f"the percentages should sum to 100, not {total}")
        _refuse_repeated([share.Region for share in self.Distributions])
        return self

    @property
    def split(self) -> Split:
        """Return each Region's percentage."""
        return {share.Region: share.Percentage for share in self.Distributions}


class SignInDistribution(Properties):
    """Whether agents can sign in to a Region."""

    Region: RegionName
    Enabled: bool = Field(description="whether agents can sign in")


class SignInDistributionConfig(Properties):
    """The Regions where agents can sign in: at least one."""

    Distributions: list[SignInDistribution] = Field(
        min_length=1, description="every Region of the group, once"
    )

    @model_validator(mode="after")
    def _lets_agents_in(self) -> "SignInDistributionConfig":
        _refuse_repeated([place.Region for place in self.Distributions])
        if not any(place.Enabled for place in self.Distributions):
            raise ValueError("at least one Region should be Enabled, otherwise nobody can sign in")
        return self

    @property
    def split(self) -> Split:
        """Return for each Region whether agents can sign in."""
        return {place.Region: place.Enabled for place in self.Distributions}


CONFIGS: Mapping[str, type[DistributionConfig] | type[SignInDistributionConfig]] = {
    "TelephonyConfig": DistributionConfig,
    "AgentConfig": DistributionConfig,
    "SignInConfig": SignInDistributionConfig,
}


def _refuse_repeated(regions: list[str]) -> None:
    if len(set(regions)) != len(regions):
        raise ValueError("each Region should appear once")


GroupArnOrId = Annotated[
    str,
    Field(
        pattern=(
            r"^(?:arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}:traffic-distribution-group/)?"
            r"[A-Za-z0-9_-]+$"
        )
    ),
]
_GROUP_SPELLINGS = AliasChoices("TrafficDistributionGroupId", "TrafficDistributionGroupArn")


def _one_group(schema: dict[str, Any]) -> None:
    """Add to a JSON Schema that the group or the instance is required."""
    names = [*_GROUP_SPELLINGS.choices, *INSTANCE_SPELLINGS.choices]
    schema["allOf"] = [{"anyOf": [{"required": [name]} for name in names]}]


class TrafficDistributionProperties(ResourceProperties):
    """The split of a traffic distribution group's traffic between its Regions.

    It is separate from the group, so that a stack in the surviving Region can declare it. Name the
    group by its id or ARN. Outside the group's home Region, only the ARN works. Or name the
    instance, to mean its default group. Deleting the resource leaves the traffic and an isolation
    as they are. Keep it in a stack of its own, so that nothing else can delay a failover.
    """

    create_only: ClassVar = frozenset({"TrafficDistributionGroupId", "InstanceId"})
    attributes: ClassVar = {
        "Arn": "The ARN of the group.",
        "Id": "The id of the group.",
        "Status": "The status of the group, such as ACTIVE.",
        "IsDefault": "`true` for the default group of the instance, else `false`.",
        "InstanceArn": "The ARN of the instance.",
        "TelephonyDistribution": "The split of calls, such as `us-east-1=60,us-west-2=40`.",
        "AgentDistribution": "The split of agents, in the same form, or empty.",
        "CrossRegionRouting": "`Enabled` or `Isolated`, or empty without the property.",
        "LastFailoverTime": "When the traffic last changed, in ISO 8601, or empty if Connect does "
        "not tell.",
    }

    model_config = ConfigDict(json_schema_extra=_one_group)

    TrafficDistributionGroupId: GroupArnOrId | None = Field(
        default=None,
        description="the id or ARN of a traffic distribution group",
        validation_alias=_GROUP_SPELLINGS,
    )
    InstanceId: InstanceArnOrId | None = Field(
        default=None,
        max_length=250,
        description=INSTANCE,
        validation_alias=INSTANCE_SPELLINGS,
    )
    TelephonyConfig: DistributionConfig = Field(description="the split of calls")
    AgentConfig: DistributionConfig | None = Field(default=None, description="the split of agents")
    SignInConfig: SignInDistributionConfig | None = Field(
        default=None,
        description="where agents can sign in; only for the default group of an instance",
    )
    OutOfBandTraffic: Literal["Overwrite", "Fail"] = Field(
        default="Overwrite",
        description="how to react when the template changes a config that was changed manually. "
        "`Overwrite` applies the template; `Fail` refuses the update",
    )

    CrossRegionRouting: Literal["Enabled", "Isolated"] | None = Field(
        default=None,
        description="whether contacts of one Region reach agents in the other (`Enabled`) or not "
        "(`Isolated`); only for the default group of an instance with global routing",
    )
    Revision: str | None = Field(
        default=None,
        max_length=256,
        description="any text; a new value applies the template's split again, even over a manual "
        "traffic change",
    )

    @model_validator(mode="after")
    def _names_one_group(self) -> "TrafficDistributionProperties":
        if (self.TrafficDistributionGroupId is None) == (self.InstanceId is None):
            raise ValueError(
                "TrafficDistributionGroupId: give either this, or InstanceId for the instance's "
                "default group"
            )
        return self

    @model_validator(mode="after")
    def _names_the_same_regions(self) -> "TrafficDistributionProperties":
        expected = set(self.TelephonyConfig.split)
        for name, split in self.splits.items():
            if set(split) != expected:
                raise ValueError(f"{name}: the Regions should be those of TelephonyConfig")
        return self

    @property
    def splits(self) -> Splits:
        """Return the split of each config in the template, by the API's name."""
        configs = {
            "TelephonyConfig": self.TelephonyConfig,
            "AgentConfig": self.AgentConfig,
            "SignInConfig": self.SignInConfig,
        }
        return {name: config.split for name, config in configs.items() if config is not None}


def valid_splits(properties: object) -> Splits:
    """Return the split of each valid config in properties that are invalid as a whole."""
    found = {}
    for name, kind in CONFIGS.items():
        config = properties.get(name) if isinstance(properties, Mapping) else None
        with suppress(ValidationError):
            found[name] = kind.model_validate(config).split
    return found


def config_of(name: str, split: Split) -> dict[str, list[dict[str, str | int | bool]]]:
    """Return a split in the API's form."""
    key = "Enabled" if name == "SignInConfig" else "Percentage"
    return {"Distributions": [{"Region": region, key: split[region]} for region in sorted(split)]}


def split_of(name: str, config: Mapping[str, list[Mapping[str, int | bool]]]) -> Split:
    """Return the split in a config of the API."""
    key = "Enabled" if name == "SignInConfig" else "Percentage"
    return {str(item["Region"]): item[key] for item in config["Distributions"]}


def text_of(split: Split) -> str:
    """Return a split as text: "us-east-1=60,us-west-2=40"."""
    shown = {True: "true", False: "false"}
    return ",".join(
        f"{region}={shown[value] if isinstance(value, bool) else value}"
        for region, value in sorted(split.items())
    )
