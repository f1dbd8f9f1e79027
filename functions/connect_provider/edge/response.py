"""The response to CloudFormation: at most 4,096 bytes, PUT to the presigned ResponseURL."""

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

# Every HTTP status except success is retried: after a 403 or 503, S3 has stored nothing.
_RETRY = urllib3.Retry(
    total=3,
    backoff_factor=0.5,
    status_forcelist=range(300, 600),
    allowed_methods={"PUT"},
    respect_retry_after_header=False,
)
_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)

# CloudFormation's buckets, one for each Region, at the S3 endpoints of every partition (AWS General
# Reference, "Amazon S3 endpoints and quotas").
_RESPONSE_HOST = re.compile(
    r"cloudformation-custom-resource-response-[a-z]+[0-9]+"
    r"\.s3(?:-fips)?(?:\.dualstack)?(?:[.-][a-z]+(?:-[a-z]+)+-[0-9]+)?\."
    r"(?:amazonaws\.(?:com|com\.cn|eu)|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)(?::443)?"
)


class DeliveryError(Exception):
    """The response was not delivered. The text holds no URL, since a ResponseURL is a secret."""


class ResponseSender:
    """Sends responses over one pool of verified TLS connections."""

    def __init__(self) -> None:
        """Build the TLS context once: it costs more than the rest of a request."""
        self._pool = urllib3.PoolManager(ssl_context=ssl.create_default_context())

    def send(self, url: str, response: Mapping[str, Any]) -> None:
        """PUT the response to the presigned URL, which is signed for an empty Content-Type.

        Raise DeliveryError unless S3 accepts it.
        """
        if not is_response_url(url):
            raise DeliveryError("the ResponseURL is not that of a CloudFormation bucket")
        try:
            reply = self._pool.request(
                "PUT",
                url,
                body=_encode(response),
                headers={"Content-Type": ""},
                retries=_RETRY,
                timeout=_TIMEOUT,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error
            name = type(cause).__name__
            raise DeliveryError(f"the ResponseURL accepted no response: {name}") from None
        if not 200 <= reply.status < 300:
            raise DeliveryError(f"the ResponseURL returned HTTP {reply.status}")


def is_response_url(url: str) -> bool:
    """Return whether the URL leads to CloudFormation over TLS.

    The variable RESPONSE_HOST (host:port) allows the sandbox's host too. No template sets it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if parts.scheme != "https":
        return False
    known = _RESPONSE_HOST.fullmatch(parts.netloc) is not None
    return known or parts.netloc == os.environ.get("RESPONSE_HOST")


def fit(response: Mapping[str, Any]) -> dict[str, Any]:
    """Return the response with at most 4,096 bytes of JSON.

    A Reason that is too long loses its end. If Data is too large or not JSON, the response
    becomes FAILED with a Reason that names the attribute. Raise DeliveryError if the ids alone are
    too large.
    """
    try:
        excess = _size(response) - SIZE_LIMIT
    except (TypeError, ValueError):
        names = [name for name, value in response["Data"].items() if not isinstance(value, str)]
        return fit(_without_data(response, f"attributes are not text: {', '.join(names)}"))
    if excess <= 0:
        return dict(response)
    reason = str(response["Reason"])
    if excess <= _size(reason) - _size(""):
        room = _size(reason) - excess
        length = bisect_right(range(len(reason)), room, key=lambda n: _size(reason[:n])) - 1
        return {**response, "Reason": reason[:length]}
    if response["Data"]:
        largest = max(response["Data"], key=lambda name: _size(response["Data"][name]))
        size = _size(response["Data"][largest])
        text = f"attribute {largest} is too large for a response: {size} bytes"
        return fit(_without_data(response, text))
    raise DeliveryError("the ids of the request do not fit into a response")


def _without_data(response: Mapping[str, Any], reason: str) -> dict[str, Any]:
    reason = f"GeneralServiceException: {reason}"
    return {**response, "Status": "FAILED", "Data": {}, "Reason": reason}


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _size(value: object) -> int:
    return len(_encode(value))
