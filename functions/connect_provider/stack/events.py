"""Reads the events of a stack: when an operation began, turned back, stopped or completed.

Pure functions of events, newest first. The page of the user guide is "Monitor stack progress".
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from connect_provider import backoff

_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
_MAY_ROLL_BACK = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"  # a nested stack does, if its parent fails
_STOPPED = ("CREATE_FAILED", "UPDATE_FAILED")  # --disable-rollback


@dataclass(frozen=True)
class Event:
    """An event of a stack.

    logical_id: the resource, or "" for the stack itself.
    when: its time, or None if CloudFormation does not tell.
    is_canceled: whether a failed resource was canceled, because another one had failed.
    """

    logical_id: str
    status: str
    when: datetime | None
    is_canceled: bool = False

    @property
    def begins(self) -> bool:
        """Whether an operation of the stack began, perhaps one that continues another."""
        return not self.logical_id and self.status in _BEGINNINGS

    @property
    def stops(self) -> bool:
        """Whether an operation of the stack failed and is not rolled back."""
        return not self.logical_id and self.status in _STOPPED

    @property
    def completes(self) -> bool:
        """Whether an operation of the stack is complete. A nested stack may still roll back."""
        complete = "COMPLETE" in self.status and self.status != _MAY_ROLL_BACK
        return not self.logical_id and complete

    def requests(self, logical_id: str) -> bool:
        """Return whether a request of a resource began."""
        return self.logical_id == logical_id and self.status.endswith("_IN_PROGRESS")

    def turns_back(self, logical_id: str) -> bool:
        """Return whether a resource goes back to the previous template from now on."""
        if not self.logical_id:
            return self.status.endswith("ROLLBACK_IN_PROGRESS")
        return self.logical_id == logical_id and self.status.endswith("_FAILED")


@dataclass(frozen=True)
class Turn:
    """A stack event after which the stack no longer waits for an earlier request of a resource.

    An operation of the stack began, rolled back or completed, or the resource's own request failed.

    since: the time of the event, or None if CloudFormation does not tell.
    goes_back: whether the resource goes back to the previous template from then on.
    first_request: when the first request of the resource after the turn began. None: there was
    none, or the stack has stopped since.
    last_request: when the last one before the turn began, if the resource goes back.
    """

    since: datetime | None = None
    goes_back: bool = False
    first_request: datetime | None = None
    last_request: datetime | None = None


@dataclass(frozen=True)
class Period:
    """The time of a resource's update. ended: when its last write has taken effect, or None."""

    began: datetime
    ended: datetime | None


def last_turn(events: Iterable[Event], logical_id: str) -> Turn:
    """Return the last turn of a resource's operation. The events may be late.

    With --disable-rollback, the stack's status does not show that a single resource goes back (user
    guide, "Stack failure options"). The failure of its update does.
    """
    first_request, stopped, rest = None, False, iter(events)
    for event in rest:
        goes_back = event.turns_back(logical_id)
        if goes_back or event.begins or event.completes:
            last_request = _last_request(rest, logical_id) if goes_back else None
            return Turn(event.when, goes_back, first_request, last_request)
        stopped = stopped or event.stops
        if event.requests(logical_id) and not stopped:
            first_request = event.when
    return Turn(first_request=first_request)


def _last_request(events: Iterable[Event], logical_id: str) -> datetime | None:
    """Return when the last request of a resource in the operation began."""
    for event in events:
        if event.begins or event.requests(logical_id):
            return None if event.begins else event.when
    return None


def failed_updates(events: Iterable[Event], logical_id: str) -> list[Period]:
    """Return the times of the updates that a rollback of the resource undoes, the latest first.

    What came after the stack or the resource turned back is the rollback itself.
    """
    updates: list[Period] = []
    part: list[Period] = []  # of one operation, which another one may continue
    ended: datetime | None = None
    for event, begins_operation in _with_beginnings(events):
        if event.turns_back(logical_id):
            part, ended = [], _end_of_failed(event)
        if event.logical_id == logical_id and event.when:
            if event.status.endswith("_IN_PROGRESS"):
                part.append(Period(event.when, ended))
                ended = None
            elif event.status.endswith("_COMPLETE"):
                ended = event.when
        if event.begins:
            updates, part, ended = updates + part, [], None
        if begins_operation:
            break
    return updates + part


def _end_of_failed(event: Event) -> datetime | None:
    """Return when the last write of a failed or canceled update has taken effect.

    A function that responds knows the effect. A canceled one continues for a while, and a change of
    traffic takes its time.
    """
    if event.logical_id and not event.is_canceled:
        return event.when
    return event.when and event.when + timedelta(seconds=backoff.CONFLICT_PATIENCE)


def has_begun_since(events: Iterable[Event], moment: datetime, creates: str = "") -> bool | None:
    """Return whether the current operation of the stack began after a moment.

    creates: a logical id. The operation is then the last one that began to create this resource.
    None: there was none.
    """
    in_operation = not creates
    for event, begins_operation in _with_beginnings(events):
        creation = event.logical_id, event.status
        in_operation = in_operation or creation == (creates, "CREATE_IN_PROGRESS")
        if in_operation and (event.when is None or event.when <= moment):
            return False
        if in_operation and begins_operation:
            return True
    return False if in_operation else None


def _with_beginnings(events: Iterable[Event]) -> Iterator[tuple[Event, bool]]:
    """Yield each event, and whether an operation began with it.

    An update continues one that failed and was not rolled back: `rollback-stack` undoes both.
    """
    held: list[Event] = []  # a beginning and what came before it, until the stack's event tells
    for event in events:
        if held and not event.logical_id:
            continues = held[0].status == "UPDATE_IN_PROGRESS" and event.stops
            yield from ((earlier, earlier is held[0] and not continues) for earlier in held)
            held = []
        if held or event.begins:
            held.append(event)
        else:
            yield event, False
    yield from ((earlier, earlier is held[0]) for earlier in held)
