"""An update or its rollback never moves contacts into a Region that an operator has evacuated."""

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import FakeTime, Sink, handler_of, response_to
from tests.support.histories import DESK, FLOW
from tests.support.timeline import Timeline
from tests.support.traffic import (
    EAST,
    WEST,
    by_hand,
    live,
    move_in_the_console,
    percentages,
    split,
    template,
)

pytestmark = pytest.mark.no_cover

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/contact-center/1"


def send(
    sink: Sink, properties: dict[str, Any], old: dict[str, Any] | None = None, arn: str = ""
) -> dict[str, Any]:
    """Send a Create, or an Update with the old properties; return the response."""
    event = {
        "RequestType": "Update" if old else "Create",
        "RequestId": str(uuid.uuid4()),
        "StackId": STACK_ID,
        "ResponseURL": sink.url(),
        "ResourceType": "Custom::ConnectTrafficDistribution",
        "LogicalResourceId": "Traffic",
        "ResourceProperties": properties,
    }
    if old:
        event |= {"OldResourceProperties": old, "PhysicalResourceId": arn}
    return response_to(handler_of(event), event, sink)


def evacuate(connect: ConnectEmulator, group: dict[str, Any], clock: FakeTime) -> None:
    """Let the home Region fail, and an operator move all calls to the other one."""
    clock.sleep(600)
    by_hand(group, 0, 100)
    connect.regions_off = {EAST}


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"CrossRegionRouting": "Isolated"}, id="isolated"),
        pytest.param({"OutOfBandTraffic": "Fail"}, id="another property"),
    ],
)
def test_an_update_after_a_manual_evacuation_needs_nothing_from_the_failed_region(
    changed: dict[str, str],
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The template still has the split of before. The routing follows the live one."""
    routed = {"CrossRegionRouting": "Enabled"}
    assert stack.deploy(template(60, **routed))
    evacuate(connect, group, clock)
    assert stack.deploy(template(60, **(routed | changed)))
    assert live(group) == (0, 100)
    assert connect.instances[scene.INSTANCE_ID].isolated == ("CrossRegionRouting" in changed)


def test_a_refusal_after_a_manual_evacuation_ends_in_a_complete_rollback(
    connect: ConnectEmulator, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """The stack accepts the next failover. Neither request writes anything."""
    declared = {"OutOfBandTraffic": "Fail", "CrossRegionRouting": "Enabled"}
    assert stack.deploy(template(60, **declared))
    evacuate(connect, group, clock)
    connect.journal.clear()
    assert not stack.deploy(template(30, **declared))
    assert live(group) == (0, 100)
    assert not [call for call in connect.calls() if call.startswith("Update")]


def test_the_routing_is_read_in_the_other_region_if_the_one_with_the_traffic_is_down(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The update changes nothing in Connect, and the attribute still shows the routing."""
    assert stack.deploy(template(60, CrossRegionRouting="Enabled"))
    clock.sleep(600)
    connect.regions_off = {EAST}
    assert stack.deploy(template(60, CrossRegionRouting="Enabled", OutOfBandTraffic="Fail"))
    assert stack.sink.responses[-1]["Data"]["CrossRegionRouting"] == "Enabled"


def test_an_isolation_is_written_while_connect_shows_the_one_of_before(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls returned to us-east-1, which fails again. Connect still shows the first isolation."""
    assert stack.deploy(template(100, CrossRegionRouting="Enabled"))
    clock.sleep(600)
    old = {"IsolatedRegions": [EAST, WEST]}
    monkeypatch.setattr(connect, "_get_cross_region_routing", lambda *_: old)
    assert stack.deploy(template(0, CrossRegionRouting="Isolated"))
    assert connect.instances[scene.INSTANCE_ID].isolated


def test_a_failover_isolates_the_regions_although_connect_does_not_show_the_routing(
    connect: ConnectEmulator, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """Each read of the routing fails. The template changed it, so no read decides."""
    assert stack.deploy(template(100, CrossRegionRouting="Enabled"))
    clock.sleep(600)
    connect.fault("GetCrossRegionRouting", "503", times=99999)
    began = clock.passed
    assert stack.deploy(template(0, CrossRegionRouting="Isolated"))
    assert connect.instances[scene.INSTANCE_ID].isolated
    assert live(group) == (0, 100)
    assert clock.passed - began < 30


def test_the_rollback_of_a_refused_update_keeps_a_manual_isolation(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """`Fail` refused the update, so it changed nothing that a rollback could undo."""
    instance = connect.instances[scene.INSTANCE_ID]
    old = split(60, CrossRegionRouting="Enabled", OutOfBandTraffic="Fail")
    new = split(50, CrossRegionRouting="Isolated", OutOfBandTraffic="Fail")
    send(sink, split(60, CrossRegionRouting="Enabled"))
    by_hand(group, 0, 100)
    instance.isolated = True
    assert send(sink, new, old, group["Arn"])["Status"] == "FAILED"
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert send(sink, old, new, group["Arn"])["Status"] == "SUCCESS"
    assert (live(group), instance.isolated) == ((0, 100), True)


def test_a_rollback_that_keeps_the_traffic_keeps_the_isolation(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """An operator finished the evacuation before the stack began to roll back."""
    old = split(100, CrossRegionRouting="Enabled")
    new = split(20, CrossRegionRouting="Isolated")
    send(sink, old)
    send(sink, new, old, group["Arn"])
    by_hand(group, 0, 100)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert send(sink, old, new, group["Arn"])["Status"] == "SUCCESS"
    assert (live(group), connect.instances[scene.INSTANCE_ID].isolated) == ((0, 100), True)


def test_a_rollback_that_returns_the_traffic_ends_the_isolation(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """The failed update made both changes, so its rollback undoes both."""
    old = split(100, CrossRegionRouting="Enabled")
    new = split(20, CrossRegionRouting="Isolated")
    send(sink, old)
    send(sink, new, old, group["Arn"])
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert send(sink, old, new, group["Arn"])["Status"] == "SUCCESS"
    assert (live(group), connect.instances[scene.INSTANCE_ID].isolated) == ((100, 0), False)


def test_an_isolation_stays_after_a_refused_retry(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any], clock: FakeTime
) -> None:
    """An operator moves the traffic between the isolation and the write. A later update ends it."""
    instance = connect.instances[scene.INSTANCE_ID]
    old = split(100, CrossRegionRouting="Enabled", OutOfBandTraffic="Fail")
    new = split(20, CrossRegionRouting="Isolated", OutOfBandTraffic="Fail")
    send(sink, old)
    connect.fault("UpdateTrafficDistribution", "ThrottlingException")
    clock.meanwhile = lambda: by_hand(group, 0, 100)
    assert send(sink, new, old, group["Arn"])["Status"] == "FAILED"
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert send(sink, old, new, group["Arn"])["Status"] == "SUCCESS"
    assert (live(group), instance.isolated) == ((0, 100), True)
    stacks.status = "UPDATE_IN_PROGRESS"
    isolated = {**old, "CrossRegionRouting": "Isolated"}
    for now, before in ((isolated, old), (old, isolated)):
        assert send(sink, now, before, group["Arn"])["Status"] == "SUCCESS"
    assert (live(group), instance.isolated) == ((0, 100), False)


def test_a_template_that_adds_the_routing_ends_a_manual_isolation(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """`Fail` protects the splits only; see docs/failover.md."""
    old = split(100, OutOfBandTraffic="Fail")
    send(sink, old)
    connect.instances[scene.INSTANCE_ID].isolated = True
    new = {**old, "CrossRegionRouting": "Enabled"}
    assert send(sink, new, old, group["Arn"])["Status"] == "SUCCESS"
    assert not connect.instances[scene.INSTANCE_ID].isolated


@pytest.mark.parametrize(
    "changed", [{"AgentConfig": percentages(0, 100)}, {"CrossRegionRouting": "Isolated"}]
)
def test_an_update_after_a_manual_evacuation_makes_no_call_to_the_failed_region(
    changed: dict[str, Any],
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That Region may hang. The stack is in the other one, and its template has the old split."""
    monkeypatch.setenv("AWS_REGION", WEST)
    before = {"AgentConfig": percentages(100, 0), "CrossRegionRouting": "Enabled"}
    assert stack.deploy(template(100, **before))
    by_hand(group, 0, 100)
    connect.journal.clear()
    assert stack.deploy(template(100, **(before | changed)))
    assert {call.region for call in connect.journal} == {WEST}


@pytest.mark.parametrize("status_lag", [0.0, 1.5, 15.0, 29.0])
@pytest.mark.parametrize(
    ("refused", "added", "fails_at"),
    [
        *[("", {}, seconds) for seconds in (2.5, 4.0, 8.0, 15.0, 29.0, 60.0, 300.0)],
        ("GetCrossRegionRouting", {"CrossRegionRouting": "Isolated"}, None),
        ("UpdateCrossRegionRouting", {"CrossRegionRouting": "Isolated"}, None),
    ],
)
def test_a_rollback_leaves_an_evacuation_that_the_failed_update_only_recorded(
    refused: str,
    added: dict[str, str],
    fails_at: float | None,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """LastFailoverTime is before the update. The previous split is live, as in a failover.

    If CloudFormation shows the rollback late, the first request of the resource tells.
    """
    assert stack.deploy(template(100))
    by_hand(group, 0, 100)
    clock.sleep(600)
    if refused:
        connect.fault(refused, "InvalidRequestException", times=1000)
    weather = Weather(fails_at=fails_at, status_lag=status_lag)
    assert not stack.deploy(template(0, **added), weather)
    assert live(group) == (0, 100)


@pytest.mark.parametrize("status_lag", [0.0, 1.5, 15.0, 29.0])
@pytest.mark.parametrize("pause", [1.0, 20.0, 60.0, 3600.0])
def test_the_rollback_of_a_nested_stack_leaves_an_evacuation_that_it_only_recorded(
    pause: float, status_lag: float, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """It is complete, and its clean-up waits. Then another resource of its parent fails."""
    assert stack.deploy(template(100))
    by_hand(group, 0, 100)
    clock.sleep(600)
    weather = Weather(parent_fails_after=pause, status_lag=status_lag)
    assert not stack.deploy(template(0), weather)
    assert live(group) == (0, 100)


@pytest.mark.parametrize(
    ("error", "fails_at", "after"),
    [
        ("AccessDeniedException", None, 15.0),
        ("InvalidRequestException", None, 60.0),  # it is repeated for half a minute
        ("ThrottlingException", 6.0, 180.0),
    ],
)
def test_a_late_rollback_leaves_an_evacuation_that_came_after_a_failed_update(
    error: str,
    fails_at: float | None,
    after: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """Connect refuses the failover, or throttles it. So operators evacuate the Region by hand.

    Another resource holds the rollback up for minutes.
    """
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.fault("UpdateTrafficDistribution", error, seconds=60)
    stack.timeline = timeline = Timeline()
    timeline.start(lambda: by_hand(group, 0, 100), after=after)
    weather = Weather(rollback_after=300.0, fails_at=fails_at)
    timeline.start(lambda: stack.deploy(template(0), weather))
    timeline.run()
    assert live(group) == (0, 100)


def test_a_later_rollback_leaves_an_evacuation_that_came_after_a_refused_update(
    connect: ConnectEmulator, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """With --disable-rollback, a failover is refused. The next update records the evacuation."""
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.fault("UpdateTrafficDistribution", "AccessDeniedException")
    assert not stack.deploy(template(0), disable_rollback=True)
    clock.sleep(300)
    by_hand(group, 0, 100)
    clock.sleep(1200)
    assert not stack.deploy(template(0), Weather(fails_at=90.0))
    assert live(group) == (0, 100)


@pytest.mark.parametrize("status_lag", [0.0, 3.0, 15.0])
def test_a_rollback_leaves_a_recorded_isolation(
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """Operators have moved the calls and isolated the Regions. The update records both."""
    instance = connect.instances[scene.INSTANCE_ID]
    assert stack.deploy(template(100, CrossRegionRouting="Enabled"))
    by_hand(group, 0, 100)
    instance.isolated = True
    clock.sleep(600)
    weather = Weather(fails_at=60.0, status_lag=status_lag)
    assert not stack.deploy(template(0, CrossRegionRouting="Isolated"), weather)
    assert live(group) == (0, 100)
    assert instance.isolated


@pytest.mark.parametrize(
    ("operation", "number"), [("DescribeStacks", 1), ("DescribeStackEvents", 2)]
)
def test_one_throttled_question_of_a_rollback_does_not_undo_a_recorded_evacuation(
    operation: str,
    number: int,
    stack: Stack,
    stacks: Stacks,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """All functions of a stack ask at the beginning of a rollback."""
    asked: list[str] = []

    def throttles(name: str) -> bool:
        asked.append(name)
        return name == operation and asked.count(operation) == number

    assert stack.deploy(template(100))
    by_hand(group, 0, 100)
    clock.sleep(600)
    stack.heal = lambda: setattr(stacks, "throttles", throttles)
    assert not stack.deploy(template(0), Weather(fails_at=60.0))
    assert asked.count(operation) >= number
    assert live(group) == (0, 100)


@pytest.mark.parametrize("parent_fails", [False, True])
def test_a_late_rollback_of_a_large_stack_leaves_an_evacuation_that_it_only_recorded(
    parent_fails: bool,  # noqa: FBT001
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many pages of events follow the update's request. No page but the last one shows it."""
    monkeypatch.setattr("sandbox.cloudformation._EVENTS_PER_PAGE", 2)
    flow = {"InstanceId": scene.INSTANCE_ID, "QuickConnectConfig": FLOW}
    siblings = {f"Desk{each}": (DESK, {**flow, "Name": f"n{each}"}) for each in range(9)}
    assert stack.deploy(template(100))
    by_hand(group, 0, 100)
    clock.sleep(600)
    failure = {"parent_fails_after": 60.0} if parent_fails else {"fails_at": 60.0}
    weather = Weather(status_lag=5.0, **failure)
    assert not stack.deploy({**template(0), **siblings}, weather)
    assert live(group) == (0, 100)


@pytest.mark.parametrize("after", [2.0, 5.0, 8.0])
def test_an_update_looks_again_after_throttled_questions(
    after: float, stack: Stack, stacks: Stacks, group: dict[str, Any]
) -> None:
    """Operators evacuate a Region while CloudFormation throttles every question of the update."""
    declared = {"OutOfBandTraffic": "Fail"}
    assert stack.deploy(template(60, **declared))
    stacks.throttles = lambda _: True
    stack.heal = lambda: setattr(stacks, "throttles", lambda _: False)
    stack.timeline = timeline = Timeline()
    timeline.start(lambda: by_hand(group, 0, 100), after=after)
    timeline.start(lambda: stack.deploy(template(30, **declared)))
    timeline.run()
    assert live(group) == (0, 100)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
def test_a_rollback_that_is_throttled_at_first_does_not_undo_a_recorded_evacuation(
    seconds: float, stack: Stack, stacks: Stacks, group: dict[str, Any], clock: FakeTime
) -> None:
    """CloudFormation throttles every question of the first moments."""
    assert stack.deploy(template(100))
    by_hand(group, 0, 100)
    clock.sleep(600)

    def heal() -> None:
        ends = clock.passed + 1.0 + seconds
        stacks.throttles = lambda _: clock.passed < ends

    stack.heal = heal
    assert not stack.deploy(template(0), Weather(fails_at=60.0))
    assert live(group) == (0, 100)


@pytest.mark.parametrize(("manual", "requested"), [(300.0, 600.0), (40.0, 100.0), (10.0, 20.0)])
def test_a_rollback_leaves_an_evacuation_of_its_operation_that_came_before_the_update(
    manual: float, requested: float, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """The stack is large, so its operation begins long before the update of the traffic."""
    flow = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
    desk = {"InstanceId": scene.INSTANCE_ID, "Name": "Desk", "QuickConnectConfig": flow}
    assert stack.deploy(template(100))
    clock.sleep(3600)
    stack.timeline = Timeline()
    stack.timeline.start(lambda: by_hand(group, 0, 100), after=manual)
    weather = Weather(spacing=requested, fails_at=requested + 300)
    after = {"Desk": ("Custom::ConnectQuickConnect", desk), **template(0)}
    stack.timeline.start(lambda: stack.deploy(after, weather))
    stack.timeline.run()
    assert live(group) == (0, 100)


def test_a_rollback_leaves_everything_if_somebody_moved_agents_after_the_update(
    stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """The update only recorded an evacuation. LastFailoverTime is that of the agents."""
    assert stack.deploy(template(100))
    by_hand(group, 0, 100)
    clock.sleep(600)
    stack.timeline = Timeline()
    stack.timeline.start(lambda: by_hand(group, 50, 50, "AgentConfig"), after=60.0)
    stack.timeline.start(lambda: stack.deploy(template(0), Weather(fails_at=90.0)))
    stack.timeline.run()
    assert live(group) == (0, 100)
    assert live(group, "AgentConfig") == (50, 50)


def test_a_rollback_keeps_an_evacuation_that_came_before_its_repeated_run(
    stack: Stack, sink: Sink, group: dict[str, Any]
) -> None:
    """Its response did not arrive in four tries, so Lambda runs it again after a minute."""
    assert stack.deploy(template(100))
    stack.heal = lambda: setattr(sink, "replies", [503] * 4)

    def evacuate() -> None:
        assert live(group) == (100, 0)
        by_hand(group, 0, 100)

    stack.timeline = Timeline()
    stack.timeline.start(lambda: stack.deploy(template(0), Weather(fails_at=60.0)))
    stack.timeline.start(evacuate, after=90.0)
    stack.timeline.run()
    assert live(group) == (0, 100)


@pytest.mark.parametrize("back_after", [300.0, 1200.0])
@pytest.mark.parametrize(("calls", "agents"), [(90, 100), (90, 90), (100, 90)])
def test_an_update_that_a_failed_region_held_up_does_not_undo_a_later_failover(
    calls: int,
    agents: int,
    back_after: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """Each Region has a stack. The other one fails over while this one's Region is down."""
    other, done = Stack(stack.sink, stack.stacks), {}

    def shares(calls: int, agents: int) -> Template:
        configs = {
            "TelephonyConfig": percentages(calls, 100 - calls),
            "AgentConfig": percentages(agents, 100 - agents),
        }
        target = {"TrafficDistributionGroupId": group["Arn"]}
        return {"Traffic": ("Custom::ConnectTrafficDistribution", {**target, **configs})}

    assert stack.deploy(shares(100, 100))
    assert other.deploy(shares(100, 100))
    clock.sleep(3600)
    other.timeline = stack.timeline = Timeline()
    stack.timeline.start(lambda: connect.regions_off.add(EAST))
    stack.timeline.start(lambda: done.update(step=stack.deploy(shares(calls, agents))), after=1.0)
    stack.timeline.start(lambda: done.update(failover=other.deploy(shares(0, 0))), after=60.0)
    stack.timeline.start(connect.regions_off.clear, after=back_after)
    stack.timeline.run()
    assert done == {"step": False, "failover": True}
    assert (live(group), live(group, "AgentConfig")) == ((0, 100), (0, 100))
    reasons = [each["Reason"] for each in stack.sink.responses if each["Status"] == "FAILED"]
    assert "That is later than this request" in reasons[0]


@pytest.mark.parametrize("on_the_way", [None, 50], ids=["confirmed", "there and back"])
@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
def test_a_failback_that_a_failed_region_held_up_does_not_undo_a_later_evacuation(
    policy: str,
    on_the_way: int | None,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The Region fails again, and operators evacuate it again: the split is that of before."""
    connect.shift_seconds = 2
    declared = {"OutOfBandTraffic": policy}
    assert stack.deploy(template(0, **declared))
    clock.sleep(600)
    connect.regions_off = {EAST}
    stack.timeline = timeline = Timeline()

    def evacuate() -> None:
        if on_the_way is not None:
            move_in_the_console(connect, group, TelephonyConfig=(on_the_way, 100 - on_the_way))
            clock.sleep(60)
        move_in_the_console(connect, group, TelephonyConfig=(0, 100))

    timeline.start(lambda: stack.deploy(template(100, **declared)) and None)
    timeline.start(evacuate, after=300.0)
    timeline.start(lambda: connect.regions_off.clear(), after=600.0)
    timeline.run()
    connect._settle()
    assert live(group) == (0, 100)


def test_a_create_that_connect_held_up_does_not_undo_a_later_failover(
    connect: ConnectEmulator, stack: Stack, group: dict[str, Any]
) -> None:
    """It has no previous template, and cannot read the split in its first half minute."""
    connect.fault("GetTrafficDistribution", "503", seconds=300)
    stack.timeline = timeline = Timeline()
    timeline.start(lambda: stack.deploy(template(100)) and None)
    timeline.start(lambda: by_hand(group, 0, 100), after=120.0)
    timeline.run()
    assert live(group) == (0, 100)


@pytest.mark.parametrize("shift_seconds", [0, 5])
@pytest.mark.parametrize("steps", [[], [10.0], [10.0, 32.0], [10.0, 28.0, 46.0, 64.0]])
def test_a_failover_overwrites_an_earlier_manual_change_while_an_operator_moves_agents(
    steps: list[float],
    shift_seconds: int,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """LastFailoverTime is later than the request, but the calls have not moved since."""
    assert stack.deploy(template(100))
    by_hand(group, 90, 10)
    clock.sleep(3600)
    connect.shift_seconds = shift_seconds
    stack.timeline = Timeline()
    for number, after in enumerate(steps):
        agents = (90 - 10 * number, 10 + 10 * number)
        step = partial(move_in_the_console, connect, group, AgentConfig=agents)
        stack.timeline.start(step, after=after)
    done: list[bool] = []
    stack.timeline.start(lambda: done.append(stack.deploy(template(0))))
    stack.timeline.run()
    connect._settle()
    assert (done, live(group)) == ([True], (0, 100))


def test_the_routing_goes_back_with_the_calls_although_agents_were_moved_by_hand(
    connect: ConnectEmulator, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """The update does not change the agents, so their split says nothing about the rollback."""
    agents = {"AgentConfig": percentages(100, 0)}
    assert stack.deploy(template(100, CrossRegionRouting="Enabled", **agents))
    by_hand(group, 30, 70, "AgentConfig")
    clock.sleep(6000)
    after = template(0, CrossRegionRouting="Isolated", **agents)
    assert not stack.deploy(after, Weather(fails_at=60.0))
    assert live(group) == (100, 0)
    assert not connect.instances[scene.INSTANCE_ID].isolated


@pytest.mark.parametrize("routed", [False, True])
def test_a_failover_from_the_stack_of_the_failed_region_makes_no_call_to_that_region(
    *, routed: bool, connect: ConnectEmulator, stack: Stack
) -> None:
    """Connect may hang there, while CloudFormation and Lambda still work."""
    before, after = ({"CrossRegionRouting": way} for way in ("Enabled", "Isolated"))
    assert stack.deploy(template(100, **(before if routed else {})))
    connect.journal.clear()
    assert stack.deploy(template(0, **(after if routed else {})))
    assert {call.region for call in connect.journal} == {WEST}


@pytest.mark.parametrize("follow", [False, True], ids=["", "agents follow"])
@pytest.mark.parametrize(
    ("busy", "pause", "lag"), [(5, 25, 0), (10, 40, 0), (15, 50, 8), (15, 60, 15)]
)
def test_a_failover_moves_the_calls_while_an_operator_moves_agents_in_steps(
    *,
    follow: bool,
    busy: int,
    pause: int,
    lag: int,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The steps go on for five minutes, and Connect may show each one late.

    They neither prolong the wait for the calls nor fail it with conflicts.
    """

    def declared(east: int) -> Template:
        agents = {"AgentConfig": percentages(east, 100 - east)}
        return template(east, **(agents if follow else {}))

    assert stack.deploy(declared(100))
    connect.shift_seconds = busy
    connect.delay_visibility(Lag(lag, least=lag, missing=0))
    stack.timeline = timeline = Timeline()

    def step(west: int) -> None:
        move_in_the_console(connect, group, AgentConfig=(100 - west, west))

    for number in range(300 // pause):
        timeline.start(lambda west=number * 10 % 100: step(west), after=number * pause)
    ended: list[float] = []

    def fail_over() -> None:
        assert stack.deploy(declared(0))
        ended.append(clock.passed)

    began = clock.passed
    timeline.start(fail_over, after=1.0)
    timeline.run()
    assert live(group) == (0, 100)
    assert ended[0] - began < 150


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("error", ["InternalServiceException", "503", "drop"])
def test_a_failover_repeats_a_failed_write_within_seconds(
    error: str, times: int, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The write had no effect, and the previous split is still live."""
    assert stack.deploy(template(100))
    connect.regions_off = {EAST}
    connect.fault("UpdateTrafficDistribution", error, times=times)
    began = clock.passed
    assert stack.deploy(template(0))
    assert clock.passed - began < 15


@pytest.mark.parametrize("damage", [{"ServiceTimeout": "120"}, {"Unknown": "key"}])
def test_a_new_revision_after_an_invalid_template_applies_the_split(
    damage: dict[str, str], connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """An older provider may have accepted the previous template."""
    send(sink, split(100))
    by_hand(group, 0, 100)
    old, new = split(100, Revision="1", **damage), split(100, Revision="2")
    assert send(sink, new, old, group["Arn"])["Status"] == "SUCCESS"
    assert live(group) == (100, 0)


@pytest.mark.parametrize("damage", [{"AgentConfig": percentages(50, 40)}, {"Unknown": "key"}])
def test_an_update_after_an_invalid_template_keeps_an_evacuation(
    damage: dict[str, Any],
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
) -> None:
    """The valid configs of the invalid template still count as the previous ones."""
    old = split(100)
    send(sink, old)
    by_hand(group, 0, 100)
    fixed = {**old, "AgentConfig": percentages(50, 50)}
    assert send(sink, fixed, {**old, **damage}, group["Arn"])["Status"] == "SUCCESS"
    assert live(group) == (0, 100)


@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
@pytest.mark.parametrize("declared", [False, True], ids=["", "agents in the template"])
def test_a_held_up_failback_does_not_undo_a_later_evacuation_of_calls_and_agents(
    policy: str,
    *,
    declared: bool,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The agents go the other way, so they do not follow the calls of the template."""
    connect.shift_seconds = 2
    agents = {"AgentConfig": percentages(100, 0)} if declared else {}
    assert stack.deploy(template(0, OutOfBandTraffic=policy, **agents))
    clock.sleep(600)
    connect.regions_off = {EAST}
    stack.timeline = timeline = Timeline()
    moved = {"TelephonyConfig": (0, 100), "AgentConfig": (0, 100)}
    timeline.start(lambda: move_in_the_console(connect, group, **moved), after=300.0)
    timeline.start(lambda: connect.regions_off.clear(), after=600.0)
    after = template(100, OutOfBandTraffic=policy, **agents)
    timeline.start(lambda: stack.deploy(after) and None)
    timeline.run()
    connect._settle()
    assert live(group) == (0, 100)


@pytest.mark.parametrize(
    ("seed", "steps", "busy", "lag", "missing"),
    [
        (5, [0, 40], 5, 8, 0.0),
        (5, [0, 35], 10, 20, 0.0),
        (6, range(0, 280, 40), 10, 15, 0.25),
        (8, range(0, 280, 40), 10, 15, 0.25),
    ],
)
def test_a_failover_does_not_take_a_step_of_agents_for_a_confirmation(
    seed: int,
    steps: Sequence[int],
    busy: int,
    lag: int,
    missing: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """Connect shows LastFailoverTime before the new split of the agents."""
    assert stack.deploy(template(100))
    clock.sleep(3600)
    connect.shift_seconds = busy
    connect.delay_visibility(Lag(lag, missing=missing, seed=seed))
    stack.timeline = timeline = Timeline()
    for number, after in enumerate(steps):
        agents = 90 - 10 * number, 10 + 10 * number
        step = partial(move_in_the_console, connect, group, AgentConfig=agents)
        timeline.start(step, after=float(after))
    done: list[bool] = []
    timeline.start(lambda: done.append(stack.deploy(template(0))), after=1.0)
    timeline.run()
    connect._settle()
    assert (done, live(group)) == ([True], (0, 100))


@pytest.mark.parametrize("fails_at", [None, 100.0])
def test_an_isolation_does_not_need_the_failed_region(
    fails_at: float | None,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stack is in the other Region, and all calls are still in the failed one."""
    monkeypatch.setenv("AWS_REGION", WEST)
    assert stack.deploy(template(100, CrossRegionRouting="Enabled"))
    clock.sleep(3600)
    connect.regions_off = {EAST}
    stack.heal = lambda: None
    isolated = template(100, CrossRegionRouting="Isolated")
    complete = stack.deploy(isolated, Weather(fails_at=fails_at))
    assert complete == (fails_at is None)
    assert connect.instances[scene.INSTANCE_ID].isolated == complete
