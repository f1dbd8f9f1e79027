"""Whole requests for Custom::ConnectTrafficDistributionGroup: the response and the groups."""

from datetime import timedelta
from typing import Any

import pytest

from connect_provider.errors import NotStabilized
from connect_provider.traffic_distribution_group.app import lambda_handler
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Context, FakeTime, Sink, load_event, response_to


def run(name: str, sink: Sink, **changes: Any) -> dict[str, Any]:
    """Send a request of events/; return the response."""
    event = load_event(f"traffic_distribution_group_{name}", sink, **changes)
    return response_to(lambda_handler, event, sink)


def ours(connect: ConnectEmulator) -> list[str]:
    """Return the ARNs of the groups that are not an instance's default."""
    return [arn for arn, group in connect.groups.items() if not group["IsDefault"]]


def test_create_waits_until_the_group_is_active(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """It makes one create call, and one Describe per pause. The attributes show ACTIVE."""
    connect.settle_seconds = 10
    response = run("create", sink)
    arn = response["PhysicalResourceId"]
    assert response["Data"] == {
        "Arn": arn,
        "Id": connect.groups[arn]["Id"],
        "TrafficDistributionGroupArn": arn,
        "Status": "ACTIVE",
        "IsDefault": "false",
        "InstanceArn": connect.groups[arn]["InstanceArn"],
    }
    looks = connect.calls().count("DescribeTrafficDistributionGroup")
    assert connect.calls()[0] == "CreateTrafficDistributionGroup"
    assert looks == len(clock.sleeps) == 10
    assert clock.passed < 11


def test_create_has_the_requests_token_and_markers(connect: ConnectEmulator, sink: Sink) -> None:
    """Every run of a request sends the same bytes."""
    event = load_event("traffic_distribution_group_create", sink)
    response_to(lambda_handler, event, sink)
    response_to(lambda_handler, event, sink)
    first, second = (e for e in connect.journal if e.operation.startswith("Create"))
    assert first.parameters == second.parameters
    assert first.parameters["ClientToken"] == event["RequestId"]
    assert first.parameters["Tags"]["cfn:request-id"] == event["RequestId"]
    assert len(ours(connect)) == 1


def test_create_continues_after_connect_forgets_the_token(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The group with the Name carries this request's marker, so the run continues with it."""
    event = load_event("traffic_distribution_group_create", sink)
    first = response_to(lambda_handler, event, sink)
    connect.forget_tokens()
    assert response_to(lambda_handler, event, sink) == first


def test_a_second_run_continues_a_long_create(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The first run raises with a minute left. The second run finishes the same group."""
    connect.settle_seconds = 1200
    event = load_event("traffic_distribution_group_create", sink)
    with pytest.raises(NotStabilized):
        lambda_handler(event, Context(900))
    assert sink.requests == []
    assert 825 <= clock.passed <= 840
    clock.sleep(60)
    response = response_to(lambda_handler, event, sink)
    assert response["Status"] == "SUCCESS"
    assert ours(connect) == [response["PhysicalResourceId"]]


@pytest.mark.parametrize(
    ("age", "service_timeout"),
    [
        pytest.param(None, "3600", id="a request of unknown age"),
        pytest.param(timedelta(seconds=900), "3600", id="that may be the last"),
        pytest.param(timedelta(seconds=0), "600", id="that CloudFormation will not wait for"),
    ],
)
def test_a_run_that_is_not_repeated_responds_with_the_real_id(
    age: timedelta | None, service_timeout: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """FAILED NotStabilized. The Delete that follows removes the unfinished group."""
    connect.settle_seconds = 5000
    response = run(
        "create",
        sink,
        ResponseURL=sink.url(age),
        Properties={"ServiceTimeout": service_timeout},
    )
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith("NotStabilized: ")
    assert "is still being created" in response["Reason"]
    assert ours(connect) == [response["PhysicalResourceId"]]


def test_a_failed_creation_keeps_its_id(connect: ConnectEmulator, sink: Sink) -> None:
    """FAILED NotStabilized. The Delete that follows removes the group."""
    connect.creation_fails = True
    response = run("create", sink)
    assert response["Reason"].startswith("NotStabilized: ")
    assert "CREATION_FAILED" in response["Reason"]
    arn = response["PhysicalResourceId"]
    assert ours(connect) == [arn]
    assert run("delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert ours(connect) == []


@pytest.mark.parametrize(
    ("operation_error", "reason"),
    [
        pytest.param("ResourceNotReadyException", "ResourceConflict: ", id="not replicated yet"),
        pytest.param("ServiceQuotaExceededException", "ServiceLimitExceeded: ", id="quota"),
        pytest.param("AccessDeniedException", "AccessDenied: ", id="no permission"),
    ],
)
def test_a_refused_create_is_called_once(
    operation_error: str, reason: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """A definite refusal is not retried, and the id is never-created."""
    connect.fault("CreateTrafficDistributionGroup", operation_error, times=9)
    response = run("create", sink)
    assert response["Reason"].startswith(reason)
    assert response["PhysicalResourceId"].startswith("never-created-")
    assert connect.calls() == ["CreateTrafficDistributionGroup"]


def test_create_of_a_taken_name_fails(connect: ConnectEmulator, sink: Sink) -> None:
    """A conflict on create means that the Name is taken."""
    arn = run("create", sink)["PhysicalResourceId"]
    response = run("create", sink, RequestId="another")
    assert response["Reason"].startswith(f"AlreadyExists: {arn} has this Name")


def test_create_with_an_invalid_name_makes_no_call(connect: ConnectEmulator, sink: Sink) -> None:
    """The provider checks the API's pattern first."""
    response = run("create_invalid", sink)
    assert response["Reason"].startswith("InvalidRequest: Name: ")
    assert connect.calls() == []


def test_the_default_group_is_adopted_and_released(connect: ConnectEmulator, sink: Sink) -> None:
    """No stack creates or deletes it, but a stack can own its tags."""
    response = run("create_adopt_default", sink)
    arn = response["PhysicalResourceId"]
    assert (response["Status"], response["Data"]["IsDefault"]) == ("SUCCESS", "true")
    assert "cfn:adopted-at" in connect.groups[arn]["Tags"]
    event = load_event("traffic_distribution_group_delete", sink, PhysicalResourceId=arn)
    assert response_to(lambda_handler, {**event}, sink)["Status"] == "SUCCESS"
    assert set(connect.groups[arn]["Tags"]) == {"cfn:adopted-at"}


def test_a_group_with_another_description_is_not_adopted(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The Description is create-only, so the provider changes nothing."""
    response = run("create_adopt_default", sink, Properties={"Description": "another"})
    assert response["Reason"].startswith("AlreadyExists: ")
    assert "Description" in response["Reason"]
    assert "TagResource" not in connect.calls()


def test_update_changes_tags_in_place(connect: ConnectEmulator, sink: Sink) -> None:
    """It makes one Describe, and one call for each change."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.journal.clear()
    response = run("update", sink, PhysicalResourceId=arn)
    assert response["PhysicalResourceId"] == arn
    assert connect.calls() == ["DescribeTrafficDistributionGroup", "TagResource"]
    assert connect.groups[arn]["Tags"]["team"] == "renewals"


def test_another_name_is_a_replacement(connect: ConnectEmulator, sink: Sink) -> None:
    """The update creates a new group. CloudFormation's Delete removes the old one."""
    arn = run("create", sink)["PhysicalResourceId"]
    response = run("update_replacement", sink, PhysicalResourceId=arn)
    assert response["Status"] == "SUCCESS"
    assert set(ours(connect)) == {arn, response["PhysicalResourceId"]}
    run("delete", sink, PhysicalResourceId=arn)
    assert ours(connect) == [response["PhysicalResourceId"]]


def test_a_replacement_under_the_same_name_is_refused(connect: ConnectEmulator, sink: Sink) -> None:
    """The Reason gives the fix. Neither the update nor its rollback writes."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.journal.clear()
    response = run("update_refused_replacement", sink, PhysicalResourceId=arn)
    assert (response["Status"], response["PhysicalResourceId"]) == ("FAILED", arn)
    assert response["Reason"].startswith("InvalidRequest: Name: choose another one.")
    assert run("update_rollback", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert connect.calls() == ["DescribeTrafficDistributionGroup"] * 2


def test_a_failed_replacement_is_cleaned_up(connect: ConnectEmulator, sink: Sink) -> None:
    """The response carries the new group's id, so the rollback deletes that group."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.creation_fails = True
    failed = run("update_replacement", sink, PhysicalResourceId=arn)
    assert failed["PhysicalResourceId"] not in ("", arn)
    run("delete", sink, PhysicalResourceId=failed["PhysicalResourceId"])
    assert ours(connect) == [arn]


def test_delete_waits_until_the_group_is_gone(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """It makes one Describe, one delete, and one Describe per pause."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.journal.clear()
    clock.sleeps.clear()
    connect.settle_seconds = 5
    assert run("delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert ours(connect) == []
    assert connect.calls()[:2] == [
        "DescribeTrafficDistributionGroup",
        "DeleteTrafficDistributionGroup",
    ]
    assert len(connect.calls()) == 2 + len(clock.sleeps)


def test_a_second_run_continues_a_long_delete(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The second run waits, and does not delete again."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.settle_seconds = 1200
    event = load_event("traffic_distribution_group_delete", sink, PhysicalResourceId=arn)
    with pytest.raises(NotStabilized):
        lambda_handler(event, Context(900))
    clock.sleep(60)
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.calls().count("DeleteTrafficDistributionGroup") == 1


def test_a_refused_delete_names_the_phone_numbers(connect: ConnectEmulator, sink: Sink) -> None:
    """ResourceInUseException does not name them, so the provider lists them."""
    arn = run("create", sink)["PhysicalResourceId"]
    number = connect.claim_phone_number(arn)
    response = run("delete", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith(f"ResourceConflict: {arn} cannot be deleted: ")
    assert response["Reason"].endswith(
        f"Release or move the 1 phone numbers claimed to it: {number}"
    )


def test_a_delete_that_fails_later_is_not_stabilized(connect: ConnectEmulator, sink: Sink) -> None:
    """DELETION_FAILED becomes FAILED NotStabilized. A later Delete can succeed."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.deletion_fails = True
    response = run("delete", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith(f"NotStabilized: {arn} is DELETION_FAILED. ")
    connect.deletion_fails = False
    assert run("delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"


def test_delete_waits_for_a_group_that_is_being_created(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """After a canceled create, Connect deletes the group only when it is ready."""
    connect.settle_seconds = 100
    event = load_event("traffic_distribution_group_create", sink)
    with pytest.raises(NotStabilized):
        lambda_handler(event, Context(100))
    response = run("delete_after_cancelled_create", sink)
    assert response["Status"] == "SUCCESS"
    assert ours(connect) == []


def test_delete_after_a_failed_create_makes_no_call(connect: ConnectEmulator, sink: Sink) -> None:
    """A never-created id is a no-op."""
    assert run("delete_after_failed_create", sink)["Status"] == "SUCCESS"
    assert connect.calls() == []


def test_a_throttled_call_is_retried_until_the_deadline(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Three tries would not be enough."""
    connect.fault("CreateTrafficDistributionGroup", "ThrottlingException", times=20)
    assert run("create", sink)["Status"] == "SUCCESS"


def test_an_instance_of_another_region_is_reached_by_its_arn(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The calls go to the home Region of the group."""
    instance = connect.add_instance(
        "44444444-4444-4444-8444-444444444444", "eu-central-1", "eu-west-2"
    )
    response = run("create", sink, Properties={"InstanceId": instance.arn})
    assert response["PhysicalResourceId"].startswith("arn:aws:connect:eu-central-1:")
    run("delete", sink, PhysicalResourceId=response["PhysicalResourceId"])
    assert {entry.region for entry in connect.journal} == {"eu-central-1"}
    assert scene.REGION != "eu-central-1"


def test_create_associates_the_users_when_the_group_is_ready(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """It makes one call per user, in the home Region."""
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    assert connect.groups[arn]["users"] == {scene.USER_ID}
    assert connect.calls()[-1] == "AssociateTrafficDistributionGroupUser"


def test_update_associates_before_it_dissociates(connect: ConnectEmulator, sink: Sink) -> None:
    """Users that somebody else associated stay."""
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    connect.groups[arn]["users"].add("foreign")
    connect.journal.clear()
    response = run("update_users", sink, PhysicalResourceId=arn)
    assert response["Status"] == "SUCCESS"
    assert connect.groups[arn]["users"] == {scene.OTHER_USER_ID, "foreign"}
    assert connect.calls() == [
        "DescribeTrafficDistributionGroup",
        "ListTrafficDistributionGroupUsers",
        "AssociateTrafficDistributionGroupUser",
        "DisassociateTrafficDistributionGroupUser",
    ]


def test_users_are_listed_page_by_page(connect: ConnectEmulator, sink: Sink) -> None:
    """A page holds ten users."""
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    connect.groups[arn]["users"] |= {f"a{number:02}" for number in range(25)}
    connect.journal.clear()
    run("update_users", sink, PhysicalResourceId=arn)
    assert connect.calls().count("ListTrafficDistributionGroupUsers") == 3
    assert scene.USER_ID not in connect.groups[arn]["users"]


def test_an_update_without_users_does_not_list_them(connect: ConnectEmulator, sink: Sink) -> None:
    """Neither template names any."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.groups[arn]["users"].add("foreign")
    connect.journal.clear()
    run("update", sink, PhysicalResourceId=arn)
    assert connect.calls() == ["DescribeTrafficDistributionGroup", "TagResource"]


def test_delete_dissociates_the_templates_users_first(connect: ConnectEmulator, sink: Sink) -> None:
    """The same holds for an adopted group, which stays."""
    users = {"UserIds": [scene.USER_ID]}
    arn = run("create_adopt_default", sink, Properties=users)["PhysicalResourceId"]
    connect.groups[arn]["users"].add("foreign")
    run("delete", sink, PhysicalResourceId=arn, Properties=users)
    assert connect.groups[arn]["users"] == {"foreign"}
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    connect.journal.clear()
    run("delete", sink, PhysicalResourceId=arn, Properties=users)
    calls = connect.calls()
    assert calls.index("DisassociateTrafficDistributionGroupUser") < calls.index(
        "DeleteTrafficDistributionGroup"
    )


def test_an_unknown_user_fails_and_keeps_the_id(connect: ConnectEmulator, sink: Sink) -> None:
    """The group exists, so the Delete that follows needs its id."""
    response = run("create_with_users", sink, Properties={"UserIds": ["nobody"]})
    assert response["Reason"].startswith(
        "NotFound: UserIds.0: AssociateTrafficDistributionGroupUser: "
    )
    assert ours(connect) == [response["PhysicalResourceId"]]


def test_a_deleted_user_does_not_prevent_the_deletion(connect: ConnectEmulator, sink: Sink) -> None:
    """Somebody deleted the user from the instance."""
    users = {"UserIds": [scene.USER_ID]}
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    connect.instances[scene.INSTANCE_ID].users.discard(scene.USER_ID)
    response = run("delete", sink, PhysicalResourceId=arn, Properties=users)
    assert response["Status"] == "SUCCESS"
    assert ours(connect) == []


def test_a_rollback_continues_without_a_deleted_user(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """A rollback must not fail because of a user that nobody can restore."""
    arn = run("create", sink)["PhysicalResourceId"]
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    users = {"UserIds": ["gone"]}
    response = run("update_rollback", sink, PhysicalResourceId=arn, Properties=users)
    assert response["Status"] == "SUCCESS"


def test_a_group_may_disappear_during_its_delete(connect: ConnectEmulator, sink: Sink) -> None:
    """Describe shows it, and the list of its users does not find it."""
    users = {"UserIds": [scene.USER_ID]}
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    connect.fault("ListTrafficDistributionGroupUsers", "ResourceNotFoundException")
    response = run("delete", sink, PhysicalResourceId=arn, Properties=users)
    assert response["Status"] == "SUCCESS"


def test_a_failed_adoption_dissociates_nobody(connect: ConnectEmulator, sink: Sink) -> None:
    """The stack never owned the group, nor any of its users."""
    default = connect.default_group(scene.INSTANCE_ID)
    default["users"].add(scene.USER_ID)
    users = {"UserIds": [scene.USER_ID], "Description": None, "ExistingResourcePolicy": "Adopt"}
    connect.fault("TagResource", "AccessDeniedException")
    failed = run("create_adopt_default", sink, Properties=users)
    assert failed["Status"] == "FAILED"
    run("delete", sink, PhysicalResourceId=failed["PhysicalResourceId"], Properties=users)
    assert default["users"] == {scene.USER_ID}


def test_delete_waits_for_a_traffic_change(connect: ConnectEmulator, sink: Sink) -> None:
    """Connect deletes the group only when it is ACTIVE again."""
    arn = run("create", sink)["PhysicalResourceId"]
    connect.groups[arn]["Status"] = "UPDATE_IN_PROGRESS"
    connect.groups[arn]["next"] = ("ACTIVE", FakeTime.current.monotonic() + 20)
    assert run("delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert ours(connect) == []


def test_delete_with_a_made_up_id_succeeds_with_a_mistyped_instance(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The list declares no ResourceNotFoundException, so a wrong instance is an invalid request."""
    connect.fault("ListTrafficDistributionGroups", "InvalidRequestException")
    assert run("delete_after_cancelled_create", sink)["Status"] == "SUCCESS"


def test_a_rollback_that_re_creates_a_group_continues_without_a_deleted_user(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Somebody deleted the group and the user."""
    arn = run("create", sink)["PhysicalResourceId"]
    del connect.groups[arn]
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    users = {"UserIds": ["gone"]}
    assert run("update_rollback", sink, PhysicalResourceId=arn, Properties=users)["Data"]


@pytest.fixture
def users_as_arns(connect: ConnectEmulator) -> None:
    """A list of users that returns ARNs, as the API page allows."""
    arn = f"{connect.instances[scene.INSTANCE_ID].arn}/agent/{scene.USER_ID}"
    users = {"TrafficDistributionGroupUserSummaryList": [{"UserId": arn}]}
    connect.fault("ListTrafficDistributionGroupUsers", output=users, times=9)


@pytest.mark.usefixtures("users_as_arns")
def test_a_user_listed_by_an_arn_is_dissociated(connect: ConnectEmulator, sink: Sink) -> None:
    """The update removes the user from the template."""
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    assert run("update_users", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert connect.groups[arn]["users"] == {scene.OTHER_USER_ID}


@pytest.mark.usefixtures("users_as_arns")
def test_a_user_listed_by_an_arn_is_not_associated_again(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The template still names the user."""
    arn = run("create_with_users", sink)["PhysicalResourceId"]
    connect.journal.clear()
    users = {"UserIds": [scene.USER_ID]}
    response = run("update_users", sink, PhysicalResourceId=arn, Properties=users)
    assert response["Status"] == "SUCCESS"
    assert connect.calls() == [
        "DescribeTrafficDistributionGroup",
        "ListTrafficDistributionGroupUsers",
    ]


@pytest.mark.usefixtures("users_as_arns")
def test_a_release_dissociates_a_user_listed_by_an_arn(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The adopted group stays, without the template's users."""
    users = {"UserIds": [scene.USER_ID]}
    arn = run("create_adopt_default", sink, Properties=users)["PhysicalResourceId"]
    connect.groups[arn]["users"].add(scene.USER_ID)
    run("delete", sink, PhysicalResourceId=arn, Properties=users)
    assert connect.groups[arn]["users"] == set()
