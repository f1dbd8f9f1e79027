"""What is to be done: pure comparisons of what is desired with what is observed.

The comparison is with what is observed, so an update also heals what was changed by hand, and a
rollback is just another update. What others may change rightfully is compared three ways, with what
the previous template said as well: tags, members, and how traffic is split.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from connect_provider.ownership import MARKERS

Tags = Mapping[str, str]
Members = frozenset[str]


@dataclass(frozen=True)
class Observed:
    """A resource as it is.

    state: its properties, in the same canonical form as the desired ones.
    attributes: what Fn::GetAtt returns.
    members: the ids of what belongs to it, where somebody asked for them.
    """

    arn: str
    state: Mapping[str, Any]
    tags: Tags
    attributes: Mapping[str, str]
    members: Members = frozenset()


class Action(Enum):
    """What a plan does to the resource."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True)
class Plan:
    """An action, the names of the properties that made it necessary, and what they come to."""

    action: Action
    changed: tuple[str, ...] = ()
    tag: Tags = field(default_factory=dict)
    untag: frozenset[str] = frozenset()
    join: Members = frozenset()
    leave: Members = frozenset()


def plan(
    desired: Mapping[str, Any],
    observed: Observed,
    create_only: frozenset[str],
    *,
    tags: tuple[Tags, Tags] = ({}, {}),
    members: tuple[Members, Members] = (frozenset(), frozenset()),
) -> Plan:
    """Return what makes the observed resource the desired one.

    tags, members: what the template says, and what the previous one said. Of the live ones, only
    those go that the previous template had, and as it had them: the others are somebody else's.
    """
    changed = tuple(name for name, value in desired.items() if observed.state[name] != value)
    if create_only.intersection(changed):
        return Plan(Action.REPLACE, changed)
    wanted, previous = tags
    tag = {key: value for key, value in wanted.items() if observed.tags.get(key) != value}
    untag = frozenset(
        key
        for key in previous.keys() - wanted.keys() - MARKERS
        if observed.tags.get(key) == previous[key]
    )
    wanted_members, previous_members = members
    join = wanted_members - observed.members
    leave = (previous_members - wanted_members) & observed.members
    changed += ("Tags",) if tag or untag else ()
    changed += ("members",) if join or leave else ()
    return Plan(
        Action.UPDATE if changed else Action.NONE, changed, tag, untag, join=join, leave=leave
    )


class Shift(Enum):
    """What an update does to one config of a traffic distribution."""

    NONE = "it is as the template says, or the template does not say"
    LEFT = "somebody else changed it, and the template did not"
    APPLIED = "the template changed it"
    CONTESTED = "the template changed it, and so did somebody else"


def plan_shift(desired: object, previous: object, live: object) -> Shift:
    """Compare a config three ways. None: the template, or Connect, does not have it.

    Operators shift traffic during an incident, outside CloudFormation. Only a template that changes
    a config touches it.
    """
    if desired is None or desired == live:
        return Shift.NONE
    if desired == previous:
        return Shift.LEFT
    return Shift.APPLIED if previous in (None, live) else Shift.CONTESTED
