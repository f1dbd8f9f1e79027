"""A refusal changes nothing, and its Reason keeps ids and hides the user's own text."""

import copy
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.cloudformation import RollbackFailed, Stack, Template
from tests.support.harness import FakeTime, Sink, created, load_event
from tests.support.requests import deliver, respond
from tests.support.scenarios import OTHER_STACK

GROUP = "traffic_distribution_group"
USERS = {"UserIds": [scene.USER_ID, scene.OTHER_USER_ID]}


@pytest.fixture
def with_users(connect: ConnectEmulator, sink: Sink) -> str:
    """The ARN of a group with two users of the template, and one of somebody else."""
    arn = created(load_event(f"{GROUP}_create_with_users", sink, Properties=USERS), sink)
    connect.groups[arn]["users"].add("foreign")
    return arn


def test_a_group_with_a_claimed_number_keeps_its_users(
    with_users: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The group cannot be deleted, so it stays as it is. The Reason names the number."""
    number = connect.claim_phone_number(with_users)
    before = copy.deepcopy(connect.groups[with_users])
    response = respond(f"{GROUP}_delete", sink, PhysicalResourceId=with_users, Properties=USERS)
    assert response["Reason"].startswith("ResourceConflict: ")
    assert number in response["Reason"]
    assert connect.groups[with_users] == before
    assert "DisassociateTrafficDistributionGroupUser" not in connect.calls(), "not for a moment"


def test_a_renamed_group_with_a_claimed_number_keeps_its_users(
    with_users: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation deletes the replaced group during cleanup, and abandons a refused Delete."""
    connect.claim_phone_number(with_users)
    before = copy.deepcopy(connect.groups[with_users])
    changes = {"PhysicalResourceId": with_users, "Properties": USERS}
    new = respond(f"{GROUP}_update_replacement", sink, **changes)["PhysicalResourceId"]
    assert respond(f"{GROUP}_delete", sink, **changes)["Status"] == "FAILED"
    assert connect.groups[with_users] == before
    assert connect.groups[new]["users"] == set(USERS["UserIds"])


@pytest.mark.parametrize(
    "error", ["ResourceInUseException", "AccessDeniedException", "InvalidRequestException"]
)
def test_a_group_that_connect_refuses_to_delete_keeps_its_users(
    error: str, with_users: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """No check before the first write can see the reason of this refusal."""
    before = copy.deepcopy(connect.groups[with_users])
    connect.fault("DeleteTrafficDistributionGroup", error, times=1000)
    response = respond(f"{GROUP}_delete", sink, PhysicalResourceId=with_users, Properties=USERS)
    assert response["Status"] == "FAILED"
    assert connect.groups[with_users] == before


def test_a_refused_deletion_associates_the_users_that_still_exist(
    with_users: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Somebody deleted the first user. The Reason is still that of the deletion."""
    gone, *others = sorted(USERS["UserIds"])
    connect.instances[scene.INSTANCE_ID].users.discard(gone)
    connect.fault("DeleteTrafficDistributionGroup", "ResourceInUseException", times=1000)
    response = respond(f"{GROUP}_delete", sink, PhysicalResourceId=with_users, Properties=USERS)
    assert response["Reason"].startswith("ResourceConflict: ")
    assert connect.groups[with_users]["users"].issuperset(others)


def test_a_group_whose_deletion_fails_later_keeps_its_users(
    with_users: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Connect accepts the call, and the group ends as DELETION_FAILED."""
    before = set(connect.groups[with_users]["users"])
    connect.deletion_fails = True
    response = respond(f"{GROUP}_delete", sink, PhysicalResourceId=with_users, Properties=USERS)
    assert "DELETION_FAILED" in response["Reason"]
    assert connect.groups[with_users]["users"] == before


def thirty_users(connect: ConnectEmulator) -> list[str]:
    """Return 30 user ids in the order of a template. The 17th user does not exist."""
    users = [f"user-{number:02}" for number in range(30, 0, -1)]
    connect.instances[scene.INSTANCE_ID].users |= {*users} - {users[16]}
    return users


@pytest.mark.parametrize("request_type", ["create", "update"])
@pytest.mark.parametrize("as_arn", [False, True], ids=["an id", "an ARN"])
def test_a_wrong_user_is_named_by_its_place_and_id(
    as_arn: bool,  # noqa: FBT001
    request_type: str,
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """The place counts in the order of the template."""
    users = thirty_users(connect)
    wrong = users[16]
    if as_arn:
        users = [f"{connect.instances[scene.INSTANCE_ID].arn}/agent/{user}" for user in users]
    ids = {}
    if request_type == "update":
        ids = {"PhysicalResourceId": created(load_event(f"{GROUP}_create", sink), sink)}
    name = f"{GROUP}_create_with_users" if request_type == "create" else f"{GROUP}_update_users"
    response = respond(name, sink, **ids, Properties={"UserIds": users})
    assert response["Status"] == "FAILED"
    assert "UserIds.16" in response["Reason"]
    assert wrong in response["Reason"]


def test_a_user_that_connect_refuses_is_named_by_its_place_and_id(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The replica may lack the user's name: Connect returns InvalidRequestException."""
    connect.fault(
        "AssociateTrafficDistributionGroupUser", "InvalidRequestException", skip=1, times=99
    )
    response = respond(f"{GROUP}_create_with_users", sink, Properties=USERS)
    assert response["Reason"].startswith("InvalidRequest: ")
    assert "UserIds.1" in response["Reason"]
    assert scene.OTHER_USER_ID in response["Reason"]


@pytest.mark.parametrize(
    "identifier",
    [scene.INSTANCE_ID, scene.QUEUE_ID, scene.CONTACT_FLOW_ID],
    ids=["instance", "queue", "flow"],
)
def test_a_reason_keeps_ids(identifier: str, connect: ConnectEmulator, sink: Sink) -> None:
    """An id is no secret, and the reader needs it."""
    message = f"not allowed for {identifier}"
    connect.fault("CreateQuickConnect", "AccessDeniedException", message=message)
    assert message in respond("quick_connect_create", sink)["Reason"]


# Each is shorter than ten characters, so tests/support/watch.py does not look for it.
TEXTS = {
    "Name": "Hotline7",
    "Description": "for VIPs",
    "PhoneNumber": "+1206555",
    "Tags": "cost-42",
}


def private(sink: Sink, name: str, **changes: Any) -> dict[str, Any]:
    """Return a request of a quick connect whose properties hold TEXTS."""
    event = load_event(name, sink, **changes)
    event["ResourceProperties"] |= {
        "Name": TEXTS["Name"],
        "Description": TEXTS["Description"],
        "Tags": {"cost": TEXTS["Tags"]},
        "QuickConnectConfig": {
            "QuickConnectType": "PHONE_NUMBER",
            "PhoneConfig": {"PhoneNumber": TEXTS["PhoneNumber"]},
        },
    }
    return event


def check_hidden(response: dict[str, Any], log: str, text: str) -> None:
    """Check that a text is neither in the Reason nor in the log."""
    assert response["Status"] == "FAILED"
    assert text not in response["Reason"]
    assert text not in log


@pytest.mark.parametrize("written", [*TEXTS.values(), TEXTS["PhoneNumber"][1:]])
def test_an_update_hides_the_texts_of_the_previous_template(
    written: str, connect: ConnectEmulator, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """Connect's message may hold the live values. A number may lack its plus sign."""
    caplog.set_level("INFO")
    event = private(sink, "quick_connect_create")
    arn = created(event, sink)
    old = {"OldResourceProperties": event["ResourceProperties"], "PhysicalResourceId": arn}
    message = f"the quick connect {written} is locked"
    connect.fault("UpdateQuickConnectConfig", "InvalidRequestException", message=message, times=99)
    response = respond("quick_connect_update", sink, **old)
    check_hidden(response, caplog.text, written)


@pytest.mark.parametrize("written", [*TEXTS.values(), TEXTS["PhoneNumber"][1:]])
@pytest.mark.parametrize("operation", ["DescribeQuickConnect", "DeleteQuickConnect"])
def test_a_delete_hides_the_texts_of_the_template(
    operation: str,
    written: str,
    connect: ConnectEmulator,
    sink: Sink,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The failed call has none of these texts among its own parameters."""
    caplog.set_level("INFO")
    arn = created(private(sink, "quick_connect_create"), sink)
    message = f"the quick connect {written} is locked"
    connect.fault(operation, "AccessDeniedException", message=message)
    delete = private(sink, "quick_connect_delete", PhysicalResourceId=arn)
    check_hidden(deliver(delete, sink), caplog.text, written)


@pytest.mark.parametrize("written", [*TEXTS.values(), TEXTS["PhoneNumber"][1:]])
def test_a_create_hides_the_texts_of_the_template_in_every_call(
    written: str, connect: ConnectEmulator, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    """The list after a conflict has none of these texts among its own parameters."""
    caplog.set_level("INFO")
    created(private(sink, "quick_connect_create", StackId=OTHER_STACK), sink)
    message = f"the quick connect {written} is locked"
    connect.fault("ListQuickConnects", "AccessDeniedException", message=message)
    response = deliver(private(sink, "quick_connect_create", RequestId="second"), sink)
    check_hidden(response, caplog.text, written)


INSTANCE = f"instance/{scene.INSTANCE_ID}"
ELSEWHERE = "aws-cn:connect:cn-north-1:123456789012"
FOREIGN = [
    ("quick_connect_create", "InstanceId", INSTANCE),
    ("quick_connect_create_native_spelling", "InstanceArn", INSTANCE),
    ("queue_quick_connects_create", "InstanceId", INSTANCE),
    ("queue_quick_connects_create", "QueueId", f"{INSTANCE}/queue/{scene.QUEUE_ID}"),
    ("traffic_distribution_group_create", "InstanceId", INSTANCE),
    ("traffic_distribution_create_default_group", "InstanceId", INSTANCE),
    (
        "traffic_distribution_create",
        "TrafficDistributionGroupId",
        "traffic-distribution-group/33333333-3333-4333-8333-333333333333",
    ),
]


@pytest.mark.parametrize("owner", ["aws:connect:us-east-1:210987654321", ELSEWHERE])
@pytest.mark.parametrize(("name", "key", "path"), FOREIGN)
def test_an_arn_of_another_account_is_refused(
    name: str, key: str, path: str, owner: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Connect takes bare ids, so it would act on the stack's own account. The Reason names both."""
    response = respond(name, sink, Properties={key: f"arn:{owner}:{path}"})
    expected = f"InvalidRequest: {key}: should be an ARN of the stack's partition and account"
    assert response["Reason"].startswith(expected)
    assert connect.calls() == []


@pytest.mark.parametrize("arn", ["arn:other", "arn:aws:connect:us-east-1"])
def test_an_unfinished_arn_is_refused(arn: str, connect: ConnectEmulator, sink: Sink) -> None:
    """It names no account."""
    ids = {"QuickConnectIds": [arn]}
    response = respond("queue_quick_connects_create", sink, Properties=ids)
    assert response["Reason"].startswith("InvalidRequest: QuickConnectIds.0: should be ")
    assert connect.calls() == []


def test_each_arn_in_a_list_is_checked(connect: ConnectEmulator, sink: Sink) -> None:
    """The Reason has the index."""
    foreign = f"arn:aws:connect:us-east-1:210987654321:{INSTANCE}/transfer-destination/other"
    ids = {"QuickConnectIds": ["own", foreign]}
    response = respond("queue_quick_connects_create", sink, Properties=ids)
    assert response["Reason"].startswith("InvalidRequest: QuickConnectIds.1: should be an ARN of")
    assert connect.calls() == []


def test_a_tag_may_have_the_arn_of_another_account(sink: Sink) -> None:
    """Its key may look like the name of a property. A tag names no resource of Connect."""
    tags = {"Tags": {"ModelArn": f"arn:aws:connect:us-east-1:210987654321:{INSTANCE}"}}
    assert respond("quick_connect_create", sink, Properties=tags)["Status"] == "SUCCESS"


def test_the_correction_of_a_refused_account_keeps_the_associations(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The rollback of the refused update changes nothing, either."""
    scene.add_quick_connects(connect)
    stack, ids = Stack(sink, stacks), scene.QUICK_CONNECT_IDS[:2]

    def template(instance: str) -> Template:
        properties = {"InstanceId": instance, "QueueId": scene.QUEUE_ID, "QuickConnectIds": ids}
        return {"Offered": ("Custom::ConnectQueueQuickConnects", properties)}

    assert stack.deploy(template(scene.INSTANCE_ID))
    assert not stack.deploy(template(f"arn:aws:connect:us-east-1:210987654321:{INSTANCE}"))
    assert connect.queue_quick_connects[stack.ids["Offered"]] == {*ids}


@pytest.mark.parametrize(
    "written", ['caf\u00e9 "R&D"', 'caf\\u00e9 \\"R&D\\"', "caf\u00e9 &quot;R&amp;D&quot;"]
)
def test_a_create_hides_a_text_that_connect_escapes(
    written: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The message may be part of a JSON or HTML document."""
    connect.fault("CreateQuickConnect", "AccessDeniedException", message=f"no: {written}!")
    response = respond("quick_connect_create", sink, Properties={"Name": 'caf\u00e9 "R&D"'})
    assert response["Reason"].endswith(": no: <Name>!")


@pytest.mark.parametrize("is_unnamed", [True, False], ids=["a user", "a permission"])
def test_a_group_keeps_its_users_if_connect_refuses_to_dissociate_one(
    is_unnamed: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """The first users were dissociated. They are associated again, and the deletion fails."""
    users = scene.USER_IDS[:4]
    declared = {"InstanceId": scene.INSTANCE_ID, "Name": "g", "UserIds": users}
    assert stack.deploy({"Group": ("Custom::ConnectTrafficDistributionGroup", declared)})
    clock.sleep(600)
    if is_unnamed:
        connect.instances[scene.INSTANCE_ID].unnamed_in_replica = {users[3]}
    else:
        operation = "DisassociateTrafficDistributionGroupUser"
        connect.fault(operation, "AccessDeniedException", skip=2, times=99)
    with pytest.raises(RollbackFailed):
        stack.delete()
    assert connect.groups[stack.ids["Group"]]["users"] == set(users)
