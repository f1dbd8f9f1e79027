"""Whole requests for Custom::ConnectQueueQuickConnects: the response and the associations."""

from collections.abc import Iterable
from typing import Any

import pytest

from connect_provider.quick_connect.app import lambda_handler
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import FakeTime, Sink, load_event, response_to, reversed_update

INSTANCE_ARN = f"arn:aws:connect:{scene.REGION}:{ACCOUNT}:instance/{scene.INSTANCE_ID}"
QUEUE_ARN = f"{INSTANCE_ARN}/queue/{scene.QUEUE_ID}"
OTHER_QUEUE_ARN = f"{INSTANCE_ARN}/queue/{scene.OTHER_QUEUE_ID}"
FIRST, SECOND, THIRD = scene.QUICK_CONNECT_IDS
UNKNOWN = "dddddddd-0001-4000-8000-000000000999"
ASSOCIATE, DISSOCIATE = "AssociateQueueQuickConnects", "DisassociateQueueQuickConnects"
LIST = "ListQueueQuickConnects"


@pytest.fixture(autouse=True)
def _quick_connects(connect: ConnectEmulator) -> None:
    """The quick connects that the events name."""
    scene.add_quick_connects(connect)


@pytest.fixture(params=[True, False], ids=["repeats fail", "repeats succeed"])
def repeats(request: pytest.FixtureRequest, connect: ConnectEmulator) -> None:
    """Both ways in which Connect may treat a repeated call."""
    connect.repeats_fail = request.param


def create(sink: Sink, **properties: Any) -> dict[str, Any]:
    """Send a Create; return its response."""
    event = load_event("queue_quick_connects_create", sink, Properties=properties)
    return response_to(lambda_handler, event, sink)


def update(sink: Sink, ids: Iterable[str], before: Iterable[str], **changes: Any) -> dict[str, Any]:
    """Return an Update from one list of quick connects to another."""
    event = load_event(
        "queue_quick_connects_update", sink, Properties={"QuickConnectIds": [*ids]}, **changes
    )
    event["OldResourceProperties"]["QuickConnectIds"] = [*before]
    return event


def send(event: dict[str, Any], sink: Sink) -> dict[str, Any]:
    """Send a request; return its response."""
    return response_to(lambda_handler, event, sink)


def offered(connect: ConnectEmulator, queue: str = QUEUE_ARN) -> set[str]:
    """Return the quick connects that the agents of a queue see."""
    return connect.queue_quick_connects.get(queue, set())


def many(connect: ConnectEmulator, count: int) -> list[str]:
    """Add quick connects; return their ids."""
    instance = connect.instances[scene.INSTANCE_ID]
    config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
    arns = [connect.add_quick_connect(instance, f"n{n}", config, {}) for n in range(count)]
    return [arn.rpartition("/")[2] for arn in arns]


@pytest.mark.parametrize("name", ["create", "create_native_spelling"])
def test_create_associates_with_one_call(name: str, connect: ConnectEmulator, sink: Sink) -> None:
    """Ref is the queue's ARN, in each spelling of the properties."""
    response = send(load_event(f"queue_quick_connects_{name}", sink), sink)
    assert response["PhysicalResourceId"] == QUEUE_ARN
    assert response["Data"] == {
        "Arn": QUEUE_ARN,
        "Id": scene.QUEUE_ID,
        "QueueArn": QUEUE_ARN,
        "QueueId": scene.QUEUE_ID,
        "InstanceArn": INSTANCE_ARN,
        "QuickConnectIds": f"{FIRST},{SECOND}",
        "Count": "2",
    }
    assert offered(connect) == {FIRST, SECOND}
    assert connect.calls() == [ASSOCIATE]


@pytest.mark.usefixtures("repeats")
def test_create_keeps_an_association_that_exists(
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """An operator has associated one of the template's quick connects, and another one."""
    connect.queue_quick_connects[QUEUE_ARN] = {FIRST, THIRD}
    assert create(sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST, SECOND, THIRD}


def test_sixty_quick_connects_need_two_calls(connect: ConnectEmulator, sink: Sink) -> None:
    """One call takes 50. The list of ids does not fit into the response, so it is empty."""
    ids = many(connect, 60)
    response = create(sink, QuickConnectIds=ids)
    assert offered(connect) == {*ids}
    assert connect.calls() == [ASSOCIATE, ASSOCIATE]
    assert (response["Data"]["Count"], response["Data"]["QuickConnectIds"]) == ("60", "")
    assert send(update(sink, [], ids), sink)["Status"] == "SUCCESS"
    assert offered(connect) == set()


@pytest.mark.usefixtures("repeats")
def test_sixty_quick_connects_of_which_one_is_gone_are_dissociated(
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """The provider dissociates one by one the batch with the missing quick connect."""
    ids = many(connect, 60)
    create(sink, QuickConnectIds=ids)
    del connect.quick_connects[f"{INSTANCE_ARN}/transfer-destination/{ids[3]}"]
    assert send(update(sink, [], ids), sink)["Status"] == "SUCCESS"
    assert offered(connect) <= {ids[3]}


def test_update_associates_before_it_dissociates(connect: ConnectEmulator, sink: Sink) -> None:
    """Agents never lose a quick connect that both templates have."""
    create(sink)
    connect.journal.clear()
    assert send(update(sink, [SECOND, THIRD], [FIRST, SECOND]), sink)["Status"] == "SUCCESS"
    assert offered(connect) == {SECOND, THIRD}
    assert [(e.operation, e.parameters["QuickConnectIds"]) for e in connect.journal] == [
        (ASSOCIATE, [THIRD]),
        (DISSOCIATE, [FIRST]),
    ]


def test_an_operators_changes_survive_an_update(connect: ConnectEmulator, sink: Sink) -> None:
    """One association was added manually, and one removed. The template changed neither."""
    create(sink)
    connect.queue_quick_connects[QUEUE_ARN] = {SECOND, "manual"}
    assert send(update(sink, [FIRST, SECOND, THIRD], [FIRST, SECOND]), sink)["Status"] == "SUCCESS"
    assert offered(connect) == {SECOND, THIRD, "manual"}


def test_an_update_without_a_change_makes_no_call(connect: ConnectEmulator, sink: Sink) -> None:
    """Another order and other spellings are no change."""
    assert send(load_event("queue_quick_connects_update_unchanged", sink), sink)["Data"]["Count"]
    native = load_event("queue_quick_connects_create_native_spelling", sink)["ResourceProperties"]
    respelled = {**update(sink, [FIRST, SECOND], [FIRST, SECOND]), "ResourceProperties": native}
    assert send(respelled, sink)["PhysicalResourceId"] == QUEUE_ARN
    assert connect.calls() == []


@pytest.mark.usefixtures("repeats")
def test_an_update_repeated_after_a_lost_response_ends_the_same(
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """Both calls took effect, and both responses were lost."""
    create(sink)
    connect.fault(ASSOCIATE, "drop", after=True)
    connect.fault(DISSOCIATE, "drop", after=True)
    assert send(update(sink, [SECOND, THIRD], [FIRST, SECOND]), sink)["Status"] == "SUCCESS"
    assert offered(connect) == {SECOND, THIRD}


def test_another_queue_is_a_replacement(connect: ConnectEmulator, sink: Sink) -> None:
    """The id is the other queue's ARN. The Delete of the old id dissociates its quick connects."""
    create(sink)
    connect.queue_quick_connects[QUEUE_ARN].add(THIRD)
    event = load_event("queue_quick_connects_update_replacement", sink)
    assert send(event, sink)["PhysicalResourceId"] == OTHER_QUEUE_ARN
    assert send(load_event("queue_quick_connects_delete", sink), sink)["Status"] == "SUCCESS"
    assert (offered(connect), offered(connect, OTHER_QUEUE_ARN)) == ({THIRD}, {FIRST, SECOND})


def test_the_rollback_of_a_replacement_leaves_the_old_queue(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The failed update never reached it, and an operator has dissociated a quick connect."""
    create(sink)
    connect.queue_quick_connects[QUEUE_ARN].remove(FIRST)
    replacement = load_event("queue_quick_connects_update_replacement", sink)
    send(replacement, sink)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response = send(reversed_update(replacement, sink), sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", QUEUE_ARN)
    assert offered(connect) == {SECOND}


@pytest.mark.usefixtures("repeats")
@pytest.mark.parametrize("applied", [True, False])
def test_a_rollback_restores_the_previous_template(
    applied: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
) -> None:
    """The failed update took effect, or it did not."""
    create(sink)
    event = update(sink, [SECOND, THIRD], [FIRST, SECOND])
    if applied:
        send(event, sink)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert send(reversed_update(event, sink), sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST, SECOND}


def test_a_rollback_goes_on_without_a_quick_connect_that_is_gone(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The rest of the batch is restored."""
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert send(update(sink, [FIRST, UNKNOWN, THIRD], []), sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST, THIRD}


def test_a_rollback_to_a_queue_that_is_gone_ends(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """There is nothing to go back to."""
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    connect.instances[scene.INSTANCE_ID].queues.remove(scene.QUEUE_ID)
    event = update(sink, [FIRST], [SECOND])
    assert send(event, sink)["Status"] == "SUCCESS"


def test_the_reason_names_the_quick_connect_that_does_not_exist(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The Reason holds its place in the template and its id."""
    response = create(sink, QuickConnectIds=[SECOND, FIRST, THIRD, UNKNOWN])
    assert response["Reason"].startswith(f"NotFound: QuickConnectIds.3 ({UNKNOWN}): ")
    delete = load_event(
        "queue_quick_connects_delete", sink, PhysicalResourceId=response["PhysicalResourceId"]
    )
    delete["ResourceProperties"]["QuickConnectIds"] = [SECOND, FIRST, THIRD, UNKNOWN]
    assert send(delete, sink)["Status"] == "SUCCESS"
    assert offered(connect) == set()


def test_the_reason_names_the_queue_that_does_not_exist(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The Reason blames no quick connect, and the provider tries none of them alone."""
    response = create(sink, QueueId="unknown")
    assert response["Reason"] == "NotFound: QueueId: queue unknown does not exist"
    assert connect.calls()[-1] == LIST


def test_a_quick_connect_that_connect_does_not_show_yet_is_retried(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """Connect does not show it for a few seconds after its creation."""
    connect.fault(ASSOCIATE, "ResourceNotFoundException", times=4)
    assert create(sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST, SECOND}
    assert len(clock.sleeps) == 4


def test_delete_dissociates_only_the_templates_quick_connects(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """It makes one call. An operator's association stays."""
    create(sink)
    connect.queue_quick_connects[QUEUE_ARN].add(THIRD)
    connect.journal.clear()
    for _ in range(2):
        event = load_event("queue_quick_connects_delete", sink)
        assert send(event, sink)["Status"] == "SUCCESS"
        assert offered(connect) == {THIRD}
    assert connect.calls()[:2] == [DISSOCIATE, DISSOCIATE]


@pytest.mark.parametrize("gone", ["queue", "quick connect", "instance"])
@pytest.mark.parametrize("dissociates", [True, False])
def test_delete_treats_a_missing_resource_as_done(
    gone: str,
    dissociates: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """The result is the same whether or not Connect dissociates a deleted quick connect."""
    create(sink)
    connect.deletion_dissociates = dissociates
    instance = connect.instances[scene.INSTANCE_ID]
    if gone == "queue":
        instance.queues.remove(scene.QUEUE_ID)
    elif gone == "instance":
        del connect.instances[scene.INSTANCE_ID]
    else:
        arn = f"{INSTANCE_ARN}/transfer-destination/{FIRST}"
        delete = load_event("quick_connect_delete", sink, PhysicalResourceId=arn)
        assert send(delete, sink)["Status"] == "SUCCESS"
    assert send(load_event("queue_quick_connects_delete", sink), sink)["Status"] == "SUCCESS"
    assert SECOND not in offered(connect) or gone != "quick connect"


def test_delete_of_invalid_properties_makes_no_call(connect: ConnectEmulator, sink: Sink) -> None:
    """They were never applied."""
    properties = {"QuickConnectIds": "text"}
    event = load_event("queue_quick_connects_delete", sink, Properties=properties)
    assert send(event, sink)["Status"] == "SUCCESS"
    assert connect.calls() == []


def test_a_delete_with_a_made_up_id_cleans_up_a_canceled_create(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """CloudFormation never got the real id. If the stack has the resource, the Delete is old."""
    create(sink)
    event = load_event("queue_quick_connects_delete", sink, PhysicalResourceId="s-Orders-1ABC")
    stacks.physical_id = QUEUE_ARN
    assert send(event, sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST, SECOND}
    stacks.physical_id = "s-Orders-1ABC"
    assert send(event, sink)["Status"] == "SUCCESS"
    assert offered(connect) == set()


def test_a_create_that_the_stack_has_canceled_undoes_itself(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The Delete of this Create ran before the last call of the Create."""
    ids = many(connect, 60)
    connect.fault(ASSOCIATE, "ThrottlingException", skip=1, times=5)

    def cancel() -> None:
        stacks.status = "ROLLBACK_IN_PROGRESS"
        clock.advance(60)

    clock.meanwhile = cancel
    response = create(sink, QuickConnectIds=ids)
    assert response["Reason"].startswith("ResourceConflict: CloudFormation no longer waits")
    assert offered(connect) == set()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("LimitExceededException", "ServiceLimitExceeded"),
        ("InvalidRequestException", "InvalidRequest"),
        ("InvalidParameterException", "InvalidRequest"),
        ("AccessDeniedException", "AccessDenied"),
    ],
)
@pytest.mark.parametrize("operation", [ASSOCIATE, DISSOCIATE])
def test_a_refusal_is_reported(
    operation: str, error: str, reason: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The queue's associations do not explain this refusal."""
    create(sink)
    connect.fault(operation, error, times=99)
    response = send(update(sink, [THIRD], [FIRST]), sink)
    assert response["Reason"].startswith(f"{reason}: {operation}")


def test_an_instance_of_another_region_is_reached_by_its_arn(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The calls go to its Region."""
    remote = INSTANCE_ARN.replace(scene.REGION, scene.REPLICA_REGION)
    response = create(sink, InstanceId=remote)
    assert response["PhysicalResourceId"].startswith("never-created-"), "Connect refused it"
    assert {entry.region for entry in connect.journal} == {scene.REPLICA_REGION}


def test_an_update_of_a_full_queue_makes_room_first(connect: ConnectEmulator, sink: Sink) -> None:
    """Connect refuses the association for its quota, so the update dissociates before it."""
    create(sink, QuickConnectIds=[FIRST, SECOND])
    connect.queue_quick_connect_quota = 2
    change = update(sink, [FIRST, THIRD], [FIRST, SECOND])
    assert send(change, sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST, THIRD}
    assert send(reversed_update(change, sink), sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST, SECOND}


def test_an_update_that_needs_more_than_a_full_queue_rolls_back(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """It made room in vain, and its rollback associates the old quick connect again."""
    create(sink, QuickConnectIds=[FIRST])
    connect.queue_quick_connect_quota = 1
    change = update(sink, [SECOND, THIRD], [FIRST])
    assert send(change, sink)["Reason"].startswith("ServiceLimitExceeded: ")
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert send(reversed_update(change, sink), sink)["Status"] == "SUCCESS"
    assert offered(connect) == {FIRST}
