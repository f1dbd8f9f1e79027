"""A CloudFormation request, and one run of it.

Powertools' own models describe the request. What CloudFormation does not say in words, it says in
the ResponseURL: when the request was made.
"""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qs, urlsplit

from aws_lambda_powertools.utilities.parser import ValidationError, parse
from aws_lambda_powertools.utilities.parser.models import (
    CloudFormationCustomResourceCreateModel,
    CloudFormationCustomResourceDeleteModel,
    CloudFormationCustomResourceUpdateModel,
)
from pydantic import Field

from connect_provider import backoff
from connect_provider.errors import InvalidRequest

DEFAULT_SERVICE_TIMEOUT = 3600.0  # seconds; CloudFormation's own default and maximum
RESPONSE_URL_VALIDITY = timedelta(hours=2)
# Ids of ours for what has no ARN. A Delete of the first makes no call; of the second, it looks
# for what that very request made.
NEVER_CREATED = "never-created-"
UNCONFIRMED = "unconfirmed-"


class LambdaContext(Protocol):
    """What is used of the context that Lambda passes to a handler."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the run."""


class CreateRequest(CloudFormationCustomResourceCreateModel):
    """A request to create a resource."""

    resource_properties: dict[str, Any] = Field(alias="ResourceProperties")


class UpdateRequest(CloudFormationCustomResourceUpdateModel):
    """A request to update a resource; the old properties are never validated."""

    resource_properties: dict[str, Any] = Field(alias="ResourceProperties")
    old_resource_properties: Any = Field(default=None, alias="OldResourceProperties")


class DeleteRequest(CloudFormationCustomResourceDeleteModel):
    """A request to delete a resource; its properties are never validated."""

    resource_properties: Any = Field(default=None, alias="ResourceProperties")


Request = CreateRequest | UpdateRequest | DeleteRequest
_AnyRequest: Any = Annotated[Request, Field(discriminator="request_type")]


def parse_request(event: Mapping[str, Any]) -> Request:
    """Return the request that an event holds; raise InvalidRequest with the fields that are wrong.

    ServiceToken is required by the model at the top level, where some engines leave it out: it
    stands among the properties all the same, and nothing here reads it.
    """
    try:
        request: Request = parse({"ServiceToken": "", **event}, model=_AnyRequest)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        fields = "; ".join(
            f"{'.'.join(map(str, d['loc'][1:] or ('RequestType',)))}: {d['msg']}" for d in details
        )
        raise InvalidRequest(f"not a CloudFormation request: {fields}") from None
    return request


def signed_at(response_url: str) -> datetime | None:
    """Return when CloudFormation signed the URL, which is when it made the request.

    It is X-Amz-Date in a Signature Version 4 URL; in an older one Expires, less two hours.
    """
    query = parse_qs(urlsplit(response_url).query)
    try:
        if "X-Amz-Date" in query:
            stamp = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ")
            return stamp.replace(tzinfo=UTC)
        if "Expires" in query:
            return datetime.fromtimestamp(int(query["Expires"][0]), UTC) - RESPONSE_URL_VALIDITY
    except (ValueError, OverflowError, OSError):
        return None
    return None


class Invocation:
    """One run of a request by Lambda: how old the request is, and how long this run may wait.

    log_keys: what every log line of the request is found by.
    retries, settle_time: how many calls were repeated, and the seconds spent on waiting, so far.
    """

    def __init__(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Begin the run: the clock of everything that waits starts here."""
        self.signed_at = signed = signed_at(event["ResponseURL"])
        self.log_keys = {
            "stack_id": event["StackId"],
            "logical_id": event["LogicalResourceId"],
            "cfn_request_id": event["RequestId"],
        }
        self.retries = 0
        self.settle_time = 0.0
        self._context = context
        self._began = time.time()
        self._age = max(self._began - signed.timestamp(), 0.0) if signed else None
        self._service_timeout = _service_timeout(event.get("ResourceProperties"))

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return time.time() - self._began

    def age(self) -> float:
        """Return the seconds since CloudFormation made the request, as far as that is known."""
        return (self._age or 0.0) + self.elapsed()

    def late(self) -> bool:
        """Tell whether the request is so old that its stack may have cancelled it, or done it."""
        return self._age is not None and self.age() >= backoff.OVERTAKING_LAG

    def time_left(self) -> float:
        """Return the seconds until Lambda ends this run."""
        return self._context.get_remaining_time_in_millis() / 1000

    def time_to_wait(self) -> float:
        """Return the seconds that may still be spent on waiting and retrying.

        They end when Lambda's timeout, or CloudFormation's patience, is near.
        """
        reserve = min(backoff.ANSWER_RESERVE, self._service_timeout / 4)
        return min(self.time_left() - backoff.SETTLE_RESERVE, self._patience() - reserve)

    def expired(self) -> bool:
        """Tell whether CloudFormation has stopped listening, and perhaps undone the request."""
        return self._patience() <= 0

    def _patience(self) -> float:
        """Return the seconds that CloudFormation still waits for the answer."""
        return self._service_timeout - self.age()

    def will_run_again(self) -> bool:
        """Tell whether Lambda is sure to run this request again if this run raises now."""
        attempts = int(os.environ.get("MAXIMUM_RETRY_ATTEMPTS", "0"))
        return backoff.will_run_again(self._age, self.age(), self._service_timeout, attempts)


def _service_timeout(properties: object) -> float:
    """Return the ServiceTimeout of the properties in seconds, CloudFormation's where it is none."""
    value = properties.get("ServiceTimeout") if isinstance(properties, Mapping) else None
    try:
        seconds = float(str(value))
    except ValueError:
        return DEFAULT_SERVICE_TIMEOUT
    return seconds if 1 <= seconds <= DEFAULT_SERVICE_TIMEOUT else DEFAULT_SERVICE_TIMEOUT
