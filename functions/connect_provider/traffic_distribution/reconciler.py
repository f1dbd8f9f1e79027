"""Decides whether a template, an operator or a rollback has its way with a group's traffic.

The group is somebody else's: nothing is created or deleted here, and nothing is owned. What is
shared with operators, who shift traffic during an incident, is compared three ways (plan_shift).
"""

from connect_provider import arn, backoff
from connect_provider.errors import (
    InvalidRequest,
    ResourceConflict,
    ServiceInternalError,
    Throttling,
)
from connect_provider.properties import parse_properties, previous_properties
from connect_provider.reconcile.plan import Observed, Shift, plan_shift
from connect_provider.request import CreateRequest, DeleteRequest, UpdateRequest
from connect_provider.run import Run
from connect_provider.stack.describe import Phase
from connect_provider.traffic_distribution.model import TrafficDistributionProperties, text_of
from connect_provider.traffic_distribution.resource import (
    Splits,
    TrafficSplit,
    as_wanted,
    not_as_wanted,
)


class TrafficDistribution:
    """The reconciler of Custom::ConnectTrafficDistribution. Its physical id is the group's ARN."""

    def __init__(self, run: Run) -> None:
        """Serve one run of a request."""
        self._run = run
        self._split = TrafficSplit(run)

    def delete(self, request: DeleteRequest) -> None:
        """Leave the traffic as it is, without a call: a stack that goes must not stop calls."""
        self._run.log("Delete: nothing, since the traffic stays as it is")

    def apply(self, request: CreateRequest | UpdateRequest) -> Observed:
        """Split the traffic as the template says, where the template changed.

        A write that was throttled, refused by another shift, or lost its answer, is planned anew:
        in the meantime an operator may have shifted, or the stack may have begun to roll back.
        """
        desired = parse_properties(TrafficDistributionProperties, request.resource_properties)
        self._run.attend(request)
        wait = self._run.begin_wait()
        failures = 0
        while True:
            group = self._split.read(desired)
            _check_against(desired, group)
            wanted = self._wanted(request, desired, group)
            self._run.log_plan(request.request_type, "update" if wanted else "none", wanted)
            if not wanted:
                return group
            try:
                self._split.write(group, wanted)
            except (ResourceConflict, ServiceInternalError, Throttling) as error:
                failures += not isinstance(error, Throttling)
                if error.overtaken or failures == backoff.FAULT_ATTEMPTS:
                    raise
                if not error.maybe_done:
                    wait.pause(group)
                    continue
            group = self._split.read_back(group, wanted)
            if not as_wanted(group, wanted):
                raise not_as_wanted(group, wanted)
            return group

    def _wanted(
        self,
        request: CreateRequest | UpdateRequest,
        desired: TrafficDistributionProperties,
        group: Observed,
    ) -> Splits:
        """Return the splits that are to change."""
        previous = self._previous(request, desired, group)
        shifts = {
            name: plan_shift(split, previous.get(name), group.state.get(name))
            for name, split in desired.splits.items()
        }
        for name in (name for name, shift in shifts.items() if shift is Shift.LEFT):
            self._run.log(f"{name} is left as it is: it was changed outside the template")
        acted = [n for n, shift in shifts.items() if shift in (Shift.APPLIED, Shift.CONTESTED)]
        if not acted:
            return {}
        phase = self._run.phase(request.stack_id)
        if phase is Phase.OVER:
            raise ResourceConflict("the stack waits no longer: this is a late delivery")
        if phase is Phase.ROLLING_BACK:
            if isinstance(request, CreateRequest):
                raise ResourceConflict("the stack is rolled back: this create was cancelled")
            acted = [name for name in acted if name in previous]  # the failed one had no other
            if not acted or not _was_applied(desired, previous, group):
                self._run.log("the split is left as it is: the failed update did not make it so")
                return {}
        contested = [name for name in acted if shifts[name] is Shift.CONTESTED]
        if contested and desired.OutOfBandTraffic == "Fail":
            raise _contested(contested[0], previous, group)
        return {name: desired.splits[name] for name in acted}

    def _previous(
        self,
        request: CreateRequest | UpdateRequest,
        desired: TrafficDistributionProperties,
        group: Observed,
    ) -> Splits:
        """Return what the previous template said of this same group; nothing where it was another.

        On a rollback the previous template is the one that failed. Where it is not valid, or names
        another group, it never reached this one, which is left as it is.
        """
        if not isinstance(request, UpdateRequest):
            return {}
        previous = previous_properties(TrafficDistributionProperties, request)
        if previous is not None and _means(previous, group):
            return previous.splits
        return desired.splits if self._run.rolling_back(request.stack_id) else {}


def _means(properties: TrafficDistributionProperties, group: Observed) -> bool:
    """Tell whether the properties name this group, by whichever of its names."""
    if properties.TrafficDistributionGroupId is not None:
        return arn.resource_id(properties.TrafficDistributionGroupId) == group.attributes["Id"]
    instance = arn.resource_id(group.attributes["InstanceArn"])
    is_default = group.attributes["IsDefault"] == "true"
    return is_default and arn.resource_id(str(properties.InstanceId)) == instance


def _was_applied(desired: TrafficDistributionProperties, previous: Splits, group: Observed) -> bool:
    """Tell whether everything that a failed template changed is live as it said.

    An update changes all its configs at once. When one is not as it said, the update never came
    so far, or an operator has shifted since: then none of them is the rollback's to undo.
    """
    failed = {name: s for name, s in previous.items() if desired.splits.get(name) != s}
    return all(group.state.get(name) == split for name, split in failed.items())


def _contested(name: str, previous: Splits, group: Observed) -> ResourceConflict:
    before, now = text_of(previous[name]), text_of(group.state.get(name, {}))
    return ResourceConflict(
        f"{name}: it was changed outside the template. The previous template said {before}, and "
        f"it is {now}. Set it back, or set OutOfBandTraffic to Overwrite"
    )


def _check_against(desired: TrafficDistributionProperties, group: Observed) -> None:
    """Check what only the live group can tell, before any write."""
    if desired.SignInConfig is not None and group.attributes["IsDefault"] != "true":
        raise InvalidRequest("SignInConfig: only an instance's default group can have one")
    regions, known = set(desired.TelephonyConfig.split), set(group.state["TelephonyConfig"])
    if regions != known:
        raise InvalidRequest(
            f"TelephonyConfig: the Regions should be those of the group: {', '.join(sorted(known))}"
        )
