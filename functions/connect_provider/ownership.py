"""Resource ownership, read from marker tags.

CloudFormation puts aws:cloudformation:* tags on native resources. These tags are ours:

    cfn:stack-id, cfn:logical-id      the stack and the logical id that own the resource
    cfn:request-id                    the request that created, adopted or moved it
    cfn:created-at | cfn:adopted-at   the time of that request; the key says who made the resource
    cfn:moved-from                    the logical id of the same stack that owned it before

The tags decide whether this request made the resource, whether this Delete may delete it, and
whether a canceled Create left it behind.

Somebody may remove some of them by hand. One of the first two is enough to recognize the owner. A
resource without a time is deleted only if all markers are missing and the template does not adopt.
The next update restores missing markers.
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
MOVED_FROM = "cfn:moved-from"
MARKERS = frozenset({STACK_ID, LOGICAL_ID, REQUEST_ID, CREATED_AT, ADOPTED_AT, MOVED_FROM})
MARKERS_PER_RESOURCE = 5
# A release removes these. It keeps cfn:adopted-at, so that a repeated Delete releases again.
RELEASED = MARKERS - {ADOPTED_AT}

Tags = Mapping[str, str]


class Owner(Enum):
    """The owner of a resource, relative to a request."""

    THIS = "this stack and logical id"
    ANOTHER = "another stack or logical id"
    NOBODY = "no markers"


def markers(request: Request, time_key: str) -> dict[str, str]:
    """Return the tags of a creation (CREATED_AT) or an adoption (ADOPTED_AT).

    They are the same in every run of a request.
    """
    signed = signed_at(str(request.response_url))
    return {
        STACK_ID: request.stack_id,
        LOGICAL_ID: request.logical_resource_id,
        REQUEST_ID: request.request_id,
        time_key: signed.isoformat() if signed else "unknown",
    }


def move_markers(tags: Tags, request: Request, logical_id: str) -> dict[str, str]:
    """Return the tags that move a resource from another logical id of the same stack.

    The stack still deletes a resource that it created. The time is that of the move.
    """
    return {**markers(request, _time_key(tags)), MOVED_FROM: logical_id}


def moved_back_markers(tags: Tags, logical_id: str) -> dict[str, str]:
    """Return the tags that move a resource back to the logical id that had it.

    They are complete: another stack may have written its own meanwhile.
    """
    return {**{key: tags[key] for key in MARKERS & tags.keys()}, LOGICAL_ID: logical_id}


def missing_markers(tags: Tags, request: Request, *, adopts: bool) -> dict[str, str]:
    """Return the markers that a resource of this stack and logical id lacks."""
    created = not adopts and MARKERS.isdisjoint(tags)
    wanted = markers(request, CREATED_AT if created else ADOPTED_AT)
    if not {CREATED_AT, ADOPTED_AT}.isdisjoint(tags):
        wanted = {key: wanted[key] for key in (STACK_ID, LOGICAL_ID, REQUEST_ID)}
    return {key: value for key, value in wanted.items() if key not in tags}


def owner(tags: Tags, request: Request) -> Owner:
    """Return the owner of the resource. A missing marker contradicts no owner."""
    ours = {STACK_ID: request.stack_id, LOGICAL_ID: request.logical_resource_id}
    marked = {key: tags[key] for key in ours if key in tags}
    if not marked:
        return Owner.NOBODY
    return Owner.THIS if marked.items() <= ours.items() else Owner.ANOTHER


def owner_text(tags: Tags, request: Request) -> str:
    """Return a clause that names the owner, or "" if the tags do not tell."""
    stack, logical_id = tags.get(STACK_ID), tags.get(LOGICAL_ID)
    if not stack or not logical_id:
        return ""
    if stack == request.stack_id and logical_id != request.logical_resource_id:
        return f", owned by another logical id of this stack, {logical_id}"
    return f", owned by {logical_id} of {stack}"


def is_of_stack(tags: Tags, request: Request) -> bool:
    """Return whether the stack of the request owns the resource, under any logical id."""
    return tags.get(STACK_ID) == request.stack_id


def was_moved_from(tags: Tags, request: Request) -> bool:
    """Return whether another logical id of the stack took the resource from this one."""
    return is_of_stack(tags, request) and tags.get(MOVED_FROM) == request.logical_resource_id


def made_by(tags: Tags, request: Request, request_id: str | None = None) -> bool:
    """Return whether a request of this stack and logical id made it; by default, this request."""
    made = tags.get(REQUEST_ID) == (request_id or request.request_id)
    return made and owner(tags, request) is Owner.THIS


def is_adopted(tags: Tags) -> bool:
    """Return whether the resource existed before a stack took it over."""
    return ADOPTED_AT in tags


def is_deletable(tags: Tags, *, adopts: bool) -> bool:
    """Return whether a stack that owns the resource may delete it.

    adopts: whether the template says ExistingResourcePolicy: Adopt.
    """
    return CREATED_AT in tags or (not adopts and MARKERS.isdisjoint(tags))


def is_taken_since(tags: Tags, request: Request) -> bool:
    """Return whether a later request than this one created, adopted or moved the resource."""
    age = _age(tags, request)
    return age is not None and age < timedelta()


def is_left_by_cancelled_create(tags: Tags, request: Request) -> bool:
    """Return whether an earlier request of this stack and logical id took it.

    It created, adopted or moved the resource. A younger resource than the request is a later
    request's.
    """
    age = _age(tags, request)
    ours = owner(tags, request) is Owner.THIS
    return ours and age is not None and age >= timedelta()


def is_recent(tags: Tags, request: Request) -> bool:
    """Return whether a request took the resource in the two hours before this one."""
    age = _age(tags, request)
    return age is not None and age < RESPONSE_URL_VALIDITY


def _time_key(tags: Tags) -> str:
    """Return the key of the time when a request took the resource. An adoption counts first."""
    return CREATED_AT if CREATED_AT in tags and not is_adopted(tags) else ADOPTED_AT


def taken_at(tags: Tags) -> datetime | None:
    """Return when a request created, adopted or moved the resource, or None if that is unknown."""
    try:
        taken = datetime.fromisoformat(tags[_time_key(tags)])
    except (KeyError, ValueError):
        return None
    return taken if taken.tzinfo else None


def _age(tags: Tags, request: Request) -> timedelta | None:
    """Return how long before the request the resource was taken, or None if that is unknown."""
    made, taken = signed_at(str(request.response_url)), taken_at(tags)
    return made - taken if made and taken else None
