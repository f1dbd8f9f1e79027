"""A manual traffic change during an incident: no request undoes it silently.

These tests cover rollbacks without ROLLBACK in the stack's status, requests without a previous
template, and old states of Connect and of the stack.
"""

from datetime import timedelta
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import FakeTime, Sink, load_event, reversed_update
from tests.support.requests import deliver
from tests.support.timeline import Timeline
from tests.support.traffic import (
    by_hand,
    evacuate_by_hand,
    is_evacuated,
    live,
    move_in_the_console,
    percentages,
    template,
)

pytestmark = pytest.mark.no_cover

EVACUATED = "us-east-1=0,us-west-2=100"  # the operator's split


def update_to(sink: Sink, group: dict[str, Any], east: int, west: int) -> dict[str, Any]:
    """Return the Update of a template from 100/0 to another split of calls."""
    target = {"TrafficDistributionGroupId": group["Arn"]}
    return load_event(
        "traffic_distribution_update",
        sink,
        PhysicalResourceId=group["Arn"],
        ResourceProperties={**target, "TelephonyConfig": percentages(east, west)},
        OldResourceProperties={**target, "TelephonyConfig": percentages(100, 0)},
    )


def fail_alone(stacks: Stacks, clock: FakeTime, update: dict[str, Any], status: str) -> None:
    """Let CloudFormation roll back a single resource, as `--disable-rollback` does."""
    logical_id = update["LogicalResourceId"]
    now = clock.time()
    stacks.status = status
    stacks.events = [
        (logical_id, "UPDATE_IN_PROGRESS", now),
        (logical_id, "UPDATE_FAILED", now - 2),
        (logical_id, "UPDATE_IN_PROGRESS", now - 10),
        ("", "UPDATE_IN_PROGRESS", now - 15),
    ]


@pytest.mark.parametrize(
    "status",
    [
        "UPDATE_IN_PROGRESS",
        "UPDATE_FAILED",
    ],
)
@pytest.mark.parametrize("stack_name", ["contact-centre", "SalesTraffic"])
def test_a_reversal_without_rollback_leaves_a_manual_change(
    stack_name: str,
    status: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    group: dict[str, Any],
) -> None:
    """The failed update never changed the traffic, so there is nothing to undo.

    The stack may have the name of its resource.
    """
    by_hand(group, 0, 100)
    update = update_to(sink, group, 30, 70)
    update["StackId"] = update["StackId"].replace("contact-centre", stack_name)
    connect.fault("UpdateTrafficDistribution", "AccessDeniedException")
    assert deliver(update, sink)["Reason"].startswith("AccessDenied: ")
    assert live(group) == (0, 100)
    clock.sleep(10)
    fail_alone(stacks, clock, update, status)
    deliver(reversed_update(update, sink), sink)
    assert live(group) == (0, 100)


def test_a_reversal_without_rollback_leaves_a_manual_change_however_many_events_follow(
    sink: Sink, stacks: Stacks, clock: FakeTime, group: dict[str, Any]
) -> None:
    """The failure of the update is on the third page of events."""
    by_hand(group, 0, 100)
    clock.sleep(600)
    update = update_to(sink, group, 30, 70)
    fail_alone(stacks, clock, update, "UPDATE_IN_PROGRESS")
    begun, *failed = stacks.events
    others = [(f"Other{n}", "UPDATE_COMPLETE", clock.time()) for n in range(250)]
    stacks.events = [begun, *others, *failed]
    deliver(reversed_update(update, sink), sink)
    assert live(group) == (0, 100)


def test_a_reversal_without_rollback_restores_what_the_failed_update_changed(
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    group: dict[str, Any],
) -> None:
    """The failed template is live: Connect made the change, and the update failed afterwards."""
    update = update_to(sink, group, 30, 70)
    connect.fault("GetTrafficDistribution", "AccessDeniedException", skip=1)
    assert deliver(update, sink)["Reason"].startswith("AccessDenied: ")
    assert live(group) == (30, 70)
    clock.sleep(10)
    fail_alone(stacks, clock, update, "UPDATE_IN_PROGRESS")
    assert deliver(reversed_update(update, sink), sink)["Status"] == "SUCCESS"
    assert live(group) == (100, 0)


def test_a_later_update_after_a_failed_one_changes_the_traffic(
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    group: dict[str, Any],
) -> None:
    """The failure belongs to the previous operation, so this Update is no reversal."""
    by_hand(group, 0, 100)
    update = update_to(sink, group, 30, 70)
    fail_alone(stacks, clock, update, "UPDATE_IN_PROGRESS")
    stacks.events = [
        (update["LogicalResourceId"], "UPDATE_IN_PROGRESS", clock.time() + 60),
        ("", "UPDATE_IN_PROGRESS", clock.time() + 55),
        ("", "UPDATE_FAILED", clock.time() + 1),
        *stacks.events,
    ]
    clock.sleep(60)
    assert deliver(update_to(sink, group, 30, 70), sink)["Status"] == "SUCCESS"
    assert live(group) == (30, 70)


def create_of(sink: Sink, group: dict[str, Any], policy: str) -> dict[str, Any]:
    """Return the Create of a renamed logical id that splits the group's traffic 60/40."""
    event = load_event(
        "traffic_distribution_create",
        sink,
        LogicalResourceId="Renamed",
        Properties={"TrafficDistributionGroupId": group["Arn"], "OutOfBandTraffic": policy},
    )
    event["ResourceProperties"].pop("AgentConfig", None)
    return event


def replacement_of(sink: Sink, group: dict[str, Any], policy: str) -> dict[str, Any]:
    """Return the Update that names another group than before, and splits its traffic 60/40."""
    properties = {
        "TrafficDistributionGroupId": group["Arn"],
        "TelephonyConfig": percentages(60, 40),
        "OutOfBandTraffic": policy,
    }
    event = update_to(sink, group, 60, 40)
    other = event["PhysicalResourceId"] + "-of-before"
    old = {**event["OldResourceProperties"], "TrafficDistributionGroupId": other}
    return event | {
        "PhysicalResourceId": other,
        "ResourceProperties": properties,
        "OldResourceProperties": old,
    }


WITHOUT_PREVIOUS = pytest.mark.parametrize(
    "request_of", [create_of, replacement_of], ids=["a Create", "a replacing Update"]
)


@WITHOUT_PREVIOUS
def test_fail_refuses_a_manual_change_without_a_previous_template(
    request_of: Any, connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The Reason shows both splits."""
    by_hand(group, 0, 100)
    response = deliver(request_of(sink, group, "Fail"), sink)
    assert response["Reason"].startswith("ResourceConflict: TelephonyConfig: ")
    assert EVACUATED in response["Reason"]
    assert "us-east-1=60,us-west-2=40" in response["Reason"]
    assert live(group) == (0, 100)
    assert "UpdateTrafficDistribution" not in connect.calls()


@WITHOUT_PREVIOUS
def test_fail_accepts_a_split_that_is_live_already(
    request_of: Any, connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """There is nothing to overwrite."""
    by_hand(group, 60, 40)
    response = deliver(request_of(sink, group, "Fail"), sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert "UpdateTrafficDistribution" not in connect.calls()


@WITHOUT_PREVIOUS
def test_overwrite_logs_the_split_that_it_overwrites(
    request_of: Any,
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The Reason or the log holds the operator's split, so somebody can restore it."""
    caplog.set_level("INFO")
    by_hand(group, 0, 100)
    response = deliver(request_of(sink, group, "Overwrite"), sink)
    assert (response["Status"], live(group)) == ("SUCCESS", (60, 40))
    assert EVACUATED in response["Reason"] + caplog.text


@pytest.fixture
def lagging(connect: ConnectEmulator, group: dict[str, Any]) -> None:
    """All traffic returned to the home Region just now. For 20 seconds, Connect hides that."""
    by_hand(group, 0, 100)
    connect.delay_visibility(Lag(20, least=20, missing=0, operations=("GetTrafficDistribution",)))
    by_hand(group, 100, 0)


@pytest.mark.usefixtures("lagging")
@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
def test_a_failover_is_not_a_no_op_while_connect_shows_the_split_of_before(
    policy: str, sink: Sink, group: dict[str, Any]
) -> None:
    """The home Region fails again, and Connect still shows the first evacuation."""
    update = update_to(sink, group, 0, 100)
    update["ResourceProperties"]["OutOfBandTraffic"] = policy
    assert deliver(update, sink)["Status"] == "SUCCESS"
    assert live(group) == (0, 100)


@pytest.mark.usefixtures("lagging")
def test_fail_does_not_refuse_the_split_of_before_as_a_manual_change(
    sink: Sink, group: dict[str, Any]
) -> None:
    """The previous template has been live again since the return."""
    update = update_to(sink, group, 30, 70)
    update["ResourceProperties"]["OutOfBandTraffic"] = "Fail"
    assert deliver(update, sink)["Status"] == "SUCCESS"
    assert live(group) == (30, 70)


def test_an_update_that_finds_the_previous_split_does_not_look_again(
    sink: Sink, group: dict[str, Any], clock: FakeTime
) -> None:
    """An ordinary failover waits only until the group is ACTIVE again, a second later."""
    began = clock.passed
    assert deliver(update_to(sink, group, 0, 100), sink)["Status"] == "SUCCESS"
    assert clock.passed - began <= 1
    assert live(group) == (0, 100)


def test_an_update_that_records_a_manual_change_writes_nothing(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], clock: FakeTime
) -> None:
    """It looks for half a minute, because Connect may hide a later change."""
    by_hand(group, 0, 100)
    began = clock.passed
    assert deliver(update_to(sink, group, 0, 100), sink)["Status"] == "SUCCESS"
    assert 30 < clock.passed - began < 40
    assert "UpdateTrafficDistribution" not in connect.calls()


def test_a_rollback_ends_if_the_traffic_moves_right_after_its_write(
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    group: dict[str, Any],
    clock: FakeTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An operator moves it, or a run of the canceled update. The rollback keeps the live split."""
    back = reversed_update(update_to(sink, group, 30, 70), sink)
    by_hand(group, 30, 70)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    connect.delay_visibility(Lag(9, least=9, missing=0, operations=("GetTrafficDistribution",)))

    def move() -> None:
        by_hand(group, 0, 100)
        connect.delay_visibility(Lag(0))

    clock.meanwhile = lambda: setattr(clock, "meanwhile", move)  # when the write has its effect
    caplog.set_level("INFO")
    assert deliver(back, sink)["Status"] == "SUCCESS"
    assert connect.calls().count("UpdateTrafficDistribution") == 1
    assert live(group) == (0, 100)
    assert "the rollback keeps the live resource: TelephonyConfig: " in caplog.text


@pytest.mark.parametrize(("lag", "after"), [(0, 8.0), (5, 15.0)])
@pytest.mark.parametrize(
    ("failed", "fails_at", "error"),
    [
        *[(50, None, error) for error in ("InternalServiceException", "503", "drop")],
        *[(0, 60.0, error) for error in ("InternalServiceException", "503", "drop", "hang")],
    ],
)
def test_a_manual_change_after_a_write_stays_although_the_response_to_the_write_was_lost(
    error: str,
    lag: int,
    after: float,
    failed: int,
    fails_at: float | None,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """An operator evacuates a Region some seconds later. By then, the run has read its write back.

    It does not take that write for an update by somebody else, also if Connect shows it late. While
    a write hangs, the run reads nothing. LastFailoverTime then shows that somebody came later.
    """
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.shift_seconds = 3
    connect.delay_visibility(Lag(lag, seed=1))
    stack.timeline = timeline = Timeline()

    def evacuate() -> None:
        connect._settle()
        by_hand(group, 0, 100)

    def lose_the_response() -> None:
        connect.fault("UpdateTrafficDistribution", error, after=True)
        timeline.start(evacuate, after=after)

    if fails_at is None:
        lose_the_response()
    else:
        stack.heal = lose_the_response
    complete: list[bool] = []
    weather = Weather(fails_at=fails_at)
    timeline.start(lambda: complete.append(stack.deploy(template(failed), weather)))
    timeline.run()
    assert complete == [fails_at is None]
    assert live(group) == (0, 100)


@pytest.mark.parametrize("lag", [0.0, 3.0, 15.0, 29.0])
def test_a_rollback_leaves_a_manual_change_while_the_status_of_the_stack_lags(
    lag: float, stack: Stack, sink: Sink, group: dict[str, Any], clock: FakeTime
) -> None:
    """An operator evacuates a Region right after the update's response. Then a sibling fails."""
    assert stack.deploy(template(60))
    clock.sleep(600)

    def evacuate(_: str) -> None:
        sink.watch = None
        by_hand(group, 0, 100)

    sink.watch = evacuate
    assert not stack.deploy(template(30), Weather(fails_at=5.0, status_lag=lag))
    assert live(group) == (0, 100)


@pytest.mark.parametrize("age", [0, 45])
@pytest.mark.parametrize("policy", [{}, {"OutOfBandTraffic": "Fail"}])
def test_a_continued_rollback_leaves_a_manual_change(
    policy: dict[str, str], age: int, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """The status may still be that of the failed rollback. Its continuation sends the Update."""
    by_hand(group, 0, 100)
    stacks.status = "UPDATE_ROLLBACK_FAILED"
    stacks.request_type, stacks.resource_status = "Update", "UPDATE_IN_PROGRESS"
    back = reversed_update(update_to(sink, group, 30, 70), sink)
    back["ResponseURL"] = sink.url(timedelta(seconds=age))
    back["ResourceProperties"] |= {**policy, "Revision": "1"}
    back["OldResourceProperties"] |= {**policy, "Revision": "2"}
    assert deliver(back, sink)["Status"] == "SUCCESS"
    assert live(group) == (0, 100)


@pytest.mark.parametrize("fails_at", [5.0, 20.0])
@pytest.mark.parametrize("busy", [20, 45, 120])
@pytest.mark.parametrize(("shown_after", "missing"), [(0, 0), (10, 0), (25, 0), (20, 1)])
def test_a_rollback_restores_a_split_that_connect_is_still_changing(
    shown_after: int,
    missing: float,
    busy: int,
    fails_at: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The half minute in which Connect may show the old split counts from the end of the change.

    Connect may also miss the group then.
    """
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.shift_seconds = busy
    reads = ("GetTrafficDistribution",)
    lag = Lag(shown_after, least=shown_after, missing=missing, operations=reads)
    connect.delay_visibility(lag)
    assert not stack.deploy(template(0), Weather(fails_at=fails_at))
    clock.sleep(600)
    connect._settle()
    assert live(group) == (100, 0)


def test_an_update_is_not_taken_for_failed_while_connect_hides_it(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """For 10 seconds, the group still shows as ACTIVE. Meanwhile, a long read of the split begins.

    When it ends, the group has not been seen in the change yet.
    """
    connect.shift_seconds = 60
    describes = ("DescribeTrafficDistributionGroup",)
    connect.delay_visibility(Lag(10, least=10, missing=0, operations=describes))
    connect.fault("GetTrafficDistribution", "hang", skip=1, times=2)
    response = deliver(update_to(sink, group, 0, 100), sink)
    assert (response["Status"], live(group)) == ("SUCCESS", (0, 100)), response["Reason"]


@pytest.mark.parametrize("status_lag", [0.0, 3.0, 15.0])
@pytest.mark.parametrize("change", ["AgentConfig", "CrossRegionRouting", "the group"])
def test_a_rollback_leaves_an_evacuation_that_the_failed_update_did_not_touch(
    change: str,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The failed update removed a property, or named another group. The rollback adds it again.

    The status of the stack does not show the rollback yet.
    """
    other = connect.add_group(connect.instances[scene.INSTANCE_ID], "two", "", {})
    connect.keep_in(other, "ACTIVE")
    first = {
        "TrafficDistributionGroupId": group["Arn"],
        "TelephonyConfig": percentages(100, 0),
        "AgentConfig": percentages(100, 0),
        "CrossRegionRouting": "Enabled",
    }
    second = {name: value for name, value in first.items() if name != change}
    if change == "the group":
        second["TrafficDistributionGroupId"] = other["Arn"]
        del second["CrossRegionRouting"]
    assert stack.deploy({"Traffic": ("Custom::ConnectTrafficDistribution", first)})
    clock.sleep(600)
    evacuate_by_hand(connect)
    weather = Weather(fails_at=60.0, status_lag=status_lag)
    assert not stack.deploy({"Traffic": ("Custom::ConnectTrafficDistribution", second)}, weather)
    assert is_evacuated(connect)


@pytest.mark.parametrize("status_lag", [0.0, 3.0, 15.0])
def test_a_rollback_keeps_an_isolation_before_the_stack_shows_the_rollback(
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
) -> None:
    """An update isolates the Regions. An operator moves the traffic, and then a sibling fails."""
    assert stack.deploy(template(100, CrossRegionRouting="Enabled"))
    stack.heal = lambda: by_hand(group, 0, 100)
    isolates = template(100, CrossRegionRouting="Isolated")
    assert not stack.deploy(isolates, Weather(fails_at=60.0, status_lag=status_lag))
    assert live(group) == (0, 100)
    assert connect.instances[scene.INSTANCE_ID].isolated


@pytest.mark.parametrize("fails_at", [5.0, 20.0])
@pytest.mark.parametrize("busy", [0, 10])
def test_an_update_that_looks_again_writes_nothing_after_its_rollback(
    busy: int,
    fails_at: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """It records a manual change, so it looks for half a minute. Meanwhile, its stack rolls back.

    When it goes on, the split of the previous template is live. It must not count as the rollback.
    """
    connect.shift_seconds = busy
    assert stack.deploy(template(50))
    clock.sleep(600)
    by_hand(group, 0, 100)
    connect.journal.clear()
    assert not stack.deploy(template(0), Weather(fails_at=fails_at))
    connect._settle()
    assert connect.calls().count("UpdateTrafficDistribution") == 1
    assert live(group) == (50, 50)


def test_a_rollback_ends_although_connect_refuses_it_with_conflicts(
    connect: ConnectEmulator, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """They never end. The rollback keeps the live split after two minutes."""
    assert stack.deploy(template(100))
    began = clock.passed
    stack.heal = lambda: connect.fault(
        "UpdateTrafficDistribution", "ResourceConflictException", times=999
    )
    assert not stack.deploy(template(0), Weather(fails_at=10.0))
    assert live(group) == (0, 100)
    assert clock.passed - began < 180


def test_endless_conflicts_refuse_an_update(
    connect: ConnectEmulator, stack: Stack, sink: Sink, clock: FakeTime
) -> None:
    """The Reason has Connect's words."""
    assert stack.deploy(template(100))
    connect.fault("UpdateTrafficDistribution", "ResourceConflictException", times=999)
    assert not stack.deploy(template(0))
    refused = next(each for each in sink.responses if each["Status"] == "FAILED")
    assert "ResourceConflictException" in refused["Reason"]


def both(calls: int, agents: int, **more: Any) -> Template:
    """Return a template with a split of the calls, and one of the agents."""
    return template(calls, AgentConfig=percentages(agents, 100 - agents), **more)


@pytest.mark.parametrize("fails_at", [None, 90.0], ids=["update", "rollback"])
@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
@pytest.mark.parametrize("lag", [5, 15, 25])
def test_a_write_that_only_moves_agents_does_not_repeat_an_old_split_of_the_calls(
    lag: int, policy: str, fails_at: float | None, connect: ConnectEmulator, stack: Stack
) -> None:
    """An operator has just evacuated the calls. The API requires a split of the calls.

    A rollback leaves everything, because the operator moved traffic after the update.
    """
    group = connect.default_group(scene.INSTANCE_ID)
    assert stack.deploy(both(100, 100, OutOfBandTraffic=policy))
    connect.delay_visibility(Lag(lag, least=lag, missing=0))
    stack.heal = lambda: by_hand(group, 0, 100)
    if fails_at is None:
        stack.heal()
    stack.deploy(both(100, 0, OutOfBandTraffic=policy), Weather(fails_at=fails_at))
    assert live(group) == (0, 100)
    assert live(group, "AgentConfig") == (0, 100)


@pytest.mark.parametrize("lag", [10, 15])
@pytest.mark.parametrize(
    ("first", "second", "busy", "missing"),
    [
        pytest.param(both(0, 100), both(100, 0), 2, 0, id="agents second"),
        pytest.param(both(0, 100), both(100, 0), 10, 0, id="agents during the change"),
        pytest.param(both(0, 100), both(50, 100, OutOfBandTraffic="Fail"), 10, 0, id="Fail second"),
        pytest.param(both(100, 0), both(0, 100), 45, 1, id="failover second"),
    ],
)
def test_a_failover_stays_although_another_stack_updates_the_group_at_the_same_time(
    first: Template,
    second: Template,
    busy: int,
    missing: float,
    lag: int,
    connect: ConnectEmulator,
    stack: Stack,
) -> None:
    """Connect shows each split late, or misses the group after a change."""
    other, timeline = Stack(stack.sink, stack.stacks), Timeline()
    assert stack.deploy(both(100, 100))
    assert other.deploy(both(100, 100))
    stack.timeline = other.timeline = timeline
    connect.shift_seconds = busy
    reads = ("GetTrafficDistribution",)
    connect.delay_visibility(Lag(lag, least=lag, missing=missing, operations=reads))
    timeline.start(lambda: stack.deploy(first))
    timeline.start(lambda: other.deploy(second), after=4.0)
    timeline.run()
    assert live(connect.default_group(scene.INSTANCE_ID)) == (0, 100)


@pytest.mark.parametrize("first", ["503", "drop", "InternalServiceException"])
@pytest.mark.parametrize("rolls_back", [False, True])
def test_endless_conflicts_after_a_write_of_unknown_outcome_end_the_request_in_time(
    rolls_back: bool,  # noqa: FBT001
    first: str,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """The first write had no effect. So the conflicts are not its own."""
    assert stack.deploy(template(100))
    clock.sleep(600)

    def be_ill() -> None:
        connect.fault("UpdateTrafficDistribution", first)
        connect.fault("UpdateTrafficDistribution", "ResourceConflictException", times=9999)

    if rolls_back:
        stack.heal = be_ill
    else:
        be_ill()
    began = clock.passed
    assert not stack.deploy(template(0), Weather(fails_at=10.0 if rolls_back else None))
    assert clock.passed - began < 240


@pytest.mark.parametrize(
    "errors",
    [
        ["ThrottlingException"],
        ["InternalServiceException"],
        ["503"],
        ["drop"],
        ["503", "ResourceConflictException"],
        ["503", "503", "ResourceConflictException"],
    ],
    ids="-".join,
)
def test_a_failover_that_connect_never_accepts_says_so(
    errors: list[str], connect: ConnectEmulator, stack: Stack, sink: Sink
) -> None:
    """The group is ACTIVE all the time."""
    assert stack.deploy(template(100, ServiceTimeout="180"))
    for _ in range(999):
        for error in errors:
            connect.fault("UpdateTrafficDistribution", error)
    assert not stack.deploy(template(0, ServiceTimeout="180"))
    refused = next(each for each in sink.responses if each["Status"] == "FAILED")
    assert refused["Reason"].startswith("NotStabilized: Connect still ")


@pytest.mark.parametrize(("busy", "pause"), [(3, 20), (10, 15), (10, 25)])
def test_a_failed_write_is_repeated_although_somebody_moves_agents_in_steps(
    busy: int,
    pause: int,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The first write gets a 503, right before a step. The steps go on for ten minutes."""
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.shift_seconds = busy
    stack.timeline = timeline = Timeline()
    began, ended = clock.passed, []

    def step(west: int) -> None:
        move_in_the_console(connect, group, AgentConfig=(100 - west, west))

    for number in range(600 // pause):
        timeline.start(lambda west=number * 10 % 100: step(west), after=number * pause)
    connect.fault("UpdateTrafficDistribution", "503")

    def fail_over() -> None:
        assert stack.deploy(template(0))
        ended.append(clock.passed)

    timeline.start(fail_over, after=pause - 0.3)
    timeline.run()
    assert ended[0] - began < 150


@pytest.mark.parametrize("again", [False, True])
def test_rollback_stack_goes_back_behind_all_failed_updates(
    again: bool,  # noqa: FBT001
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    group: dict[str, Any],
) -> None:
    """With --disable-rollback, two updates fail due to a sibling. The first one moved the calls.

    again: the second one changes another property of the traffic distribution.
    """
    update, began = update_to(sink, group, 0, 100), clock.time()
    name = update["LogicalResourceId"]

    def failed(*, changes: bool) -> list[tuple[str, str, float]]:
        own = [(name, "UPDATE_COMPLETE", began + 2), (name, "UPDATE_IN_PROGRESS", began)]
        return [
            ("", "UPDATE_FAILED", began + 10),
            ("Sibling", "UPDATE_FAILED", began + 9),
            *(own if changes else []),
            ("", "UPDATE_IN_PROGRESS", began - 1),
        ]

    assert deliver(update, sink)["Status"] == "SUCCESS"
    stacks.events = failed(changes=True)
    clock.sleep(600)
    began = clock.time()
    stacks.events = [*failed(changes=again), *stacks.events]
    clock.sleep(600)
    began = clock.time()
    stacks.events = [
        (name, "UPDATE_IN_PROGRESS", began + 1),
        ("", "UPDATE_ROLLBACK_IN_PROGRESS", began),
        *stacks.events,
    ]
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    clock.sleep(1)
    back = reversed_update(update, sink)
    if again:
        back["OldResourceProperties"] |= {"OutOfBandTraffic": "Fail"}
    assert deliver(back, sink)["Status"] == "SUCCESS"
    assert live(group) == (100, 0)


@pytest.mark.parametrize("disable_rollback", [False, True])
@pytest.mark.parametrize(
    ("status_lag", "pause"), [(0.0, 1.0), (1.5, 1.0), (3.0, 2.0), (1.5, 3600.0)]
)
def test_a_refused_failover_is_repeated_as_soon_as_cloudformation_shows_the_new_operation(
    status_lag: float,
    pause: float,
    disable_rollback: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """It still shows the failure of the update, or its rollback."""
    assert stack.deploy(template(100))
    by_hand(group, 100, 0)
    clock.sleep(6000)
    connect.fault("UpdateTrafficDistribution", "AccessDeniedException", times=1)
    weather = Weather(status_lag=status_lag)
    assert not stack.deploy(template(0), weather, disable_rollback=disable_rollback)
    clock.sleep(pause)
    began = clock.passed
    assert stack.deploy(template(0), weather)
    assert live(group) == (0, 100)
    assert clock.passed - began < 2 * status_lag + 5


@pytest.mark.parametrize(
    ("status_lag", "fails_at", "pause"),
    [(10.0, 3.5, 0.0), (10.0, 6.0, 0.0), (20.0, 10.0, 0.0), (28.0, 20.0, 3.0), (28.0, 10.0, 10.0)],
)
def test_the_rollback_of_an_update_right_after_another_rollback_restores_the_split(
    status_lag: float,
    fails_at: float,
    pause: float,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """CloudFormation still shows the first rollback, which had nothing to do with the traffic."""
    assert stack.deploy(template(100))
    clock.sleep(600)
    unrelated = template(100, ServiceTimeout="3000")
    assert not stack.deploy(unrelated, Weather(fails_at=60.0, status_lag=status_lag))
    clock.sleep(pause)
    assert not stack.deploy(template(0), Weather(fails_at=fails_at, status_lag=status_lag))
    assert live(group) == (100, 0)


@pytest.mark.parametrize("rolls_back", [False, True])
@pytest.mark.parametrize("pause", [0.0, 3.0, 10.0])
@pytest.mark.parametrize("status_lag", [1.0, 3.0, 10.0])
def test_a_failover_right_after_another_operation_waits_until_its_own_one_shows(
    status_lag: float,
    pause: float,
    rolls_back: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The operation before was slow, or it rolled back. It had nothing to do with the traffic."""
    by_hand(group, 60, 40)
    assert stack.deploy(template(100))
    clock.sleep(600)
    other = template(100, ServiceTimeout="3000")
    connect.fault("DescribeTrafficDistributionGroup", "ThrottlingException", seconds=20)
    weather = Weather(fails_at=20.0 if rolls_back else None, status_lag=status_lag)
    assert stack.deploy(other, weather) is not rolls_back
    connect.faults.clear()
    clock.sleep(pause)
    began = clock.passed
    assert stack.deploy(template(0), Weather(status_lag=status_lag))
    assert live(group) == (0, 100)
    assert clock.passed - began < status_lag + 10


@pytest.mark.parametrize("status_lag", [0.0, 0.5, 3.0])
def test_a_failover_of_a_stack_whose_last_update_failed_waits_for_nothing(
    status_lag: float, stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """With --disable-rollback, the last update recorded a split, and a sibling failed long ago."""
    assert stack.deploy(template(50))
    by_hand(group, 100, 0)
    clock.sleep(6000)
    assert not stack.deploy(template(100), Weather(fails_at=60.0), disable_rollback=True)
    clock.sleep(3600)
    began = clock.passed
    assert stack.deploy(template(0), Weather(status_lag=status_lag))
    assert live(group) == (0, 100)
    assert clock.passed - began < 10


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize(("busy", "lag"), [(15, 20), (10, 28), (15, 28)])
def test_a_failover_that_connect_shows_late_succeeds(
    busy: int,
    lag: int,
    seed: int,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The group looks ACTIVE while Connect makes the change. So the lag begins later."""
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.shift_seconds = busy
    connect.delay_visibility(Lag(lag, missing=0, seed=seed))
    assert stack.deploy(template(0))
    clock.sleep(120)
    connect._settle()
    assert live(group) == (0, 100)
