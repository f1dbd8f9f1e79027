"""The calls to Connect for Custom::ConnectTrafficDistribution."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from connect_provider import arn, backoff, errors
from connect_provider.connect import Connect
from connect_provider.reconcile.plan import Observation, Status
from connect_provider.run import Run
from connect_provider.traffic_distribution import model
from connect_provider.traffic_distribution.model import Split, Splits, TrafficDistributionProperties
from connect_provider.traffic_distribution.plan import is_live
from connect_provider.traffic_distribution_group.model import STATUSES

T = TypeVar("T")


class TrafficSplit:
    """The traffic of a group. An Observation's state holds the split of each config.

    busy_until: when the group was first seen after the last update by somebody else, on the run's
    clock.
    first_busy_until: the same after the first such update.
    """

    def __init__(self, connect: Connect, run: Run) -> None:
        self._connect = connect
        self._run = run
        self.busy_until = self.first_busy_until = float("-inf")

    def read(self, desired: TrafficDistributionProperties, *, moves_calls: bool) -> Observation:
        """Return the group that the template names, when no update of it is under way.

        moves_calls: whether the template changes the split of the calls.
        """

        def read(region: str) -> Observation:
            named = desired.TrafficDistributionGroupId
            group = named or self._default_group(str(desired.InstanceId), region)
            settled = self._settled(self._describe(group, region, retry=False), region)
            return self._with_splits(settled, region, retry=False)

        try:
            return read_somewhere(
                self._run, _regions_to_read(desired, moves_calls=moves_calls), read
            )
        except errors.ProviderError as error:
            raise _not_found(desired, error) from None

    def _default_group(self, instance_id: str, region: str) -> str:
        """Return the ARN of an instance's default group. A replica has the instance's id."""
        listed = self._connect.pages(
            "ListTrafficDistributionGroups",
            region,
            "TrafficDistributionGroupSummaryList",
            retry=False,
            InstanceId=arn.resource_id(instance_id),
            MaxResults=10,
        )
        for item in listed:
            if item.get("IsDefault"):
                return str(item["Arn"])
        problem = "InstanceId: the instance has no default traffic distribution group"
        raise errors.NotFound(problem, may_pass=True)

    def _describe(self, arn_or_id: str, region: str, *, retry: bool = True) -> Observation:
        """Describe a group (API: DescribeTrafficDistributionGroup).

        Connect may not show it at once, neither when it is new nor after a change.
        """

        def look() -> dict[str, Any] | None:
            try:
                return self._connect.call(
                    "DescribeTrafficDistributionGroup",
                    region,
                    retry=retry,
                    TrafficDistributionGroupId=arn_or_id,
                )
            except errors.NotFound:
                if not retry or self._run.lag_is_over(began):
                    raise
                return None

        began = self._run.now()
        output = self._run.look_again(look)
        assert output is not None
        found = output["TrafficDistributionGroup"]
        attributes = {
            "Arn": found["Arn"],
            "Id": arn.resource_id(found["Arn"]),
            "Status": found["Status"],
            "IsDefault": "true" if found.get("IsDefault") else "false",
            "InstanceArn": found["InstanceArn"],
        }
        status = STATUSES.get(found["Status"], Status.FAILED)
        return Observation(found["Arn"], {}, {}, attributes, status)

    def _settled(self, group: Observation, region: str) -> Observation:
        """Wait until no update is under way; return the group then."""
        was_busy = group.status is Status.BUSY
        group = self._run.wait(
            lambda: self._describe(group.arn, region),
            lambda seen: seen.status is not Status.BUSY,
            f"{group.arn} is still being updated",
            seen=group,
        )
        if was_busy:
            self.busy_until = self._run.now()
            if self.first_busy_until < 0:
                self.first_busy_until = self.busy_until
            self._run.note_change()
        if group.status is not Status.READY:
            raise errors.ResourceConflict(
                f"{group.arn} is {group.attributes['Status']}, not ACTIVE"
            )
        return group

    def _with_splits(self, group: Observation, region: str, *, retry: bool = True) -> Observation:
        """Read the splits of the group (API: GetTrafficDistribution)."""
        found = self._connect.call("GetTrafficDistribution", region, retry=retry, Id=group.arn)
        splits = {
            name: model.split_of(name, found[name]) for name in model.CONFIGS if found.get(name)
        }
        if "TelephonyConfig" not in splits:
            raise errors.ResourceConflict(f"{group.arn} does not distribute telephony")
        shown = {
            "TelephonyDistribution": model.text_of(splits["TelephonyConfig"]),
            "AgentDistribution": model.text_of(splits.get("AgentConfig", {})),
            "LastFailoverTime": _text_of_time(found.get("LastFailoverTime")),
        }
        return replace(group, state=splits, attributes={**group.attributes, **shown})

    def write(self, group: Observation, wanted: Splits) -> None:
        """Update the splits (API: UpdateTrafficDistribution). Never retry: operators write too.

        The API requires the telephony split in every call. Send the live one if it is to stay.
        """
        sent = _sent(group, wanted)
        self._connect.call(
            "UpdateTrafficDistribution",
            taking_order(sent["TelephonyConfig"])[0],
            retry=False,
            Id=group.arn,
            **{name: model.config_of(name, split) for name, split in sent.items()},
        )

    def is_untouched(self, group: Observation, wanted: Splits, seen: Observation) -> bool:
        """Return whether the splits that a write sends have not moved since before it.

        Somebody may have moved them back after the write.
        """
        time = "LastFailoverTime"
        same = all(seen.state.get(name) == group.state.get(name) for name in _sent(group, wanted))
        return same and seen.attributes[time] == group.attributes[time]

    def read_back(
        self, group: Observation, wanted: Splits, *, unsure_since: float | None = None
    ) -> Observation:
        """Return the group when the wanted splits are live, or when they should be by now.

        group: as it was before the write.
        unsure_since: when the first of the writes failed that may have had no effect, as now()
        tells. The splits of before end the wait then, too.
        """
        began = self._run.now()
        first = began if unsure_since is None else unsure_since
        region = taking_order(_sent(group, wanted)["TelephonyConfig"])[0]
        settled_at: float | None = None
        was_busy = False

        def look() -> tuple[Observation, bool]:
            nonlocal settled_at, was_busy
            late = self._run.now() - began > backoff.CONFLICT_PATIENCE  # before the look
            over = settled_at is not None and self._run.lag_is_over(settled_at)
            try:
                seen = self._describe(group.arn, region)
            except errors.NotFound:  # the end of the change may hide the group once more
                if late:
                    raise
                return group, False
            if seen.status is Status.BUSY:
                was_busy, settled_at = True, None
                return seen, False
            settled_at = self._run.now() if settled_at is None else settled_at
            read = self._with_splits(self._settled(seen, region), region)
            ends = unsure_since is not None and self.is_untouched(group, wanted, read)
            ends = ends or (over and (late or was_busy))  # Connect may hide that it is busy
            return read, ends or is_live(wanted, read.state)

        def pace(waited: float) -> float:
            return backoff.settle_delay(waited + began - first)

        what = "Connect still does not show the new traffic distribution"
        return self._run.wait(look, lambda seen: seen[1], what, seen=(group, False), pace=pace)[0]


def _sent(group: Observation, wanted: Splits) -> dict[str, Split]:
    """Return the splits that a write sends."""
    return {"TelephonyConfig": group.state["TelephonyConfig"], **wanted}


def read_somewhere(run: Run, regions: Iterable[str], read: Callable[[str], T]) -> T:
    """Return the result of the first Region that has one.

    A Region that is down must not stop an update that does not need it. Connect may not show a new
    group at once. So no call to one Region is repeated before the others are asked.

    read: makes each call once, in a Region.
    """
    began = run.now()
    failures: list[errors.ProviderError] = []

    def look() -> T | None:
        over = run.lag_is_over(began)  # before the look, which may take long
        failures.clear()
        for region in regions:
            try:
                return read(region)
            except (errors.NotStabilized, errors.ResourceConflict):
                raise
            except errors.ProviderError as error:
                failures.append(error)
        may_pass = any(failure.may_pass for failure in failures)
        if failures[0].transient or (may_pass and not over):
            return None
        raise failures[0]

    what = "Connect still does not show the traffic distribution group"
    try:
        found = run.wait(look, lambda found: found is not None, what)
    except errors.NotStabilized as out_of_time:
        raise failures[0] if failures and failures[0].transient else out_of_time from None
    assert found is not None
    return found


def _text_of_time(time: datetime | None) -> str:
    """Return a time in ISO 8601 and UTC, or "" for none."""
    return time.astimezone(UTC).isoformat(timespec="seconds") if time else ""


def taking_order(telephony: Split) -> list[str]:
    """Return the Regions, starting with the one that takes the traffic.

    It has the largest share; on a tie, it is the function's own Region. It must receive
    UpdateTrafficDistribution (API page of that operation).
    """
    own = arn.own_region()
    return sorted(telephony, key=lambda r: (telephony[r], r == own, r), reverse=True)


def _regions_to_read(desired: TrafficDistributionProperties, *, moves_calls: bool) -> list[str]:
    """Return the Regions that may know the group. A bare id is known only in our own Region.

    The Region that takes the calls comes first, or our own one if the template does not move them:
    an operator may have evacuated the Region of the template.
    """
    named, own = desired.TrafficDistributionGroupId, arn.own_region()
    home = arn.region(named) if named else None
    if named and home is None:
        return [own]
    order = taking_order(desired.TelephonyConfig.split)
    if not moves_calls:
        order.sort(key=lambda region: region != own)
    return [*order, home] if home and home not in order else order


def _not_found(
    desired: TrafficDistributionProperties, error: errors.ProviderError
) -> errors.ProviderError:
    """Return the error for the template's author."""
    named = desired.TrafficDistributionGroupId
    if isinstance(error, errors.NotFound) and named and arn.region(named) is None:
        return errors.InvalidRequest(
            "TrafficDistributionGroupId: this Region has no such group. Outside the group's home "
            "Region, give its ARN instead of its id"
        )
    return error
