"""Asks CloudFormation for the status of a stack and of a resource in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from itertools import chain
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connect_provider import errors

_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
_BEGINNINGS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
_STOPPED = ("CREATE_FAILED", "UPDATE_FAILED")  # --disable-rollback
GONE = "GONE"


class Phase(Enum):
    """The direction of a stack operation."""

    FORWARD = "to the new template, or stopped on the way by a failure"
    ROLLING_BACK = "back to the previous template, with the properties reversed"
    OVER = "no operation that updates resources is under way"
    UNKNOWN = "CloudFormation does not tell"


@dataclass(frozen=True)
class StackResource:
    """A resource as its stack describes it.

    status: its ResourceStatus, or GONE if the stack does not have the resource.
    physical_id: "" for none.
    since: when it got the status, or None if CloudFormation does not tell.
    """

    status: str
    physical_id: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class Turn:
    """A stack event after which the stack no longer waits for an earlier request of a resource.

    An operation of the stack began, rolled back or completed, or the resource's own request failed.

    since: the time of the event, or None if CloudFormation does not tell.
    goes_back: whether the resource goes back to the previous template from then on.
    first_request: when the first request of the resource after the turn began. None: there was
    none, or the stack has stopped since.
    """

    since: datetime | None = None
    goes_back: bool = False
    first_request: datetime | None = None


@dataclass(frozen=True)
class Period:
    """The time of a resource's update: its beginning, and its end if it is complete."""

    began: datetime
    ended: datetime | None


def phase_of(stack_id: str) -> Phase:
    """Return the phase of a stack (API: DescribeStacks).

    Raise ProviderError if CloudFormation does not tell.
    """
    stacks = _ask("DescribeStacks", "Stacks", stack_id)
    status = str(stacks[0]["StackStatus"]) if stacks else GONE
    if status == "UPDATE_FAILED":  # --disable-rollback
        return Phase.FORWARD
    if status == "UPDATE_ROLLBACK_FAILED":  # no other operation than its continuation sends updates
        return Phase.ROLLING_BACK
    if not status.endswith("_IN_PROGRESS") or "CLEANUP" in status or "DELETE" in status:
        return Phase.OVER
    return Phase.ROLLING_BACK if "ROLLBACK" in status else Phase.FORWARD


def resource_of(stack_id: str, logical_id: str) -> StackResource:
    """Return a resource of a stack (API: DescribeStackResource).

    Raise ProviderError if CloudFormation does not tell.
    """
    operation = "DescribeStackResource"
    try:
        found = _ask(operation, "StackResourceDetail", stack_id, LogicalResourceId=logical_id)
    except errors.NotFound:
        return StackResource(GONE)
    return StackResource(
        found["ResourceStatus"],
        found.get("PhysicalResourceId", ""),
        found.get("LastUpdatedTimestamp"),
    )


def last_turn(stack_id: str, logical_id: str) -> Turn:
    """Return the last turn of a resource's operation. One page of events may not show it.

    With --disable-rollback, the stack's status does not show that a single resource goes back (user
    guide, "Stack failure options"). The failure of its update does. A failover waits for one page
    of events at most. The events of the current operation may be late.

    Raise ProviderError if CloudFormation does not tell.
    """
    first_request, stopped = None, False
    for event in next(_pages_of_events(stack_id), []):
        goes_back = event.turns_back(logical_id)
        if goes_back or event.begins or event.completes:
            return Turn(event.when, goes_back, first_request)
        stopped = stopped or event.stops
        requested = event.logical_id == logical_id and event.status.endswith("_IN_PROGRESS")
        if requested and not stopped:
            first_request = event.when
    return Turn(first_request=first_request)


def failed_updates(stack_id: str, logical_id: str) -> list[Period]:
    """Return the times of the updates that a rollback of the resource undoes, the latest first.

    What came after the stack or the resource turned back is the rollback itself.

    Raise ProviderError if CloudFormation does not tell.
    """
    updates: list[Period] = []
    part: list[Period] = []  # of one operation, which another one may continue
    ended: datetime | None = None
    for event, begins_operation in _events(stack_id):
        if event.turns_back(logical_id):
            part, ended = [], None
        if event.logical_id == logical_id and event.when:
            if event.status.endswith("_IN_PROGRESS"):
                part.append(Period(event.when, ended))
                ended = None
            elif event.status.endswith("_COMPLETE"):  # after a failure, a write may take effect
                ended = event.when
        if event.begins:
            updates, part, ended = updates + part, [], None
        if begins_operation:
            break
    return updates + part


def has_begun_since(stack_id: str, moment: datetime, creates: str = "") -> bool:
    """Return whether the current operation of the stack began after a moment.

    creates: a logical id. The operation is then the last one that began to create this resource.

    Raise ProviderError if CloudFormation does not tell.
    """
    in_operation = not creates
    for event, begins_operation in _events(stack_id):
        if event.when is None or event.when <= moment:
            return False
        creation = event.logical_id, event.status
        in_operation = in_operation or creation == (creates, "CREATE_IN_PROGRESS")
        if in_operation and begins_operation:
            return True
    return False


@dataclass(frozen=True)
class _Event:
    """An event of a stack. logical_id: the resource, or "" for the stack itself."""

    logical_id: str
    status: str
    when: datetime | None

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
        """Whether an operation of the stack is complete."""
        return not self.logical_id and "COMPLETE" in self.status

    def turns_back(self, logical_id: str) -> bool:
        """Return whether a resource goes back to the previous template from now on."""
        if not self.logical_id:
            return self.status.endswith("ROLLBACK_IN_PROGRESS")
        return self.logical_id == logical_id and self.status.endswith("_FAILED")


def _events(stack_id: str) -> Iterator[tuple[_Event, bool]]:
    """Yield each event, newest first, and whether an operation began with it.

    An update continues one that failed and was not rolled back: `rollback-stack` undoes both.
    """
    held: list[_Event] = []  # a beginning and what came before it, until the stack's event tells
    for event in chain.from_iterable(_pages_of_events(stack_id)):
        if held and not event.logical_id:
            continues = held[0].status == "UPDATE_IN_PROGRESS" and event.stops
            yield from ((earlier, earlier is held[0] and not continues) for earlier in held)
            held = []
        if held or event.begins:
            held.append(event)
        else:
            yield event, False
    yield from ((earlier, earlier is held[0]) for earlier in held)


def _pages_of_events(stack_id: str) -> Iterator[list[_Event]]:
    """Yield the events of a stack, newest first (API: DescribeStackEvents).

    A resource may have the name of its stack, so the stack's own events are told by its id.
    """
    operation = "DescribeStackEvents"
    with _in_our_words(operation):
        paginator = client(stack_id.split(":")[3]).get_paginator(xform_name(operation))
        for page in paginator.paginate(StackName=stack_id):
            yield [
                _Event(
                    ""
                    if event.get("PhysicalResourceId") == stack_id
                    else event.get("LogicalResourceId", "?"),
                    str(event.get("ResourceStatus")),
                    event.get("Timestamp"),
                )
                for event in page["StackEvents"]
            ]


@cache
def client(region: str) -> Any:
    """Return the client of a Region. It is built on first use, because few requests need it."""
    return boto3.session.Session().client("cloudformation", region_name=region, config=_CONFIG)


def _ask(operation: str, member: str, stack_id: str, **parameters: str) -> Any:
    """Call an operation on a stack, in the stack's Region; return a member of its output."""
    with _in_our_words(operation):
        method = getattr(client(stack_id.split(":")[3]), xform_name(operation))
        return method(StackName=stack_id, **parameters)[member]


@contextmanager
def _in_our_words(operation: str) -> Iterator[None]:
    """Raise NotFound if there is no such stack or resource, and another ProviderError otherwise.

    A response that cannot be read is an error, too, because CloudFormation's API may be failing.
    """
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ValidationError":
            raise errors.NotFound(f"{operation}: no such stack or resource") from None
        raise errors.from_botocore(operation, error, {}) from None
    except (BotoCoreError, ResponseParserError) as error:
        raise errors.from_botocore(operation, error, {}) from None
    except (AttributeError, LookupError, TypeError, ValueError):  # botocore raises some of them
        raise errors.ServiceInternalError(f"{operation}: no usable response") from None
