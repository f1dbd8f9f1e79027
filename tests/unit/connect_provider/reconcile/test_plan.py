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
    steps = plan({**STATE, **change}, observed, frozenset({"InstanceId"}))
    assert (steps.action, steps.changed) == (action, changed)


ABSENT, SAME, CHANGED = None, "same", "changed"


@pytest.mark.parametrize("previous", [ABSENT, SAME, CHANGED])
@pytest.mark.parametrize("desired", [ABSENT, SAME, CHANGED])
@pytest.mark.parametrize("live", [ABSENT, SAME, CHANGED])
def test_a_tag_is_compared_three_ways(
    previous: str | None, desired: str | None, live: str | None
) -> None:
    """A tag is set if its live value differs. Only a tag of the previous template is removed."""

    def tags(value: str | None) -> dict[str, str]:
        return {} if value is None else {"k": value}

    observed = Observation("arn", {}, {**tags(live), **MARKERS}, {})
    steps = plan({}, observed, frozenset(), tags=(tags(desired), tags(previous)))
    assert steps.tag == (tags(desired) if desired != live else {})
    goes = desired is ABSENT and previous is not ABSENT and live == previous
    assert steps.untag == ({"k"} if goes else set())
    assert steps.action is (Action.UPDATE if steps.tag or goes else Action.NONE)


def test_markers_are_never_removed() -> None:
    """They stay even if a previous template claims them."""
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
    """A missing member is added. Only a member of the previous template is removed."""

    def members(there: bool) -> frozenset[str]:  # noqa: FBT001
        return frozenset({"m"} if there else ())

    observed = Observation("arn", {}, {}, {}, members=members(live) | {"foreign"})
    steps = plan({}, observed, frozenset(), members=(members(desired), members(previous)))
    assert steps.add == members(desired and not live)
    assert steps.remove == members(previous and live and not desired)
