"""Decides what to do: pure comparisons of the desired state with the observed state.

The plan compares with the live resource. So an update also repairs drift, and a rollback is an
ordinary update. Tags and members may belong to others too: they are compared three ways, with the
previous template as the third side.

Connect may still show the state before the last change. So a change of the template is always
applied, whatever Connect shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from connect_provider.arn import resource_id
from connect_provider.ownership import MARKERS

Tags = Mapping[str, str]
MemberIds = frozenset[str]


class Status(Enum):
    """The state of a resource, for waiting."""

    READY = "it can be used, changed and deleted"
    BUSY = "Connect is creating or changing it"
    FAILED = "Connect could not create or delete it"
    DELETING = "Connect is deleting it"


@dataclass(frozen=True)
class Observation:
    """A live resource.

    state: its properties, in the form of the desired state.
    attributes: the values of Fn::GetAtt.
    members: the bare ids of its members, or empty if they were not listed.
    """

    arn: str
    state: Mapping[str, Any]
    tags: Tags
    attributes: Mapping[str, str]
    status: Status = Status.READY
    members: MemberIds = frozenset()

    @classmethod
    def of_missing(cls, physical_id: str) -> "Observation":
        """Return the observation of a resource that is gone: its ids are all that is left."""
        attributes = {"Arn": physical_id, "Id": resource_id(physical_id)}
        return cls(physical_id, {}, {}, attributes)


class Action(Enum):
    """The effect of a plan on the resource."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True)
class Plan:
    """An action, the names of the properties that require it, and the changes to make."""

    action: Action
    changed: tuple[str, ...] = ()
    tag: Tags = field(default_factory=dict)
    untag: frozenset[str] = frozenset()
    add: MemberIds = frozenset()
    remove: MemberIds = frozenset()


def plan(
    desired: Mapping[str, Any],
    observed: Observation,
    create_only: frozenset[str],
    *,
    previous: Mapping[str, Any],
    tags: tuple[Tags, Tags] = ({}, {}),
    members: tuple[MemberIds, MemberIds] = (frozenset(), frozenset()),
) -> Plan:
    """Return the plan that turns the observed resource into the desired one.

    previous: the state of the previous template for this very resource.
    tags, members: those of the template, and those of the previous template. A live tag or member
    goes only if the previous template had it, with the same value. Others belong to somebody else.
    """
    differs = _differing(desired, observed.state)
    if create_only.intersection(differs):
        return Plan(Action.REPLACE, differs)
    edited = frozenset(_differing(desired, previous)) - create_only
    changed = tuple(name for name in desired if name in edited.union(differs))
    tag, untag = _plan_tags(*tags, observed.tags)
    add, remove = _plan_members(*members, observed.members)
    changed += ("Tags",) if tag or untag else ()
    changed += ("members",) if add or remove else ()
    return Plan(Action.UPDATE if changed else Action.NONE, changed, tag, untag, add, remove)


def _differing(state: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the properties whose values differ."""
    return tuple(name for name, value in state.items() if other[name] != value)


def _plan_tags(wanted: Tags, previous: Tags, live: Tags) -> tuple[Tags, frozenset[str]]:
    """Return the tags to set, and the keys to remove."""
    tag = {
        key: value
        for key, value in wanted.items()
        if key in MARKERS or live.get(key) != value or previous.get(key) != value
    }
    gone = previous.keys() - wanted.keys() - MARKERS
    return tag, frozenset(key for key in gone if live.get(key, previous[key]) == previous[key])


def _plan_members(
    wanted: MemberIds, previous: MemberIds, live: MemberIds
) -> tuple[MemberIds, MemberIds]:
    """Return the members to add, and the members to remove."""
    return wanted - (live & previous), previous - wanted
