"""CloudFormation throttles the questions of a rollback. A missing response ends none.

All functions of a stack may ask at the same time, because each waits until its status is current.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.cloudformation import Declared, RollbackFailed, Stack, Weather
from tests.support.harness import FakeTime
from tests.support.histories import DESK, FLOW, GROUP
from tests.support.traffic import evacuate_by_hand, is_evacuated, percentages, template

pytestmark = pytest.mark.no_cover


def desk(instance_id: str, name: str = "n") -> Declared:
    """Return a quick connect in a template."""
    return DESK, {"InstanceId": instance_id, "Name": name, "QuickConnectConfig": FLOW}


def group(name: str) -> Declared:
    """Return a group in a template."""
    return GROUP, {"InstanceId": scene.INSTANCE_ID, "Name": name}


REPLACEMENTS = {
    "quick_connect": (desk(scene.OTHER_INSTANCE_ID), desk(scene.INSTANCE_ID)),
    "group": (group("g"), group("h")),
}
KINDS = pytest.mark.parametrize("kind", REPLACEMENTS)


def first(
    times: float, operation: str, clock: FakeTime, after: float = 30.0
) -> Callable[[str], bool]:
    """Return what throttles the next calls of an operation, from some seconds on."""
    begins, throttled = clock.passed + after, []

    def throttles(asked: str) -> bool:
        throttled.extend([asked] * (asked == operation and clock.passed > begins))
        return asked == operation and 0 < len(throttled) <= times

    return throttles


def at_random(seed: int) -> Callable[[str], bool]:
    """Return what throttles half of the calls."""
    rng = random.Random(seed)
    return lambda _operation: rng.random() < 0.5


def live(connect: ConnectEmulator) -> set[str]:
    """Return the ARNs of all quick connects and groups, except the default groups."""
    connect._settle()
    groups = {arn for arn, group in connect.groups.items() if not group["IsDefault"]}
    return {*connect.quick_connects, *groups}


@KINDS
@pytest.mark.parametrize("times", [1, 2, 3, 10])
def test_a_rollback_returns_to_the_replaced_resource_however_often_its_question_is_throttled(
    times: int, kind: str, connect: ConnectEmulator, stack: Stack, stacks: Stacks, clock: FakeTime
) -> None:
    """It asks again. If it kept the replacement, the clean-up would delete the old resource."""
    before, after = REPLACEMENTS[kind]
    assert stack.deploy({"It": before})
    old = stack.ids["It"]
    stack.heal = lambda: setattr(stacks, "throttles", first(times, "DescribeStacks", clock))
    assert not stack.deploy({"It": after}, Weather(fails_at=60.0))
    assert stack.ids["It"] == old
    assert live(connect) == {old}


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_reversal_returns_to_the_old_group_however_often_the_events_are_throttled(
    times: int, connect: ConnectEmulator, stack: Stack, stacks: Stacks, clock: FakeTime
) -> None:
    """With `--disable-rollback`, only the events show that the failed group goes back."""
    assert stack.deploy({"It": group("g")})
    old = stack.ids["It"]
    connect.creation_fails = True
    stack.heal = lambda: setattr(stacks, "throttles", first(times, "DescribeStackEvents", clock))
    assert not stack.deploy({"It": group("h")}, disable_rollback=True)
    assert stack.ids["It"] == old
    assert old in live(connect)


@KINDS
@pytest.mark.parametrize("seed", range(12))
def test_a_rollback_returns_to_the_replaced_resource_while_any_call_may_be_throttled(
    seed: int, kind: str, connect: ConnectEmulator, stack: Stack, stacks: Stacks
) -> None:
    """CloudFormation throttles half of the calls, of the update and of its rollback."""
    before, after = REPLACEMENTS[kind]
    assert stack.deploy({"It": before})
    old = stack.ids["It"]
    stacks.throttles = at_random(seed)
    assert not stack.deploy({"It": after}, Weather(fails_at=60.0))
    assert stack.ids["It"] == old
    assert live(connect) == {old}


@KINDS
def test_a_rollback_without_a_response_fails_and_deletes_nothing(
    kind: str, connect: ConnectEmulator, stack: Stack, stacks: Stacks, clock: FakeTime
) -> None:
    """After another half minute, the request counts as an update. An operator can continue."""
    before, after = REPLACEMENTS[kind]
    assert stack.deploy({"It": before})
    old = stack.ids["It"]
    began = clock.passed
    stacks.throttles = lambda _: clock.passed > began + 30
    with pytest.raises(RollbackFailed):
        stack.deploy({"It": after}, Weather(fails_at=60.0))
    assert old in live(connect)
    assert len(live(connect)) == 2


@pytest.mark.parametrize("times", [1, 2, 3, 10])
def test_a_rollback_whose_target_is_gone_ends_however_often_its_question_is_throttled(
    times: int, connect: ConnectEmulator, stack: Stack, stacks: Stacks, clock: FakeTime
) -> None:
    """The old flow is gone. The rollback keeps the live resource."""
    kind, properties = desk(scene.INSTANCE_ID)
    config = {
        "QuickConnectType": "FLOW",
        "FlowConfig": {"ContactFlowId": scene.OTHER_CONTACT_FLOW_ID},
    }
    assert stack.deploy({"It": (kind, {**properties, "QuickConnectConfig": config})})
    old = stack.ids["It"]

    def heal() -> None:
        connect.instances[scene.INSTANCE_ID].contact_flows.discard(scene.OTHER_CONTACT_FLOW_ID)
        stacks.throttles = first(times, "DescribeStacks", clock)

    stack.heal = heal
    assert not stack.deploy({"It": (kind, properties)}, Weather(fails_at=60.0))
    assert live(connect) == {old}


FAIL = {"OutOfBandTraffic": "Fail"}
ISOLATED, ENABLED = {"CrossRegionRouting": "Isolated"}, {"CrossRegionRouting": "Enabled"}
CHANGES = {
    "calls": (template(60), template(30)),
    "calls with Fail": (template(60, Revision="1", **FAIL), template(30, Revision="2", **FAIL)),
    "agents": (template(100, AgentConfig=percentages(100, 0)), template(100)),
    "routing": (template(100, **ENABLED), template(100, **ISOLATED)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_rollback_leaves_an_evacuation_however_often_its_question_is_throttled(
    times: int, change: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """An operator evacuates the Region after the update, and then a sibling fails."""
    before, after = CHANGES[change]
    assert stack.deploy(before)

    def heal() -> None:
        evacuate_by_hand(connect)
        stack.stacks.throttles = first(times, "DescribeStacks", clock)

    stack.heal = heal
    assert not stack.deploy(after, Weather(fails_at=60.0))
    assert is_evacuated(connect)


@pytest.mark.parametrize("operation", ["DescribeStacks", "DescribeStackEvents"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_reversal_leaves_an_evacuation_however_often_its_question_is_throttled(
    times: int, operation: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """With `--disable-rollback`, a failed update has moved calls. Then an operator moves all."""
    assert stack.deploy(template(60))
    stack.heal = lambda: evacuate_by_hand(connect)
    stack.stacks.throttles = first(times, operation, clock)
    connect.fault("GetTrafficDistribution", "AccessDeniedException", skip=1)
    assert not stack.deploy(template(30), disable_rollback=True)
    assert is_evacuated(connect)


def test_a_canceled_update_leaves_an_evacuation_although_both_its_questions_are_throttled(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """It waits for half a minute before it overwrites. Meanwhile, its stack rolls back."""
    assert stack.deploy(template(100))
    evacuate_by_hand(connect)
    questions = ("DescribeStackResource", "DescribeStacks")
    throttles = {operation: first(1, operation, clock) for operation in questions}
    stack.stacks.throttles = lambda asked: asked in throttles and throttles[asked](asked)
    assert not stack.deploy(template(100, Revision="back"), Weather(fails_at=12.0))
    assert is_evacuated(connect)


def test_a_canceled_update_asks_again_before_it_repeats_a_throttled_write(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Connect throttles its write for a minute. After 45 seconds, a sibling fails.

    The half minute of the update is over then, and one of its later questions is throttled.
    """
    assert stack.deploy(template(100))
    evacuate_by_hand(connect)
    connect.fault("UpdateTrafficDistribution", "ThrottlingException", seconds=60)
    stack.stacks.throttles = first(1, "DescribeStackResource", clock, after=40.0)
    assert not stack.deploy(template(100, Revision="back"), Weather(fails_at=45.0))
    assert is_evacuated(connect)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(
    "failed",
    [
        pytest.param({"AgentConfig": percentages(50, 50)}, id="other agents"),
        pytest.param({"Unknown": "key"}, id="refused for a property"),
        pytest.param({"ServiceTimeout": "120"}, id="refused for its timeout"),
    ],
)
def test_a_throttled_rollback_leaves_an_evacuation_whose_calls_the_failed_template_repeats(
    failed: dict[str, Any], times: int, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The failed template was refused, or an operator has moved its agents since.

    CloudFormation throttles the first questions of the rollback.
    """
    assert stack.deploy(template(100))
    stack.heal = lambda: evacuate_by_hand(connect)
    stack.stacks.throttles = first(times, "DescribeStacks", clock, after=60.0)
    assert not stack.deploy(template(0, **failed), Weather(fails_at=60.0))
    assert is_evacuated(connect)


def test_one_throttled_question_lets_no_canceled_create_outlive_its_delete(
    connect: ConnectEmulator, stack: Stack, stacks: Stacks, clock: FakeTime
) -> None:
    """Connect throttles the Create for 55 seconds. The stack has canceled it long before."""
    asked: list[str] = []

    def throttles(operation: str) -> bool:
        asked.append(operation)
        return len(asked) == 1

    stacks.throttles = throttles
    connect.fault("CreateQuickConnect", "ThrottlingException", seconds=55)
    stack.heal = lambda: None
    assert not stack.deploy({"Desk": desk(scene.INSTANCE_ID)}, Weather(fails_at=10.0))
    clock.sleep(600)
    assert not connect.quick_connects


@pytest.mark.parametrize("seed", range(4))
def test_a_throttled_rollback_of_a_large_stack_leaves_an_evacuation_that_it_only_recorded(
    seed: int,
    connect: ConnectEmulator,
    stack: Stack,
    stacks: Stacks,
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CloudFormation throttles a third of the calls. Each of the many pages of events needs one."""
    monkeypatch.setattr("sandbox.cloudformation._EVENTS_PER_PAGE", 2)
    assert stack.deploy(template(100))
    evacuate_by_hand(connect)
    clock.sleep(600)
    rng = random.Random(seed)
    stack.heal = lambda: setattr(stacks, "throttles", lambda _: rng.random() < 0.3)
    siblings = {f"Desk{number}": desk(scene.INSTANCE_ID, f"n{number}") for number in range(20)}
    assert not stack.deploy({**template(0), **siblings}, Weather(fails_at=60.0))
    assert is_evacuated(connect)
