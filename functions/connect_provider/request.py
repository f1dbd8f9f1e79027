"""A CloudFormation request: its envelope, its fields, and the time when it was made.

Powertools' models describe the fields. The ResponseURL tells when the request was made.
"""

import html
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from aws_lambda_powertools.utilities.parser import ValidationError, parse
from aws_lambda_powertools.utilities.parser.models import (
    CloudFormationCustomResourceCreateModel,
    CloudFormationCustomResourceDeleteModel,
    CloudFormationCustomResourceUpdateModel,
)
from pydantic import Field

from connect_provider.errors import InvalidRequest

RESPONSE_URL_VALIDITY = timedelta(hours=2)
# Our physical ids for a resource without an ARN. A Delete with the first makes no call. A
# Delete with the second looks for a resource that this request created.
NEVER_CREATED = "never-created-"
UNCONFIRMED = "unconfirmed-"

_OWN_TEXTS = ("Name", "Description", "PhoneNumber", "Tags")
_NEEDED = ("RequestType", "ResponseURL", "StackId", "RequestId", "LogicalResourceId")


class MalformedRequest(Exception):
    """The event lacks a field that every response needs, so no response can be sent."""


class CreateRequest(CloudFormationCustomResourceCreateModel):
    """A request to create a resource."""

    resource_properties: dict[str, Any] = Field(alias="ResourceProperties")


class UpdateRequest(CloudFormationCustomResourceUpdateModel):
    """A request to update a resource. Its old properties are never validated."""

    resource_properties: dict[str, Any] = Field(alias="ResourceProperties")
    old_resource_properties: Any = Field(default=None, alias="OldResourceProperties")


class DeleteRequest(CloudFormationCustomResourceDeleteModel):
    """A request to delete a resource. Its properties are never validated."""

    resource_properties: Any = Field(default=None, alias="ResourceProperties")


ApplyRequest = CreateRequest | UpdateRequest
Request = ApplyRequest | DeleteRequest
_AnyRequest: Any = Annotated[Request, Field(discriminator="request_type")]


def check_envelope(event: object) -> None:
    """Raise MalformedRequest unless the event has every field that a response needs."""
    fields = event if isinstance(event, Mapping) else {}
    wrong = [key for key in _NEEDED if not isinstance(fields.get(key), str) or not fields[key]]
    if wrong:
        raise MalformedRequest(f"cannot respond to an event without {', '.join(wrong)}")


def parse_request(event: Mapping[str, Any]) -> Request:
    """Return the request in an event.

    The model requires ServiceToken at the top level, and some engines send it only among the
    properties. Nothing reads it here, so an empty one takes its place.

    Raise InvalidRequest with every wrong field.
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


def own_texts(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each text of the user's own with the name of its property, longest first.

    No Reason and no log line may show names, descriptions, phone numbers or tag values, also
    escaped for JSON or HTML.
    """
    found: set[tuple[str, str]] = set()
    for properties in ("ResourceProperties", "OldResourceProperties"):
        _collect(event.get(properties), "", found)
    found |= {(name, value.lstrip("+")) for name, value in found if name == "PhoneNumber"}
    spelled = {(name, text) for name, value in found for text in _spellings(value)}
    telling = {(name, text) for name, text in spelled if len(text) > 3}
    return sorted(telling, key=lambda text: (-len(text[1]), text))


def _spellings(value: str) -> set[str]:
    """Return a text as Connect may show it: as it is, and escaped."""
    json_forms = (json.dumps(value, ensure_ascii=only_ascii) for only_ascii in (True, False))
    return {value, html.escape(value), *(form[1:-1] for form in json_forms)}


def _collect(node: object, name: str, found: set[tuple[str, str]]) -> None:
    if isinstance(node, Mapping):
        for key, value in node.items():
            _collect(value, name if name == "Tags" and key != "Key" else str(key), found)
    elif isinstance(node, list):
        for item in node:
            _collect(item, name, found)
    elif isinstance(node, str) and name in _OWN_TEXTS:
        found.add((name, node))


def signed_at(response_url: str) -> datetime | None:
    """Return when CloudFormation signed the URL, or None if the URL does not tell.

    A Signature Version 4 URL has the time in X-Amz-Date. An older one expires after two hours.
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
