"""Asks CloudFormation for the status of a stack, of a resource in it, and for the events."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import Any, TypeVar

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connect_provider import backoff, errors
from connect_provider.run import Run
from connect_provider.stack.events import Event

_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2)
GONE = "GONE"

T = TypeVar("T")
_Output = Mapping[str, Any]


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


class StackDescription:
    """A stack as CloudFormation shows it to one run. The status may lag.

    Each method raises a ProviderError if CloudFormation does not tell.
    """

    def __init__(self, run: Run, stack_id: str) -> None:
        self._run = run
        self._stack_id = stack_id

    def phase(self) -> Phase:
        """Return the phase of the stack (API: DescribeStacks)."""
        status = self._ask("DescribeStacks", _stack_status, {})
        if status == "UPDATE_FAILED":  # --disable-rollback
            return Phase.FORWARD
        if status == "UPDATE_ROLLBACK_FAILED":  # only its continuation sends updates
            return Phase.ROLLING_BACK
        if not status.endswith("_IN_PROGRESS") or "CLEANUP" in status or "DELETE" in status:
            return Phase.OVER
        return Phase.ROLLING_BACK if "ROLLBACK" in status else Phase.FORWARD

    def resource(self, logical_id: str, *, retry: bool = True) -> StackResource:
        """Return a resource of the stack (API: DescribeStackResource).

        retry: False if the caller must not wait.
        """
        name = {"LogicalResourceId": logical_id}
        try:
            return self._ask("DescribeStackResource", _resource, name, retry=retry)
        except errors.NotFound:
            return StackResource(GONE)

    def events(self) -> Iterator[Event]:
        """Yield the events of the stack, newest first (API: DescribeStackEvents).

        Each page needs a call. The reader decides how many it needs.
        """
        read = partial(_page_of_events, self._stack_id)
        token: dict[str, str] = {}
        while True:
            events, next_token = self._ask("DescribeStackEvents", read, token)
            yield from events
            if not next_token:
                return
            token = {"NextToken": next_token}

    def _ask(
        self,
        operation: str,
        read: Callable[[_Output], T],
        parameters: Mapping[str, str],
        *,
        retry: bool = True,
    ) -> T:
        """Call an operation on the stack; return what `read` returns for its output.

        All functions of a stack ask at the same time. So a throttled call is repeated for seconds.
        """
        began, attempt = self._run.now(), 0
        while True:
            try:
                return _call(operation, read, StackName=self._stack_id, **parameters)
            except errors.Throttling:
                elapsed = self._run.now() - began
                left = min(backoff.ASK_AGAIN_AFTER_THROTTLE - elapsed, self._run.time_to_wait())
                delay = backoff.throttle_delay(attempt, elapsed, left, self._run.rng)
                if delay is None or not retry:
                    raise
            attempt += 1
            self._run.sleep(delay)
            self._run.settle_time += delay


def _stack_status(output: _Output) -> str:
    """Return the status of the described stack, or GONE for none."""
    return next((str(stack["StackStatus"]) for stack in output["Stacks"]), GONE)


def _resource(output: _Output) -> StackResource:
    """Return the described resource."""
    found = output["StackResourceDetail"]
    return StackResource(
        found["ResourceStatus"],
        found.get("PhysicalResourceId", ""),
        found.get("LastUpdatedTimestamp"),
    )


def _page_of_events(stack_id: str, output: _Output) -> tuple[list[Event], str]:
    """Return a page of events, and the token of the next one.

    A resource may have the name of its stack, so the stack's own events are told by its id.
    """
    events = [
        Event(
            ""
            if event.get("PhysicalResourceId") == stack_id
            else event.get("LogicalResourceId", "?"),
            str(event.get("ResourceStatus")),
            event.get("Timestamp"),
            "cancel" in event.get("ResourceStatusReason", ""),
        )
        for event in output["StackEvents"]
    ]
    return events, output.get("NextToken", "")


@cache
def client(region: str) -> Any:
    """Return the client of a Region. It is built on first use, because few requests need it."""
    return boto3.session.Session().client("cloudformation", region_name=region, config=_CONFIG)


def _call(operation: str, read: Callable[[_Output], T], **parameters: str) -> T:
    """Make one call, in the stack's Region; return what `read` returns for its output.

    Raise NotFound if there is no such stack or resource, and another ProviderError otherwise. An
    output that cannot be read is an error, too, because CloudFormation's API may be failing.
    """
    cloudformation = client(parameters["StackName"].split(":")[3])
    try:
        return read(getattr(cloudformation, xform_name(operation))(**parameters))
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ValidationError":
            raise errors.NotFound(f"{operation}: no such stack or resource") from None
        raise errors.from_botocore(operation, error, {}) from None
    except (BotoCoreError, ResponseParserError) as error:
        raise errors.from_botocore(operation, error, {}) from None
    except (AttributeError, LookupError, TypeError, ValueError):  # botocore raises some of them
        raise errors.ServiceInternalError(f"{operation}: no usable response") from None
