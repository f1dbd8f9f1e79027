"""A superseded run writes nothing, and leaves nothing.

A sibling fails while a request waits for Connect, so the stack cancels the request and rolls back.
Or Lambda delivers or runs a request again after the stack has moved on.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest

from connect_provider.edge.response import DeliveryError
from connect_provider.errors import ServiceInternalError, Throttling
from connect_provider.quick_connect.app import lambda_handler as quick_connects
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.children import Zygote
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import (
    Context,
    FakeTime,
    Sink,
    created,
    handler_of,
    load_event,
    response_to,
    reversed_update,
)
from tests.support.requests import deliver, deliver_unheard, rolled_back
from tests.support.scenarios import OTHER_STACK, Scenario, scenario_of, state_of
from tests.support.traffic import live

CREATES = [
    Scenario("a quick connect", "quick_connect_create"),
    Scenario("a group", "traffic_distribution_group_create"),
]


def cancelling(
    scenario: Scenario, sink: Sink, stacks: Stacks, status: str, zygote: Zygote
) -> Callable[[], None]:
    """Return a function that runs the Delete while the create waits; it finds nothing."""

    def happens() -> None:
        FakeTime.current.passed += 5
        stacks.status = status
        delete = load_event(scenario.event.replace("create", "delete_after_cancelled_create"), sink)
        assert zygote.run([delete]) == [0]
        assert sink.responses[-1]["Status"] == "SUCCESS"

    return happens


@pytest.mark.parametrize("scenario", CREATES, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize(
    "status",
    [
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ],
)
def test_a_cancelled_create_leaves_nothing(
    scenario: Scenario,
    status: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    zygote: Zygote,
) -> None:
    """No other Delete will come, so the create removes its own resource."""
    create = scenario.prepare(connect, sink)
    before = state_of(connect)
    operation = "CreateQuickConnect" if "quick" in scenario.event else "CreateTrafficDistribution"
    operation += "" if "quick" in scenario.event else "Group"
    connect.settle_seconds = 10
    connect.fault(operation, "ThrottlingException")
    clock.meanwhile = cancelling(scenario, sink, stacks, status, zygote)
    scenario.handler(create, Context())
    response = sink.responses[-1]
    assert response["Status"] == "FAILED"
    assert response["Reason"] == "ResourceConflict: CloudFormation no longer waits for this request"
    assert response["PhysicalResourceId"].startswith("never-created-")
    assert connect.calls().count(operation) == 1
    assert state_of(connect) == before


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", 503])
@pytest.mark.parametrize("scenario", CREATES, ids=lambda scenario: scenario.name)
def test_a_slow_create_that_is_not_superseded_stays(
    scenario: Scenario,
    status: str | int,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """The stack goes on, or CloudFormation gives no status."""
    create = scenario.prepare(connect, sink)
    connect.fault("*", "ThrottlingException")
    stacks.status = status
    clock.meanwhile = lambda: clock.sleep(5)
    scenario.handler(create, Context())
    assert sink.responses[-1]["Status"] == "SUCCESS"


def test_a_create_without_delay_does_not_ask_cloudformation(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """No Delete can supersede it, so it does not call CloudFormation's API."""
    stacks.status = "ROLLBACK_IN_PROGRESS"
    CREATES[0].handler(CREATES[0].prepare(connect, sink), Context())
    assert sink.responses[-1]["Status"] == "SUCCESS"


def test_a_create_that_is_cancelled_during_its_call_is_undone(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """It was wanted just before. Connect throttles its own Delete, so the next run finishes it."""
    create = load_event("quick_connect_create", sink)
    clock.passed += 5

    def cancel(moment: str) -> None:
        stacks.status = "ROLLBACK_IN_PROGRESS"

    connect.watch = cancel
    connect.fault("DeleteQuickConnect", "ThrottlingException", times=10_000)
    with pytest.raises(Throttling):
        quick_connects(create, Context())
    assert connect.calls()[0] == "CreateQuickConnect"
    assert len(connect.quick_connects) == 1
    connect.faults.clear()
    clock.sleep(60)
    quick_connects(create, Context())
    assert connect.quick_connects == {}


@pytest.mark.parametrize("name", ["quick_connect_create", "traffic_distribution_group_create"])
@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_late_create_leaves_the_stacks_resource(
    name: str,
    status: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """A later update of the stack, of another resource, is or was rolled back."""
    create = load_event(name, sink)
    stacks.physical_id = created(create, sink)
    before = state_of(connect)
    clock.sleep(60)
    stacks.status = status
    handler_of(create)(create, Context())
    assert state_of(connect) == before


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_late_delete_of_a_made_up_id_deletes_nothing_newer(
    status: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The Delete is not about a resource that is younger than the Delete."""
    delete = load_event("quick_connect_delete_after_cancelled_create", sink)
    assert response_to(quick_connects, delete, sink)["Status"] == "SUCCESS"
    clock.sleep(120)
    arn = created(load_event("quick_connect_create", sink, RequestId="the next"), sink)
    clock.sleep(30)
    stacks.status = status
    quick_connects(delete, Context())
    assert arn in connect.quick_connects


def test_a_delete_of_a_made_up_id_keeps_the_stacks_resource(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """If CloudFormation gives no status, the Delete raises instead of guessing."""
    stacks.physical_id = created(load_event("quick_connect_create", sink), sink)
    delete = load_event("quick_connect_delete_after_cancelled_create", sink)
    stacks.status = 503
    with pytest.raises(ServiceInternalError):
        quick_connects(delete, Context())
    stacks.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert response_to(quick_connects, delete, sink)["Status"] == "SUCCESS"
    assert len(connect.quick_connects) == 1


def test_an_update_deletes_the_leftover_of_disable_rollback(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Its Create sent no response, so CloudFormation made up its id."""
    sink.replies = [503] * 4
    with pytest.raises(DeliveryError):
        quick_connects(load_event("quick_connect_create", sink), Context())
    clock.sleep(3600)
    stacks.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    delete = load_event("quick_connect_delete_after_cancelled_create", sink)
    response_to(quick_connects, delete, sink)
    assert connect.quick_connects == {}


UPDATES = [
    ("quick_connect_create", "quick_connect_update", "UpdateQuickConnectName"),
    ("quick_connect_create", "quick_connect_update_replacement", "CreateQuickConnect"),
    (
        "traffic_distribution_group_create_with_users",
        "traffic_distribution_group_update_users",
        "AssociateTrafficDistributionGroupUser",
    ),
]


@pytest.mark.parametrize(("create", "update", "throttled"), UPDATES)
def test_a_throttled_update_writes_nothing_after_its_rollback(
    create: str,
    update: str,
    throttled: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    zygote: Zygote,
) -> None:
    """The reversed Update has run already, so nothing would undo a later write."""
    event = load_event(create, sink)
    arn, handler = created(event, sink), handler_of(event)
    before = state_of(connect)
    old = {"OldResourceProperties": event["ResourceProperties"]}
    event = load_event(update, sink, PhysicalResourceId=arn, **old)
    earlier: list[str] = []

    def happens() -> None:
        clock.passed += 5
        stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert zygote.run([reversed_update(event, sink)]) == [0]
        assert sink.responses[-1]["Status"] == "SUCCESS"
        stacks.status = "UPDATE_ROLLBACK_COMPLETE"
        earlier.extend(connect.calls())

    connect.journal.clear()
    connect.fault(throttled, "ThrottlingException")
    clock.meanwhile = happens
    handler(event, Context())
    assert throttled not in connect.calls()[len(earlier) :]
    assert "no longer waits" in sink.responses[-1]["Reason"]
    assert state_of(connect) == before


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE"])
def test_an_update_that_runs_again_writes_nothing_after_the_rollback(
    status: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The first run raised, because Connect throttled it until its deadline."""
    arn = created(load_event("quick_connect_create", sink), sink)
    update = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    connect.fault("UpdateQuickConnectName", "ThrottlingException", times=10_000)
    with pytest.raises(Throttling):
        quick_connects(update, Context())
    connect.faults.clear()
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response_to(quick_connects, reversed_update(update, sink), sink)
    if status == "DELETE_COMPLETE":
        created(load_event("quick_connect_delete", sink, PhysicalResourceId=arn), sink)
    before = state_of(connect)
    stacks.status = status
    clock.sleep(60)
    quick_connects(update, Context())
    assert state_of(connect) == before


@pytest.mark.parametrize("since", ["update", "delete"])
@pytest.mark.parametrize("late", ["create", "update"])
def test_a_late_delivery_brings_nothing_back(
    late: str, since: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The stack has changed or removed the resource in the meantime."""
    events = {"create": load_event("quick_connect_create", sink)}
    arn = stacks.physical_id = created(events["create"], sink)
    events["update"] = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    created(events["update"], sink)
    kept = {"PhysicalResourceId": arn, "Properties": {"Description": "of the update after"}}
    created(load_event(f"quick_connect_{since}", sink, RequestId="after", **kept), sink)
    before = state_of(connect)
    clock.sleep(60)
    stacks.status = "UPDATE_COMPLETE"
    quick_connects(events[late], Context())
    assert state_of(connect) == before


@pytest.mark.parametrize("outdated", [{}, {"Queues": []}], ids=["valid", "outdated"])
@pytest.mark.parametrize("rollback_at", [5, 20, 45])
def test_a_replacement_that_settles_during_the_rollbacks_own_update_is_removed(
    rollback_at: float,
    outdated: dict[str, list[str]],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    zygote: Zygote,
) -> None:
    """The rollback goes back to the old group, and sends no Delete for the new one.

    outdated: properties of the previous template that the provider no longer knows. The rollback
    then keeps the old group, and looks for nothing.
    """
    create = load_event("traffic_distribution_group_create", sink)
    arn = stacks.physical_id = created(create, sink)
    before = state_of(connect)
    update = load_event("traffic_distribution_group_update_replacement", sink)
    update["PhysicalResourceId"] = arn

    def roll_back() -> None:
        clock.advance(rollback_at)
        stacks.status, stacks.since = "UPDATE_ROLLBACK_IN_PROGRESS", clock.time()
        stacks.events = [("", stacks.status, stacks.since)]
        back = reversed_update(update, sink)
        back["ResourceProperties"] = {**back["ResourceProperties"], **outdated}
        assert zygote.run([back]) == [0]
        assert sink.responses[-1]["Status"] == "SUCCESS"

    connect.settle_seconds = 60
    clock.meanwhile = roll_back
    handler_of(update)(update, Context())
    assert sink.responses[-1]["Status"] == "FAILED"
    assert state_of(connect) == before


REPLACEMENTS = ["quick_connect", "traffic_distribution_group"]


@pytest.mark.parametrize("kind", REPLACEMENTS)
def test_a_rollback_removes_the_replacement_whose_response_never_arrived(
    kind: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """CloudFormation knows the old id only, so it deletes nothing."""
    arn = stacks.physical_id = created(load_event(f"{kind}_create", sink), sink)
    before = state_of(connect)
    update = load_event(f"{kind}_update_replacement", sink, PhysicalResourceId=arn)
    deliver_unheard(update, sink)
    clock.sleep(3600)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    assert state_of(connect) == before


def offered(queue: str, ids: list[str]) -> Template:
    """Return a template with the quick connects of a queue."""
    properties = {"InstanceId": scene.INSTANCE_ID, "QueueId": queue, "QuickConnectIds": ids}
    return {"Offered": ("Custom::ConnectQueueQuickConnects", properties)}


@pytest.mark.parametrize("unheard", [frozenset(["Offered"]), frozenset()])
def test_a_rollback_dissociates_in_the_queue_of_a_replacement(
    unheard: frozenset[str], connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """If the response never arrived, CloudFormation knows the old queue only."""
    scene.add_quick_connects(connect)
    first, second, third = scene.QUICK_CONNECT_IDS
    stack = Stack(sink, stacks)
    assert stack.deploy(offered(scene.QUEUE_ID, [first, second]))
    moved = offered(scene.OTHER_QUEUE_ID, [second, third])
    assert not stack.deploy(moved, Weather(fails_at=30.0, unanswered=unheard))
    queue = stack.ids["Offered"]
    assert connect.queue_quick_connects.pop(queue) == {first, second}
    assert not any(connect.queue_quick_connects.values())


def test_a_rollback_goes_on_if_connect_refuses_to_dissociate_a_lost_replacement(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The old queue offers what it did before."""
    scene.add_quick_connects(connect)
    first, second, third = scene.QUICK_CONNECT_IDS
    stack = Stack(sink, stacks)
    assert stack.deploy(offered(scene.QUEUE_ID, [first, second]))
    connect.fault("DisassociateQueueQuickConnects", "InvalidRequestException", times=999)
    moved = offered(scene.OTHER_QUEUE_ID, [second, third])
    assert not stack.deploy(moved, Weather(unanswered=frozenset(["Offered"])))
    assert connect.queue_quick_connects[stack.ids["Offered"]] == {first, second}


def test_a_rollback_removes_the_renamed_re_creation_whose_response_never_arrived(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Somebody had deleted the quick connect by hand, so the update re-created it."""
    arn = stacks.physical_id = created(load_event("quick_connect_create", sink), sink)
    connect.quick_connects.clear()
    update = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    deliver_unheard(update, sink)
    clock.sleep(3600)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert rolled_back(update, sink)["Status"] == "SUCCESS"
    assert [live["Name"] for live in connect.quick_connects.values()] == ["Sales"]


@pytest.mark.parametrize("kind", REPLACEMENTS)
@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        pytest.param({"StackId": OTHER_STACK}, 0, id="another stack's"),
        pytest.param({"LogicalResourceId": "Another"}, 0, id="another logical id's"),
        pytest.param({}, 3, id="retained long ago"),
    ],
)
def test_a_rollback_leaves_what_the_failed_update_did_not_make(
    changes: dict[str, str],
    hours: int,
    kind: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """It has the Name of the failed template, so that update was refused."""
    update = load_event(f"{kind}_update_replacement", sink)
    made = load_event(f"{kind}_create", sink, RequestId="theirs", **changes)
    made["ResourceProperties"] = update["ResourceProperties"]
    theirs = created(made, sink)
    clock.sleep(hours * 3600)
    arn = stacks.physical_id = created(load_event(f"{kind}_create", sink), sink)
    before = state_of(connect)
    update = load_event(f"{kind}_update_replacement", sink, PhysicalResourceId=arn)
    assert deliver(update, sink)["Reason"].startswith("AlreadyExists: ")
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert rolled_back(update, sink)["Status"] == "SUCCESS"
    assert theirs in {*connect.quick_connects, *connect.groups}
    assert state_of(connect) == before


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
)
@pytest.mark.parametrize("scenario", ["shift traffic", "split traffic"])
def test_a_new_request_is_not_late_while_the_stacks_status_lags(
    scenario: str,
    status: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """For some seconds, DescribeStacks shows the end of the operation before."""
    event = scenario_of(scenario).prepare(connect, sink)
    stacks.status = status
    clock.meanwhile = lambda: setattr(stacks, "status", "UPDATE_IN_PROGRESS")
    response = deliver(event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    expected = (0, 100) if scenario == "shift traffic" else (80, 20)
    assert live(connect.default_group(scene.INSTANCE_ID)) == expected


@pytest.mark.parametrize("status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_request_is_late_after_the_lag_of_the_stacks_status(
    status: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The operation is over, and a rollback may have undone the request."""
    event = scenario_of("shift traffic").prepare(connect, sink)
    stacks.status = status
    event["ResponseURL"] = sink.url(timedelta(minutes=1))
    assert deliver(event, sink)["Status"] == "FAILED"
    assert live(connect.default_group(scene.INSTANCE_ID)) == (100, 0)


def test_a_throttled_update_writes_nothing_after_a_rollback_that_began_soon(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The rollback's status is so young that it may be the update's own. The events tell."""
    update = scenario_of("update a quick connect").prepare(connect, sink)
    arn = update["PhysicalResourceId"]
    before = connect.quick_connects[arn]["Name"]

    def roll_back() -> None:
        clock.advance(20)
        stacks.status, stacks.since = "UPDATE_ROLLBACK_IN_PROGRESS", clock.time()
        stacks.resource_status = "UPDATE_IN_PROGRESS"
        stacks.events = [
            ("", "UPDATE_ROLLBACK_IN_PROGRESS", clock.time()),
            ("", "UPDATE_IN_PROGRESS", clock.time() - 30),
        ]
        reverse = reversed_update(update, sink)
        assert response_to(handler_of(reverse), reverse, sink)["Status"] == "SUCCESS"

    connect.fault("UpdateQuickConnectName", "ThrottlingException")
    clock.meanwhile = roll_back
    handler_of(update)(update, Context())
    assert "CloudFormation no longer waits" in sink.responses[-1]["Reason"]
    assert connect.quick_connects[arn]["Name"] == before


def test_a_canceled_adoption_is_released_if_its_delete_did_not_find_it(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Somebody renamed the resource during the half minute of the adoption."""
    create = load_event("quick_connect_create", sink, StackId=OTHER_STACK)
    arn = created(create, sink)

    def rename() -> None:
        connect.quick_connects[arn]["Name"] = "Renewals"

    stack = Stack(sink, stacks, heal=rename)
    properties = {**create["ResourceProperties"], "ExistingResourcePolicy": "Adopt"}
    adopts = {"Desk": (create["ResourceType"], properties)}
    assert not stack.deploy(adopts, Weather(fails_at=10.0))
    markers = {key for key in connect.quick_connects[arn]["Tags"] if key.startswith("cfn:")}
    assert markers == {"cfn:adopted-at"}


@pytest.mark.parametrize("lag", [0, 20])
def test_a_canceled_adoption_removes_a_user_whose_call_hung(
    lag: int, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The call took effect. The stack's Delete no longer finds the group, which is released."""
    stack.heal = lambda: None
    group = connect.add_group(connect.instances[scene.INSTANCE_ID], "lines", "", {"own": "yes"})
    connect.keep_in(group, "ACTIVE")
    clock.sleep(600)
    connect.delay_visibility(Lag(lag, seed=3))
    connect.fault("AssociateTrafficDistributionGroupUser", "hang", after=True)
    adopting = {
        "InstanceId": scene.INSTANCE_ID,
        "Name": "lines",
        "UserIds": [scene.USER_ID],
        "ExistingResourcePolicy": "Adopt",
    }
    template = {"Group": ("Custom::ConnectTrafficDistributionGroup", adopting)}
    assert not stack.deploy(template, Weather(fails_at=4.0, rollback_after=40.0))
    assert group["users"] == set()
