"""Reconciles how a traffic distribution group splits its traffic.

The group is somebody else's: nothing is created or deleted here, and nothing is owned. What is
shared with operators, who shift traffic during an incident, is compared three ways (plan_shift).
"""

from collections.abc import Mapping
from dataclasses import replace

from connect_provider import arn
from connect_provider.connect import own_region
from connect_provider.errors import (
    InvalidRequest,
    NotFound,
    NotStabilized,
    ResourceConflict,
)
from connect_provider.plan import Observed, Shift, plan_shift
from connect_provider.properties import parse_properties, previous_properties
from connect_provider.request import CreateRequest, DeleteRequest, UpdateRequest
from connect_provider.run import Run
from traffic_distribution.model import (
    Split,
    TrafficDistributionProperties,
    config_of,
    split_of,
    text_of,
)

Splits = Mapping[str, Split]
CONFIGS = ("TelephonyConfig", "AgentConfig", "SignInConfig")


class TrafficDistribution:
    """The reconciler of Custom::ConnectTrafficDistribution. Its physical id is the group's ARN."""

    def __init__(self, run: Run) -> None:
        """Serve one run of a request."""
        self._run = run
        self._connect = run.connect

    def delete(self, request: DeleteRequest) -> None:
        """Leave the traffic as it is, without a call: a stack that goes must not stop calls."""
        self._run.log("Delete: nothing, since the traffic stays as it is")

    def apply(self, request: CreateRequest | UpdateRequest) -> Observed:
        """Split the traffic as the template says, where the template changed."""
        desired = parse_properties(TrafficDistributionProperties, request.resource_properties)
        region = _taking_region(desired.TelephonyConfig.split)
        group = self._settled(self._group(desired, region), region)
        live = self._live(group, region)
        _check_against(desired, group, live)
        wanted = self._wanted(request, desired, group, live)
        self._run.log_plan(request.request_type, "update" if wanted else "none", wanted)
        if wanted:
            live = self._shift(group, live, wanted)
        return _with_splits(group, live)

    def _group(self, desired: TrafficDistributionProperties, region: str) -> Observed:
        """Return the group that the template means."""
        named = desired.TrafficDistributionGroupId
        if named is None:
            return self._describe(self._default_group(str(desired.InstanceId), region), region)
        if arn.region(named):
            return self._describe(named, region)
        try:
            return self._describe(named, own_region())
        except NotFound:
            raise InvalidRequest(
                "TrafficDistributionGroupId: there is no such group in this Region. Outside the "
                "group's home Region its ARN is needed, not its id"
            ) from None

    def _default_group(self, instance_id: str, region: str) -> str:
        """Return the ARN of an instance's default group; a replica has the instance's id."""
        listed = self._connect.pages(
            "ListTrafficDistributionGroups",
            region,
            "TrafficDistributionGroupSummaryList",
            InstanceId=arn.resource_id(instance_id),
            MaxResults=10,
        )
        for item in listed:
            if item.get("IsDefault"):
                return str(item["Arn"])
        raise NotFound("InstanceId: the instance has no default traffic distribution group")

    def _describe(self, arn_or_id: str, region: str) -> Observed:
        """Describe a group (API: DescribeTrafficDistributionGroup)."""
        found = self._connect.call(
            "DescribeTrafficDistributionGroup", region, TrafficDistributionGroupId=arn_or_id
        )["TrafficDistributionGroup"]
        attributes = {
            "Arn": found["Arn"],
            "Id": arn.resource_id(found["Arn"]),
            "Status": found["Status"],
            "IsDefault": "true" if found.get("IsDefault") else "false",
        }
        return Observed(found["Arn"], {}, {}, attributes)

    def _settled(self, group: Observed, region: str, *, first_look: bool = True) -> Observed:
        """Wait until no shift is under way; return the group as it is then."""
        wait = self._run.begin_wait()
        if not first_look:
            wait.pause(group)
            group = self._describe(group.arn, region)
        while group.attributes["Status"] == "UPDATE_IN_PROGRESS":
            wait.pause(group)
            group = self._describe(group.arn, region)
        if group.attributes["Status"] != "ACTIVE":
            raise ResourceConflict(f"{group.arn} is {group.attributes['Status']}, not ACTIVE")
        return group

    def _live(self, group: Observed, region: str) -> Splits:
        """Return how the traffic is split now (API: GetTrafficDistribution)."""
        found = self._connect.call("GetTrafficDistribution", region, Id=group.arn)
        return {name: split_of(name, found[name]) for name in CONFIGS if found.get(name)}

    def _wanted(
        self,
        request: CreateRequest | UpdateRequest,
        desired: TrafficDistributionProperties,
        group: Observed,
        live: Splits,
    ) -> Splits:
        """Return the splits that are to change."""
        previous = _previous_splits(request, desired, group)
        wanted: dict[str, Split] = {}
        for name, split in desired.splits.items():
            before, now = previous.get(name), live.get(name)
            shift = plan_shift(split, before, now)
            if shift is Shift.LEFT or self._rolled_back(shift, request):
                self._run.log(f"{name} is left as it is: it was changed outside the template")
            elif shift is Shift.CONTESTED and desired.OutOfBandTraffic == "Fail":
                raise ResourceConflict(
                    f"{name}: it was changed outside the template. The previous template said "
                    f"{text_of(before or {})}, and it is {text_of(now or {})}. Set it back, or set "
                    "OutOfBandTraffic to Overwrite"
                )
            elif shift in (Shift.APPLIED, Shift.CONTESTED):
                wanted[name] = split
        return wanted

    def _rolled_back(self, shift: Shift, request: CreateRequest | UpdateRequest) -> bool:
        """Tell whether a contested config is an operator's, whom a rollback must not disturb.

        What a rollback calls previous is what failed, perhaps before it was applied. So a live
        split that is neither was made by somebody else; to undo it is as wrong as to fail on it.
        """
        return shift is Shift.CONTESTED and self._run.rolling_back(request.stack_id)

    def _shift(self, group: Observed, live: Splits, wanted: Splits) -> Splits:
        """Make one UpdateTrafficDistribution, wait, and read back what came of it.

        The service wants the telephony split every time: the live one where it is not to change.
        """
        sent = {"TelephonyConfig": live["TelephonyConfig"], **wanted}
        region = _taking_region(sent["TelephonyConfig"])
        self._connect.call(
            "UpdateTrafficDistribution",
            region,
            Id=group.arn,
            **{name: config_of(name, split) for name, split in sent.items()},
        )
        begun = {**group.attributes, "Status": "UPDATE_IN_PROGRESS"}
        group = self._settled(replace(group, attributes=begun), region, first_look=False)
        live = self._live(group, region)
        for name, split in wanted.items():
            now = live.get(name, {})
            if now != split:
                raise NotStabilized(
                    f"{name}: it should be {text_of(split)}, and Connect made it {text_of(now)}"
                )
        return live


def _taking_region(telephony: Split) -> str:
    """Return the Region that is to take the traffic, where UpdateTrafficDistribution belongs.

    It is the one with the largest share, on a tie the function's own.
    """
    return max(telephony, key=lambda region: (telephony[region], region == own_region(), region))


def _check_against(desired: TrafficDistributionProperties, group: Observed, live: Splits) -> None:
    """Check what only the live group can tell, before any write."""
    if desired.SignInConfig is not None and group.attributes["IsDefault"] != "true":
        raise InvalidRequest("SignInConfig: only an instance's default group can have one")
    regions, known = set(desired.TelephonyConfig.split), set(live["TelephonyConfig"])
    if regions != known:
        raise InvalidRequest(
            f"TelephonyConfig: the Regions should be those of the group: {', '.join(sorted(known))}"
        )


def _previous_splits(
    request: CreateRequest | UpdateRequest, desired: TrafficDistributionProperties, group: Observed
) -> Splits:
    """Return what the previous template said of this same group; nothing where it was another.

    When the previous properties are not valid, or name another group although the resource is this
    one, an update of them failed and is rolled back: nothing of it was applied here, and the
    template of this group is the desired one all along.
    """
    if not isinstance(request, UpdateRequest):
        return {}
    previous = previous_properties(TrafficDistributionProperties, request)
    if previous is not None and _target(previous) == _target(desired):
        return previous.splits
    return desired.splits if request.physical_resource_id == group.arn else {}


def _target(properties: TrafficDistributionProperties) -> tuple[str | None, str | None]:
    """Return what names the group, with ids and ARNs made equal."""
    group, instance = properties.TrafficDistributionGroupId, properties.InstanceId
    return (
        arn.resource_id(group) if group else None,
        arn.resource_id(instance) if instance else None,
    )


def _with_splits(group: Observed, live: Splits) -> Observed:
    """Return the group with the splits among its attributes."""
    splits = {
        "TelephonyDistribution": text_of(live["TelephonyConfig"]),
        "AgentDistribution": text_of(live.get("AgentConfig", {})),
    }
    return replace(group, attributes={**group.attributes, **splits})
