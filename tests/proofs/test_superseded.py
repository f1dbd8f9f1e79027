"""A superseded run writes nothing, and leaves nothing.

A sibling fails while a request waits for Connect, so the stack cancels the request and rolls back.
Or Lambda delivers or runs a request again after the stack has moved on.
"""

from collections.abc import Callable

import pytest

from connect_provider.edge.response import DeliveryError
from connect_provider.errors import ServiceInternalError, Throttling
from connect_provider.quick_connect.app import lambda_handler as quick_connects
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.children import Zygote
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
from tests.support.scenarios import Scenario, state_of

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
    """The reversed Update was a no-op, so nothing would undo a later write."""
    event = load_event(create, sink)
    arn, handler = created(event, sink), handler_of(event)
    before = state_of(connect)
    old = {"OldResourceProperties": event["ResourceProperties"]}
    event = load_event(update, sink, PhysicalResourceId=arn, **old)

    def happens() -> None:
        clock.passed += 5
        stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert zygote.run([reversed_update(event, sink)]) == [0]
        assert sink.responses[-1]["Status"] == "SUCCESS"
        stacks.status = "UPDATE_ROLLBACK_COMPLETE"

    connect.journal.clear()
    connect.fault(throttled, "ThrottlingException")
    clock.meanwhile = happens
    handler(event, Context())
    assert connect.calls().count(throttled) == 1
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
