"""Decides which splits an update changes: pure comparisons with the previous template and live.

Operators move traffic during an incident, outside CloudFormation. So only a template that changes a
config touches it.
"""

from collections.abc import Mapping
from enum import Enum

from connect_provider.arn import region, resource_id
from connect_provider.reconcile.plan import Observation
from connect_provider.traffic_distribution.model import (
    Splits,
    TrafficDistributionProperties,
    text_of,
)


class Shift(Enum):
    """The effect of an update on one config of a traffic distribution."""

    NONE = "the live split matches the template, or the template has none"
    LEFT = "somebody else changed the split, and the template did not"
    APPLIED = "the template changed the split"
    CONTESTED = "the template changed the split, and so did somebody else"


ACTED = (Shift.APPLIED, Shift.CONTESTED)


def plan_shift(desired: object, previous: object, live: object, *, revised: bool = False) -> Shift:
    """Compare a config three ways. None: the template, or Connect, does not have it.

    revised: a new Revision applies the template, even over a manual change.
    """
    if desired is None or desired == live:
        return Shift.NONE
    if revised:
        return Shift.APPLIED
    if desired == previous:
        return Shift.LEFT
    return Shift.APPLIED if previous in (None, live) else Shift.CONTESTED


def plan_shifts(
    desired: Splits, previous: Splits, live: Splits, *, revised: bool = False
) -> Mapping[str, Shift]:
    """Compare each config of the template."""
    return {
        name: plan_shift(split, previous.get(name), live.get(name), revised=revised)
        for name, split in desired.items()
    }


def may_be_old(
    desired: Splits, previous: Splits, live: Splits, *, revised: bool, updates: bool
) -> bool:
    """Return whether the live splits, or the stack's status, may be older than the last change.

    A template that changes a split normally finds the previous one. If the new one is live already,
    or a third one, Connect may show the state before a change. An update that adds a split may also
    be a rollback that the stack does not show yet. It must not overwrite a manual change. Each
    write has a split of the calls, so one that only moves agents must not repeat an old one. A
    rollback leaves everything, if a config that the failed template added has changed since.

    updates: whether the request is an Update. No Create is sent in a rollback.
    """
    changed = {
        name: split
        for name, split in desired.items()
        if (revised or split != previous.get(name)) and (updates or name in previous)
    }
    removed = {name: split for name, split in previous.items() if name not in desired}
    if changed and ("TelephonyConfig" not in changed or not is_live(removed, live)):
        return True
    return any(live.get(name) != previous.get(name, split) for name, split in changed.items())


def moves_calls(desired: Splits, previous: Splits, live: Splits) -> bool:
    """Return whether the template moves the calls, and they are where it had them before."""
    name = "TelephonyConfig"
    return desired.get(name) != previous.get(name) == live.get(name)


def moves_against(desired: Splits, before: Splits, live: Splits) -> bool:
    """Return whether somebody has moved agents or sign-ins out of a Region that gets more calls."""
    calls = "TelephonyConfig"
    gaining = [r for r, share in desired[calls].items() if share > before[calls].get(r, 0)]
    return any(
        split.get(region, 0) < before[name].get(region, 0)
        for name, split in live.items()
        for region in gaining
        if name != calls and name in before
    )


def names_of(shifts: Mapping[str, Shift], *wanted: Shift) -> list[str]:
    """Return the names of the configs with one of these shifts."""
    return [name for name, shift in shifts.items() if shift in wanted]


def names_group(properties: TrafficDistributionProperties, group: Observation) -> bool:
    """Return whether the properties name this group, by any of its names."""
    if properties.TrafficDistributionGroupId is not None:
        return resource_id(properties.TrafficDistributionGroupId) == group.attributes["Id"]
    instance = resource_id(group.attributes["InstanceArn"])
    is_default = group.attributes["IsDefault"] == "true"
    return is_default and resource_id(str(properties.InstanceId)) == instance


def was_applied(desired: Splits, failed: Splits, live: Splits) -> bool:
    """Return whether everything that a failed template changed is live.

    An update changes all its configs at once. If one differs, the update was not applied, or an
    operator has moved traffic since. The rollback must then undo none of them.
    """
    changed = {name: split for name, split in failed.items() if desired.get(name) != split}
    return is_live(changed, live)


def is_live(wanted: Splits, live: Splits) -> bool:
    """Return whether every wanted split is live."""
    return all(live.get(name) == split for name, split in wanted.items())


def is_pristine(name: str, group: Observation) -> bool:
    """Return whether a config is as in a new group (assumed).

    The home Region then takes all calls and agents, and agents can sign in to each Region.
    """
    live = group.state.get(name, {})
    if name == "SignInConfig":
        return all(live.values())
    return not live or bool(live.get(region(group.arn)) == 100)


def differences(wanted: Splits, live: Splits) -> str:
    """Return a text with each wanted split that is not live, and the live one."""
    return "; ".join(
        f"{name}: it should be {text_of(split)}, and Connect has {text_of(live.get(name, {}))}"
        for name, split in wanted.items()
        if live.get(name) != split
    )
