"""A late run during the stack's next operation writes nothing.

tests/proofs/test_superseded.py has the runs that are late for the end of their own operation.
"""

from typing import Any

import pytest

from connect_provider.edge.response import DeliveryError
from connect_provider.errors import NotStabilized, Throttling
from connect_provider.quick_connect.app import lambda_handler as quick_connects
from connect_provider.traffic_distribution_group.app import lambda_handler as groups
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from sandbox.http_server import HttpResponse
from tests.support.cloudformation import Stack, Weather
from tests.support.harness import (
    Context,
    FakeTime,
    Handler,
    Sink,
    created,
    handler_of,
    load_event,
    response_to,
    reversed_update,
)
from tests.support.histories import FLOW
from tests.support.scenarios import scenario_of, state_of
from tests.support.timeline import Timeline
from tests.support.traffic import (
    EAST,
    WEST,
    evacuate_by_hand,
    is_evacuated,
    percentages,
    template,
)


def run_throttled(
    handler: Handler, event: dict[str, Any], connect: ConnectEmulator, operation: str
) -> None:
    """Run a request while Connect throttles every call of the operation."""
    connect.fault(operation, "ThrottlingException", times=10_000)
    try:
        handler(event, Context())
    finally:
        connect.faults.clear()


def xml(status: int, text: str) -> HttpResponse:
    return HttpResponse(status, text.encode(), {"Content-Type": "text/xml"})


@pytest.mark.parametrize("name", ["quick_connect", "traffic_distribution_group"])
def test_a_late_create_leaves_the_next_create_alone(
    name: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The first was throttled and cancelled; a later update of the stack adds the resource."""
    first = load_event(f"{name}_create", sink)
    handler = handler_of(first)
    with pytest.raises(Throttling):
        run_throttled(handler, first, connect, "*")
    clock.sleep(60)
    second = load_event(f"{name}_create", sink, RequestId="second")
    stacks.since = clock.time()
    handler(first, Context())
    assert "no longer waits" in sink.responses[-1]["Reason"]
    assert response_to(handler, second, sink)["Status"] == "SUCCESS"


def test_a_late_update_leaves_the_next_update_alone(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """It was rolled back, and the stack now updates the same resource again."""
    arn = created(load_event("quick_connect_create", sink), sink)
    stale = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    with pytest.raises(Throttling):
        run_throttled(quick_connects, stale, connect, "UpdateQuickConnectName")
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response_to(quick_connects, reversed_update(stale, sink), sink)
    before = state_of(connect)
    clock.sleep(60)
    stacks.status, stacks.since = "UPDATE_IN_PROGRESS", clock.time()
    quick_connects(stale, Context())
    assert state_of(connect) == before


def test_a_status_from_before_the_request_does_not_stop_it(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """CloudFormation may still show the end of the previous operation."""
    update = scenario_of("update a quick connect").prepare(connect, sink)
    stacks.status, stacks.since = "UPDATE_COMPLETE", clock.time() - 60
    clock.sleep(10)
    assert response_to(quick_connects, update, sink)["Status"] == "SUCCESS"


def test_a_late_traffic_update_changes_nothing_during_the_next_update(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """It was rolled back, and the next update of the stack does not touch the traffic."""
    event = scenario_of("shift traffic").prepare(connect, sink)
    with pytest.raises(NotStabilized):
        run_throttled(groups, event, connect, "UpdateTrafficDistribution")
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response_to(groups, reversed_update(event, sink), sink)
    before = state_of(connect)
    clock.sleep(60)
    stacks.status, stacks.resource_status = "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"
    groups(event, Context())
    assert state_of(connect) == before


def test_the_traffic_of_a_stack_in_deletion_stays(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """An operator deleted the stack during its creation."""
    event = scenario_of("split traffic").prepare(connect, sink)
    before = state_of(connect)
    clock.sleep(60)
    stacks.status = "DELETE_IN_PROGRESS"
    groups(event, Context())
    assert state_of(connect) == before


def test_a_late_create_leaves_what_a_rollback_may_go_back_to(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Lambda missed that its response arrived, and an update has replaced the resource."""
    create = load_event("quick_connect_create", sink)
    sink.replies = ["drop"] * 4
    with pytest.raises(DeliveryError):
        quick_connects(create, Context())
    arn = sink.responses[-1]["PhysicalResourceId"]
    stacks.physical_id = arn.rsplit("/", 1)[0] + "/the-replacement"
    stacks.status, stacks.resource_status = "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"
    clock.sleep(80)
    quick_connects(create, Context())
    assert arn in connect.quick_connects


def test_an_adoption_that_is_cancelled_midway_is_released(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """It has written its markers, and Connect throttles the rest."""
    adopt = scenario_of("adopt a quick connect").prepare(connect, sink)
    adopt["ResourceProperties"]["Description"] = "another"

    def cancel() -> None:
        clock.passed += 10
        stacks.status = "ROLLBACK_IN_PROGRESS"

    connect.fault("UpdateQuickConnectName", "ThrottlingException")
    clock.meanwhile = cancel
    quick_connects(adopt, Context())
    assert "no longer waits" in sink.responses[-1]["Reason"]
    (live,) = connect.quick_connects.values()
    assert {key for key in live["Tags"] if key.startswith("cfn:")} == {"cfn:adopted-at"}


def test_a_late_delete_does_not_release_what_was_adopted_again(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Lambda missed that its response arrived, and the stack has adopted the resource again."""
    arn = created(scenario_of("adopt a quick connect").prepare(connect, sink), sink)
    delete = load_event("quick_connect_delete", sink, PhysicalResourceId=arn)
    sink.replies = ["drop"] * 4
    with pytest.raises(DeliveryError):
        quick_connects(delete, Context())
    clock.sleep(30)
    assert created(load_event("quick_connect_create_adopt", sink, RequestId="again"), sink) == arn
    before = state_of(connect)
    clock.sleep(30)
    quick_connects(delete, Context())
    assert state_of(connect) == before


def test_an_update_that_is_retried_after_a_fault_asks_again(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """During the pause after a 500 the stack rolls back, with nothing to undo."""
    update = scenario_of("update a quick connect").prepare(connect, sink)
    update["ResourceProperties"]["Tags"] = {"team": "sales"}
    before = state_of(connect)
    clock.sleep(60)

    def roll_back() -> None:
        clock.passed += 20
        stacks.status = "UPDATE_ROLLBACK_COMPLETE"

    connect.fault("UpdateQuickConnectName", "InternalServiceException")
    clock.meanwhile = roll_back
    quick_connects(update, Context())
    assert state_of(connect) == before


def test_a_create_that_is_cancelled_while_it_settles_is_undone(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Its Delete found nothing, because Connect's list did not show the group yet."""
    create = load_event("traffic_distribution_group_create", sink)
    before = state_of(connect)
    connect.settle_seconds = 30
    clock.meanwhile = lambda: setattr(stacks, "status", "ROLLBACK_IN_PROGRESS")
    groups(create, Context())
    assert "no longer waits" in sink.responses[-1]["Reason"]
    assert state_of(connect) == before


def test_a_delete_that_cannot_ask_is_run_again(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """CloudFormation calls a throttle Throttling."""
    created(load_event("quick_connect_create", sink), sink)
    error = "<Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error>"
    stacks.reply = xml(400, f"<ErrorResponse>{error}</ErrorResponse>")
    delete = load_event("quick_connect_delete_after_cancelled_create", sink)
    with pytest.raises(Throttling):
        quick_connects(delete, Context())
    assert len(connect.quick_connects) == 1


@pytest.mark.parametrize("name", ["create a quick connect", "split traffic"])
@pytest.mark.parametrize(
    "response",
    [
        xml(200, "<DescribeStackResourceResponse></DescribeStackResourceResponse>"),
        xml(200, "<html>"),
        xml(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"),
    ],
    ids=["nothing", "garbage", "no permission"],
)
def test_a_request_that_cannot_ask_goes_on(
    response: HttpResponse,
    name: str,
    connect: ConnectEmulator,
    sink: Sink,
    clock: FakeTime,
    stacks: Stacks,
) -> None:
    """A failover must not depend on CloudFormation."""
    scenario = scenario_of(name)
    event = scenario.prepare(connect, sink)
    clock.sleep(10)
    stacks.reply = response
    assert response_to(scenario.handler, event, sink)["Status"] == "SUCCESS"


@pytest.mark.parametrize("pause", [1.0, 10.0, 15.0])
@pytest.mark.parametrize(
    "added",
    [
        {"Revision": "back"},
        {"AgentConfig": percentages(100, 0)},
        {"CrossRegionRouting": "Enabled"},
    ],
)
def test_a_canceled_update_that_has_waited_writes_nothing_in_the_next_operation(
    added: dict[str, Any], pause: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """After an evacuation by hand, it waits for half a minute. Meanwhile, its stack rolls back.

    The next operation updates the same resource, and leaves the evacuation.
    """
    places = [{"Region": EAST, "Enabled": "false"}, {"Region": WEST, "Enabled": "true"}]
    moves_sign_ins = template(100, SignInConfig={"Distributions": places})
    assert stack.deploy(template(100))
    evacuate_by_hand(connect)

    def deploy_twice() -> None:
        assert not stack.deploy(template(100, **added), Weather(fails_at=12.0))
        clock.sleep(pause)
        assert stack.deploy(moves_sign_ins)

    stack.timeline = Timeline()
    stack.timeline.start(deploy_twice)
    stack.timeline.run()
    assert is_evacuated(connect)


def twice(stack: Stack) -> None:
    """Let Lambda deliver the first request of a stack twice."""
    deliveries = iter([2])
    stack.deliveries = lambda: next(deliveries, 1)


DESK = {
    "InstanceId": scene.INSTANCE_ID,
    "Name": "n",
    "QuickConnectConfig": FLOW,
}


@pytest.mark.parametrize(
    ("lag", "status_lag"), [(8, 0.0), (8, 10.0), (15, 15.0), (20, 10.0), (20, 0.0)]
)
def test_a_create_that_is_delivered_twice_does_not_outlive_its_delete(
    lag: int, status_lag: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The second delivery finds the Name taken, and the list shows the quick connect late."""
    twice(stack)
    connect.delay_visibility(Lag(lag, least=lag, missing=0, operations=("ListQuickConnects",)))
    weather = Weather(fails_at=5.0, rollback_after=0.5, status_lag=status_lag)
    assert not stack.deploy({"Desk": ("Custom::ConnectQuickConnect", DESK)}, weather)
    clock.sleep(600)
    assert not connect.quick_connects


@pytest.mark.parametrize(("gap", "status_lag"), [(1.0, 10.0), (5.0, 10.0), (5.0, 0.0)])
def test_a_create_that_is_delivered_twice_makes_nothing_after_a_rename(
    gap: float, status_lag: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The rename makes the first Name free again."""
    twice(stack)
    connect.delay_visibility(Lag(8, least=8, missing=0, operations=("ListQuickConnects",)))

    def job() -> None:
        for properties in (DESK, {**DESK, "Name": "renamed"}):
            declared = {"Desk": ("Custom::ConnectQuickConnect", properties)}
            assert stack.deploy(declared, Weather(status_lag=status_lag))
            clock.sleep(gap)

    stack.timeline = Timeline()
    stack.timeline.start(job)
    stack.timeline.run()
    clock.sleep(600)
    assert [each["Name"] for each in connect.quick_connects.values()] == ["renamed"]
