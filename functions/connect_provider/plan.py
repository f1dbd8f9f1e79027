"""What is to be done: a pure comparison of what is desired with what is observed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from connect_provider.ownership import MARKERS


@dataclass(frozen=True)
class Observed:
    """A resource as it is.

    state: its properties, in the same canonical form as the desired ones.
    attributes: what Fn::GetAtt returns.
    """

    arn: str
    state: Mapping[str, Any]
    tags: Mapping[str, str]
    attributes: Mapping[str, str]


class Action(Enum):
    """What a plan does to the resource."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True)
class Plan:
    """An action, the names of the properties that made it necessary, and the tags to change."""

    action: Action
    changed: tuple[str, ...] = ()
    tag: Mapping[str, str] = field(default_factory=dict)
    untag: frozenset[str] = frozenset()


def plan(
    desired: Mapping[str, Any],
    tags: Mapping[str, str],
    previous_tags: Mapping[str, str],
    observed: Observed | None,
    create_only: frozenset[str],
) -> Plan:
    """Return what makes the observed resource the desired one.

    The comparison is with what is observed, so an update also heals what was changed by hand, and
    a rollback is just another update. Tags are compared three ways: of the live ones, only those
    that the previous template had are removed, since the others are somebody else's.
    """
    if observed is None:
        return Plan(Action.CREATE)
    changed = tuple(name for name, value in desired.items() if observed.state[name] != value)
    if create_only.intersection(changed):
        return Plan(Action.REPLACE, changed)
    tag = {key: value for key, value in tags.items() if observed.tags.get(key) != value}
    untag = frozenset(previous_tags).difference(tags, MARKERS).intersection(observed.tags)
    if tag or untag:
        changed += ("Tags",)
    return Plan(Action.UPDATE if changed else Action.NONE, changed, tag, untag)
