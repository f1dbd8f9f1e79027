"""Calls to Connect: the right Region, retries until the deadline, and errors in our words."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connect_provider import arn, backoff, errors
from connect_provider.request import Invocation

# Every retry is made here, where the deadline is known: botocore's own would repeat quota errors,
# and its retry budget lives in the warm client and runs dry.
_CONFIG = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=3, read_timeout=20
)
_RNG = random.SystemRandom()  # copies of a process must not pause in step
_READS = ("Describe", "Get", "List")


@cache
def client(region: str) -> Any:
    """Return the Connect client of a Region, built once for all requests."""
    return boto3.session.Session().client("connect", region_name=region, config=_CONFIG)


def own_region() -> str:
    """Return the Region that the function runs in, which a bare id means."""
    return os.environ["AWS_REGION"]


def region_of(arn_or_id: str) -> str:
    """Return the Region that an ARN names; a bare id means the function's own."""
    return arn.region(arn_or_id) or own_region()


class Connect:
    """The Connect API for one run of a request."""

    def __init__(self, invocation: Invocation) -> None:
        """Keep the run's deadlines; no call is made and no client is built.

        before_write: what is asked before a call that changes something; it raises to forbid it. A
        create that may have taken effect already is repeated without asking, to find what it made.
        """
        self._invocation = invocation
        self.before_write: Callable[[], None] | None = None

    def call(
        self, operation: str, region: str, *, retry: bool = True, **parameters: Any
    ) -> dict[str, Any]:
        """Call an operation by its API name, in a Region, and return its output.

        Throttles are retried until the deadline, failures of the service a few times, everything
        else never. Nothing is called for a request that CloudFormation has given up: a rollback may
        have followed already. Raise the ProviderError that the last answer stands for.

        retry: False for a call that must not be repeated before its reason has been looked at anew.
        """
        connect = client(region)
        method = getattr(connect, xform_name(operation))
        shape = connect.meta.service_model.operation_model(operation).output_shape
        expected = shape.members.keys() if shape else set()
        began = time.monotonic()
        maybe_done = False
        seen: Counter[type] = Counter()  # throttles and failures are counted apart
        while True:
            if self._invocation.expired():
                raise errors.NotStabilized(f"{operation}: CloudFormation waits no longer")
            made = maybe_done and operation.startswith("Create")
            if self.before_write and not made and not operation.startswith(_READS):
                self.before_write()
            try:
                output = dict(method(**parameters))
                if expected and not expected & output.keys():
                    raise ResponseParserError("the body holds nothing of the output")
                return output
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                failure = errors.from_botocore(operation, error, parameters)
            failure.maybe_done = maybe_done = failure.maybe_done or maybe_done
            delay = self._delay(failure, seen[type(failure)], time.monotonic() - began)
            if delay is None or not retry:
                raise failure
            seen[type(failure)] += 1
            self._invocation.retries += 1
            time.sleep(delay)

    def _delay(self, failure: errors.ProviderError, attempt: int, elapsed: float) -> float | None:
        """Return the pause before the next try, None when there is to be none."""
        if isinstance(failure, errors.Throttling):
            return backoff.throttle_delay(attempt, elapsed, self._invocation.time_to_wait(), _RNG)
        if isinstance(failure, errors.ServiceInternalError):
            return backoff.fault_delay(attempt, self._invocation.time_to_wait(), _RNG)
        return None

    def pages(
        self, operation: str, region: str, items: str, *, retry: bool = True, **parameters: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield what a List operation lists under `items`, page by page."""
        token: dict[str, Any] = {}
        while True:
            page = self.call(operation, region, retry=retry, **parameters, **token)
            yield from page.get(items, ())
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def tag(self, resource_arn: str, tags: Mapping[str, str]) -> None:
        """Set tags, if there are any to set (API: TagResource)."""
        if tags:
            region = region_of(resource_arn)
            self.call("TagResource", region, resourceArn=resource_arn, tags=dict(tags))

    def untag(self, resource_arn: str, keys: Iterable[str]) -> None:
        """Remove tags, if there are any to remove (API: UntagResource)."""
        if tag_keys := sorted(keys):
            region = region_of(resource_arn)
            self.call("UntagResource", region, resourceArn=resource_arn, tagKeys=tag_keys)
