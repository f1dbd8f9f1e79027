"""Calls to Connect: the right Region, retries until the deadline, and errors in our words."""

import random
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
from connect_provider.arn import region_of
from connect_provider.run import Run

# Every retry is made here, where the deadline is known. botocore's own retries would repeat quota
# errors, and its retry quota lives in the warm client and runs dry.
_CONFIG = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=3, read_timeout=20
)
_RNG = random.SystemRandom()  # copies of a process must not pause in step
_READS = ("Describe", "Get", "List")


@cache
def client(region: str) -> Any:
    """Return the Connect client of a Region. It is built once for all requests."""
    return boto3.session.Session().client("connect", region_name=region, config=_CONFIG)


class Connect:
    """The Connect API for one run of a request."""

    def __init__(self, run: Run, guard: Callable[[], None] | None = None) -> None:
        """guard: raises before a call that must not change anything. None allows every call."""
        self._run = run
        self._guard = guard

    def call(
        self, operation: str, region: str, *, retry: bool = True, **parameters: Any
    ) -> dict[str, Any]:
        """Call an operation by its API name in a Region; return its output.

        Throttling is retried until the deadline, a failure of the service a few times, everything
        else never. No call is made after CloudFormation has stopped waiting, since a rollback may
        have followed. Raise the ProviderError for the last response.

        retry: False for a call whose reason must be checked again before a repeat.
        """
        began = self._run.now()
        maybe_done = False
        tries: Counter[type] = Counter()  # throttling and failures are counted apart
        while True:
            self._require_permission(operation, maybe_done=maybe_done)
            try:
                return _send(operation, region, parameters)
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                failure = errors.from_botocore(operation, error, parameters, maybe_done=maybe_done)
            maybe_done = failure.maybe_done
            delay = self._delay(failure, tries[type(failure)], self._run.now() - began)
            if delay is None or not retry:
                raise failure
            tries[type(failure)] += 1
            self._run.retries += 1
            self._run.sleep(delay)

    def _require_permission(self, operation: str, *, maybe_done: bool) -> None:
        """Raise unless the run may still make the call.

        A create that may have taken effect is repeated without a question: the repeat finds the
        resource that the first try made.
        """
        if self._run.has_expired():
            raise errors.NotStabilized(f"{operation}: CloudFormation no longer waits")
        repeats_create = maybe_done and operation.startswith("Create")
        if self._guard and not repeats_create and not operation.startswith(_READS):
            self._guard()

    def _delay(self, failure: errors.ProviderError, attempt: int, elapsed: float) -> float | None:
        """Return the pause before the next try, or None if there is no next try."""
        if isinstance(failure, errors.Throttling):
            return backoff.throttle_delay(attempt, elapsed, self._run.time_to_wait(), _RNG)
        if isinstance(failure, errors.ServiceInternalError):
            return backoff.fault_delay(attempt, self._run.time_to_wait(), _RNG)
        return None

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


def _send(operation: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Make one call. Raise ResponseParserError for a body that holds nothing of the output."""
    connect = client(region)
    method: Callable[..., dict[str, Any]] = getattr(connect, xform_name(operation))
    output = dict(method(**parameters))
    shape = connect.meta.service_model.operation_model(operation).output_shape
    if shape and shape.members and not shape.members.keys() & output.keys():
        raise ResponseParserError("the body holds nothing of the output")
    return output
