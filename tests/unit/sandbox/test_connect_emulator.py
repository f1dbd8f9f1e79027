"""The emulator refuses the input that the service model or the guide forbids."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from connect_provider.connect import client
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import FakeTime

CONFIG = {
    "QuickConnectType": "FLOW",
    "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID},
}


def create(**changes: Any) -> dict[str, Any]:
    parameters = {"InstanceId": scene.INSTANCE_ID, "Name": "n", "QuickConnectConfig": CONFIG}
    parameters |= changes
    made: dict[str, Any] = client(scene.REGION, 20).create_quick_connect(**parameters)
    return made


def code_of(call: Callable[[], object]) -> tuple[str, int]:
    with pytest.raises(ClientError) as raised:
        call()
    response: Any = raised.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"Name": "x" * 128}, "InvalidParameterException", id="a maximum length"),
        pytest.param(
            {"QuickConnectConfig": {"QuickConnectType": "MAIL"}},
            "InvalidParameterException",
            id="an enum",
        ),
        pytest.param({"Tags": {"aws:x": "y"}}, "InvalidParameterException", id="a pattern"),
        pytest.param({"Tags": {}}, "InvalidParameterException", id="an empty map"),
        pytest.param(
            {"QuickConnectConfig": {**CONFIG, "QuickConnectType": "QUEUE"}},
            "InvalidRequestException",
            id="a block of another type",
        ),
        pytest.param({"InstanceId": "unknown"}, "ResourceNotFoundException", id="an instance"),
    ],
)
def test_invalid_input_is_refused(
    changes: dict[str, Any], code: str, connect: ConnectEmulator
) -> None:
    """Botocore accepts all of these."""
    assert code_of(lambda: create(**changes))[0] == code
    assert connect.quick_connects == {}


def test_lists_come_in_pages(connect: ConnectEmulator) -> None:
    """A page has ten groups at most, as in the model."""
    instance = connect.instances[scene.INSTANCE_ID]
    for number in range(11):
        connect.add_group(instance, f"g{number}", "", {})
    first = client(scene.REGION, 20).list_traffic_distribution_groups(InstanceId=instance.id)
    assert len(first["TrafficDistributionGroupSummaryList"]) == 10
    second = client(scene.REGION, 20).list_traffic_distribution_groups(
        InstanceId=instance.id, NextToken=first["NextToken"]
    )
    assert len(second["TrafficDistributionGroupSummaryList"]) == 2
    assert "NextToken" not in second


def test_each_api_has_its_own_rate(connect: ConnectEmulator, clock: FakeTime) -> None:
    """The rate is two requests a second, with bursts of five."""
    connect.rate = 2
    for number in range(5):
        create(Name=str(number))
    assert code_of(lambda: create(Name="late")) == ("ThrottlingException", 429)
    client(scene.REGION, 20).list_quick_connects(InstanceId=scene.INSTANCE_ID)
    clock.sleep(0.5)
    create(Name="late")


def test_quotas_have_their_own_status(connect: ConnectEmulator) -> None:
    """Quick connects get 429, which looks like a throttle; groups get 402."""
    connect.quick_connect_quota = connect.group_quota = 0
    assert code_of(create) == ("LimitExceededException", 429)
    group = {"InstanceId": scene.INSTANCE_ID, "Name": "g"}
    create_group = client(scene.REGION, 20).create_traffic_distribution_group
    assert code_of(lambda: create_group(**group)) == ("ServiceQuotaExceededException", 402)


def test_a_group_has_its_id_in_its_home_region_only(connect: ConnectEmulator) -> None:
    """In the replica's Region only the ARN names it."""
    group = next(iter(connect.groups.values()))
    describe = client(scene.REPLICA_REGION, 20).describe_traffic_distribution_group
    assert describe(TrafficDistributionGroupId=group["Arn"])
    not_found = code_of(lambda: describe(TrafficDistributionGroupId=group["Id"]))
    assert not_found == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("after", [False, True])
def test_a_fault_comes_before_or_after_the_effect(
    after: bool,  # noqa: FBT001
    connect: ConnectEmulator,
) -> None:
    """The journal holds the call in both cases."""
    connect.fault("CreateQuickConnect", "InternalServiceException", after=after)
    assert code_of(create) == ("InternalServiceException", 500)
    assert len(connect.quick_connects) == after
    assert [entry.error for entry in connect.journal] == ["InternalServiceException"]


def users_of(group: dict[str, Any]) -> list[str]:
    """Return the users of a group as Connect lists them."""
    found = client(scene.REGION, 20).list_traffic_distribution_group_users(
        TrafficDistributionGroupId=group["Arn"]
    )
    return [user["UserId"] for user in found["TrafficDistributionGroupUserSummaryList"]]


def associate(group: dict[str, Any]) -> None:
    """Associate a user with a group."""
    client(scene.REGION, 20).associate_traffic_distribution_group_user(
        TrafficDistributionGroupId=group["Arn"],
        UserId=scene.USER_ID,
        InstanceId=scene.INSTANCE_ID,
    )


@pytest.mark.parametrize(
    ("arns", "listed"),
    [((False,), ["id", "id"]), ((True,), ["ARN", "ARN"]), ((True, False), ["ARN", "id"])],
)
def test_users_are_listed_by_id_or_by_arn(
    arns: tuple[bool, ...], listed: list[str], connect: ConnectEmulator
) -> None:
    """The API page allows both."""
    group = connect.default_group(scene.INSTANCE_ID)
    group["users"] |= {scene.USER_ID, scene.OTHER_USER_ID}
    connect.lists_user_arns = arns
    found = users_of(group)
    assert ["ARN" if user.startswith("arn:") else "id" for user in found] == listed
    bare = {user.rpartition("/")[2] for user in found}
    assert bare == {scene.USER_ID, scene.OTHER_USER_ID}


def test_a_user_without_a_name_in_the_replica_is_refused(connect: ConnectEmulator) -> None:
    """The administrator guide names the error."""
    connect.instances[scene.INSTANCE_ID].unnamed_in_replica.add(scene.USER_ID)
    group = connect.default_group(scene.INSTANCE_ID)
    assert code_of(lambda: associate(group)) == ("InvalidRequestException", 400)


def test_a_group_that_is_not_active_takes_no_users(connect: ConnectEmulator) -> None:
    """The API page names the error."""
    group = connect.default_group(scene.INSTANCE_ID)
    connect.keep_in(group, "UPDATE_IN_PROGRESS")
    assert code_of(lambda: associate(group)) == ("ResourceNotFoundException", 404)


def test_an_instance_is_not_ready_for_a_while_after_its_replication(
    connect: ConnectEmulator, clock: FakeTime
) -> None:
    """The first group can be created only after the replication."""
    connect.instances[scene.INSTANCE_ID].ready_at = clock.monotonic() + 60
    group = {"InstanceId": scene.INSTANCE_ID, "Name": "g"}
    create_group = client(scene.REGION, 20).create_traffic_distribution_group
    assert code_of(lambda: create_group(**group)) == ("ResourceNotReadyException", 409)
    clock.sleep(60)
    create_group(**group)


def test_a_repeated_deletion_of_a_group_can_be_refused(connect: ConnectEmulator) -> None:
    """The documentation does not say whether Connect refuses it."""
    connect.settle_seconds = 60
    group = connect.add_group(connect.instances[scene.INSTANCE_ID], "g", "", {})
    connect.keep_in(group, "ACTIVE")
    named = {"TrafficDistributionGroupId": group["Arn"]}
    client(scene.REGION, 20).delete_traffic_distribution_group(**named)
    client(scene.REGION, 20).delete_traffic_distribution_group(**named)
    connect.refuses_repeated_delete = True
    repeat = client(scene.REGION, 20).delete_traffic_distribution_group
    assert code_of(lambda: repeat(**named)) == ("InvalidRequestException", 400)


def test_a_rename_to_a_taken_name_can_be_refused(connect: ConnectEmulator) -> None:
    """The documentation does not say whether Connect refuses it."""
    create(Name="taken")
    desk = {"InstanceId": scene.INSTANCE_ID, "QuickConnectId": create()["QuickConnectId"]}
    rename = client(scene.REGION, 20).update_quick_connect_name
    rename(**desk, Name="taken", Description="")
    rename(**desk, Name="n", Description="")
    connect.refuses_taken_rename = True
    refused = code_of(lambda: rename(**desk, Name="taken", Description=""))
    assert refused == ("InvalidRequestException", 400)
