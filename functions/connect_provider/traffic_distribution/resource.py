"""The calls to Connect for Custom::ConnectTrafficDistribution."""

from collections.abc import Mapping
from dataclasses import replace

from connect_provider import arn, backoff
from connect_provider.connect import own_region
from connect_provider.errors import (
    InvalidRequest,
    NotFound,
    NotStabilized,
    ProviderError,
    ResourceConflict,
)
from connect_provider.reconcile.plan import Observed
from connect_provider.run import Run
from connect_provider.traffic_distribution.model import (
    Split,
    TrafficDistributionProperties,
    config_of,
    split_of,
    text_of,
)

Splits = Mapping[str, Split]
CONFIGS = ("TelephonyConfig", "AgentConfig", "SignInConfig")


class TrafficSplit:
    """How a group splits its traffic. An Observed's state holds the split of each config."""

    def __init__(self, run: Run) -> None:
        """Serve one run of a request."""
        self._run = run
        self._connect = run.connect

    def read(self, desired: TrafficDistributionProperties) -> Observed:
        """Return the group that the template means, when no shift of it is under way.

        A group that was just made may not be seen at once.
        """
        wait = self._run.begin_wait()
        while True:
            try:
                return self._read_somewhere(desired)
            except NotFound as error:
                if wait.elapsed() > backoff.CONSISTENCY_LAG:
                    raise _not_found(desired, error) from None
            wait.pause(Observed("the group", {}, {}, {"Status": "not to be seen"}))

    def _read_somewhere(self, desired: TrafficDistributionProperties) -> Observed:
        """Read in the Region that is to take the traffic, or in another that knows the group.

        A Region that is down must not stop an update that is not about it.
        """
        failures: list[ProviderError] = []
        regions = _regions_to_read(desired)
        for region in regions:
            last = region == regions[-1]
            try:
                named = desired.TrafficDistributionGroupId
                group = named or self._default_group(str(desired.InstanceId), region, retry=last)
                settled = self._settled(self._describe(group, region, retry=last), region)
                return self._with_splits(settled, region)
            except (NotStabilized, ResourceConflict):
                raise
            except ProviderError as error:
                failures.append(error)
        raise failures[0]

    def _default_group(self, instance_id: str, region: str, *, retry: bool) -> str:
        """Return the ARN of an instance's default group; a replica has the instance's id."""
        listed = self._connect.pages(
            "ListTrafficDistributionGroups",
            region,
            "TrafficDistributionGroupSummaryList",
            retry=retry,
            InstanceId=arn.resource_id(instance_id),
            MaxResults=10,
        )
        for item in listed:
            if item.get("IsDefault"):
                return str(item["Arn"])
        raise NotFound("InstanceId: the instance has no default traffic distribution group")

    def _describe(self, arn_or_id: str, region: str, *, retry: bool = True) -> Observed:
        """Describe a group (API: DescribeTrafficDistributionGroup)."""
        found = self._connect.call(
            "DescribeTrafficDistributionGroup",
            region,
            retry=retry,
            TrafficDistributionGroupId=arn_or_id,
        )["TrafficDistributionGroup"]
        attributes = {
            "Arn": found["Arn"],
            "Id": arn.resource_id(found["Arn"]),
            "Status": found["Status"],
            "IsDefault": "true" if found.get("IsDefault") else "false",
            "InstanceArn": found["InstanceArn"],
        }
        return Observed(found["Arn"], {}, {}, attributes)

    def _settled(self, group: Observed, region: str) -> Observed:
        """Wait until no shift is under way; return the group as it is then."""
        wait = self._run.begin_wait()
        while group.attributes["Status"] == "UPDATE_IN_PROGRESS":
            wait.pause(group)
            group = self._describe(group.arn, region)
        if group.attributes["Status"] != "ACTIVE":
            raise ResourceConflict(f"{group.arn} is {group.attributes['Status']}, not ACTIVE")
        return group

    def _with_splits(self, group: Observed, region: str) -> Observed:
        """Read how the traffic is split (API: GetTrafficDistribution)."""
        found = self._connect.call("GetTrafficDistribution", region, Id=group.arn)
        splits = {name: split_of(name, found[name]) for name in CONFIGS if found.get(name)}
        if "TelephonyConfig" not in splits:
            raise ResourceConflict(f"{group.arn} does not distribute telephony")
        shown = {
            "TelephonyDistribution": text_of(splits["TelephonyConfig"]),
            "AgentDistribution": text_of(splits.get("AgentConfig", {})),
        }
        return replace(group, state=splits, attributes={**group.attributes, **shown})

    def write(self, group: Observed, wanted: Splits) -> None:
        """Make one UpdateTrafficDistribution, and repeat it never: operators shift, too.

        The service wants the telephony split every time: the live one where it is not to change.
        """
        sent: dict[str, Split] = {"TelephonyConfig": group.state["TelephonyConfig"], **wanted}
        self._connect.call(
            "UpdateTrafficDistribution",
            taking_order(sent["TelephonyConfig"])[0],
            retry=False,
            Id=group.arn,
            **{name: config_of(name, split) for name, split in sent.items()},
        )

    def read_back(self, group: Observed, wanted: Splits) -> Observed:
        """Wait until the split is as wanted, or has stayed otherwise for long enough to be so."""
        region = taking_order(wanted.get("TelephonyConfig", group.state["TelephonyConfig"]))[0]
        wait = self._run.begin_wait()
        settled_at: float | None = None
        group = replace(group, attributes={**group.attributes, "Status": "UPDATE_IN_PROGRESS"})
        while True:
            wait.pause(group)
            group = self._describe(group.arn, region)
            if group.attributes["Status"] == "UPDATE_IN_PROGRESS":
                settled_at = None
                continue
            settled_at = wait.elapsed() if settled_at is None else settled_at
            group = self._with_splits(self._settled(group, region), region)
            if as_wanted(group, wanted) or wait.elapsed() - settled_at > backoff.CONSISTENCY_LAG:
                return group


def taking_order(telephony: Split) -> list[str]:
    """Return the Regions, the one that is to take the traffic first.

    It has the largest share; on a tie it is the function's own. UpdateTrafficDistribution belongs
    there (its page in the API reference).
    """
    return sorted(telephony, key=lambda r: (telephony[r], r == own_region(), r), reverse=True)


def _regions_to_read(desired: TrafficDistributionProperties) -> list[str]:
    """Return where to look for the group; a bare id means the function's own Region."""
    named = desired.TrafficDistributionGroupId
    home = arn.region(named) if named else None
    if named and home is None:
        return [own_region()]
    order = taking_order(desired.TelephonyConfig.split)
    return [*order, home] if home and home not in order else order


def _not_found(desired: TrafficDistributionProperties, error: NotFound) -> ProviderError:
    named = desired.TrafficDistributionGroupId
    if named and arn.region(named) is None:
        return InvalidRequest(
            "TrafficDistributionGroupId: there is no such group in this Region. Outside the "
            "group's home Region its ARN is needed, not its id"
        )
    return error


def as_wanted(group: Observed, wanted: Splits) -> bool:
    """Tell whether every wanted split is live."""
    return all(group.state.get(name) == split for name, split in wanted.items())


def not_as_wanted(group: Observed, wanted: Splits) -> NotStabilized:
    """Return the error that shows what should be, and what is."""
    differing = {name: s for name, s in wanted.items() if group.state.get(name) != s}
    return NotStabilized(
        "; ".join(
            f"{name}: it should be {text_of(split)}, and Connect made it "
            f"{text_of(group.state.get(name, {}))}"
            for name, split in differing.items()
        )
    )
