"""Connect shows a change late: a miss is no proof that a resource does not exist.

A resource may also be on its way: being created, updated or deleted.
"""

import pytest

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Stack
from tests.support.harness import Context, FakeTime, Sink, created, handler_of, load_event
from tests.support.requests import deliver, respond
from tests.support.scenarios import OTHER_STACK, scenario_of
from tests.support.timeline import Timeline
from tests.support.traffic import live, template

DESCRIBE = {
    "quick_connect": "DescribeQuickConnect",
    "traffic_distribution_group": "DescribeTrafficDistributionGroup",
}
GROUP = "traffic_distribution_group"
NOT_FOUND = "ResourceNotFoundException"
HIDDEN = Lag(20, least=19, missing=1, operations=("DescribeTrafficDistributionGroup",))


def own(connect: ConnectEmulator) -> list[str]:
    """Return the ARNs of all resources except the default groups."""
    groups = [arn for arn, group in connect.groups.items() if not group["IsDefault"]]
    return [*connect.quick_connects, *groups]


def on_its_way(connect: ConnectEmulator, arn: str, status: str, then: str, seconds: float) -> None:
    """Give a group a status now, and another status after some seconds."""
    due = FakeTime.current.monotonic() + seconds
    connect.groups[arn] |= {"Status": status, "next": (then, due)}


def test_a_taken_name_is_looked_up_although_connect_throttled_the_create_for_long(
    connect: ConnectEmulator, sink: Sink, stack: Stack
) -> None:
    """Somebody takes the Name meanwhile, and the list does not show it at once."""
    connect.fault("CreateQuickConnect", "ThrottlingException", seconds=120)
    connect.delay_visibility(Lag(20, least=19, missing=1, operations=("ListQuickConnects",)))
    create = load_event("quick_connect_create", sink)["ResourceProperties"]
    config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
    taken: list[str] = []

    def take() -> None:
        instance = connect.instances[scene.INSTANCE_ID]
        taken.append(connect.add_quick_connect(instance, create["Name"], config, {}))
        connect.note_changes()

    stack.timeline = timeline = Timeline()
    timeline.start(take, after=119.0)
    timeline.start(lambda: stack.deploy({"Desk": ("Custom::ConnectQuickConnect", create)}))
    timeline.run()
    assert taken[0] in sink.responses[0]["Reason"]


@pytest.mark.parametrize("seconds", [2, 20, 45])
def test_a_group_may_be_hidden_twice_while_it_is_created(
    seconds: float, connect: ConnectEmulator, sink: Sink
) -> None:
    """Connect hides it after the create call, and after it has become ACTIVE."""
    connect.settle_seconds = seconds
    connect.delay_visibility(HIDDEN)
    created(load_event(f"{GROUP}_create", sink), sink)


@pytest.mark.parametrize("seconds", [2, 20, 45])
def test_a_failover_holds_although_connect_hides_the_group_twice(
    seconds: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Connect hides it after the beginning and after the end of the change of traffic."""
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.shift_seconds = seconds
    connect.delay_visibility(HIDDEN)
    assert stack.deploy(template(0))
    assert live(connect.default_group(scene.INSTANCE_ID)) == (0, 100)


@pytest.mark.parametrize("kind", DESCRIBE)
def test_a_delete_looks_again_while_describe_lags(
    kind: str, connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The resource is one second old, and Describe shows it after three seconds."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    connect.fault(DESCRIBE[kind], NOT_FOUND, seconds=3)
    clock.sleep(1)
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert own(connect) == []


def test_a_release_looks_again_while_describe_lags(connect: ConnectEmulator, sink: Sink) -> None:
    """The adopted quick connect stays, and our markers go."""
    adopt = scenario_of("adopt a quick connect").prepare(connect, sink)
    arn = created(adopt, sink)
    connect.fault("DescribeQuickConnect", NOT_FOUND, seconds=3)
    respond("quick_connect_delete", sink, PhysicalResourceId=arn)
    tags = connect.quick_connects[arn]["Tags"]
    assert {key for key in tags if key.startswith("cfn:")} == {"cfn:adopted-at"}


def test_a_delete_after_a_canceled_adoption_looks_again_for_its_markers(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The Create waits until Connect shows the new owner, and its Delete has a made-up id."""
    late = Lag(10, least=10, missing=0, operations=("DescribeQuickConnect",))
    adopt = scenario_of("adopt a quick connect").prepare(connect, sink, late)
    (live,) = connect.quick_connects.values()
    live["Tags"] = {}
    connect.note_changes()
    clock.sleep(60)

    def cancel() -> None:
        properties = adopt["ResourceProperties"]
        respond("quick_connect_delete_after_cancelled_create", sink, ResourceProperties=properties)

    clock.meanwhile = cancel
    handler_of(adopt)(adopt, Context())
    assert {key for key in live["Tags"] if key.startswith("cfn:")} == {"cfn:adopted-at"}


def test_a_release_looks_again_for_users_that_connect_does_not_list_yet(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The users are ours, so they leave the adopted group."""
    late = Lag(10, least=10, missing=0, operations=("ListTrafficDistributionGroupUsers",))
    adopt = scenario_of("adopt the default group").prepare(connect, sink, late)
    adopt["ResourceProperties"]["UserIds"] = [scene.USER_ID]
    arn = created(adopt, sink)
    assert connect.groups[arn]["users"] == {scene.USER_ID}
    properties = adopt["ResourceProperties"]
    respond(f"{GROUP}_delete", sink, PhysicalResourceId=arn, ResourceProperties=properties)
    assert connect.groups[arn]["users"] == set()


def test_an_update_re_creates_a_resource_that_somebody_has_just_deleted(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Describe still shows the quick connect, and the call that changes it does not find it."""
    late = Lag(10, least=10, missing=0, operations=("DescribeQuickConnect",))
    update = scenario_of("update a quick connect").prepare(connect, sink, late)
    FakeTime.current.sleep(60)
    del connect.quick_connects[update["PhysicalResourceId"]]
    connect.note_changes()
    response = deliver(update, sink)
    assert response["Status"] == "SUCCESS"
    assert own(connect) == [response["PhysicalResourceId"]]


def test_a_release_succeeds_if_somebody_has_just_deleted_the_resource(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Describe still shows the adopted quick connect."""
    late = Lag(10, least=10, missing=0, operations=("DescribeQuickConnect",))
    arn = created(scenario_of("adopt a quick connect").prepare(connect, sink, late), sink)
    del connect.quick_connects[arn]
    connect.note_changes()
    assert respond("quick_connect_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("kind", "operation"),
    [("quick_connect", "DeleteQuickConnect"), (GROUP, "DeleteTrafficDistributionGroup")],
)
def test_a_delete_call_that_misses_what_describe_shows_is_repeated(
    kind: str, operation: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Describe knows the new resource, and the delete call does not know it yet."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    connect.fault(operation, NOT_FOUND, seconds=3)
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert own(connect) == []


@pytest.mark.parametrize("kind", DESCRIBE)
def test_a_delete_of_a_missing_resource_ends_within_the_lag(
    kind: str, connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """After half a minute, a miss is proof."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    (connect.quick_connects if kind == "quick_connect" else connect.groups).pop(arn)
    began = clock.passed
    assert respond(f"{kind}_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert clock.passed - began < 40


@pytest.mark.parametrize("policy", ["Fail", "Adopt"])
@pytest.mark.parametrize(
    ("kind", "event", "hidden"),
    [
        ("quick_connect", "update_unchanged", {}),
        ("quick_connect", "update", {}),
        (GROUP, "update", {}),
        (GROUP, "update_users", {}),
        ("quick_connect", "update_unchanged", {"seconds": 40}),
        (GROUP, "update_users", {"seconds": 40}),
    ],
)
def test_an_update_goes_on_with_its_own_resource_after_a_stale_describe(
    kind: str,
    event: str,
    hidden: dict[str, float],
    policy: str,
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """The resource keeps its id and its owner, so the stack can delete it later."""
    properties = {"ExistingResourcePolicy": policy}
    arn = created(load_event(f"{kind}_create", sink, Properties=properties), sink)
    connect.fault(DESCRIBE[kind], NOT_FOUND, **hidden)
    response = respond(f"{kind}_{event}", sink, PhysicalResourceId=arn, Properties=properties)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    assert own(connect) == [arn]
    tags = {**connect.quick_connects, **connect.groups}[arn]["Tags"]
    assert "cfn:created-at" in tags
    assert "cfn:adopted-at" not in tags
    respond(f"{kind}_delete", sink, PhysicalResourceId=arn, Properties=properties)
    assert own(connect) == []


@pytest.mark.parametrize(
    ("scenario", "operation"),
    [
        ("create a quick connect", "CreateQuickConnect"),
        ("update a quick connect", "UpdateQuickConnectConfig"),
        ("create a group", "AssociateTrafficDistributionGroupUser"),
        ("update a group", "AssociateTrafficDistributionGroupUser"),
    ],
)
def test_a_reference_to_something_new_is_tried_again(
    scenario: str, operation: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The same stack has just made the queue, the flow or the user."""
    event = scenario_of(scenario).prepare(connect, sink)
    connect.fault(operation, NOT_FOUND, seconds=5)
    response = deliver(event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]


@pytest.mark.parametrize(
    ("name", "block", "key"),
    [
        ("quick_connect_create", "QueueConfig", "QueueId"),
        ("quick_connect_create", "QueueConfig", "ContactFlowId"),
        ("quick_connect_create_user", "UserConfig", "UserId"),
        ("quick_connect_create_flow", "FlowConfig", "ContactFlowId"),
    ],
)
def test_a_wrong_reference_fails_within_the_lag_and_is_named(
    name: str, block: str, key: str, connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The Reason holds the wrong id."""
    event = load_event(name, sink)
    event["ResourceProperties"]["QuickConnectConfig"][block][key] = "mistyped-0001"
    response = deliver(event, sink)
    assert response["Reason"].startswith("NotFound: CreateQuickConnect: ")
    assert "mistyped-0001" in response["Reason"]
    assert clock.passed <= 31
    assert own(connect) == []


@pytest.mark.parametrize(
    ("status", "then"),
    [
        pytest.param(
            "PENDING_DELETION",
            "gone",
        ),
        ("CREATION_IN_PROGRESS", "ACTIVE"),
        ("UPDATE_IN_PROGRESS", "ACTIVE"),
    ],
)
def test_an_update_ends_with_an_active_group(
    status: str, then: str, connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The response is a clear refusal, or the id of a group that is ACTIVE two minutes later."""
    arn = created(load_event(f"{GROUP}_create", sink), sink)
    on_its_way(connect, arn, status, then, 60)
    response = respond(f"{GROUP}_update", sink, PhysicalResourceId=arn)
    clock.sleep(120)
    if response["Status"] == "FAILED":
        assert status in response["Reason"]
        return
    arn = response["PhysicalResourceId"]
    assert respond(f"{GROUP}_update", sink, PhysicalResourceId=arn)["Data"]["Arn"] == arn
    assert connect.groups[arn]["Status"] == "ACTIVE"


@pytest.mark.parametrize("status", ["CREATION_FAILED", "DELETION_FAILED"])
def test_an_update_never_treats_a_failed_group_as_ready(
    status: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The response is a clear refusal, or the id of an ACTIVE group."""
    arn = created(load_event(f"{GROUP}_create", sink), sink)
    connect.groups[arn]["Status"] = status
    response = respond(f"{GROUP}_update", sink, PhysicalResourceId=arn)
    if response["Status"] == "FAILED":
        assert status in response["Reason"]
    else:
        assert connect.groups[response["PhysicalResourceId"]]["Status"] == "ACTIVE"


@pytest.mark.parametrize(
    ("users", "operation"),
    [
        ([scene.USER_ID, scene.OTHER_USER_ID], "AssociateTrafficDistributionGroupUser"),
        ([], "DisassociateTrafficDistributionGroupUser"),
    ],
    ids=["a user joins", "a user leaves"],
)
def test_a_change_of_users_waits_until_the_group_is_active(
    users: list[str], operation: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Connect documents ResourceNotFoundException for a group that is UPDATE_IN_PROGRESS."""
    arn = created(load_event(f"{GROUP}_create_with_users", sink), sink)
    on_its_way(connect, arn, "UPDATE_IN_PROGRESS", "ACTIVE", 100)
    connect.fault(operation, NOT_FOUND, seconds=100)
    changes = {"UserIds": users}
    response = respond(f"{GROUP}_update_users", sink, PhysicalResourceId=arn, Properties=changes)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert connect.groups[arn]["users"] == set(users)


def test_a_replacement_waits_while_connect_hides_that_the_one_before_is_dying(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A rollback has just removed the replacement. The next update makes it again."""
    arn = created(load_event(f"{GROUP}_create", sink), sink)
    changes = {"RequestId": "second", "Properties": {"Name": "Renewals"}}
    dying = created(load_event(f"{GROUP}_create", sink, **changes), sink)
    connect.delay_visibility(Lag(10, least=10, missing=0))
    on_its_way(connect, dying, "PENDING_DELETION", "gone", 5)
    response = respond(f"{GROUP}_update_replacement", sink, PhysicalResourceId=arn)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert own(connect) == [arn, response["PhysicalResourceId"]]


def test_a_create_waits_while_connect_shows_the_deleted_resource_of_its_logical_id(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation deletes a quick connect and creates it again at once. Its Name lags, too."""
    old = created(load_event("quick_connect_create", sink), sink)
    connect.delay_visibility(Lag(10, least=10, missing=0))
    connect.fault("CreateQuickConnect", "DuplicateResourceException", seconds=10)
    assert respond("quick_connect_delete", sink, PhysicalResourceId=old)["Status"] == "SUCCESS"
    new = created(load_event("quick_connect_create", sink, RequestId="again"), sink)
    assert own(connect) == [new] != [old]


@pytest.mark.parametrize("policy", ["Fail", "Adopt"])
@pytest.mark.parametrize("seconds", [40, 1000])
def test_a_create_waits_until_a_dying_group_of_its_name_is_gone(
    seconds: float, policy: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The dying group is not adopted, and no resource of its Name stays in the way."""
    dying = created(load_event(f"{GROUP}_create", sink, StackId=OTHER_STACK), sink)
    on_its_way(connect, dying, "PENDING_DELETION", "gone", seconds)
    changes = {"RequestId": "second", "Properties": {"ExistingResourcePolicy": policy}}
    response = respond(f"{GROUP}_create", sink, **changes)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert own(connect) == [response["PhysicalResourceId"]]
    assert response["PhysicalResourceId"] != dying


def test_a_replacement_waits_until_a_dying_group_of_its_name_is_gone(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The update renames the group to the Name of the dying one."""
    dying = created(
        load_event(f"{GROUP}_create", sink, StackId=OTHER_STACK, Properties={"Name": "Renewals"}),
        sink,
    )
    arn = created(load_event(f"{GROUP}_create", sink, RequestId="second"), sink)
    on_its_way(connect, dying, "PENDING_DELETION", "gone", 40)
    response = respond(f"{GROUP}_update_replacement", sink, PhysicalResourceId=arn)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert dying not in connect.groups


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "CREATION_IN_PROGRESS"])
def test_a_delete_that_waits_for_a_group_looks_again_after_a_miss(
    status: str, connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """Connect may hide a group that it is changing. The miss comes while the Delete waits."""
    arn = created(load_event("traffic_distribution_group_create", sink), sink)
    group = connect.groups[arn]
    group["Status"], group["next"] = status, ("ACTIVE", clock.monotonic() + 20)
    miss = "ResourceNotFoundException"
    connect.fault("DescribeTrafficDistributionGroup", miss, skip=3)
    delete = respond("traffic_distribution_group_delete", sink, PhysicalResourceId=arn)
    assert delete["Status"] == "SUCCESS"
    connect._settle()
    assert arn not in connect.groups


def test_a_refused_delete_looks_again_after_a_miss(connect: ConnectEmulator, sink: Sink) -> None:
    """Connect refuses the deletion, and then hides the group once. The group still exists."""
    arn = created(load_event("traffic_distribution_group_create", sink), sink)
    connect.fault("DeleteTrafficDistributionGroup", "ResourceInUseException", times=10)
    miss = "ResourceNotFoundException"
    connect.fault("DescribeTrafficDistributionGroup", miss, skip=1)
    delete = respond("traffic_distribution_group_delete", sink, PhysicalResourceId=arn)
    assert delete["Reason"].startswith("ResourceConflict: ")
    assert arn in connect.groups
