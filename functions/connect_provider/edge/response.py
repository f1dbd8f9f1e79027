"""The answer to CloudFormation: what it says, in at most 4,096 bytes, and its delivery."""

import json
import os
import re
import ssl
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import urllib3

SIZE_LIMIT = 4096  # bytes (custom resource reference, "Response objects")

# Every HTTP status but a success is tried again: an S3 that answers 403 or 503 has stored nothing.
_RETRY = urllib3.Retry(
    total=3,
    backoff_factor=0.5,
    status_forcelist=range(300, 600),
    allowed_methods={"PUT"},
    respect_retry_after_header=False,
)
_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)


# CloudFormation's buckets, at the S3 hosts of every partition.
_RESPONSE_HOST = re.compile(
    r"cloudformation-[a-z0-9-]+\.s3(?:[.-][a-z0-9-]+)?\."
    r"(?:amazonaws\.(?:com|com\.cn|eu)|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)


class DeliveryError(Exception):
    """The answer could not be delivered. It names no URL: a ResponseURL is a secret."""


class Courier:
    """Delivers answers over one pool of verified TLS connections."""

    def __init__(self) -> None:
        """Build the TLS context once: it costs more than everything else that a request does."""
        self._pool = urllib3.PoolManager(ssl_context=ssl.create_default_context())

    def deliver(self, url: str, body: bytes) -> None:
        """PUT the body to the presigned URL, which is signed for an empty Content-Type.

        Raise DeliveryError unless it was accepted.
        """
        if not is_response_url(url):
            raise DeliveryError("the ResponseURL is not that of a CloudFormation bucket")
        try:
            answer = self._pool.request(
                "PUT",
                url,
                body=body,
                headers={"Content-Type": ""},
                retries=_RETRY,
                timeout=_TIMEOUT,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error
            raise DeliveryError(f"the ResponseURL took no answer: {type(cause).__name__}") from None
        if not 200 <= answer.status < 300:
            raise DeliveryError(f"the ResponseURL answered HTTP {answer.status}")


def is_response_url(url: str) -> bool:
    """Tell whether an answer may go there: to CloudFormation, over TLS.

    The sandbox's CloudFormation is at another host, which RESPONSE_HOST names (host:port). No
    template sets it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme != "https":
        return False
    known = _RESPONSE_HOST.fullmatch(parts.netloc) is not None
    return known or parts.netloc == os.environ.get("RESPONSE_HOST")


def encode(answer: Mapping[str, Any]) -> bytes:
    """Return the answer as JSON of at most 4,096 bytes.

    A Reason that is too long loses its end. Data that are too large, or that JSON cannot hold,
    make the answer FAILED, with a Reason that says which attribute it was.
    """
    try:
        body = _dump(answer)
    except (TypeError, ValueError):
        names = [name for name, value in answer["Data"].items() if not isinstance(value, str)]
        return encode(_without_data(answer, f"attributes are not text: {', '.join(names)}"))
    excess = len(body) - SIZE_LIMIT
    if excess <= 0:
        return body
    reason = str(answer["Reason"])
    if excess <= _size(reason) - _size(""):
        room = _size(reason) - excess
        length = bisect_right(range(len(reason)), room, key=lambda n: _size(reason[:n])) - 1
        return _dump({**answer, "Reason": reason[:length]})
    if answer["Data"]:
        largest = max(answer["Data"], key=lambda name: _size(answer["Data"][name]))
        size = _size(answer["Data"][largest])
        return encode(
            _without_data(answer, f"attribute {largest} is too large for an answer: {size} bytes")
        )
    raise DeliveryError("the ids of the request do not fit into an answer")


def _without_data(answer: Mapping[str, Any], reason: str) -> dict[str, Any]:
    reason = f"GeneralServiceException: {reason}"
    return {**answer, "Status": "FAILED", "Data": {}, "Reason": reason}


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _size(value: object) -> int:
    return len(_dump(value))
