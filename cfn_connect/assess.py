"""Says what a request of CloudFormation would change in Connect, without a change.

The provider's own reconcilers carry the request out against a Rehearsal of Connect, so the decision
and the Reason of a refusal are Lambda's own.

    assessor = Assessor(clients)
    assessment = assessor.assess(PlannedRequest(...))

**A plan** assesses the requests of one deployment with one Assessor: a Create or Update for each
resource that differs from the deployed template, then a Delete for each resource that leaves it. A
request meets the effects of those before it. A refused one leaves none, so assess it again after
the others: one of them may give up the Name that it needs. CloudFormation sends no Update if the
properties are the deployed ones.

**Drift** is the assessment of an Update to the deployed properties themselves. Its changes are the
drift. Call forget() before each resource, so that it meets the real Connect.

**A value that only the deployment knows** is never equal to another one. The known properties of a
live resource are assessed nevertheless. If they tell the action, the reason names the unknown ones.
Otherwise, the action is unknown.

A wait takes no time here: the clock of the run jumps, and Connect stays as it is. Only throttling
and failures of Connect really pause, for at most two minutes for each request.

Connect alone knows whether it would refuse a write. So an assessment cannot foresee a missing flow,
queue or user, a used-up quota, phone numbers of a group without users, or a permission that the
role of Lambda lacks.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import Any

from cfn_connect.changes import Change, OfferRecorder, OwnedRecorder, Recorder, TrafficRecorder
from cfn_connect.clients import Clients
from cfn_connect.rehearsal import Rehearsal
from cfn_connect.resolve import UNKNOWN
from cfn_connect.stand_ins import ForwardStack, RehearsedRun, in_lambda
from cfn_connect.unknowns import filled, live_properties, unknown_paths
from connect_provider import connect, errors
from connect_provider.ownership import MARKERS
from connect_provider.properties import parse_properties
from connect_provider.quick_connect.resource import QuickConnect
from connect_provider.reconcile.plan import Observation
from connect_provider.reconcile.resource import Resource
from connect_provider.request import NEVER_CREATED, Request, parse_request
from connect_provider.run import Run
from connect_provider.stack.watch import StackWatch
from connect_provider.traffic_distribution_group.resource import TrafficDistributionGroup


class Action(Enum):
    """The effect of a request on Connect."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    RELEASE = "release"
    DISSOCIATE = "dissociate"
    NONE = "nothing"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PlannedRequest:
    """A request that CloudFormation would send to Lambda.

    physical_id: "" for a Create, or if the stack has none.
    properties: None for a Delete.
    old_properties: those of the deployed template; None for a Create.
    keeps_replaced: whether CloudFormation keeps a resource that this Update replaces.
    """

    resource_type: str
    stack_id: str
    logical_id: str
    physical_id: str
    properties: Mapping[str, Any] | None
    old_properties: Mapping[str, Any] | None
    keeps_replaced: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return the id of the stack, and the logical id in it."""
        return self.stack_id, self.logical_id

    @property
    def event(self) -> dict[str, Any]:
        """Return the event that Lambda would get. Its ResponseURL has no time, so it is young."""
        event = {
            "RequestType": self.request_type,
            "RequestId": "planned",
            "ResponseURL": "https://example.invalid/",
            "StackId": self.stack_id,
            "ResourceType": self.resource_type,
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.physical_id or f"{NEVER_CREATED}planned",
            "ResourceProperties": self.properties,
            "OldResourceProperties": self.old_properties,
        }
        if self.request_type == "Delete":
            event["ResourceProperties"] = event.pop("OldResourceProperties")
        if self.request_type == "Create":
            del event["PhysicalResourceId"], event["OldResourceProperties"]
        return event

    @property
    def request_type(self) -> str:
        """Return Create, Update or Delete."""
        if self.properties is None:
            return "Delete"
        return "Update" if self.physical_id else "Create"

    @property
    def delete(self) -> "PlannedRequest":
        """Return the Delete of the resource that this Update replaces."""
        names = self.resource_type, self.stack_id, self.logical_id, self.physical_id
        return PlannedRequest(*names, None, self.old_properties)


@dataclass(frozen=True)
class Assessment:
    """What a request would do.

    arn: the live resource, or "" if there is none.
    changes: the properties of a live resource that differ, also if the action is NONE: the provider
    leaves traffic that somebody moved.
    reason: the Reason of a refusal, or why the action is unknown; otherwise "". That of a
    replacement is the Reason why the old resource stays.
    calls: the Connect calls that the deployment makes for the resource. Those of a replacement
    include the Delete of the old resource.
    """

    action: Action
    arn: str = ""
    changes: tuple[Change, ...] = ()
    reason: str = ""
    calls: int = 0


class Assessor:
    """Assesses the requests of one deployment."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._rehearsal = Rehearsal(clients)

    def forget(self) -> None:
        """Forget what Connect has, and the effects of the requests so far."""
        self._rehearsal.forget()

    def assess(self, request: PlannedRequest) -> Assessment:
        """Return what a request would do, after the ones that were assessed before it."""
        if request.resource_type not in _RECORDERS:
            return Assessment(Action.UNKNOWN, reason="cfn-connect does not know this type")
        with in_lambda(request.stack_id, self._rehearsal, self._clients):
            unknown = {*unknown_paths(request.properties), *unknown_paths(request.old_properties)}
            if unknown:
                return self._assess_known_part(request, sorted(unknown))
            return self._assess(request)

    def _assess_known_part(self, request: PlannedRequest, unknown: list[str]) -> Assessment:
        """Assess a request as if Connect had the unknown values. If it does nothing, nobody knows.

        That needs a live resource that the stack owns.
        """
        changes = tuple(Change(path, UNKNOWN, UNKNOWN) for path in unknown)
        reason = "known only at deployment"
        result = Assessment(Action.UNKNOWN, request.physical_id, changes, reason)
        try:
            known = self._known_part(request)
        except errors.ProviderError as error:
            return replace(result, reason=error.reason)
        before = self._rehearsal.effects.copy()
        assessment = self._assess(known) if known else result
        if assessment.action in (Action.NONE, Action.UNKNOWN):
            self._rehearsal.effects = before
            return result
        reason = f"{assessment.reason} (known only at deployment: {', '.join(unknown)})".lstrip()
        return replace(assessment, changes=assessment.changes + changes, reason=reason)

    def _known_part(self, request: PlannedRequest) -> PlannedRequest | None:
        """Return the request with the values of Connect in the place of unknown ones.

        Return None if Connect has none, or if they do not fit the known ones.
        """
        if request.properties is None or request.resource_type not in _OWNED:
            return None
        self._rehearsal.begin(request.stack_id)
        run = RehearsedRun(request.event, self._rehearsal)
        resource = _OWNED[request.resource_type](connect.Connect(run))
        live = live_properties(resource, request.physical_id)
        if live is None:
            return None
        properties = filled(request.properties, live)
        try:
            parse_properties(resource.model, properties)
        except errors.InvalidRequest:
            return None
        old_properties = filled(request.old_properties, live)
        return replace(request, properties=properties, old_properties=old_properties)

    def _assess(self, request: PlannedRequest) -> Assessment:
        """Assess a request. If it is refused, it leaves no effects."""
        rehearsal, before = self._rehearsal, self._rehearsal.effects.copy()
        attempt = _Attempt(request, rehearsal)
        assessment = attempt.assessment()
        if assessment.action in (Action.REFUSED, Action.UNKNOWN):
            rehearsal.effects = before
            return assessment
        rehearsal.effects.physical_ids[request.key] = attempt.physical_id
        replaces = attempt.physical_id not in ("", request.physical_id)
        if not request.physical_id or not replaces:
            return assessment
        if request.keeps_replaced:
            return replace(assessment, reason="UpdateReplacePolicy Retain keeps the old resource")
        # The Delete of what it replaced comes at the end of the deployment.
        before = rehearsal.effects.copy()
        clean_up = self._assess(request.delete)
        rehearsal.effects = before
        calls = assessment.calls + clean_up.calls
        return replace(assessment, calls=calls, reason=clean_up.reason)


class _Attempt:
    """One request, carried out in the rehearsal."""

    def __init__(self, planned: PlannedRequest, rehearsal: Rehearsal) -> None:
        rehearsal.begin(planned.stack_id)
        self._planned = planned
        self._rehearsal = rehearsal
        self._run = run = RehearsedRun(planned.event, rehearsal)
        request = parse_request(planned.event)
        recorder = _RECORDERS[planned.resource_type]
        self._recorder = recorder(request, run, ForwardStack(run, request, rehearsal))
        self._observed: Observation | None = None

    def assessment(self) -> Assessment:
        """Carry the request out; return what it does."""
        try:
            self._carry_out()
            action, reason = self._action(), ""
        except errors.ProviderError as error:
            action, reason = _refusal(error), error.reason
        calls, changes = self._rehearsal.calls, tuple[Change, ...]()
        try:
            changes = tuple(self._changes(action))
        except errors.ProviderError as error:
            action, reason = _refusal(error), error.reason
        return Assessment(action, self._arn(action), changes, reason, calls)

    def _carry_out(self) -> None:
        """Serve the request as Provider does."""
        if self._planned.properties is not None:
            self._observed = self._recorder.apply()
        elif not self._run.physical_id.startswith(NEVER_CREATED):
            self._recorder.delete()

    @property
    def physical_id(self) -> str:
        """Return the physical id of the resource afterwards, or "" if the stack lacks it."""
        return self._observed.arn if self._observed else ""

    @property
    def _is_owned(self) -> bool:
        return isinstance(self._recorder, OwnedRecorder)

    def _action(self) -> Action:
        operations = [write.operation for write in self._rehearsal.writes]
        if self._planned.properties is None:
            return self._deletion(operations)
        if any(operation.startswith("Create") for operation in operations):
            return Action.REPLACE if self._recorder.replaces else Action.CREATE
        if self.physical_id != self._planned.physical_id:
            if self._is_owned:
                return Action.ADOPT
            if self._planned.physical_id:
                return Action.REPLACE
        return Action.UPDATE if operations else Action.NONE

    def _deletion(self, operations: list[str]) -> Action:
        if any(operation.startswith("Delete") for operation in operations):
            return Action.DELETE
        if not operations:
            return Action.NONE
        return Action.RELEASE if self._is_owned else Action.DISSOCIATE

    def _changes(self, action: Action) -> Iterator[Change]:
        """Yield the changes of a live resource. The new owner of an adopted one is none of them."""
        planned = self._planned
        if planned.properties is None:
            return
        drift = planned.properties == planned.old_properties
        for change in self._recorder.changes(self._rehearsal.writes, self._observed, drift=drift):
            if action is not Action.ADOPT or change.path.removeprefix("Tags.") not in MARKERS:
                yield change

    def _arn(self, action: Action) -> str:
        """Return the ARN of the live resource."""
        if action is Action.CREATE:
            return ""
        if action in (Action.ADOPT, Action.UPDATE, Action.NONE) and self._observed:
            return self._observed.arn
        physical_id = self._planned.physical_id
        known = not self._is_owned or self._rehearsal.has_seen(physical_id)
        return physical_id if known else ""


_OWNED: Mapping[str, type[Resource[Any]]] = {
    "Custom::ConnectQuickConnect": QuickConnect,
    "Custom::ConnectTrafficDistributionGroup": TrafficDistributionGroup,
}
# The reconcilers of the functions' apps, with their changes.
_RECORDERS: Mapping[str, Callable[[Request, Run, StackWatch], Recorder]] = {
    **{name: partial(OwnedRecorder, resource) for name, resource in _OWNED.items()},
    "Custom::ConnectQueueQuickConnects": OfferRecorder,
    "Custom::ConnectTrafficDistribution": TrafficRecorder,
}


def _refusal(error: errors.ProviderError) -> Action:
    """Return REFUSED if Lambda would respond with the error, too.

    The other errors are those of the command's own identity, of its network, or of a wait.
    """
    refusals = (*errors.REFUSALS, errors.NotStabilized)
    certain = isinstance(error, refusals) and not error.unfinished
    return Action.REFUSED if certain else Action.UNKNOWN
