"""Whose a resource is, as its marker tags tell.

CloudFormation puts aws:cloudformation:* tags on native resources. These are ours:

    cfn:stack-id, cfn:logical-id      the resource of the template that it belongs to
    cfn:request-id                    the request that created or adopted it
    cfn:created-at | cfn:adopted-at   when that request was made; which of the two says how it came

They answer three questions, and nothing else does: did this very request make it, may this Delete
delete it, and is it what a cancelled create left behind.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum

from connect_provider.request import RESPONSE_URL_VALIDITY, Request, signed_at

STACK_ID = "cfn:stack-id"
LOGICAL_ID = "cfn:logical-id"
REQUEST_ID = "cfn:request-id"
CREATED_AT = "cfn:created-at"
ADOPTED_AT = "cfn:adopted-at"
MARKERS = frozenset({STACK_ID, LOGICAL_ID, REQUEST_ID, CREATED_AT, ADOPTED_AT})
MARKERS_PER_RESOURCE = 4
# A release leaves cfn:adopted-at, so that a Delete that is run again knows what it did.
RELEASED = MARKERS - {ADOPTED_AT}

Tags = Mapping[str, str]


class Owner(Enum):
    """Whose a resource is, seen from a request."""

    THIS = "this stack and logical id"
    ANOTHER = "another stack or logical id"
    NOBODY = "nobody: it has no markers"


def creation_markers(request: Request) -> dict[str, str]:
    """Return the tags that go on with the create call: the same in every run of a request."""
    return _markers(request, CREATED_AT)


def adoption_markers(request: Request) -> dict[str, str]:
    """Return the tags that take over a resource that exists."""
    return _markers(request, ADOPTED_AT)


def _markers(request: Request, came: str) -> dict[str, str]:
    signed = signed_at(str(request.response_url))
    return {
        STACK_ID: request.stack_id,
        LOGICAL_ID: request.logical_resource_id,
        REQUEST_ID: request.request_id,
        came: signed.isoformat() if signed else "unknown",
    }


def owner(tags: Tags, request: Request) -> Owner:
    """Return whose the resource is."""
    marked = (tags.get(STACK_ID), tags.get(LOGICAL_ID))
    if marked == (None, None):
        return Owner.NOBODY
    ours = (request.stack_id, request.logical_resource_id)
    return Owner.THIS if marked == ours else Owner.ANOTHER


def made_by(tags: Tags, request: Request, request_id: str | None = None) -> bool:
    """Tell whether a request of this stack and logical id, by default this one, made it."""
    made = tags.get(REQUEST_ID) == (request_id or request.request_id)
    return made and owner(tags, request) is Owner.THIS


def adopted(tags: Tags) -> bool:
    """Tell whether the resource existed before it was ours."""
    return ADOPTED_AT in tags


def adopted_since(tags: Tags, request: Request) -> bool:
    """Tell whether it was adopted by a request that was made after this one."""
    made = signed_at(str(request.response_url))
    try:
        return made is not None and datetime.fromisoformat(tags[ADOPTED_AT]) > made
    except (KeyError, ValueError, TypeError):
        return False


def left_by_cancelled_create(tags: Tags, request: Request) -> bool:
    """Tell whether it was created for this stack and logical id in the two hours before.

    What was created after the request was made, is of a later one.
    """
    if owner(tags, request) is not Owner.THIS or adopted(tags):
        return False
    now = signed_at(str(request.response_url))
    try:
        created = datetime.fromisoformat(tags[CREATED_AT])
        return now is not None and timedelta() <= now - created < RESPONSE_URL_VALIDITY
    except (KeyError, ValueError, TypeError):
        return False
