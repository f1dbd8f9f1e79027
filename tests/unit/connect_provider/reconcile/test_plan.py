"""What a plan is, as a table."""

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
def test_the_action_follows_from_what_differs(
    change: dict[str, Any], action: Action, changed: tuple[str, ...]
) -> None:
    """Desired is compared with observed; a create-only difference replaces."""
    observed = Observation("arn", STATE, {}, {})
    steps = plan({**STATE, **change}, observed, frozenset({"InstanceId"}))
    assert (steps.action, steps.changed) == (action, changed)


ABSENT, SAME, CHANGED = None, "same", "changed"


@pytest.mark.parametrize("previous", [ABSENT, SAME, CHANGED])
@pytest.mark.parametrize("desired", [ABSENT, SAME, CHANGED])
@pytest.mark.parametrize("live", [ABSENT, SAME, CHANGED])
def test_a_tag_is_compared_three_ways(
    previous: str | None, desired: str | None, live: str | None
) -> None:
    """Set where the live one differs; removed only where the previous template had it."""

    def tags(value: str | None) -> dict[str, str]:
        return {} if value is None else {"k": value}

    observed = Observation("arn", {}, {**tags(live), **MARKERS}, {})
    steps = plan({}, observed, frozenset(), tags=(tags(desired), tags(previous)))
    assert steps.tag == (tags(desired) if desired != live else {})
    goes = desired is ABSENT and previous is not ABSENT and live == previous
    assert steps.untag == ({"k"} if goes else set())
    assert steps.action is (Action.UPDATE if steps.tag or goes else Action.NONE)


def test_markers_are_never_removed() -> None:
    """Not even where a previous template claims them."""
    observed = Observation("arn", {}, MARKERS, {})
    assert plan({}, observed, frozenset(), tags=({}, MARKERS)).action is Action.NONE


@pytest.mark.parametrize("previous", [False, True])
@pytest.mark.parametrize("desired", [False, True])
@pytest.mark.parametrize("live", [False, True])
def test_a_member_is_compared_three_ways(
    previous: bool,  # noqa: FBT001
    desired: bool,  # noqa: FBT001
    live: bool,  # noqa: FBT001
) -> None:
    """It joins where it is missing; it leaves only where the previous template had it."""

    def members(there: bool) -> frozenset[str]:  # noqa: FBT001
        return frozenset({"m"} if there else ())

    observed = Observation("arn", {}, {}, {}, members=members(live) | {"foreign"})
    steps = plan({}, observed, frozenset(), members=(members(desired), members(previous)))
    assert steps.add == members(desired and not live)
    assert steps.remove == members(previous and live and not desired)
