"""Ownership moves within a stack, survives damaged markers, and is checked before a rename."""

import copy
import itertools
from dataclasses import replace
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Declared, Stack, Template, Weather
from tests.support.harness import STACKS, FakeTime, Sink, created, load_event
from tests.support.requests import deliver, respond
from tests.support.scenarios import OTHER_STACK
from tests.support.timeline import Timeline

KINDS = ["quick_connect", "traffic_distribution_group"]
RENAMED = {"LogicalResourceId": "Renamed", "RequestId": "that of the renamed one"}
ADOPT = {"ExistingResourcePolicy": "Adopt"}
FLOW = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}

LOST_CREATES = [
    pytest.param(Weather(unanswered=frozenset(["Desk"])), id="no response arrives"),
    pytest.param(Weather(fails_at=8.0, rollback_after=4.0), id="it is canceled"),
]
_A_DAY = 24 * 3600.0


def desk(instance_id: str = scene.INSTANCE_ID, **properties: Any) -> tuple[str, dict[str, Any]]:
    """Return a quick connect in a template. Its Name is always the same."""
    declared = {"InstanceId": instance_id, "Name": "Desk", "QuickConnectConfig": FLOW}
    return "Custom::ConnectQuickConnect", {**declared, **properties}


def in_two_places(kind: str) -> tuple[Declared, Declared]:
    """Return a resource in a template, and its replacement."""
    if kind == "quick_connect":
        return desk(), desk(scene.OTHER_INSTANCE_ID)
    declared = {"InstanceId": scene.INSTANCE_ID, "Tags": {}}
    group = "Custom::ConnectTrafficDistributionGroup"
    return (group, {**declared, "Name": "g"}), (group, {**declared, "Name": "h"})


def held(connect: ConnectEmulator) -> dict[str, Any]:
    """Return all resources except the default groups, by their ARNs."""
    groups = {arn: group for arn, group in connect.groups.items() if not group["IsDefault"]}
    return {**connect.quick_connects, **groups}


def tags_of(connect: ConnectEmulator, arn: str) -> dict[str, str]:
    """Return the live tags of a resource."""
    tags: dict[str, str] = held(connect)[arn]["Tags"]
    return tags


def renamed(kind: str, sink: Sink) -> str:
    """Create a resource, and move it to another logical id with `Adopt`; return its ARN."""
    arn = STACKS.physical_id = created(load_event(f"{kind}_create", sink), sink)
    assert created(load_event(f"{kind}_create", sink, **RENAMED, Properties=ADOPT), sink) == arn
    STACKS.physical_id = ""
    return arn


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_deletes_its_own_resource_after_a_renamed_logical_id(
    kind: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The cleanup of the old logical id leaves the resource, and the new one deletes it."""
    arn = stacks.physical_id = renamed(kind, sink)
    stacks.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert tags_of(connect, arn)["cfn:logical-id"] == "Renamed"
    assert "cfn:created-at" in tags_of(connect, arn)
    stacks.reset()
    delete = {**RENAMED, "PhysicalResourceId": arn, "Properties": ADOPT}
    assert respond(f"{kind}_delete", sink, **delete)["Status"] == "SUCCESS"
    assert held(connect) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_an_adoption_whose_response_never_arrives_is_released(
    kind: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The Delete of the rollback has an id that CloudFormation made."""
    event = load_event(f"{kind}_create", sink, StackId=OTHER_STACK)
    arn = created(event, sink)
    adopt = load_event(f"{kind}_create", sink, RequestId="that of the adoption", Properties=ADOPT)
    assert created(adopt, sink) == arn
    delete = {"PhysicalResourceId": "contact-centre-Desk-1ABCDEF", "Properties": ADOPT}
    assert respond(f"{kind}_delete", sink, **delete)["Status"] == "SUCCESS"
    markers = {key for key in tags_of(connect, arn) if key.startswith("cfn:")}
    assert markers == {"cfn:adopted-at"}


@pytest.mark.parametrize("deliveries", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_rollback_of_a_renamed_logical_id_hands_the_resource_back(
    kind: str, deliveries: int, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The rollback deletes the new logical id. The old one can be updated and deleted again."""
    arn = stacks.physical_id = renamed(kind, sink)
    stacks.status, stacks.resource_status = "UPDATE_ROLLBACK_IN_PROGRESS", "CREATE_COMPLETE"
    for _ in range(deliveries):
        delete = {**RENAMED, "PhysicalResourceId": arn, "Properties": ADOPT}
        assert respond(f"{kind}_delete", sink, **delete)["Status"] == "SUCCESS"
    stacks.status, stacks.resource_status = "UPDATE_IN_PROGRESS", ""
    response = respond(f"{kind}_update", sink, PhysicalResourceId=arn)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert held(connect) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_an_adopted_resource_stays_adopted_after_a_renamed_logical_id(
    kind: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Another stack created it, so no logical id of this stack deletes it."""
    arn = created(load_event(f"{kind}_create", sink, StackId=OTHER_STACK), sink)
    adopt = {"RequestId": "that of the adoption", "Properties": ADOPT}
    assert created(load_event(f"{kind}_create", sink, **adopt), sink) == arn
    assert created(load_event(f"{kind}_create", sink, **RENAMED, Properties=ADOPT), sink) == arn
    delete = {**RENAMED, "PhysicalResourceId": arn, "Properties": ADOPT}
    assert respond(f"{kind}_delete", sink, **delete)["Status"] == "SUCCESS"
    assert arn in held(connect)


@pytest.mark.parametrize("kind", KINDS)
def test_a_renamed_logical_id_without_adopt_is_told_that_its_own_stack_has_the_name(
    kind: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The Reason names the ARN, and calls the owner another logical id of this stack."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    reason = respond(f"{kind}_create", sink, **RENAMED)["Reason"]
    assert reason.startswith("AlreadyExists: ")
    assert arn in reason
    assert "another logical id of this stack" in reason
    assert "that stack" not in reason


@pytest.mark.parametrize(
    "marker",
    [
        pytest.param("cfn:stack-id"),
        pytest.param("cfn:logical-id"),
        "cfn:request-id",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_delete_deletes_its_own_resource_without_one_marker(
    kind: str, marker: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Somebody removed one tag by hand. The other tags still say that the stack created it."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    del tags_of(connect, arn)[marker]
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert held(connect) == {}


@pytest.mark.parametrize("marker", ["cfn:stack-id", "cfn:logical-id"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_update_puts_a_missing_marker_back(
    kind: str, marker: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The resource is not mistaken for one that another stack adopted."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    marked = tags_of(connect, arn).pop(marker)
    response = respond(f"{kind}_update", sink, PhysicalResourceId=arn)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    assert tags_of(connect, arn)[marker] == marked


@pytest.mark.parametrize(
    ("missing", "other"),
    [("cfn:stack-id", {"cfn:logical-id": "Other"}), ("cfn:logical-id", {"cfn:stack-id": "other"})],
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_delete_leaves_a_resource_whose_remaining_marker_names_another_owner(
    kind: str, missing: str, other: dict[str, str], connect: ConnectEmulator, sink: Sink
) -> None:
    """One marker is missing, and the other one is not ours."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    tags = tags_of(connect, arn)
    del tags[missing]
    tags |= other
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert arn in held(connect)


@pytest.mark.parametrize("policy", ["Fail", "Adopt"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_delete_keeps_an_adopted_resource_without_its_time_of_adoption(
    kind: str, policy: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Somebody removed cfn:adopted-at by hand. Only cfn:created-at allows a deletion."""
    created(load_event(f"{kind}_create", sink, StackId=OTHER_STACK), sink)
    adopt = {"RequestId": "that of the adoption", "Properties": ADOPT}
    arn = created(load_event(f"{kind}_create", sink, **adopt), sink)
    del tags_of(connect, arn)["cfn:adopted-at"]
    properties = {"ExistingResourcePolicy": policy}
    delete = {"PhysicalResourceId": arn, "Properties": properties}
    assert respond(f"{kind}_delete", sink, **delete)["Status"] == "SUCCESS"
    assert arn in held(connect)


OWNERS = {
    "another stack": {"StackId": OTHER_STACK, "RequestId": "theirs"},
    "another logical id": {"LogicalResourceId": "Other", "RequestId": "theirs"},
    "nobody": {"StackId": OTHER_STACK, "RequestId": "theirs"},
}


@pytest.mark.parametrize("owner", OWNERS)
def test_a_rename_onto_a_taken_name_is_refused_before_any_write(
    owner: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """As on a Create, the Reason holds the ARN and the owner."""
    taken = {"Name": "Sales and renewals"}
    theirs = created(
        load_event("quick_connect_create", sink, **OWNERS[owner], Properties=taken), sink
    )
    if owner == "nobody":
        tags_of(connect, theirs).clear()
    arn = created(load_event("quick_connect_create", sink), sink)
    before = copy.deepcopy(held(connect))
    response = respond("quick_connect_update", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith("AlreadyExists: ")
    assert theirs in response["Reason"]
    assert (OTHER_STACK in response["Reason"]) == (owner == "another stack")
    assert held(connect) == before


def test_a_rename_that_connect_refuses_names_the_resource_that_has_the_name(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Somebody took the Name after the provider looked it up."""
    arn = created(load_event("quick_connect_create", sink), sink)
    instance = connect.instances[scene.INSTANCE_ID]
    config = connect.quick_connects[arn]["QuickConnectConfig"]
    theirs = connect.add_quick_connect(instance, "Sales and renewals", config, {})
    connect.fault("ListQuickConnects", output={"QuickConnectSummaryList": []})
    connect.fault("UpdateQuickConnectName", "DuplicateResourceException", times=9)
    response = respond("quick_connect_update", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith("AlreadyExists: ")
    assert theirs in response["Reason"]


def retained(stack: Stack, declared: Declared, clock: FakeTime) -> str:
    """Create a resource, and remove it from the template with `Retain`; return its ARN."""
    assert stack.deploy({"Desk": declared})
    kept = stack.ids["Desk"]
    clock.sleep(600)
    assert stack.deploy({}, retains=frozenset(["Desk"]))
    return kept


@pytest.mark.parametrize("logical_id", ["Desk", "Renamed"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_rollback_keeps_a_retained_resource_that_the_stack_adopts_again(
    kind: str, logical_id: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The stack left it behind with `Retain`, so it is adopted like any other resource."""
    declared, _ = in_two_places(kind)
    kept = retained(stack, declared, clock)
    adopts = (declared[0], {**declared[1], **ADOPT})
    assert not stack.deploy({logical_id: adopts}, Weather(fails_at=60.0))
    assert held(connect).keys() == {kept}


@pytest.mark.parametrize("kind", KINDS)
def test_the_old_logical_id_does_not_take_back_what_the_new_one_has(
    kind: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """A template that names the resource twice is told so."""
    arn = stacks.physical_id = created(load_event(f"{kind}_create", sink), sink)
    assert created(load_event(f"{kind}_create", sink, **RENAMED, Properties=ADOPT), sink) == arn
    response = respond(f"{kind}_update", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith("ResourceConflict: ")
    assert tags_of(connect, arn)["cfn:logical-id"] == "Renamed"


@pytest.mark.parametrize("spacing", [0.0, 1.0, 20.0])
@pytest.mark.parametrize("operation", ["a deletion", "a rollback"])
@pytest.mark.parametrize("kind", KINDS)
def test_two_logical_ids_of_one_resource_leave_nothing(
    kind: str,
    operation: str,
    spacing: float,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """A logical id was renamed, and the old one was not removed. Their Deletes come together.

    The new one hands the resource back, and the Delete of the old one does not see that yet.
    """
    declared, _ = in_two_places(kind)
    adopts = (declared[0], {**declared[1], **ADOPT})
    weather = Weather(spacing=spacing)
    if operation == "a deletion":
        assert stack.deploy({"Line": adopts})
        clock.sleep(600)
        assert stack.deploy({"Desk": adopts, "Line": adopts})
        clock.sleep(600)
        slow_tags(connect)
        stack.delete(weather)
    else:
        slow_tags(connect)
        both = {"Line": declared, "Desk": adopts}
        assert not stack.deploy(both, replace(weather, spacing=max(spacing, 1.0), fails_at=100.0))
    connect._settle()
    assert held(connect) == {}


def slow_tags(connect: ConnectEmulator) -> None:
    """Let Connect show each change 25 seconds late where it describes a resource."""
    describes = ("DescribeQuickConnect", "DescribeTrafficDistributionGroup")
    connect.delay_visibility(Lag(25, least=25, missing=0, operations=describes))


def names_that_move(kind: str) -> tuple[Template, Template]:
    """Return two templates. In the second one, Line has the old resource of Desk, which is new."""
    first, second = in_two_places(kind)
    line = (first[0], {**first[1], **ADOPT})
    return {"Desk": first}, {"Desk": second, "Line": line}


@pytest.mark.parametrize("spacing", [5.0, 40.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_logical_id_that_takes_a_replaced_resource_deletes_it_with_the_stack(
    kind: str, spacing: float, connect: ConnectEmulator, stack: Stack
) -> None:
    """The stack has the new resource of Desk by then. The old one is still its own."""
    before, after = names_that_move(kind)
    assert stack.deploy(before)
    old = stack.ids["Desk"]
    assert stack.deploy(after, Weather(spacing=spacing))
    assert stack.ids["Line"] == old
    assert stack.ids["Desk"] != old
    stack.delete()
    connect._settle()
    assert held(connect) == {}


@pytest.mark.parametrize("order", [("Desk", "Line"), ("Line", "Desk")], ids=" then ".join)
@pytest.mark.parametrize("spacing", [5.0, 40.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_rollback_returns_a_replaced_resource_that_another_logical_id_took(
    kind: str, spacing: float, order: list[str], connect: ConnectEmulator, stack: Stack
) -> None:
    """Desk gets its old resource back."""
    before, after = names_that_move(kind)
    assert stack.deploy(before)
    old = stack.ids["Desk"]
    weather = Weather(spacing=spacing, fails_at=150.0)
    assert not stack.deploy(after, weather)
    assert stack.ids == {"Desk": old}
    connect._settle()
    assert held(connect).keys() == {old}
    assert tags_of(connect, old)["cfn:logical-id"] == "Desk"


@pytest.mark.parametrize("spacing", [0.0, 10.0])
def test_two_logical_ids_do_not_end_with_one_resource_after_a_change_of_names(
    spacing: float, connect: ConnectEmulator, stack: Stack
) -> None:
    """Line takes the Name of Desk while Desk is still to be renamed. The update is refused."""
    assert stack.deploy({"Desk": desk()})
    old = stack.ids["Desk"]
    renamed = {"Line": desk(**ADOPT), "Desk": desk(Name="Other")}
    assert not stack.deploy(renamed, Weather(spacing=spacing))
    assert stack.ids == {"Desk": old}
    assert [quick_connect["Name"] for quick_connect in held(connect).values()] == ["Desk"]
    assert tags_of(connect, old)["cfn:logical-id"] == "Desk"


@pytest.mark.parametrize("kind", KINDS)
def test_the_rollback_of_a_reverted_replacement_leaves_what_the_stack_retained(
    kind: str, connect: ConnectEmulator, sink: Sink, stack: Stack, clock: FakeTime
) -> None:
    """`UpdateReplacePolicy: Retain` kept the old resource, so the revert finds its Name taken."""
    first, second = in_two_places(kind)
    assert stack.deploy({"Desk": first})
    kept = stack.ids["Desk"]
    clock.sleep(600)
    assert stack.deploy({"Desk": second}, retains=frozenset(["Desk"]))
    live = stack.ids["Desk"]
    clock.sleep(600)
    assert not stack.deploy({"Desk": first})
    assert stack.ids["Desk"] == live
    assert held(connect).keys() == {kept, live}


@pytest.mark.parametrize("weather", LOST_CREATES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_canceled_create_leaves_what_the_stack_retained(
    kind: str, weather: Weather, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The template removes a resource with `DeletionPolicy: Retain`, and adds it again."""
    first, _ = in_two_places(kind)
    kept = retained(stack, first, clock)
    clock.sleep(600)
    for operation in ("CreateQuickConnect", "CreateTrafficDistributionGroup"):
        connect.fault(operation, "ThrottlingException", seconds=15)
    assert not stack.deploy({"Desk": first}, weather)
    assert held(connect).keys() == {kept}


def test_a_delete_that_takes_minutes_leaves_a_group_that_another_stack_adopted(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The Delete dissociates 400 users, at two calls a second. Their group keeps them all."""
    one, other = Stack(sink, stacks), Stack(sink, stacks)
    users = [f"cccccccc-0009-4000-8000-{number:012d}" for number in range(400)]
    connect.instances[scene.INSTANCE_ID].users |= {*users}
    group = {"InstanceId": scene.INSTANCE_ID, "Name": "g"}
    kind = "Custom::ConnectTrafficDistributionGroup"
    assert one.deploy({"Group": (kind, {**group, "UserIds": users})})
    arn = one.ids["Group"]
    clock.sleep(600)
    connect.rate = 2.0
    one.timeline = other.timeline = timeline = Timeline()
    timeline.start(one.delete)
    timeline.start(lambda: other.deploy({"Group": (kind, {**group, **ADOPT})}), after=20.0)
    timeline.run()
    assert other.ids == {"Group": arn}
    assert tags_of(connect, arn)["cfn:stack-id"] == other.id
    assert connect.groups[arn]["users"] == {*users}
    assert connect.groups[arn]["Status"] == "ACTIVE"


def test_a_delete_that_takes_minutes_puts_no_user_into_a_group_that_is_gone(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Somebody deletes the group while the Delete dissociates its users, at two calls a second."""
    users = [f"cccccccc-0009-4000-8000-{number:012d}" for number in range(40)]
    connect.instances[scene.INSTANCE_ID].users |= {*users}
    group = {"InstanceId": scene.INSTANCE_ID, "Name": "g", "UserIds": users}
    assert stack.deploy({"Group": ("Custom::ConnectTrafficDistributionGroup", group)})
    clock.sleep(600)
    connect.rate = 2.0
    connect.journal.clear()
    stack.timeline = timeline = Timeline()
    timeline.start(stack.delete)
    timeline.start(lambda: connect.groups.pop(stack.ids["Group"]), after=15.0)
    timeline.run()
    assert "AssociateTrafficDistributionGroupUser" not in connect.calls()


@pytest.mark.parametrize("kind", KINDS)
def test_a_leftover_without_a_response_is_deleted_the_next_day(
    kind: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """`--disable-rollback` keeps it in CREATE_FAILED. The stack's events tell who made it."""
    first, _ = in_two_places(kind)
    unheard = Weather(unanswered=frozenset(["Desk"]))
    assert not stack.deploy({"Desk": first}, unheard, disable_rollback=True)
    clock.sleep(_A_DAY)
    stack.delete()
    assert held(connect) == {}


@pytest.mark.parametrize("status_lag", [0.0, 10.0])
@pytest.mark.parametrize("was_retained", [True, False])
@pytest.mark.parametrize("weather", LOST_CREATES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_rollback_that_engineers_continue_the_next_day_deletes_only_what_it_undoes(
    kind: str,
    weather: Weather,
    status_lag: float,
    *,
    was_retained: bool,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """Another resource failed to roll back. The stack may have retained an older resource."""
    first, _ = in_two_places(kind)
    other = desk(Name="Other")
    assert stack.deploy({"Other": other, **({"Desk": first} if was_retained else {})})
    clock.sleep(600)
    assert stack.deploy({"Other": other}, retains=frozenset(["Desk"]))
    clock.sleep(_A_DAY)
    before = held(connect).keys()
    connect.settle_seconds = 6
    late = replace(weather, status_lag=status_lag, stuck_for=_A_DAY)
    assert not stack.deploy({"Other": other, "Desk": first}, late)
    assert held(connect).keys() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_rollback_leaves_what_the_stack_retained_and_another_logical_id_adopted(
    kind: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The Create of the old logical id is under way again. It did not make the resource."""
    declared, _ = in_two_places(kind)
    kept = retained(stack, declared, clock)
    clock.sleep(600)
    for operation in ("CreateQuickConnect", "CreateTrafficDistributionGroup"):
        connect.fault(operation, "hang")
    both = {"Desk": declared, "Line": (declared[0], {**declared[1], **ADOPT})}
    assert not stack.deploy(both, Weather(spacing=5.0))
    assert held(connect).keys() == {kept}


@pytest.mark.parametrize("retained", [True, False])
def test_a_delete_of_a_canceled_create_reads_as_many_events_as_it_needs(
    retained: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """A large stack has more events than one page of DescribeStackEvents holds."""
    began = clock.time()
    arn = created(load_event("quick_connect_create", sink), sink)
    clock.sleep(600)
    began = clock.time() if retained else began
    name = load_event("quick_connect_create", sink)["LogicalResourceId"]
    operation = [("", "CREATE_IN_PROGRESS", began), (name, "CREATE_IN_PROGRESS", began)]
    others = [(f"Other{n}", "DELETE_COMPLETE", clock.time()) for n in range(250)]
    stacks.events = [*others, *operation[::-1]]
    stacks.status = "ROLLBACK_IN_PROGRESS"
    response = respond("quick_connect_delete_after_cancelled_create", sink)
    assert response["Status"] == "SUCCESS"
    assert (arn in held(connect)) == retained


@pytest.mark.parametrize("acquired", ["created", "adopted"])
def test_a_delete_that_runs_again_leaves_a_resource_that_came_back(
    acquired: str, connect: ConnectEmulator, sink: Sink, stack: Stack, clock: FakeTime
) -> None:
    """The logical id is renamed and renamed back. The first clean-up's Delete runs again."""
    if acquired == "adopted":
        created(load_event("quick_connect_create", sink, Properties={"Name": "Desk"}), sink)
    assert stack.deploy({"Old": desk(**ADOPT)})
    assert stack.deploy({"New": desk(**ADOPT)})
    delete = stack.sent[-1]
    assert (delete["RequestType"], delete["LogicalResourceId"]) == ("Delete", "Old")
    clock.sleep(30)
    assert stack.deploy({"Old": desk(**ADOPT)})
    before = copy.deepcopy(held(connect))
    clock.sleep(30)
    assert deliver(delete, sink)["Status"] == "SUCCESS"
    assert held(connect) == before


def test_a_delete_that_runs_again_leaves_a_resource_that_moved_again(
    connect: ConnectEmulator, sink: Sink, stack: Stack, clock: FakeTime
) -> None:
    """A rename rolls back, and its retry succeeds. The rollback's Delete runs again."""
    assert stack.deploy({"Old": desk()})
    assert not stack.deploy({"New": desk(**ADOPT)}, Weather(fails_at=5.0))
    delete = stack.sent[-1]
    assert (delete["RequestType"], delete["LogicalResourceId"]) == ("Delete", "New")
    clock.sleep(30)
    assert stack.deploy({"New": desk(**ADOPT)})
    before = copy.deepcopy(held(connect))
    clock.sleep(30)
    assert deliver(delete, sink)["Status"] == "SUCCESS"
    assert held(connect) == before


@pytest.mark.parametrize(
    "weather",
    [
        pytest.param(Weather(unanswered=frozenset(["New"])), id="no response arrives"),
        pytest.param(Weather(fails_at=0.3), id="it is canceled in its first second"),
    ],
)
def test_a_lost_rename_of_an_old_resource_is_handed_back(
    weather: Weather, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The rollback's Delete has a made-up id. The time of the move counts, not the creation's."""
    assert stack.deploy({"Old": desk()})
    clock.sleep(_A_DAY)
    connect.fault("CreateQuickConnect", "ThrottlingException")  # half a second
    assert not stack.deploy({"New": desk(**ADOPT)}, weather)
    assert [tags_of(connect, arn)["cfn:logical-id"] for arn in held(connect)] == ["Old"]
    stack.delete()
    assert held(connect) == {}


def test_a_lost_replacement_hands_an_old_resource_back(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """It adopted the resource of a sibling, and its response never arrived."""
    other = desk(scene.OTHER_INSTANCE_ID)
    assert stack.deploy({"Desk": desk(), "Other": other})
    clock.sleep(_A_DAY)
    moved = {"Desk": desk(scene.OTHER_INSTANCE_ID, **ADOPT)}
    assert not stack.deploy(moved, Weather(unanswered=frozenset(["Desk"])))
    assert tags_of(connect, stack.ids["Other"])["cfn:logical-id"] == "Other"
    stack.delete()
    assert held(connect) == {}


def flicker(connect: ConnectEmulator, arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Describe show the present tags of a resource for 25 seconds more, every second time.

    The seconds count from the next change of the tags.
    """
    describe, tag = connect._describe_quick_connect, connect._tag_resource
    old, reads = dict(tags_of(connect, arn)), itertools.count(1)
    changed: list[float] = []

    def tagged(region: str, p: Any) -> Any:
        changed.append(FakeTime.current.passed)
        return tag(region, p)

    def shown(region: str, p: Any) -> Any:
        output = describe(region, p)
        if changed and FakeTime.current.passed < changed[0] + 25 and next(reads) % 2 == 0:
            return {"QuickConnect": {**output["QuickConnect"], "Tags": old}}
        return output

    monkeypatch.setattr(connect, "_tag_resource", tagged)
    monkeypatch.setattr(connect, "_describe_quick_connect", shown)


def test_a_rename_ends_when_no_read_shows_the_old_owner_any_more(
    connect: ConnectEmulator, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clean-up's Delete of the old logical id comes next. It must not see its own tags."""
    assert stack.deploy({"Old": desk()})
    flicker(connect, stack.ids["Old"], monkeypatch)
    assert stack.deploy({"New": desk(**ADOPT)})
    assert [*held(connect)] == [stack.ids["New"]]
    stack.delete()
    assert held(connect) == {}


def test_a_rolled_back_rename_ends_when_no_read_shows_the_new_owner_any_more(
    connect: ConnectEmulator, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Delete of the stack comes next. It must not see the tags of the failed rename."""
    assert stack.deploy({"Old": desk()})
    response: list[str] = []

    def hand_back(moment: str) -> None:  # the rename has responded, and its rollback begins
        response.append(moment)
        if response == ["before", "after"]:
            flicker(connect, stack.ids["Old"], monkeypatch)

    stack.sink.watch = hand_back
    assert not stack.deploy({"New": desk(**ADOPT)}, Weather(fails_at=60.0))
    stack.delete()
    assert held(connect) == {}


@pytest.mark.parametrize("weather", [Weather(), Weather(fails_at=60.0)])
def test_a_rename_ends_within_a_short_service_timeout(
    weather: Weather, connect: ConnectEmulator, stack: Stack
) -> None:
    """The wait for the end of the lag is precaution, so no request fails for it."""
    assert stack.deploy({"Old": desk(ServiceTimeout="180")})
    renamed = {"New": desk(ServiceTimeout="180", **ADOPT)}
    assert stack.deploy(renamed, weather) == (weather.fails_at is None)
    stack.delete()
    assert held(connect) == {}


def test_a_rollback_leaves_a_copy_of_the_resource_with_its_tags(
    connect: ConnectEmulator, stack: Stack
) -> None:
    """The copy has the Name in the other instance, so the replacement is refused."""
    assert stack.deploy({"Desk": desk()})
    tags = dict(tags_of(connect, stack.ids["Desk"]))
    other = connect.instances[scene.OTHER_INSTANCE_ID]
    copied = connect.add_quick_connect(other, "Desk", FLOW, tags)
    assert not stack.deploy({"Desk": desk(scene.OTHER_INSTANCE_ID)})
    assert copied in held(connect)


def lines(name: str) -> Declared:
    """Return a group in a template, which may take over the one with its Name."""
    return "Custom::ConnectTrafficDistributionGroup", {
        "InstanceId": scene.INSTANCE_ID,
        "Name": name,
        "UserIds": [scene.USER_ID],
        **ADOPT,
    }


@pytest.mark.parametrize("throttled", [0, 9, 10, 11])
@pytest.mark.parametrize("spacing", [0.0, 1.0, 5.0])
def test_a_rollback_of_groups_that_move_by_one_loses_none(
    spacing: float, throttled: int, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The logical ids are positions in a list. Connect throttles the rollback's first reads."""
    operation = "DescribeTrafficDistributionGroup"
    stack.heal = lambda: connect.fault(operation, "ThrottlingException", times=throttled)
    before = {"A": lines("g"), "B": lines("h")}
    after = {"A": lines("z"), "B": lines("g")}
    assert stack.deploy(before)
    groups = dict(stack.ids)
    clock.sleep(60)
    weather = Weather(spacing=spacing, fails_at=150.0)
    assert not stack.deploy(after, weather)
    clock.sleep(300)
    connect._settle()
    assert stack.ids == groups
    assert {connect.groups[arn]["Name"] for arn in groups.values()} == {"g", "h"}


def test_a_completed_update_leaves_no_two_logical_ids_with_one_quick_connect(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Each one of a list takes the Name of the next one. The last one is new, and comes first."""
    names = ["first", *(f"n{number}" for number in range(9))]
    assert stack.deploy({f"D{n}": desk(Name=name, **ADOPT) for n, name in enumerate(names[1:])})
    clock.sleep(60)
    connect.delay_visibility(Lag(20, seed=1))
    after = {f"D{n}": desk(Name=name, **ADOPT) for n, name in reversed([*enumerate(names)])}
    if stack.deploy(after):
        live = connect.quick_connects.items()
        owners = {arn: desk["Tags"]["cfn:logical-id"] for arn, desk in live}
        assert owners == {arn: name for name, arn in stack.ids.items()}
    assert len({*stack.ids.values()}) == len(stack.ids)


@pytest.mark.parametrize("kind", KINDS)
def test_a_replacement_takes_back_what_retain_left_to_another_logical_id(
    kind: str, stack: Stack, clock: FakeTime
) -> None:
    """A rename rolls back, and `Retain` keeps the resource under the new logical id."""
    old, new = in_two_places(kind)
    assert stack.deploy({"A": old})
    arn = stack.ids["A"]
    clock.sleep(60)
    renamed = (old[0], {**old[1], **ADOPT})
    assert not stack.deploy({"B": renamed}, Weather(fails_at=100.0), retains=frozenset("B"))
    clock.sleep(600)
    assert stack.deploy({"A": new})
    assert stack.ids["A"] != arn


def test_a_rollback_repeats_the_deletion_of_a_replacement_that_it_has_just_seen(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Somebody deleted the old quick connect, so the update and its rollback look for it first.

    The replacement is then two seconds old. Connect shows it, and misses it in the deletion.
    """
    old, new = in_two_places("quick_connect")
    assert stack.deploy({"A": old})
    clock.sleep(600)
    connect.quick_connects.pop(stack.ids["A"])
    clock.sleep(600)
    connect.delay_visibility(Lag(5, seed=0))
    weather = Weather(fails_at=1.0, rollback_after=1.0, status_lag=3.0)
    assert not stack.deploy({"A": new}, weather)
    clock.sleep(600)
    assert held(connect).keys() == {stack.ids["A"]}
