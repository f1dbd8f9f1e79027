"""Asks the stack whether it still waits for a request, and whether it keeps a resource."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from connect_provider import backoff
from connect_provider.errors import ProviderError, ResourceConflict, Superseded
from connect_provider.request import CreateRequest, DeleteRequest, Request, UpdateRequest
from connect_provider.run import Run
from connect_provider.stack.describe import (
    GONE,
    Phase,
    StackResource,
    has_begun_since,
    phase_of,
    resource_of,
    turned_back,
)

T = TypeVar("T")


class StackWatch:
    """Watches the stack that sent a request.

    CloudFormation stops waiting for a request when it cancels it, and after the response to an
    earlier delivery. The stack may then have rolled back or moved on, so nobody would undo a write.
    Only a late run can be superseded. If CloudFormation does not tell, the run continues, because
    a failover must not depend on CloudFormation.
    """

    def __init__(self, run: Run, request: Request) -> None:
        self._run = run
        self._request = request
        self._ask_at = self._mute_until = float("-inf")
        self._rolls_back: bool | None = None

    def require_wanted(self) -> None:
        """Raise Superseded if CloudFormation no longer waits for the request."""
        if not self._run.is_late() or self._run.now() < self._ask_at:
            return
        resource = self._ask()
        if resource is not None and not self._waits(resource):
            raise Superseded
        self._ask_at = self._run.now() + backoff.ASK_AGAIN_AFTER

    def keeps(self, arn: str) -> bool:
        """Return whether the stack has a resource that this request made, or may go back to it."""
        resource = self._ask()
        if resource is None or resource.physical_id == arn or self._waits(resource):
            return True
        if resource.status in ("CREATE_FAILED", GONE) or resource.status.startswith("DELETE_"):
            return False
        if isinstance(self._request, CreateRequest):
            return resource.status != "CREATE_IN_PROGRESS"  # a later update may be rolled back
        replaced = getattr(self._request, "physical_resource_id", "")
        return resource.physical_id != replaced

    def has(self, arn: str, logical_id: str = "") -> bool:
        """Return whether the stack has the resource now, under this or another logical id.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """
        return self._shows(partial(self._has, arn, logical_id))

    def _has(self, arn: str, logical_id: str) -> bool:
        """Return the same as the stack shows it now."""
        resource = self._resource_of(logical_id or self._request.logical_resource_id)
        if resource.physical_id != arn:
            return False
        return not logical_id or not self._is_given_up(resource)

    def has_left(self, arn: str, logical_id: str, taken: datetime | None) -> bool:
        """Return whether an earlier operation left the resource of another logical id behind.

        If the present operation creates or replaces that resource, its id may be missing.

        taken: when the other logical id took it.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """
        return not self._shows(partial(self._holds, arn, logical_id, taken), taken)

    def _holds(self, arn: str, logical_id: str, taken: datetime | None) -> bool:
        """Return whether a logical id has the resource, or the present operation may give it."""
        resource = self._resource_of(logical_id)
        if self._is_given_up(resource):
            return False
        if resource.physical_id == arn:
            return True
        return self._is_of_operation(
            resource.since if resource.status == "UPDATE_COMPLETE" else taken
        )

    def _is_given_up(self, resource: StackResource) -> bool:
        """Return whether the stack deletes a resource, or no longer has it.

        If `Retain` keeps the resource in the present operation, it stays with its logical id.
        """
        if resource.status == "DELETE_SKIPPED":
            return not self._is_of_operation(resource.since)
        return resource.status == GONE or resource.status.startswith("DELETE_")

    def is_of_present_operation(self) -> bool:
        """Return whether no later operation than that of the request has begun.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """
        return self._is_of_operation(self._run.signed_at)

    def _is_of_operation(self, moment: datetime | None) -> bool:
        """Return whether a moment is in the present operation. An unknown one is not.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """
        if moment is None:
            return False
        lag = backoff.SUPERSEDING_LAG
        return not self._insist(partial(self._has_begun_since, moment, lag))

    def _shows(self, look: Callable[[], bool], since: datetime | None = None) -> bool:
        """Return whether the stack shows something. Wait for it while its status may lag.

        since: the time of the last change, by default that of the request.
        """
        made = self._run.signed_at
        earlier = (made - since).total_seconds() if made and since else 0.0

        def attempt() -> tuple[bool, bool]:
            current = self._run.age() + earlier > backoff.STATUS_LAG  # before the look
            hurried = self._run.time_to_wait() <= backoff.STATUS_LAG
            return look(), current or hurried

        what = "CloudFormation does not show the resource's status"
        return self._run.wait(attempt, any, what, pace=backoff.lag_delay)[0]

    def _resource_of(self, logical_id: str) -> StackResource:
        """Return a resource of the stack. Raise ProviderError, as unfinished, if nothing tells."""
        return self._insist(partial(resource_of, self._request.stack_id, logical_id))

    def _insist(self, ask: Callable[[], T]) -> T:
        """Return what CloudFormation tells. Ask again for a while if it throttles or fails.

        Raise ProviderError, as unfinished, if CloudFormation does not tell.
        """
        over = self._run.now() + backoff.STATUS_LAG

        def attempt() -> T | ProviderError:
            try:
                return ask()
            except ProviderError as error:
                return error

        def ready(reply: T | ProviderError) -> bool:
            failed = isinstance(reply, ProviderError) and reply.transient
            return not failed or self._run.now() > over

        what = "CloudFormation does not respond"
        reply = self._run.wait(attempt, ready, what, pace=backoff.lag_delay)
        if isinstance(reply, ProviderError):
            raise type(reply)(str(reply), unfinished=True)
        return reply

    def leaves(self, taken: datetime | None) -> bool:
        """Return whether a request whose response is missing took a resource then.

        An earlier operation may have taken it, and `Retain` kept it. An Update comes in the
        operation that it rolls back. A Delete may come in a later operation than the Create.
        """
        deletes = isinstance(self._request, DeleteRequest)
        creates = self._request.logical_resource_id if deletes else ""
        if taken is None:
            return True
        try:
            return not self._has_begun_since(taken, backoff.STATUS_LAG, creates)
        except ProviderError as error:
            self._run.log(f"cannot check which operation took the resource; continuing: {error}")
            return True

    def _has_begun_since(self, moment: datetime, lag: float, creates: str = "") -> bool:
        """Return whether the operation began after a moment. The times may differ by a lag."""
        until = moment + timedelta(seconds=lag)
        return has_begun_since(self._request.stack_id, until, creates)

    def phase(self) -> Phase:
        """Return the direction in which the resource goes, UNKNOWN if CloudFormation does not tell.

        The status of the stack may lag behind a young request. A resource also goes back alone,
        after its own update failed in a stack that does not roll back.

        Raise Superseded if the resource began to go back after the request.
        """
        return self._look()[0]

    def _look(self) -> tuple[Phase, bool]:
        """Return the phase, and whether CloudFormation responded to every question about it."""
        try:
            phase = phase_of(self._request.stack_id)
        except ProviderError as error:
            self._run.log(f"cannot tell whether the stack is rolling back; continuing: {error}")
            return Phase.UNKNOWN, False
        if phase is Phase.OVER:
            return (Phase.UNKNOWN if self._run.age() <= backoff.STATUS_LAG else phase), True
        turned, told = self._turned_back()
        if turned is None:
            return phase, told
        if self._is_after_request(turned):
            raise Superseded
        return Phase.ROLLING_BACK, True

    def _turned_back(self) -> tuple[datetime | None, bool]:
        """Return when the resource of an Update began to go back, and whether anything tells."""
        if not isinstance(self._request, UpdateRequest):
            return None, True
        try:
            return turned_back(self._request.stack_id, self._request.logical_resource_id), True
        except ProviderError as error:
            self._run.log(f"cannot tell when the resource began to go back; continuing: {error}")
            return None, False

    def _is_after_request(
        self, moment: datetime | None, by: float = backoff.SUPERSEDING_LAG
    ) -> bool:
        """Return whether a moment came so long after the request, in seconds."""
        made = self._run.signed_at
        if moment is None or made is None:
            return False
        return (moment - made).total_seconds() > by

    def require_operation(self) -> Phase:
        """Return the phase. Raise ResourceConflict if the stack operation is over."""
        phase = self.phase()
        if phase is Phase.OVER:
            raise ResourceConflict(
                "the stack operation is over, so this late request changes nothing more"
            )
        return phase

    def is_rolling_back(self, *, patient: bool = False) -> bool:
        """Return whether the resource goes back to the previous template.

        If the stack shows a rollback, it may be an earlier one. Wait until its status no longer
        lags.

        patient: wait for that also if the stack shows no rollback.
        """
        shows = self.phase() is Phase.ROLLING_BACK
        return (shows or patient) and self.turns_out_to_roll_back()

    def turns_out_to_roll_back(self) -> bool:
        """Return the same when the status of the stack no longer lags.

        If CloudFormation does not respond, ask again for half a minute more. The first result holds
        for the whole run: a rollback must not refuse the old resource and then keep another one.
        """
        if self._rolls_back is None:
            phase = self.await_status(backoff.STATUS_LAG)
            self._rolls_back = phase is Phase.ROLLING_BACK
        return self._rolls_back

    def await_status(self, patience: float = 0.0) -> Phase:
        """Return the phase when the status of the stack no longer lags.

        Until then, a status may also be that of an earlier rollback.

        patience: how many seconds to ask again after that if CloudFormation does not respond.
        """
        current_at = self._run.now() + max(backoff.STATUS_LAG - self._run.age(), 0.0)

        def overdue() -> float:
            return self._run.now() - current_at

        def ready(outcome: tuple[Phase, bool]) -> bool:
            told = outcome[1] or overdue() > patience
            hurried = self._run.time_to_wait() <= backoff.STATUS_LAG
            return (told and self._run.age() > backoff.STATUS_LAG) or hurried

        def pace(_waited: float) -> float:
            return max(-overdue(), backoff.settle_delay(overdue()))

        what = "CloudFormation does not show the stack's status"
        return self._run.wait(self._look, ready, what, pace=pace)[0]

    def end_rollback(self, error: ProviderError) -> None:
        """Log a refusal if the resource goes back to the previous template. Otherwise, raise it.

        A rollback always ends: if its target is gone, the live resource stays.
        """
        if not isinstance(self._request, UpdateRequest) or not self.turns_out_to_roll_back():
            raise error
        self._run.log(f"Update: the rollback keeps the live resource: {error}")

    def _waits(self, resource: StackResource) -> bool:
        """Return whether the stack waits for this request."""
        other = "UPDATE_" if isinstance(self._request, CreateRequest) else "CREATE_"
        if resource.status.startswith((other, "DELETE_")):
            return False
        return resource.status.endswith("_IN_PROGRESS") and not self._is_of_later_request(resource)

    def _is_of_later_request(self, resource: StackResource) -> bool:
        """Return whether the status is so new that a later request must have caused it."""
        if self._is_after_request(resource.since, backoff.STATUS_LAG):
            return True
        is_newer = self._is_after_request(resource.since)
        return is_newer and self._is_after_request(self._turned_back()[0])

    def _ask(self) -> StackResource | None:
        """Return the resource in the stack, or None if we do not ask or learn nothing."""
        if not self._run.is_late() or self._run.now() < self._mute_until:
            return None
        try:
            resource = resource_of(self._request.stack_id, self._request.logical_resource_id)
        except ProviderError as error:
            self._mute_until = self._run.now() + backoff.ASK_AGAIN_AFTER_FAILURE
            self._run.log(f"cannot check whether CloudFormation still waits; continuing: {error}")
            return None
        return resource if self._is_current(resource) else None

    def _is_current(self, resource: StackResource) -> bool:
        """Return whether the status is younger than the request. CloudFormation's view may lag."""
        if resource.status == GONE:
            return self._run.age() > backoff.STATUS_LAG
        made = self._run.signed_at
        return made is None or resource.since is None or resource.since >= made
