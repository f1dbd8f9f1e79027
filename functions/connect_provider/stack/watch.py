"""Asks the stack whether it still waits for a request, and whether it keeps a resource."""

from datetime import datetime

from connect_provider import backoff
from connect_provider.errors import ProviderError, ResourceConflict, Superseded, Throttling
from connect_provider.request import CreateRequest, Request, UpdateRequest
from connect_provider.run import Run
from connect_provider.stack.describe import GONE, Phase, StackDescription, StackResource
from connect_provider.stack.events import Turn, last_turn
from connect_provider.stack.resources import StackResources

_WHOLE_SECONDS = 0.999  # the time of a request has no fraction


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
        self._stack = StackDescription(run, request.stack_id)
        self.resources = StackResources(run, request, self._stack)
        self._ask_at = self._mute_until = float("-inf")
        self._rolls_back: bool | None = None
        self._went_back_at: datetime | None = None
        self._goes_forward_again = False

    def require_wanted(self) -> None:
        """Raise Superseded if CloudFormation no longer waits for the request."""
        if not self._run.is_late() or self._run.now() < self._ask_at:
            return
        if not self._is_wanted():
            raise Superseded
        self._ask_at = self._run.now() + backoff.ASK_AGAIN_AFTER

    def _is_wanted(self) -> bool:
        """Return whether CloudFormation waits for the request, as far as it tells.

        An update may end or be canceled in the second of its rollback's request. CloudFormation may
        show only the former yet, so wait until its status no longer lags.
        """

        def look() -> tuple[bool, bool]:
            resource = self._ask()
            if resource is None or self._waits(resource):
                return True, True
            updates = isinstance(self._request, UpdateRequest)
            return False, not updates or self._is_after_request(resource.since)

        return self._run.wait_for_status(lambda: (look(), True), lambda seen: seen[1])[0]

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

    def _look(self) -> tuple[Phase, bool]:
        """Return the direction in which the resource goes, and whether CloudFormation told it.

        The status of the stack may lag behind a young request: it is UNKNOWN until the events show
        the request. A resource also goes back alone, after its own update failed in a stack that
        does not roll back. If CloudFormation throttles the first question, the events may tell.
        Without a response, they are not asked for.

        Raise Superseded if the stack no longer waits for the request.
        """
        try:
            phase, told = self._stack.phase(), True
        except ProviderError as error:
            self._run.log(f"cannot tell whether the stack is rolling back; continuing: {error}")
            phase, told = Phase.UNKNOWN, False
            if not isinstance(error, Throttling):
                return phase, told
        if phase is Phase.OVER and self._run.age() <= backoff.STATUS_LAG:
            phase = Phase.UNKNOWN
        if phase is Phase.OVER or isinstance(self._request, CreateRequest):
            return phase, told
        turn, told_turn = self._last_turn()
        if self._came_before(turn):
            raise Superseded
        self._note(turn)
        may_lag = self._run.age() <= backoff.STATUS_LAG
        if turn.goes_back or (may_lag and self._repeats(turn)):
            phase = Phase.ROLLING_BACK
        elif may_lag and told_turn and turn.first_request is None:
            phase = Phase.UNKNOWN
        return phase, told and told_turn

    def _last_turn(self) -> tuple[Turn, bool]:
        """Return the last turn of the operation, and whether CloudFormation responded."""
        try:
            return last_turn(self._stack.events(), self._request.logical_resource_id), True
        except ProviderError as error:
            self._run.log(f"cannot tell when the resource began to go back; continuing: {error}")
            return Turn(), False

    def _note(self, turn: Turn) -> None:
        """Note a turn of an earlier operation, and whether a new operation began after that.

        The new operation may have turned back, too, unless this is surely its first request.
        """
        if turn.goes_back or self._repeats(turn):
            self._went_back_at = turn.since
        elif turn.since and self._went_back_at and turn.since > self._went_back_at:
            self._goes_forward_again = self._repeats(turn, by=0.0) is False

    def _repeats(self, turn: Turn, by: float = backoff.SUPERSEDING_LAG) -> bool | None:
        """Return whether this is a later request than the resource's first one after a turn.

        CloudFormation then does not show yet that the operation turned back, or that a new one
        began. None: it does not show a first request.

        by: more than so many seconds later.
        """
        made, first = self._run.signed_at, turn.first_request
        if made is None or first is None:
            return None
        return (made - first).total_seconds() > by

    def _is_after_request(
        self, moment: datetime | None, by: float = backoff.SUPERSEDING_LAG
    ) -> bool:
        """Return whether a moment came so long after the request, in seconds."""
        made = self._run.signed_at
        if moment is None or made is None:
            return False
        return (moment - made).total_seconds() > by

    def require_operation(self, *, patient: bool = False) -> Phase:
        """Return the direction in which the resource goes, UNKNOWN if CloudFormation does not tell.

        Wait until the status of the stack shows an Update, because it may be that of a rollback. No
        rollback sends a Create. The status may be that of an earlier one, or this one is canceled.

        patient: wait until the status of the stack no longer lags.

        Raise ResourceConflict if the stack operation is over, and Superseded if the stack no longer
        waits for the request.
        """
        creates, phase = isinstance(self._request, CreateRequest), Phase.UNKNOWN
        if not patient:
            phase = self._look()[0] if creates else self._shown_phase()
        if patient or (creates and phase is Phase.ROLLING_BACK):
            phase = self._settled_phase()
        if phase is Phase.OVER:
            raise ResourceConflict(
                "the stack operation is over, so this late request changes nothing more"
            )
        return phase

    def _shown_phase(self) -> Phase:
        """Return the direction when CloudFormation shows it, or does not respond."""

        def look() -> tuple[tuple[Phase, bool], bool]:
            return self._look(), True

        def enough(seen: tuple[Phase, bool]) -> bool:
            phase, told = seen
            return phase is not Phase.UNKNOWN or not told

        return self._run.wait_for_status(look, enough)[0]

    def is_rolling_back(self, *, patient: bool = False) -> bool:
        """Return whether the resource goes back to the previous template.

        If the stack shows a rollback, it may be an earlier one. Wait until its status no longer
        lags.

        patient: wait for that also if the stack shows no rollback.
        """
        shows = self._look()[0] is Phase.ROLLING_BACK
        return (shows or patient) and self.turns_out_to_roll_back()

    def turns_out_to_roll_back(self) -> bool:
        """Return the same when the status of the stack no longer lags.

        The first result holds for the whole run: a rollback must not refuse the old resource and
        then keep another one.
        """
        if self._rolls_back is None:
            self._rolls_back = self._settled_phase() is Phase.ROLLING_BACK
        return self._rolls_back

    def _settled_phase(self) -> Phase:
        """Return the direction when the status of the stack no longer lags.

        Until then, a status may also be that of an earlier rollback. A new operation ends that.
        """

        def enough(phase: Phase) -> bool:
            return self._goes_forward_again and phase is Phase.FORWARD

        return self._run.wait_for_status(self._look, enough)

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
        if not self._is_after_request(resource.since, _WHOLE_SECONDS):
            return False
        return self._came_before(self._last_turn()[0])

    def _came_before(self, turn: Turn) -> bool:
        """Return whether the resource's turn came after this request.

        If both are within two seconds, the request is the one that began nearest to its time.
        """
        made, before, after = self._run.signed_at, turn.last_request, turn.first_request
        if self._is_after_request(turn.since):
            return True
        if made is None or before is None or after is None:
            return False
        is_nearer = abs(before - made) < abs(after - made)
        return is_nearer and self._is_after_request(after, _WHOLE_SECONDS)

    def _ask(self) -> StackResource | None:
        """Return the resource in the stack, or None if we do not ask or learn nothing."""
        if not self._run.is_late() or self._run.now() < self._mute_until:
            return None
        try:
            resource = self._stack.resource(self._request.logical_resource_id, retry=False)
        except ProviderError as error:
            throttled = isinstance(error, Throttling)
            pause = (
                backoff.ASK_AGAIN_AFTER_THROTTLE if throttled else backoff.ASK_AGAIN_AFTER_FAILURE
            )
            self._mute_until = self._run.now() + pause
            self._run.log(f"cannot check whether CloudFormation still waits; continuing: {error}")
            return None
        return resource if self._is_current(resource) else None

    def _is_current(self, resource: StackResource) -> bool:
        """Return whether the status is younger than the request. CloudFormation's view may lag."""
        if resource.status == GONE:
            return self._run.age() > backoff.STATUS_LAG
        made = self._run.signed_at
        return made is None or resource.since is None or resource.since >= made
