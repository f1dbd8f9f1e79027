"""A rollback always ends: it keeps what it cannot restore, and the stack is usable again."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_account import Instance
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Declared, RollbackFailed, Stack, Template, Weather
from tests.support.harness import FakeTime, Sink, created, load_event
from tests.support.requests import deliver, deliver_unheard, respond, rolled_back
from tests.support.scenarios import OTHER_STACK
from tests.support.traffic import by_hand, live, template

GROUP = "traffic_distribution_group"
ROLLBACK = "UPDATE_ROLLBACK_IN_PROGRESS"
INSTANCES = "arn:aws:connect:us-east-1:123456789012:instance/"


# The longest waits of a rollback fit into the shortest ServiceTimeout that a template may have.
SERVICE_TIMEOUTS = ["180", "3600"]


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
def test_a_rollback_keeps_the_live_values_if_the_old_reference_is_gone(
    before: dict[str, Any],
    after: dict[str, Any],
    remove: Callable[[Instance], None],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """Somebody deleted it in Connect. No other destination gets the Name of the old one."""
    create = load_event("quick_connect_create", sink, Properties={"QuickConnectConfig": before})
    arn = created(create, sink)
    remove(connect.instances[scene.INSTANCE_ID])
    changes = {"Name": "New", "QuickConnectConfig": after, "Description": "of the failed update"}
    update = update_of(create, arn, sink, **changes)
    assert deliver(update, sink)["Status"] == "SUCCESS"
    stacks.status = ROLLBACK
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    live = connect.quick_connects[arn]
    assert {name: live[name] for name in changes} == changes


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
    changes = {"QuickConnectConfig": quick_connect("FLOW"), "Description": "new"}
    update = update_of(create, arn, sink, Name="Sales and renewals", **changes)
    assert deliver(update, sink)["Status"] == "SUCCESS"
    theirs = created(load_event("quick_connect_create", sink, StackId=OTHER_STACK), sink)
    stacks.status = ROLLBACK
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    live = connect.quick_connects[arn]
    assert {name: live[name] for name in changes} == changes
    assert live["Name"] == "Sales and renewals"
    assert connect.quick_connects[theirs]["Name"] == "Sales"


def number(digit: int, name: str) -> Declared:
    """Return a quick connect to a phone number in a template."""
    phone = {"PhoneNumber": f"+1206555010{digit}"}
    config = {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": phone}
    declared = {"InstanceId": scene.INSTANCE_ID, "Name": name, "QuickConnectConfig": config}
    return "Custom::ConnectQuickConnect", declared


@pytest.mark.parametrize("lag", [0, 5, 20])
@pytest.mark.parametrize("fails_at", [8.0, 20.0, 45.0, 150.0])
@pytest.mark.parametrize(
    ("before", "after", "spacing"),
    [
        pytest.param(
            {"D0": number(1, "Sales"), "D1": number(2, "Support")},
            {"D0": number(0, "Urgent"), "D1": number(1, "Sales"), "D2": number(2, "Support")},
            0.0,
            id="a list with a new first entry",
        ),
        pytest.param(
            {"Old": number(1, "Sales")},
            {"Old": number(2, "Returns"), "New": number(1, "Sales")},
            2.0,
            id="a Name for a new resource",
        ),
    ],
)
def test_a_rollback_gives_no_destination_the_name_of_another_one(
    before: Template,
    after: Template,
    spacing: float,
    fails_at: float,
    lag: int,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """CloudFormation deletes the new resource after the rollback, and it has the old Name."""
    connect.refuses_taken_rename = True
    assert stack.deploy(before)
    clock.sleep(60)
    connect.delay_visibility(Lag(lag, seed=1))
    stack.deploy(after, Weather(spacing=spacing, fails_at=fails_at))
    declared = [properties for _, properties in (*before.values(), *after.values())]
    wanted = {(each["Name"], str(each["QuickConnectConfig"])) for each in declared}
    quick_connects = connect.quick_connects.values()
    assert {(each["Name"], str(each["QuickConnectConfig"])) for each in quick_connects} <= wanted


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


def group_of(name: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    """Return a group in a template."""
    declared = {"InstanceId": scene.INSTANCE_ID, "Name": name, "Tags": {}}
    return "Custom::ConnectTrafficDistributionGroup", {**declared, **properties}


def to_queue(instance_id: str) -> tuple[str, dict[str, Any]]:
    """Return a quick connect in a template, which transfers to the queue of an instance."""
    config = quick_connect("QUEUE", QueueId=scene.QUEUE_ID)
    declared = {"InstanceId": instance_id, "Name": "Sales", "QuickConnectConfig": config}
    return "Custom::ConnectQuickConnect", declared


def test_a_rollback_returns_to_the_old_group_if_connect_cannot_create_its_replacement(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The new group ends in CREATION_FAILED. The clean-up deletes that one, not the live one."""
    stack = Stack(sink, stacks)
    assert stack.deploy({"Group": group_of("g", UserIds=[scene.USER_ID])})
    old = stack.ids["Group"]
    by_hand(connect.groups[old], 0, 100)
    connect.creation_fails = True
    assert not stack.deploy({"Group": group_of("h", UserIds=[scene.USER_ID])})
    assert stack.ids["Group"] == old
    assert connect.groups[old]["users"] == {scene.USER_ID}
    assert live(connect.groups[old]) == (0, 100)
    connect._settle()
    assert [g["Name"] for g in connect.groups.values() if not g["IsDefault"]] == ["g"]


@pytest.mark.parametrize("kind", ["quick_connect", GROUP])
def test_a_rollback_returns_to_the_old_resource_if_another_stack_adopted_its_replacement(
    kind: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """If it returned the other stack's resource, the clean-up would delete the old one."""
    old = created(load_event(f"{kind}_create", sink), sink)
    update = load_event(f"{kind}_update_replacement", sink, PhysicalResourceId=old)
    new = created(update, sink)
    adopt = load_event(f"{kind}_create", sink, StackId=OTHER_STACK, RequestId="theirs")
    properties = {**update["ResourceProperties"], "ExistingResourcePolicy": "Adopt"}
    assert created({**adopt, "ResourceProperties": properties}, sink) == new
    clock.sleep(60)
    stacks.status = ROLLBACK
    response = rolled_back(update, sink, physical_id=new)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", old)


def test_a_rollback_removes_a_lost_replacement_if_another_stack_adopted_the_old_resource(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The response of the replacement never arrived, so no Delete follows for it."""
    old = stacks.physical_id = created(load_event("quick_connect_create", sink), sink)
    update = load_event("quick_connect_update_replacement", sink, PhysicalResourceId=old)
    deliver_unheard(update, sink)
    assert len(connect.quick_connects) == 2
    adopt = {"StackId": OTHER_STACK, "Properties": {"ExistingResourcePolicy": "Adopt"}}
    assert created(load_event("quick_connect_create", sink, **adopt), sink) == old
    clock.sleep(3000)
    stacks.status = ROLLBACK
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", old)
    assert [*connect.quick_connects] == [old]


STATUS_LAGS = pytest.mark.parametrize("status_lag", [0.0, 3.0, 15.0])


@STATUS_LAGS
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(group_of("g"), group_of("h"), id="a group"),
        pytest.param(
            to_queue(scene.INSTANCE_ID), to_queue(scene.OTHER_INSTANCE_ID), id="a quick connect"
        ),
    ],
)
def test_a_rollback_removes_a_lost_replacement_before_the_stack_shows_the_rollback(
    before: Declared,
    after: Declared,
    status_lag: float,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """The rollback waits until the status of the stack no longer lags."""
    stack = Stack(sink, stacks)
    assert stack.deploy({"Old": before})
    weather = Weather(unanswered=frozenset(["Old"]), status_lag=status_lag)
    assert not stack.deploy({"Old": after}, weather)
    connect._settle()
    groups = [arn for arn, group in connect.groups.items() if not group["IsDefault"]]
    assert [*connect.quick_connects, *groups] == [stack.ids["Old"]]


@STATUS_LAGS
def test_a_rollback_withdraws_a_lost_offer_before_the_stack_shows_the_rollback(
    status_lag: float, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The failed update had named another queue, and its response never arrived."""
    scene.add_quick_connects(connect)
    first, second, third = scene.QUICK_CONNECT_IDS

    def offer(queue_id: str, *ids: str) -> Template:
        queue = {"InstanceId": scene.INSTANCE_ID, "QueueId": queue_id, "QuickConnectIds": [*ids]}
        return {"Offer": ("Custom::ConnectQueueQuickConnects", queue)}

    stack = Stack(sink, stacks)
    assert stack.deploy(offer(scene.QUEUE_ID, first, second))
    weather = Weather(unanswered=frozenset(["Offer"]), status_lag=status_lag)
    assert not stack.deploy(offer(scene.OTHER_QUEUE_ID, second, third), weather)
    assert connect.queue_quick_connects.pop(stack.ids["Offer"]) == {first, second}
    assert not any(connect.queue_quick_connects.values())


@pytest.mark.parametrize("applied", [True, False])
def test_a_rollback_ends_if_a_queue_would_offer_a_quick_connect_of_another_instance(
    applied: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """A `Ref` to a quick connect resolves to one that its own rollback had to keep."""
    scene.add_quick_connects(connect)
    first, second, _ = scene.QUICK_CONNECT_IDS
    properties = {"InstanceId": scene.INSTANCE_ID, "QueueId": scene.QUEUE_ID}
    foreign = f"{connect.instances[scene.OTHER_INSTANCE_ID].arn}/transfer-destination/{second}"
    update = load_event(
        "queue_quick_connects_update",
        sink,
        PhysicalResourceId=f"{connect.instances[scene.INSTANCE_ID].arn}/queue/{scene.QUEUE_ID}",
        ResourceProperties={**properties, "QuickConnectIds": [first]},
        OldResourceProperties={**properties, "QuickConnectIds": []},
    )
    queue = created(update, sink)
    failed = [first] if applied else ["*"]
    update["ResourceProperties"] = {**properties, "QuickConnectIds": failed}
    update["OldResourceProperties"] = {**properties, "QuickConnectIds": [foreign]}
    stacks.status = ROLLBACK
    response = rolled_back(update, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", queue)
    assert response["Data"]["Arn"] == queue
    assert ("QueueId" in response["Data"]) == applied
    assert connect.queue_quick_connects[queue] == {first}


@pytest.mark.parametrize("response", ["arrives", "is lost"])
def test_a_rollback_returns_to_the_old_quick_connect_if_its_queue_is_gone(
    response: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Connect would refuse to create it again, but it still exists."""
    stack = Stack(sink, stacks)
    assert stack.deploy({"Desk": to_queue(scene.OTHER_INSTANCE_ID)})
    old = stack.ids["Desk"]
    connect.instances[scene.OTHER_INSTANCE_ID].queues.clear()
    unanswered = frozenset(["Desk"] if response == "is lost" else [])
    weather = Weather(fails_at=60.0, unanswered=unanswered)
    assert not stack.deploy({"Desk": to_queue(scene.INSTANCE_ID)}, weather)
    assert stack.ids["Desk"] == old
    assert [*connect.quick_connects] == [old]


@pytest.mark.parametrize(
    "error", ["LimitExceededException", "AccessDeniedException", "InvalidParameterException"]
)
def test_a_rollback_returns_to_the_old_resource_although_connect_refuses_to_create_it_again(
    error: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Connect may check the quota and the permission before the Name, which is taken."""
    stack = Stack(sink, stacks)

    def refuse() -> None:
        connect.fault("CreateQuickConnect", error, times=10)

    stack.heal = refuse
    assert stack.deploy({"Desk": to_queue(scene.OTHER_INSTANCE_ID)})
    old = stack.ids["Desk"]
    assert not stack.deploy({"Desk": to_queue(scene.INSTANCE_ID)}, Weather(fails_at=60.0))
    assert stack.ids["Desk"] == old
    assert [*connect.quick_connects] == [old]


def test_a_rollback_finds_the_replaced_resource_with_one_try_to_create_it(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The conflict tells that the old resource is there. More tries would be throttled."""
    stack = Stack(sink, stacks)
    assert stack.deploy({"Desk": to_queue(scene.OTHER_INSTANCE_ID)})
    clock.sleep(600)
    assert not stack.deploy({"Desk": to_queue(scene.INSTANCE_ID)}, Weather(fails_at=60.0))
    assert connect.calls().count("CreateQuickConnect") == 3


SPELLINGS = {
    "an id": lambda instance_id: {"InstanceId": instance_id},
    "an ARN": lambda instance_id: {"InstanceId": INSTANCES + instance_id},
    "the native name": lambda instance_id: {"InstanceArn": INSTANCES + instance_id},
}


def spelled(spelling: str, instance_id: str, **more: Any) -> Declared:
    """Return a quick connect in a template, with its instance in one of the spellings."""
    kind, properties = to_queue(instance_id)
    del properties["InstanceId"]
    return kind, {**SPELLINGS[spelling](instance_id), **properties, **more}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_rollback_returns_to_the_old_quick_connect_in_any_spelling_of_its_instance(
    spelling: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Connect refuses to create it again. The spelling does not hide the replacement."""
    stack = Stack(sink, stacks)
    assert stack.deploy({"Desk": spelled(spelling, scene.OTHER_INSTANCE_ID)})
    old = stack.ids["Desk"]
    connect.instances[scene.OTHER_INSTANCE_ID].queues.clear()
    after = spelled(spelling, scene.INSTANCE_ID)
    assert not stack.deploy({"Desk": after}, Weather(fails_at=60.0))
    assert stack.ids["Desk"] == old
    assert [*connect.quick_connects] == [old]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_rollback_without_a_permission_fails_although_the_instance_was_spelled_anew(
    spelling: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Another spelling of the same instance is no replacement, so an operator can help."""
    stack = Stack(sink, stacks)
    assert stack.deploy({"Desk": to_queue(scene.INSTANCE_ID)})
    stack.heal = lambda: connect.fault("UpdateQuickConnectName", "AccessDeniedException", times=9)
    after = spelled(spelling, scene.INSTANCE_ID, Description="of the failed update")
    with pytest.raises(RollbackFailed):
        stack.deploy({"Desk": after}, Weather(fails_at=60.0))


def test_a_rollback_without_a_permission_fails_if_the_replacement_was_refused(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The new Name was taken, so the live group is the old one. Its tags still go back."""
    connect.add_group(connect.instances[scene.INSTANCE_ID], "taken", "", {})
    stack = Stack(sink, stacks)
    assert stack.deploy({"Group": group_of("g", Tags={"team": "a"})})
    stack.heal = lambda: connect.fault("TagResource", "AccessDeniedException", times=9)
    with pytest.raises(RollbackFailed):
        stack.deploy({"Group": group_of("taken", Tags={"team": "b"})})


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.parametrize("name", ["Sales", "Service"])
def test_a_rollback_to_an_invalid_template_returns_to_the_old_quick_connect(
    name: str,
    replaced: bool,  # noqa: FBT001
    spelling: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """A newer provider refuses the previous template. Its instance and Name are valid."""
    _, before = to_queue(scene.OTHER_INSTANCE_ID if replaced else scene.INSTANCE_ID)
    _, after = spelled(spelling, scene.INSTANCE_ID, Name=name)
    create = load_event("quick_connect_create", sink)
    old = created({**create, "ResourceProperties": before}, sink)
    update = load_event(
        "quick_connect_update",
        sink,
        PhysicalResourceId=old,
        ResourceProperties=after,
        OldResourceProperties=before,
    )
    new = created(update, sink)
    assert (new != old) is replaced
    stacks.status = ROLLBACK
    earlier = spelling if replaced else "an id"
    _, refused = spelled(earlier, before["InstanceId"], Retired="yes")
    update["OldResourceProperties"] = refused
    response = rolled_back(update, sink, physical_id=new)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", old)


def test_a_rollback_returns_to_the_old_group_if_a_sibling_took_it(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Desk gets a new group, and Line adopts the old one. Line's Delete hands it back."""
    stack = Stack(sink, stacks)
    assert stack.deploy({"Desk": group_of("g")})
    old = stack.ids["Desk"]
    clock.sleep(600)
    swap = {"Desk": group_of("h"), "Line": group_of("g", ExistingResourcePolicy="Adopt")}
    assert not stack.deploy(swap, Weather(fails_at=120.0))
    assert stack.ids == {"Desk": old}
    stack.delete()
    connect._settle()
    assert [g["Name"] for g in connect.groups.values() if not g["IsDefault"]] == []


@pytest.mark.parametrize("refused", ["InstanceId", "Name"])
def test_a_rollback_fails_rather_than_lose_a_resource_that_its_template_cannot_name(
    refused: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """A newer provider refuses the instance or the Name, so it cannot look for the old resource."""
    old = created(load_event(f"{GROUP}_create", sink), sink)
    update = load_event(f"{GROUP}_update_replacement", sink, PhysicalResourceId=old)
    new = created(update, sink)
    stacks.status = ROLLBACK
    update["OldResourceProperties"][refused] = ""
    assert rolled_back(update, sink, physical_id=new)["Reason"].startswith("InvalidRequest: ")


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


@pytest.mark.parametrize("service_timeout", SERVICE_TIMEOUTS)
def test_a_rollback_ends_if_the_sibling_keeps_its_old_name(
    service_timeout: str, connect: ConnectEmulator, sink: Sink, swapped: dict[str, Any]
) -> None:
    """B never goes back, and Connect refuses the rename. A keeps its live Name."""
    a, b = swapped["A"], swapped["B"]
    a["OldResourceProperties"]["ServiceTimeout"] = service_timeout
    connect.fault("UpdateQuickConnectName", "DuplicateResourceException", seconds=10_000)
    assert rolled_back(a, sink)["Status"] == "SUCCESS"
    assert (name_of(connect, a), name_of(connect, b)) == ("three", "one")


@pytest.mark.parametrize("service_timeout", SERVICE_TIMEOUTS)
def test_the_rollback_of_a_refused_traffic_update_ends(
    service_timeout: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """It looks for half a minute, because Connect may still hide the failed update."""
    stack, group = Stack(sink, stacks), connect.default_group(scene.INSTANCE_ID)
    assert stack.deploy(template(60, ServiceTimeout=service_timeout))
    connect.fault("UpdateTrafficDistribution", "AccessDeniedException")
    assert not stack.deploy(template(30, ServiceTimeout=service_timeout))
    assert live(group) == (60, 40)


@pytest.mark.parametrize("service_timeout", SERVICE_TIMEOUTS)
@pytest.mark.parametrize("deletes", [True, False])
def test_a_stack_goes_on_after_somebody_deleted_its_resource(
    service_timeout: str,
    deletes: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
    clock: FakeTime,
) -> None:
    """The Delete looks for half a minute, and so does the Update that creates it again."""
    create = load_event(
        "quick_connect_create", sink, Properties={"ServiceTimeout": service_timeout}
    )
    arn = created(create, sink)
    clock.sleep(600)
    connect.quick_connects.clear()
    event = update_of(create, arn, sink, Description="new")
    if deletes:
        event |= {"RequestType": "Delete"}
        del event["OldResourceProperties"]
    assert deliver(event, sink)["Status"] == "SUCCESS"
    assert len(connect.quick_connects) == (0 if deletes else 1)


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


@STATUS_LAGS
@pytest.mark.parametrize("fails_at", [0.5, 1.0, 1.5, 1.9])
@pytest.mark.parametrize("gap", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("rollback_after", [0.0, 0.3])
def test_a_rollback_ends_that_comes_right_after_its_update(
    rollback_after: float,
    gap: float,
    fails_at: float,
    status_lag: float,
    sink: Sink,
    stacks: Stacks,
    connect: ConnectEmulator,
    clock: FakeTime,
) -> None:
    """CloudFormation first shows the rollback of the update before, and then only this update."""
    stack = Stack(sink, stacks)
    old, new = to_queue(scene.INSTANCE_ID), to_queue(scene.OTHER_INSTANCE_ID)
    assert stack.deploy({"Desk": old})
    clock.sleep(60)
    earlier = Weather(fails_at=0.5, rollback_after=0.0, stuck_for=60.0)
    assert not stack.deploy({}, earlier)
    clock.sleep(gap)
    weather = Weather(fails_at=fails_at, rollback_after=rollback_after, status_lag=status_lag)
    assert not stack.deploy({"Desk": new}, weather)
    assert [*connect.quick_connects] == [stack.ids["Desk"]]
