"""What a plan is, as a table."""

from typing import Any

import pytest

from connect_provider.plan import Action, Observed, plan

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
    observed = Observed("arn", STATE, {}, {})
    steps = plan({**STATE, **change}, {}, {}, observed, frozenset({"InstanceId"}))
    assert (steps.action, steps.changed) == (action, changed)


def test_what_does_not_exist_is_created() -> None:
    """Observed is None."""
    assert plan(STATE, {"k": "v"}, {}, None, frozenset()).action is Action.CREATE


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

    observed = Observed("arn", {}, {**tags(live), **MARKERS}, {})
    steps = plan({}, tags(desired), tags(previous), observed, frozenset())
    assert steps.tag == (tags(desired) if desired != live else {})
    goes = desired is ABSENT and previous is not ABSENT and live is not ABSENT
    assert steps.untag == ({"k"} if goes else set())
    assert steps.action is (Action.UPDATE if steps.tag or goes else Action.NONE)


def test_markers_are_never_removed() -> None:
    """Not even where a previous template claims them."""
    observed = Observed("arn", {}, MARKERS, {})
    assert plan({}, {}, MARKERS, observed, frozenset()).action is Action.NONE
