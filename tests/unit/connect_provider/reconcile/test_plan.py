"""The plan, as a table."""

from typing import Any

import pytest

from connect_provider.reconcile.plan import Action, Observation, plan

STATE = {"InstanceId": "i", "Name": "n"}
MARKERS = {"cfn:stack-id": "s", "cfn:created-at": "t"}


@pytest.mark.parametrize(
    ("change", "action", "changed"),
    [
        pytest.param({}, Action.NONE, (), id="nothing differs"),
        pytest.param({"Name": "m"}, Action.UPDATE, ("Name",), id="what can be changed"),
        pytest.param({"InstanceId": "j"}, Action.REPLACE, ("InstanceId",), id="create-only"),
        pytest.param(
            {"InstanceId": "j", "Name": "m"}, Action.REPLACE, ("InstanceId", "Name"), id="both"
        ),
    ],
)
def test_the_action_follows_from_the_differences(
    change: dict[str, Any], action: Action, changed: tuple[str, ...]
) -> None:
    """The plan compares desired and observed state. A create-only difference means replacement."""
    observed = Observation("arn", STATE, {}, {})
    steps = plan({**STATE, **change}, observed, frozenset({"InstanceId"}), previous=STATE)
    assert (steps.action, steps.changed) == (action, changed)


def test_a_change_of_the_template_is_applied_although_connect_shows_it() -> None:
    """Connect may show the state before the last change. Create-only properties stay out."""
    observed = Observation("arn", STATE, {}, {})
    before = {"InstanceId": "j", "Name": "m"}
    steps = plan(STATE, observed, frozenset({"InstanceId"}), previous=before)
    assert (steps.action, steps.changed) == (Action.UPDATE, ("Name",))


ABSENT, SAME, CHANGED = None, "same", "changed"


@pytest.mark.parametrize("previous", [ABSENT, SAME, CHANGED])
@pytest.mark.parametrize("desired", [ABSENT, SAME, CHANGED])
@pytest.mark.parametrize("live", [ABSENT, SAME, CHANGED])
def test_a_tag_is_compared_three_ways(
    previous: str | None, desired: str | None, live: str | None
) -> None:
    """It is set where the live one or the previous one differs.

    It is removed if the previous template had it, unless the live one has another value.
    """

    def tags(value: str | None) -> dict[str, str]:
        return {} if value is None else {"k": value}

    observed = Observation("arn", {}, {**tags(live), **MARKERS}, {})
    steps = plan({}, observed, frozenset(), previous={}, tags=(tags(desired), tags(previous)))
    assert steps.tag == (tags(desired) if desired != live or desired != previous else {})
    goes = desired is ABSENT and previous is not ABSENT and live in (ABSENT, previous)
    assert steps.untag == ({"k"} if goes else set())
    assert steps.action is (Action.UPDATE if steps.tag or goes else Action.NONE)


def test_markers_are_never_removed() -> None:
    """They stay even if a previous template claims them."""
    observed = Observation("arn", {}, MARKERS, {})
    steps = plan({}, observed, frozenset(), previous={}, tags=({}, MARKERS))
    assert steps.action is Action.NONE


@pytest.mark.parametrize("previous", [False, True])
@pytest.mark.parametrize("desired", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_a_member_is_compared_three_ways(
    previous: bool,  # noqa: FBT001
    desired: bool,  # noqa: FBT001
    live: bool,  # noqa: FBT001
) -> None:
    """It joins if it is missing or the template adds it. It leaves if the template removes it."""

    def members(there: bool) -> frozenset[str]:  # noqa: FBT001
        return frozenset({"m"} if there else ())

    observed = Observation("arn", {}, {}, {}, members=members(live) | {"foreign"})
    both = members(desired), members(previous)
    steps = plan({}, observed, frozenset(), previous={}, members=both)
    assert steps.add == members(desired and not (live and previous))
    assert steps.remove == members(previous and not desired)
