"""A rollback always ends: it keeps what it cannot restore, and the stack is usable again."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_account import Instance
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import FakeTime, Sink, created, load_event
from tests.support.requests import deliver, respond, rolled_back
from tests.support.scenarios import OTHER_STACK

GROUP = "traffic_distribution_group"
ROLLBACK = "UPDATE_ROLLBACK_IN_PROGRESS"


def quick_connect(kind: str, **ids: str) -> dict[str, Any]:
    """Return a QuickConnectConfig."""
    block = {"USER": "UserConfig", "QUEUE": "QueueConfig", "FLOW": "FlowConfig"}[kind]
    return {"QuickConnectType": kind, block: {"ContactFlowId": scene.CONTACT_FLOW_ID, **ids}}


def update_of(create: dict[str, Any], arn: str, sink: Sink, **properties: Any) -> dict[str, Any]:
    """Return the Update that changes properties of what a Create made."""
    return load_event(
        "quick_connect_update",
        sink,
        LogicalResourceId=create["LogicalResourceId"],
        PhysicalResourceId=arn,
        ResourceProperties={**create["ResourceProperties"], **properties},
        OldResourceProperties=create["ResourceProperties"],
    )


GONE = [
    pytest.param(
        quick_connect("USER", UserId=scene.USER_ID),
        quick_connect("USER", UserId=scene.OTHER_USER_ID),
        lambda instance: instance.users.discard(scene.USER_ID),
        id="a user",
    ),
    pytest.param(
        quick_connect("QUEUE", QueueId=scene.QUEUE_ID),
        quick_connect("FLOW"),
        lambda instance: instance.queues.discard(scene.QUEUE_ID),
        id="a queue",
    ),
    pytest.param(
        quick_connect("FLOW", ContactFlowId=scene.OTHER_CONTACT_FLOW_ID),
        quick_connect("FLOW"),
        lambda instance: instance.contact_flows.discard(scene.OTHER_CONTACT_FLOW_ID),
        id="a flow",
    ),
]


@pytest.mark.parametrize(("before", "after", "remove"), GONE)
def test_a_rollback_keeps_the_live_config_if_the_old_reference_is_gone(
    before: dict[str, Any],
    after: dict[str, Any],
    remove: Callable[[Instance], None],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """Somebody deleted it in Connect. Everything else goes back."""
    create = load_event("quick_connect_create", sink, Properties={"QuickConnectConfig": before})
    arn = created(create, sink)
    remove(connect.instances[scene.INSTANCE_ID])
    changes = {"QuickConnectConfig": after, "Description": "of the failed update"}
    update = update_of(create, arn, sink, **changes)
    assert deliver(update, sink)["Status"] == "SUCCESS"
    stacks.status = ROLLBACK
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    live = connect.quick_connects[arn]
    assert live["QuickConnectConfig"] == after
    assert live["Description"] == create["ResourceProperties"]["Description"]


def test_a_rollback_keeps_the_live_config_if_connect_refuses_the_old_one(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Connect also returns InvalidRequestException for a reference that is gone."""
    create = load_event("quick_connect_create", sink)
    arn = created(create, sink)
    update = update_of(create, arn, sink, QuickConnectConfig=quick_connect("FLOW"))
    assert deliver(update, sink)["Status"] == "SUCCESS"
    stacks.status = ROLLBACK
    connect.fault("UpdateQuickConnectConfig", "InvalidRequestException", seconds=600)
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    assert connect.quick_connects[arn]["QuickConnectConfig"] == quick_connect("FLOW")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param("AccessDeniedException", id="no permission"),
        pytest.param("LimitExceededException", id="a quota"),
    ],
)
def test_a_rollback_still_fails_if_an_operator_can_help(
    error: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The target of the rollback exists, so an operator can continue the rollback."""
    create = load_event("quick_connect_create", sink)
    update = update_of(create, created(create, sink), sink, Description="of the failed update")
    assert deliver(update, sink)["Status"] == "SUCCESS"
    stacks.status = ROLLBACK
    connect.fault("UpdateQuickConnectName", error)
    assert rolled_back(update, sink)["Status"] == "FAILED"


def test_an_update_still_fails_on_a_missing_reference(connect: ConnectEmulator, sink: Sink) -> None:
    """Only a rollback keeps the live config."""
    create = load_event("quick_connect_create", sink)
    arn = created(create, sink)
    config = quick_connect("USER", UserId="nobody")
    response = deliver(update_of(create, arn, sink, QuickConnectConfig=config), sink)
    assert response["Reason"].startswith("NotFound: ")


def test_a_rollback_keeps_the_live_name_if_the_old_one_is_taken(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Another stack took the Name since the failed update."""
    create = load_event("quick_connect_create", sink)
    arn = created(create, sink)
    update = update_of(create, arn, sink, Name="Sales and renewals", Description="new")
    assert deliver(update, sink)["Status"] == "SUCCESS"
    theirs = created(load_event("quick_connect_create", sink, StackId=OTHER_STACK), sink)
    stacks.status = ROLLBACK
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    live = connect.quick_connects[arn]
    assert (live["Name"], live["Description"]) == (
        "Sales and renewals",
        create["ResourceProperties"]["Description"],
    )
    assert connect.quick_connects[theirs]["Name"] == "Sales"


@pytest.mark.parametrize(
    "operation",
    ["AssociateTrafficDistributionGroupUser", "DisassociateTrafficDistributionGroupUser"],
)
def test_a_rollback_goes_on_without_a_user_that_connect_refuses(
    operation: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The replica lacks the user's name (InvalidRequestException). The other user changes back."""
    create = load_event(f"{GROUP}_create_with_users", sink)
    arn = created(create, sink)
    update = load_event(f"{GROUP}_update_users", sink, PhysicalResourceId=arn)
    assert deliver(update, sink)["Status"] == "SUCCESS"
    stacks.status = ROLLBACK
    connect.fault(operation, "InvalidRequestException", seconds=600)
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    joins = operation.startswith("Associate")
    assert connect.groups[arn]["users"] == (
        set() if joins else {scene.USER_ID, scene.OTHER_USER_ID}
    )


def test_an_update_still_fails_on_a_user_that_connect_refuses(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Only a rollback continues."""
    arn = created(load_event(f"{GROUP}_create_with_users", sink), sink)
    connect.fault("AssociateTrafficDistributionGroupUser", "InvalidRequestException", seconds=600)
    response = respond(f"{GROUP}_update_users", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith("InvalidRequest: ")


@pytest.mark.parametrize("kind", ["quick_connect", GROUP])
def test_a_rollback_ends_if_somebody_took_the_name_of_a_deleted_resource(
    kind: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Somebody deleted the resource by hand, and another stack has its Name now."""
    create = load_event(f"{kind}_create", sink)
    arn = created(create, sink)
    held = connect.quick_connects if kind == "quick_connect" else connect.groups
    del held[arn]
    theirs = created(load_event(f"{kind}_create", sink, StackId=OTHER_STACK, RequestId="t"), sink)
    before = copy.deepcopy(held)
    tags = {"Tags": {"team": "renewals"}}
    properties = {**create["ResourceProperties"], **tags}
    update = load_event(
        f"{kind}_update", sink, PhysicalResourceId=arn, ResourceProperties=properties
    )
    failed = deliver(update, sink)
    assert failed["Reason"].startswith("AlreadyExists: ")
    stacks.status = ROLLBACK
    response = rolled_back(update, sink, failed["PhysicalResourceId"])
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    assert held == before
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert theirs in held


def test_a_rollback_ends_if_a_deleted_quick_connect_has_lost_its_queue(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Somebody deleted both by hand, so nothing can be re-created."""
    create = load_event("quick_connect_create", sink)
    arn = created(create, sink)
    connect.quick_connects.clear()
    connect.instances[scene.INSTANCE_ID].queues.clear()
    update = update_of(create, arn, sink, Description="new")
    assert deliver(update, sink)["Status"] == "FAILED"
    stacks.status = ROLLBACK
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)


@pytest.fixture
def swapped(connect: ConnectEmulator, sink: Sink, stacks: Stacks) -> dict[str, Any]:
    """Two finished updates, in a stack that rolls back: A from one to three, B from two to one."""
    updates = {}
    for logical_id, old in (("A", "one"), ("B", "two")):
        ids = {"LogicalResourceId": logical_id, "RequestId": logical_id}
        create = load_event("quick_connect_create", sink, **ids, Properties={"Name": old})
        new = {"one": "three", "two": "one"}[old]
        updates[logical_id] = update_of(create, created(create, sink), sink, Name=new)
    for update in updates.values():
        assert deliver(update, sink)["Status"] == "SUCCESS"
    stacks.status = ROLLBACK
    return updates


def name_of(connect: ConnectEmulator, update: dict[str, Any]) -> str:
    """Return the live Name of the quick connect of an update."""
    name: str = connect.quick_connects[update["PhysicalResourceId"]]["Name"]
    return name


def test_a_rollback_waits_for_the_sibling_that_has_its_old_name(
    connect: ConnectEmulator, sink: Sink, swapped: dict[str, Any], clock: FakeTime
) -> None:
    """A asks first. Connect refuses the rename until B gives the Name back."""
    a, b = swapped["A"], swapped["B"]
    connect.fault("UpdateQuickConnectName", "DuplicateResourceException", seconds=5)

    def b_goes_back() -> None:
        clock.advance(5)
        connect.quick_connects[b["PhysicalResourceId"]]["Name"] = "two"

    clock.meanwhile = b_goes_back
    assert rolled_back(a, sink)["Status"] == "SUCCESS"
    assert (name_of(connect, a), name_of(connect, b)) == ("one", "two")


def test_a_rollback_ends_if_the_sibling_keeps_its_old_name(
    connect: ConnectEmulator, sink: Sink, swapped: dict[str, Any]
) -> None:
    """B never goes back, and Connect refuses the rename. A keeps its live Name."""
    a, b = swapped["A"], swapped["B"]
    connect.fault("UpdateQuickConnectName", "DuplicateResourceException", seconds=10_000)
    assert rolled_back(a, sink)["Status"] == "SUCCESS"
    assert (name_of(connect, a), name_of(connect, b)) == ("three", "one")


def test_an_update_right_after_a_rollback_is_refused(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """CloudFormation still shows the rollback, and the update is not one."""
    arn = created(load_event("quick_connect_create", sink), sink)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"

    def show() -> None:
        stacks.status = "UPDATE_IN_PROGRESS"

    clock.meanwhile = show
    update = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    update["ResourceProperties"]["Name"] = "x" * 128
    assert deliver(update, sink)["Status"] == "FAILED"
