"""The decision on a traffic config, as a table."""

import pytest

from connect_provider.traffic_distribution.plan import Shift, plan_shift

ABSENT, SAME, CHANGED = None, "same", "changed"

SHIFTS = {
    # previous, desired, live
    (ABSENT, ABSENT, ABSENT): Shift.NONE,
    (ABSENT, ABSENT, SAME): Shift.NONE,
    (ABSENT, ABSENT, CHANGED): Shift.NONE,
    (ABSENT, SAME, ABSENT): Shift.APPLIED,
    (ABSENT, SAME, SAME): Shift.NONE,
    (ABSENT, SAME, CHANGED): Shift.APPLIED,
    (ABSENT, CHANGED, ABSENT): Shift.APPLIED,
    (ABSENT, CHANGED, SAME): Shift.APPLIED,
    (ABSENT, CHANGED, CHANGED): Shift.NONE,
    (SAME, ABSENT, ABSENT): Shift.NONE,
    (SAME, ABSENT, SAME): Shift.NONE,
    (SAME, ABSENT, CHANGED): Shift.NONE,
    (SAME, SAME, ABSENT): Shift.LEFT,
    (SAME, SAME, SAME): Shift.NONE,
    (SAME, SAME, CHANGED): Shift.LEFT,
    (SAME, CHANGED, ABSENT): Shift.CONTESTED,
    (SAME, CHANGED, SAME): Shift.APPLIED,
    (SAME, CHANGED, CHANGED): Shift.NONE,
    (CHANGED, ABSENT, ABSENT): Shift.NONE,
    (CHANGED, ABSENT, SAME): Shift.NONE,
    (CHANGED, ABSENT, CHANGED): Shift.NONE,
    (CHANGED, SAME, ABSENT): Shift.CONTESTED,
    (CHANGED, SAME, SAME): Shift.NONE,
    (CHANGED, SAME, CHANGED): Shift.APPLIED,
    (CHANGED, CHANGED, ABSENT): Shift.LEFT,
    (CHANGED, CHANGED, SAME): Shift.LEFT,
    (CHANGED, CHANGED, CHANGED): Shift.NONE,
    (SAME, CHANGED, "by hand"): Shift.CONTESTED,
}


@pytest.mark.parametrize("config", ["TelephonyConfig", "AgentConfig", "SignInConfig"])
@pytest.mark.parametrize(("values", "expected"), SHIFTS.items())
def test_a_config_is_compared_three_ways(
    config: str, values: tuple[str | None, ...], expected: Shift
) -> None:
    """An update touches a config only if the template changes it."""
    first: dict[str, object] = {"us-east-1": 100, "us-west-2": 0}
    second: dict[str, object] = {"us-east-1": 0, "us-west-2": 100}
    third: dict[str, object] = {"us-east-1": 50, "us-west-2": 50}
    if config == "SignInConfig":
        first, second, third = {"us-east-1": True}, {"us-east-1": False}, {"us-west-2": True}
    split = {ABSENT: None, SAME: first, CHANGED: second, "by hand": third}
    previous, desired, live = (split[value] for value in values)
    assert plan_shift(desired, previous, live) is expected


@pytest.mark.parametrize(("previous", "desired", "live"), SHIFTS)
def test_a_new_revision_applies_every_split_that_is_not_live(
    previous: str | None, desired: str | None, live: str | None
) -> None:
    """The previous template does not matter."""
    shift = plan_shift(desired, previous, live, revised=True)
    assert shift is (Shift.NONE if desired in (ABSENT, live) else Shift.APPLIED)
