"""Calls to Connect: the right Region, retries until the deadline, and errors in our words."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connect_provider import backoff, errors
from connect_provider.arn import own_region, region_of
from connect_provider.run import Run

# All retries are made here, where the deadline is known. botocore's own retries would repeat quota
# errors. Their budget belongs to the warm client, and runs out.
_CONFIG = Config(retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=3)
_READS = ("Describe", "Get", "List")
_MEMBERS = ("Associate", "Disassociate")


@cache
def client(region: str, read_timeout: int) -> Any:
    """Return the Connect client of a Region. It is built once for all requests."""
    config = _CONFIG.merge(Config(read_timeout=read_timeout))
    return boto3.session.Session().client("connect", region_name=region, config=config)


class Connect:
    """The Connect API for one run of a request."""

    def __init__(self, run: Run, guard: Callable[[], None] | None = None) -> None:
        """guard: raises before a call that must not change anything. None allows every call."""
        self.run = run
        self._guard = guard

    def call(
        self, operation: str, region: str, *, retry: bool = True, **parameters: Any
    ) -> dict[str, Any]:
        """Call an operation by its API name in a Region; return its output.

        Throttling and failures of the service are retried until the deadline. An error that may
        pass is retried for the consistency lag. Everything else is never retried.
        No call is made after CloudFormation has stopped waiting, since a rollback may have
        followed. Raise the ProviderError for the last response.

        retry: False for a call whose reason must be checked again before a repeat.
        """
        began = self.run.now()
        maybe_done = False
        tries: Counter[type] = Counter()  # each kind of failure is counted separately
        while True:
            self._require_permission(operation, maybe_done=maybe_done)
            timeout = backoff.read_timeout(self.run.time_to_wait())
            try:
                output = _send(operation, client(region, timeout), parameters)
                self._note_change(operation)
                return output
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                failure = errors.from_botocore(
                    operation,
                    error,
                    parameters,
                    region=region if region != own_region() else "",
                    own_texts=self.run.own_texts,
                    maybe_done=maybe_done,
                )
            maybe_done = failure.maybe_done
            if maybe_done:
                self._note_change(operation)
            delay = self._delay(operation, failure, tries[type(failure)], began)
            if delay is None or not retry:
                raise failure
            tries[type(failure)] += 1
            self.run.retries += 1
            self.run.sleep(delay)

    def _require_permission(self, operation: str, *, maybe_done: bool) -> None:
        """Raise unless the run may still make the call.

        A create that may have taken effect is repeated without asking. The repeat then finds the
        resource of the first try.
        """
        if self.run.has_expired():
            raise errors.NotStabilized(f"{operation}: CloudFormation no longer waits")
        repeats_create = maybe_done and operation.startswith("Create")
        if self._guard and not repeats_create and not operation.startswith(_READS):
            try:
                self._guard()
            except errors.Superseded:
                raise errors.Superseded(maybe_done=maybe_done) from None

    def _delay(
        self, operation: str, failure: errors.ProviderError, attempt: int, began: float
    ) -> float | None:
        """Return the pause before the next try, or None if there is no next try.

        A resource that a read misses may have been visible before: another run of the same request
        may have changed it since. So the lag of a read counts from its first try. A member that is
        missing does not get another half minute after each change of another member.
        """
        remaining = self.run.time_to_wait()
        if isinstance(failure, errors.Throttling):
            elapsed = self.run.now() - began
            return backoff.throttle_delay(attempt, elapsed, remaining, self.run.rng)
        if isinstance(failure, errors.ServiceInternalError):
            return backoff.fault_delay(attempt, remaining, self.run.rng)
        since = began if operation.startswith(_READS) else None
        misses = isinstance(failure, errors.NotFound) and operation.startswith(_MEMBERS)
        left = self.run.lag_left(since, of_members=misses)
        if self._may_pass(operation, failure) and left >= 0:
            delay = backoff.fault_delay(attempt, remaining, self.run.rng)
            return delay and min(delay, left + 0.1)
        return None

    def _may_pass(self, operation: str, failure: errors.ProviderError) -> bool:
        """Return whether a repeat of the call may succeed.

        A Describe that finds nothing is an observation: Run.look_again() looks again. A delete that
        may have taken effect finds nothing because it did.
        """
        observes = operation.startswith("Describe") and isinstance(failure, errors.NotFound)
        is_gone = operation.startswith("Delete") and failure.maybe_done
        return failure.may_pass and not observes and not is_gone

    def _note_change(self, operation: str) -> None:
        if not operation.startswith(_READS):
            self.run.note_change(of_members=operation.startswith(_MEMBERS))

    def pages(
        self, operation: str, region: str, items: str, *, retry: bool = True, **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield each entry under `items` in the output of a List operation, page by page."""
        token: dict[str, Any] = {}
        while True:
            page = self.call(operation, region, retry=retry, **parameters, **token)
            yield from page.get(items, ())
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def tag(self, resource_arn: str, tags: Mapping[str, str]) -> None:
        """Set tags (API: TagResource). Without tags, make no call."""
        if tags:
            region = region_of(resource_arn)
            self.call("TagResource", region, resourceArn=resource_arn, tags=dict(tags))

    def untag(self, resource_arn: str, keys: Iterable[str]) -> None:
        """Remove tags (API: UntagResource). Without keys, make no call."""
        if tag_keys := sorted(keys):
            region = region_of(resource_arn)
            self.call("UntagResource", region, resourceArn=resource_arn, tagKeys=tag_keys)


def _send(operation: str, connect: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make one call. Raise ResponseParserError if the body has no member of the output."""
    method: Callable[..., dict[str, Any]] = getattr(connect, xform_name(operation))
    output = dict(method(**parameters))
    shape = connect.meta.service_model.operation_model(operation).output_shape
    if shape and shape.members and not shape.members.keys() & output.keys():
        raise ResponseParserError("the body has no member of the output")
    return output
