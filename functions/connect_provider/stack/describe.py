"""Asks CloudFormation for the status of a stack and of a resource in it."""

from collections.abc import Iterator, Mapping
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
    """

    since: datetime | None
    goes_back: bool


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


def last_turn(stack_id: str, logical_id: str) -> Turn | None:
    """Return the last turn of a resource's operation, or None if one page of events has none.

    With --disable-rollback, the stack's status does not show that a single resource goes back (user
    guide, "Stack failure options"). The failure of its update does. A failover waits for one page
    of events at most. The events of the current operation may be late.

    Raise ProviderError if CloudFormation does not tell.
    """
    for event in next(_pages_of_events(stack_id), []):
        name, status = event.get("LogicalResourceId"), str(event.get("ResourceStatus"))
        rolls_back = _is_of_stack(event, stack_id) and status.endswith("ROLLBACK_IN_PROGRESS")
        goes_back = rolls_back or (name == logical_id and status.endswith("_FAILED"))
        if goes_back or _begins(event, stack_id) or _completes(event, stack_id):
            return Turn(event.get("Timestamp"), goes_back=goes_back)
    return None


def has_begun_since(stack_id: str, moment: datetime, creates: str = "") -> bool:
    """Return whether the current operation of the stack began after a moment.

    creates: a logical id. The operation is then the last one that began to create this resource.

    Raise ProviderError if CloudFormation does not tell.
    """
    in_operation = not creates
    for event in chain.from_iterable(_pages_of_events(stack_id)):
        when = event.get("Timestamp")
        if when is None or when <= moment:
            return False
        creation = event.get("LogicalResourceId"), event.get("ResourceStatus")
        in_operation = in_operation or creation == (creates, "CREATE_IN_PROGRESS")
        if in_operation and _begins(event, stack_id):
            return True
    return False


def _begins(event: Mapping[str, Any], stack_id: str) -> bool:
    """Return whether an operation of the stack began with an event."""
    return _is_of_stack(event, stack_id) and event.get("ResourceStatus") in _BEGINNINGS


def _completes(event: Mapping[str, Any], stack_id: str) -> bool:
    """Return whether an event completes an operation. The events before it are of no later one."""
    return _is_of_stack(event, stack_id) and "COMPLETE" in str(event.get("ResourceStatus"))


def _is_of_stack(event: Mapping[str, Any], stack_id: str) -> bool:
    """Return whether an event is one of the stack itself. A resource may have its name."""
    return bool(event.get("PhysicalResourceId") == stack_id)


def _pages_of_events(stack_id: str) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the events of a stack, newest first (API: DescribeStackEvents)."""
    operation = "DescribeStackEvents"
    with _in_our_words(operation):
        paginator = client(stack_id.split(":")[3]).get_paginator(xform_name(operation))
        for page in paginator.paginate(StackName=stack_id):
            yield page["StackEvents"]


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
