"""A model of CloudFormation and Lambda: a stack of custom resources, and its operations.

The resources of an operation are independent, so their requests run at the same time. A failure
cancels the requests without a response, and the stack rolls back:
- a created resource gets a Delete with the id of its response, or with a made-up id;
- an updated resource gets an Update with the properties reversed;
- a replacement gets a Delete.
With `--disable-rollback`, only the failed resources return to their last stable state. After a
complete operation, the clean-up deletes everything that was removed or replaced.
"""

import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox.cloudformation import StackResource, Stacks
from sandbox.http_server import HttpResponse
from tests.support.harness import Context, FakeTime, Handler, Sink, fresh_handler
from tests.support.timeline import Timeline

Declared = tuple[str, Mapping[str, Any]]  # type, properties
Template = Mapping[str, Declared]  # by logical id

_RUN_AGAIN_AFTER = (60, 120)  # Lambda's pauses before the second and the third run
_RUNS = 3
_CLEAN_UP_ATTEMPTS = 3
_SERVICE_TIMEOUT = 3600
_CLEANS_UP = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
_functions: dict[str, list[Handler]] = {}  # idle copies of each function


class RollbackFailed(Exception):
    """A request of a rollback or of a stack's deletion failed, so the stack is stuck."""


@dataclass(frozen=True)
class Weather:
    """The conditions of one operation.

    spacing: the seconds between the first requests of two resources.
    fails_at: the second at which a sibling fails that is not in the template; None for never.
    parent_fails_after: the seconds from the end of an update of this nested stack until its parent
    rolls it back; None for never. Until then, the clean-up waits for the parent.
    rollback_after: the seconds from a failure to the first request of the rollback.
    stuck_for: the seconds that a rollback waits before its Deletes. Another resource failed to roll
    back, until engineers continue the rollback.
    unanswered: the logical ids whose ResponseURL refuses every response.
    status_lag: the seconds until CloudFormation shows a new status.
    reply: CloudFormation's reply to every question until the rollback; None for the right one.
    reversal_status: the stack's status while `--disable-rollback` reverses a failed resource. The
    documentation does not tell it.
    """

    spacing: float = 0.0
    fails_at: float | None = None
    parent_fails_after: float | None = None
    rollback_after: float = 1.0
    stuck_for: float = 0.0
    unanswered: frozenset[str] = frozenset()
    status_lag: float = 0.0
    reply: HttpResponse | None = None
    reversal_status: str = "UPDATE_IN_PROGRESS"


CALM = Weather()


@dataclass
class _Request:
    """A request to a resource, until CloudFormation has its response or gives up."""

    event: dict[str, Any]
    sent_at: float | None = None
    is_cancelled: bool = False
    response: dict[str, Any] | None = None
    is_over: bool = False

    @property
    def logical_id(self) -> str:
        return str(self.event["LogicalResourceId"])

    @property
    def succeeded(self) -> bool:
        return self.response is not None and self.response["Status"] == "SUCCESS"

    @property
    def physical_id(self) -> str:
        """Return the id that CloudFormation has for the resource now."""
        if self.response is not None:
            return str(self.response["PhysicalResourceId"])
        return str(self.event.get("PhysicalResourceId", f"s-{self.logical_id}-1ABCDEF"))


@dataclass(frozen=True)
class Remnant:
    """A resource that a later operation deletes, as the stack knows it."""

    logical_id: str
    declared: Declared
    physical_id: str


@dataclass
class Stack:
    """A stack of custom resources.

    deliveries: returns how many times Lambda gets an event.
    heal: ends the faults of Connect before a rollback, as engineers do who continue one.
    timeline: one that runs already. Functions may outlast an operation there, and stacks overlap.
    template, ids: the last stable state of each resource.
    stable: the template of the last operation that was complete. rollback-stack returns to it.
    failed: resources that `--disable-rollback` left in CREATE_FAILED.
    replaced: resources that wait for the clean-up of the next complete operation.
    abandoned: the ids that the clean-up gave up.
    retained: the resources that `Retain` kept.
    shown: each resource as DescribeStackResource shows it.
    sent: every request so far.
    cancelled: the ids of the requests that a failure cancelled.
    youngest_cancelled: the age of the youngest of them, in seconds.
    """

    sink: Sink
    stacks: Stacks
    deliveries: Callable[[], int] = lambda: 1
    heal: Callable[[], None] = lambda: None
    timeline: Timeline | None = None
    template: dict[str, Declared] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    stable: Template = field(default_factory=dict)
    failed: list[Remnant] = field(default_factory=list)
    replaced: list[Remnant] = field(default_factory=list)
    abandoned: set[str] = field(default_factory=set)
    retained: list[Remnant] = field(default_factory=list)
    shown: dict[str, StackResource] = field(default_factory=dict)
    sent: list[dict[str, Any]] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    youngest_cancelled: float = math.inf

    def __post_init__(self) -> None:
        self.id = f"arn:aws:cloudformation:us-east-1:123456789012:stack/s/{uuid.uuid4()}"

    def deploy(
        self,
        template: Template,
        weather: Weather = CALM,
        *,
        disable_rollback: bool = False,
        retains: frozenset[str] = frozenset(),
    ) -> bool:
        """Create or update the stack; return whether the operation is complete.

        retains: the logical ids whose removed or replaced resources stay, as with `Retain`. So do
        those that an operation created before it rolled back.

        Raise RollbackFailed if a rollback does not end.
        """
        operation = _Operation(self, weather, retains)
        return operation.run(lambda: operation.deploy(template, disable_rollback=disable_rollback))

    def roll_back(self, weather: Weather = CALM) -> None:
        """Return a stack in UPDATE_FAILED to its stable template (API: RollbackStack).

        Every resource must be in both templates. Raise RollbackFailed if the rollback does not end.
        """
        operation = _Operation(self, weather)
        operation.run(operation.roll_back)

    def delete(self, weather: Weather = CALM, *, retains: frozenset[str] = frozenset()) -> None:
        """Delete the stack. Raise RollbackFailed if a resource refuses.

        retains: the logical ids whose resources stay, as with `Retain`.
        """
        operation = _Operation(self, weather, retains)
        operation.run(operation.delete)


class _Operation:
    """One operation of a stack."""

    def __init__(
        self, stack: Stack, weather: Weather, retains: frozenset[str] = frozenset()
    ) -> None:
        self._stack, self._weather, self._retains = stack, weather, retains
        self._timeline = stack.timeline or Timeline()
        self._status = ""
        self._forward: list[_Request] = []
        self._is_going_back = False

    def run(self, job: Callable[[], object]) -> bool:
        """Run the operation's job; return its result.

        On a timeline of its own, run every function to its end, too.
        """
        results: list[object] = []
        self._stack.stacks.lag = self._weather.status_lag
        self._stack.stacks.reply = self._weather.reply
        if self._stack.timeline:
            return bool(job())
        self._timeline.start(lambda: results.append(job()))
        self._timeline.run()
        return bool(results[0])

    def deploy(self, template: Template, *, disable_rollback: bool) -> bool:
        """Send the requests of a template, and end the operation one way or the other."""
        stack, weather = self._stack, self._weather
        old = dict(stack.template)
        self._show("UPDATE_IN_PROGRESS" if old or stack.failed else "CREATE_IN_PROGRESS")
        stack.failed = [remnant for remnant in stack.failed if not self._delete(remnant)]
        if stack.failed:
            self._show("UPDATE_FAILED")
            return False
        changed = {name: new for name, new in template.items() if old.get(name) != new}
        self._send_changes(changed, cancels=not disable_rollback)
        if not self._is_going_back and (weather.parent_fails_after is None or not old):
            self._complete(template)
            return True
        if not self._is_going_back:
            self._show(_CLEANS_UP)
            FakeTime.current.sleep(weather.parent_fails_after or 0.0)
        started = {r.logical_id: r for r in self._forward if r.sent_at is not None}
        if disable_rollback:
            self._keep_successes(started, template)
        else:
            FakeTime.current.sleep(weather.rollback_after)
            self._roll_back(started)
        return False

    def roll_back(self) -> None:
        """Return each resource to the stable template, behind all failed updates."""
        stack = self._stack
        failed, stack.template = stack.template, dict(stack.stable)
        changed = {name: one for name, one in failed.items() if stack.template[name] != one}
        requests = {
            name: _Request({**self._event(name, *one), "PhysicalResourceId": stack.ids[name]})
            for name, one in changed.items()
        }
        self._roll_back(requests)

    def delete(self) -> None:
        """Delete every resource of the stack."""
        stack = self._stack
        self._show("DELETE_IN_PROGRESS")
        declared = stack.template.items()
        present = [Remnant(name, one, stack.ids[name]) for name, one in declared]
        self._delete_all([*self._retain(present), *stack.failed, *stack.replaced])
        stack.template, stack.ids, stack.failed, stack.replaced = {}, {}, [], []
        self._show("DELETE_COMPLETE")

    # Forward

    def _send_changes(self, changed: Template, *, cancels: bool) -> None:
        """Send the requests, and wait until each has ended or a failure has cancelled it."""
        for index, (logical_id, (kind, properties)) in enumerate(changed.items()):
            event = self._event(logical_id, kind, properties)
            if logical_id in self._stack.ids:
                previous = self._stack.template[logical_id][1]
                event |= self._update(self._stack.ids[logical_id], previous)
            request = _Request(event)
            self._forward.append(request)
            self._timeline.start(
                lambda request=request: self._send_forward(request, cancels=cancels),
                after=index * self._weather.spacing,
            )
        sibling_is_done = [self._weather.fails_at is None]

        def fail_sibling() -> None:
            sibling_is_done.append(True)
            self._fail(cancels=cancels)

        if self._weather.fails_at is not None:
            self._timeline.start(fail_sibling, after=self._weather.fails_at)
        self._timeline.wait_for(
            lambda: any(sibling_is_done) and all(request.is_over for request in self._forward)
        )

    def _send_forward(self, request: _Request, *, cancels: bool) -> None:
        if request.is_cancelled:
            return
        self._serve(request)
        if not request.succeeded and not request.is_cancelled:
            self._fail(cancels=cancels)

    def _fail(self, *, cancels: bool) -> None:
        """Note the first failure; cancel the requests that have no response yet."""
        self._is_going_back = True
        for request in self._forward if cancels else ():
            if not request.is_over:
                request.is_cancelled = request.is_over = True
                self._stack.cancelled.add(request.event["RequestId"])
                if request.sent_at is not None:
                    age = FakeTime.current.passed - request.sent_at
                    self._stack.youngest_cancelled = min(age, self._stack.youngest_cancelled)
                    self._show_resource(request, "FAILED", "Resource update cancelled")

    def _complete(self, template: Template) -> None:
        """Finish the operation; delete everything that was removed or replaced."""
        stack = self._stack
        before, old = dict(stack.ids), dict(stack.template)
        stack.ids = {n: before[n] for n in template if n in before}
        stack.ids |= {request.logical_id: request.physical_id for request in self._forward}
        stack.template, stack.stable = dict(template), dict(template)
        gone = [
            Remnant(name, old[name], physical_id)
            for name, physical_id in before.items()
            if stack.ids.get(name) != physical_id
        ]
        gone, stack.replaced = [*stack.replaced, *gone], []
        self._show(_CLEANS_UP)
        for remnant in self._retain(gone):
            if not any(self._delete(remnant) for _ in range(_CLEAN_UP_ATTEMPTS)):
                stack.abandoned.add(remnant.physical_id)
        self._show("UPDATE_COMPLETE")

    # Back

    def _roll_back(self, started: Mapping[str, _Request]) -> None:
        """Reverse every update; delete every creation and replacement."""
        stack = self._stack
        is_update = bool(stack.template)
        self._show("UPDATE_ROLLBACK_IN_PROGRESS" if is_update else "ROLLBACK_IN_PROGRESS")
        self._heal()
        remnants = self._reverse_all(r for n, r in started.items() if n in stack.ids)
        if is_update and self._weather.stuck_for:
            self._show("UPDATE_ROLLBACK_FAILED")
            FakeTime.current.sleep(self._weather.stuck_for)
            self._show("UPDATE_ROLLBACK_IN_PROGRESS")
        if is_update:
            self._show("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        created = [r for n, r in started.items() if n not in stack.template]
        self._delete_all([*remnants, *self._retain(map(_remnant, created))])
        self._show("UPDATE_ROLLBACK_COMPLETE" if is_update else "ROLLBACK_COMPLETE")

    def _keep_successes(self, started: Mapping[str, _Request], template: Template) -> None:
        """Return only the failed resources to their last stable state."""
        stack = self._stack
        self._show(self._weather.reversal_status)
        self._heal()
        remnants = self._reverse_all(
            r for n, r in started.items() if n in stack.ids and not r.succeeded
        )
        self._delete_all(remnants)
        for name, request in started.items():
            if request.succeeded:
                if name in stack.ids and stack.ids[name] != request.physical_id:
                    old = Remnant(name, stack.template[name], stack.ids[name])
                    stack.replaced.append(old)
                stack.template[name] = template[name]
                stack.ids[name] = request.physical_id
            elif name not in stack.ids:
                stack.failed.append(_remnant(request))
        self._show("UPDATE_FAILED" if stack.ids else "CREATE_FAILED")

    def _heal(self) -> None:
        """End the faults of Connect and of CloudFormation's API."""
        self._stack.heal()
        self._stack.stacks.reply = None

    def _reverse_all(self, requests: Iterable[_Request]) -> list[Remnant]:
        """Reverse updates at the same time; return the replacements that they made."""
        stack, pairs = self._stack, []
        for request in requests:
            name, failed = request.logical_id, request.event
            kind, properties = stack.template[name]
            event = self._event(name, kind, properties)
            event |= self._update(request.physical_id, failed["ResourceProperties"])
            pairs.append((request, _Request(event)))
        for index, (_, back) in enumerate(pairs):
            self._timeline.start(
                lambda back=back: self._serve(back), after=index * self._weather.spacing
            )
        self._timeline.wait_for(lambda: all(back.is_over for _, back in pairs))
        remnants = []
        for request, back in pairs:
            if not back.succeeded:
                raise RollbackFailed(back.response and back.response["Reason"])
            name = request.logical_id
            known = {stack.ids[name], request.physical_id, back.physical_id}
            stack.ids[name] = back.physical_id
            declared = request.event["ResourceType"], request.event["ResourceProperties"]
            remnants += [Remnant(name, declared, i) for i in sorted(known - {back.physical_id})]
        return remnants

    def _delete_all(self, remnants: Iterable[Remnant]) -> None:
        """Delete resources at the same time. Raise RollbackFailed if one refuses."""
        requests = [self._deletion(remnant) for remnant in remnants]
        for index, request in enumerate(requests):
            self._timeline.start(
                lambda request=request: self._serve(request), after=index * self._weather.spacing
            )
        self._timeline.wait_for(lambda: all(request.is_over for request in requests))
        for request in requests:
            if not request.succeeded:
                physical_id = request.event["PhysicalResourceId"]
                raise RollbackFailed(f"Delete of {request.logical_id} {physical_id}")

    def _delete(self, remnant: Remnant) -> bool:
        """Delete a resource; return whether that succeeded."""
        request = self._deletion(remnant)
        self._timeline.start(lambda: self._serve(request))
        self._timeline.wait_for(lambda: request.is_over)
        return request.succeeded

    def _deletion(self, remnant: Remnant) -> _Request:
        kind, properties = remnant.declared
        event = self._event(remnant.logical_id, kind, properties)
        physical_id = {"PhysicalResourceId": remnant.physical_id}
        return _Request({**event, "RequestType": "Delete", **physical_id})

    # Requests

    def _event(self, logical_id: str, kind: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "RequestType": "Create",
            "RequestId": str(uuid.uuid4()),
            "StackId": self._stack.id,
            "ResourceType": kind,
            "LogicalResourceId": logical_id,
            "ResourceProperties": properties,
        }

    def _update(self, physical_id: str, previous: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "RequestType": "Update",
            "PhysicalResourceId": physical_id,
            "OldResourceProperties": previous,
        }

    def _serve(self, request: _Request) -> None:
        """Send a request, and run its function as Lambda does.

        CloudFormation takes the first response. It gives up after the service timeout.
        """
        sent_at = FakeTime.current.passed
        event = request.event
        event["ResponseURL"] = self._stack.sink.url()
        if event["LogicalResourceId"] in self._weather.unanswered and request in self._forward:
            self._stack.sink.refused.add(urlsplit(event["ResponseURL"]).path)
        request.sent_at = FakeTime.current.passed
        self._stack.sent.append(event)
        self._show_resource(request, "IN_PROGRESS")
        for _ in range(self._stack.deliveries()):
            self._deliver(request)
            if request.response is not None and request.response["Status"] == "FAILED":
                # A known gap: a refused create, delivered once more, is accepted then. Its response
                # said that there is nothing to delete.
                break
        if not request.is_over:
            FakeTime.current.sleep(max(sent_at + _SERVICE_TIMEOUT - FakeTime.current.passed, 0))
        if not request.is_over:
            request.is_over = True
            self._show_resource(request, "FAILED")

    def _deliver(self, request: _Request) -> None:
        """Deliver an event once; run the function up to three times."""
        for run in range(_RUNS):
            before = len(self._responses(request))
            try:
                _invoke(request.event)
            except Exception:  # noqa: BLE001  # Lambda runs it again, whatever it was
                if run < len(_RUN_AGAIN_AFTER):
                    FakeTime.current.sleep(_RUN_AGAIN_AFTER[run])
                continue
            responses = self._responses(request)
            assert len(responses) == before + 1, "there is exactly one response"
            if not request.is_over:
                request.response, request.is_over = responses[-1], True
                self._show_resource(request, "COMPLETE" if request.succeeded else "FAILED")
            return

    def _responses(self, request: _Request) -> list[dict[str, Any]]:
        request_id = request.event["RequestId"]
        return [r for r in self._stack.sink.responses if r["RequestId"] == request_id]

    # The view of CloudFormation

    def _show(self, status: str) -> None:
        self._status = status
        self._stack.stacks.show(self._stack.id, status, self._stack.shown)

    def _show_resource(self, request: _Request, end: str, reason: str = "") -> None:
        """Show a resource's status. The clean-up deletes resources that the stack has no more."""
        verb = request.event["RequestType"].upper()
        name, physical_id = request.logical_id, request.physical_id
        if verb == "DELETE" and self._stack.ids.get(name) not in (None, physical_id):
            return
        if verb == "CREATE" and request.response is None:
            physical_id = ""
        now = FakeTime.current.time()
        kind = request.event["ResourceType"]
        self._stack.shown[name] = StackResource(f"{verb}_{end}", physical_id, now, kind, reason)
        self._show(self._status)

    def _retain(self, remnants: Iterable[Remnant]) -> list[Remnant]:
        """Leave the resources that `Retain` keeps; return the others."""
        gone = list(remnants)
        for remnant in gone:
            if remnant.logical_id in self._retains:
                self._stack.retained.append(remnant)
                self._show_retained(remnant)
        return [remnant for remnant in gone if remnant.logical_id not in self._retains]

    def _show_retained(self, remnant: Remnant) -> None:
        """Show that the stack has left a resource behind. A replacement has its logical id."""
        kind, physical_id = remnant.declared[0], remnant.physical_id
        if self._stack.ids.get(remnant.logical_id) not in (None, physical_id):
            return
        shown = StackResource("DELETE_SKIPPED", physical_id, FakeTime.current.time(), kind)
        self._stack.shown[remnant.logical_id] = shown
        self._show(self._status)


def _remnant(request: _Request) -> Remnant:
    event = request.event
    declared = event["ResourceType"], event["ResourceProperties"]
    return Remnant(request.logical_id, declared, request.physical_id)


def _invoke(event: dict[str, Any]) -> None:
    """Run an event in a copy of its function that is idle, as Lambda does."""
    app = RESOURCE_TYPES[event["ResourceType"]].app
    idle = _functions.setdefault(app, [])
    handler = idle.pop() if idle else fresh_handler(app)
    try:
        handler(event, Context())
    finally:
        idle.append(handler)
