"""Whole requests for Custom::ConnectQuickConnect: the response, and the state of Connect."""

import copy
from typing import Any

import pytest

from connect_provider.quick_connect.app import lambda_handler
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Sink, load_event, response_to

TYPES = {
    "quick_connect_create": "QUEUE",
    "quick_connect_create_user": "USER",
    "quick_connect_create_phone_number": "PHONE_NUMBER",
    "quick_connect_create_flow": "FLOW",
    "quick_connect_create_native_spelling": "QUEUE",
}


def create(sink: Sink, name: str = "quick_connect_create", **changes: Any) -> dict[str, Any]:
    """Create a quick connect; return the response."""
    return response_to(lambda_handler, load_event(name, sink, **changes), sink)


def update(
    sink: Sink, arn: str, name: str = "quick_connect_update", **changes: Any
) -> dict[str, Any]:
    """Update a quick connect; return the response."""
    event = load_event(name, sink, PhysicalResourceId=arn, **changes)
    return response_to(lambda_handler, event, sink)


def delete(sink: Sink, physical_id: str, **changes: Any) -> dict[str, Any]:
    """Delete a quick connect; return the response."""
    event = load_event("quick_connect_delete", sink, PhysicalResourceId=physical_id, **changes)
    response = response_to(lambda_handler, event, sink)
    assert response["PhysicalResourceId"] == physical_id
    return response


@pytest.mark.parametrize(("name", "quick_connect_type"), TYPES.items())
def test_create_needs_one_call(
    name: str, quick_connect_type: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Every type, in either spelling, takes one CreateQuickConnect. Ref returns the ARN."""
    response = create(sink, name)
    assert response["Status"] == "SUCCESS"
    arn = response["PhysicalResourceId"]
    assert connect.calls() == ["CreateQuickConnect"]
    assert response["Data"] == {
        "Arn": arn,
        "Id": connect.quick_connects[arn]["QuickConnectId"],
        "QuickConnectArn": arn,
        "QuickConnectType": quick_connect_type,
        "InstanceArn": arn.split("/transfer-destination/")[0],
    }


def test_create_writes_ownership_on_the_quick_connect(connect: ConnectEmulator, sink: Sink) -> None:
    """The create call carries the marker tags together with the template's tags."""
    event = load_event("quick_connect_create", sink)
    arn = response_to(lambda_handler, event, sink)["PhysicalResourceId"]
    tags = connect.quick_connects[arn]["Tags"]
    assert tags.pop("cfn:created-at").endswith("+00:00")
    assert tags == {
        "team": "sales",
        "cfn:stack-id": event["StackId"],
        "cfn:logical-id": event["LogicalResourceId"],
        "cfn:request-id": event["RequestId"],
    }


def test_a_create_delivered_twice_makes_one_quick_connect(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The second run finds the quick connect of the first, and returns the same id."""
    event = load_event("quick_connect_create", sink)
    first = response_to(lambda_handler, event, sink)
    assert response_to(lambda_handler, event, sink) == first
    assert len(connect.quick_connects) == 1


def test_a_create_that_lost_its_response_continues(connect: ConnectEmulator, sink: Sink) -> None:
    """After a 500, the call is retried. The provider recognizes the duplicate as its own."""
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)
    response = create(sink)
    assert response["Status"] == "SUCCESS"
    assert list(connect.quick_connects) == [response["PhysicalResourceId"]]


def test_create_with_a_taken_name_changes_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """Another stack has the Name: FAILED AlreadyExists, with the ARN of its quick connect."""
    theirs = create(sink, StackId="arn:aws:cloudformation:us-east-1:123456789012:stack/b/1")
    before = dict(connect.quick_connects[theirs["PhysicalResourceId"]])
    response = create(sink, RequestId="another")
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith(f"AlreadyExists: {theirs['PhysicalResourceId']} has")
    assert response["PhysicalResourceId"].startswith("never-created-")
    assert connect.quick_connects == {theirs["PhysicalResourceId"]: before}


def test_create_does_not_adopt_a_retained_quick_connect(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Equal stack and logical ids do not make it ours. Only the same request does."""
    create(sink)
    assert create(sink, RequestId="later")["Reason"].startswith("AlreadyExists: ")


def test_create_with_adopt_takes_over_the_quick_connect(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The provider updates it to match the template, and marks it as adopted."""
    theirs = create(
        sink,
        StackId="arn:aws:cloudformation:us-east-1:123456789012:stack/b/1",
        Properties={"Description": "theirs", "Tags": {"owner": "b"}},
    )
    event = load_event("quick_connect_create_adopt", sink)
    response = response_to(lambda_handler, event, sink)
    assert response["PhysicalResourceId"] == theirs["PhysicalResourceId"]
    live = connect.quick_connects[response["PhysicalResourceId"]]
    assert live["Description"] == event["ResourceProperties"]["Description"]
    assert live["Tags"]["owner"] == "b"
    assert live["Tags"]["cfn:stack-id"] == event["StackId"]
    assert "cfn:adopted-at" in live["Tags"]
    assert "cfn:created-at" not in live["Tags"]


def test_create_refused_by_connect_has_a_never_created_id(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A definite refusal leaves nothing, so the Delete that follows makes no call."""
    connect.quick_connect_quota = 0
    response = create(sink)
    assert response["Reason"].startswith("ServiceLimitExceeded: CreateQuickConnect: LimitExceeded")
    assert connect.calls() == ["CreateQuickConnect"], "a quota error is not retried"
    connect.journal.clear()
    event = load_event(
        "quick_connect_delete", sink, PhysicalResourceId=response["PhysicalResourceId"]
    )
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.calls() == []


def test_the_delete_cleans_up_a_create_with_an_unknown_outcome(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Every try lost its response. The Delete finds the quick connect of this request."""
    connect.fault("CreateQuickConnect", "drop", after=True)
    connect.fault("CreateQuickConnect", "drop", times=9999)
    failed = create(sink, ResponseURL=sink.url(age=None))
    assert failed["Reason"].startswith("ServiceInternalError: CreateQuickConnect: ")
    assert len(connect.quick_connects) == 1
    event = load_event(
        "quick_connect_delete", sink, PhysicalResourceId=failed["PhysicalResourceId"]
    )
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


def test_create_with_an_invalid_template_makes_no_call(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """One line names every wrong property and the nearest known name, without values."""
    response = create(sink, "quick_connect_create_invalid")
    assert response["Status"] == "FAILED"
    assert "Descripton: unknown property; did you mean Description?" in response["Reason"]
    assert "QuickConnectConfig.PhoneConfig.PhoneNumber: " in response["Reason"]
    assert "5551234567" not in response["Reason"]
    assert "\n" not in response["Reason"]
    assert connect.calls() == []


def test_update_makes_only_the_necessary_calls_in_order(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """List for a new Name; then tag, name and description, config, untag: one call each."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"] |= {"foreign": "stays", "old": "x"}
    connect.journal.clear()
    response = update(
        sink,
        arn,
        OldResourceProperties={
            **load_event("quick_connect_create", sink)["ResourceProperties"],
            "Tags": {"team": "sales", "old": "x"},
        },
    )
    assert response["PhysicalResourceId"] == arn
    assert connect.calls() == [
        "DescribeQuickConnect",
        "ListQuickConnects",
        "TagResource",
        "UpdateQuickConnectName",
        "UpdateQuickConnectConfig",
        "UntagResource",
    ]
    live = connect.quick_connects[arn]
    assert (live["Name"], live["Description"]) == ("Sales and renewals", "")
    assert live["Tags"]["team"] == "renewals"
    assert live["Tags"]["foreign"] == "stays"
    assert "old" not in live["Tags"]


def test_update_removes_only_the_tags_that_the_template_had(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A tag of the previous template goes. Foreign tags and markers stay."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"]["foreign"] = "stays"
    connect.journal.clear()
    update(sink, arn, "quick_connect_update_unchanged", Properties={"Tags": None})
    assert connect.calls() == ["DescribeQuickConnect", "UntagResource"]
    assert connect.journal[-1].parameters["tagKeys"] == ["team"]


def test_update_without_a_change_writes_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """It makes one Describe, and returns the same attributes as before."""
    created = create(sink)
    connect.journal.clear()
    response = update(sink, created["PhysicalResourceId"], "quick_connect_update_unchanged")
    assert connect.calls() == ["DescribeQuickConnect"]
    assert response["Data"] == created["Data"]


def test_update_corrects_manual_changes(connect: ConnectEmulator, sink: Sink) -> None:
    """The plan compares with the live quick connect, not with the previous template."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Description"] = "by hand"
    update(sink, arn, "quick_connect_update_unchanged")
    assert connect.quick_connects[arn]["Description"] == "Transfers to the sales queue"


def test_update_re_creates_a_deleted_quick_connect(connect: ConnectEmulator, sink: Sink) -> None:
    """It gets a new id. CloudFormation's Delete of the old id finds nothing."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects.clear()
    response = update(sink, arn)
    assert response["Status"] == "SUCCESS"
    assert response["PhysicalResourceId"] != arn
    assert list(connect.quick_connects) == [response["PhysicalResourceId"]]


def test_another_instance_is_a_replacement(connect: ConnectEmulator, sink: Sink) -> None:
    """The new one is in the other instance. CloudFormation's Delete removes the old one."""
    arn = create(sink)["PhysicalResourceId"]
    response = update(sink, arn, "quick_connect_update_replacement")
    assert response["PhysicalResourceId"] != arn
    assert set(connect.quick_connects) == {arn, response["PhysicalResourceId"]}
    event = load_event("quick_connect_delete", sink, PhysicalResourceId=arn)
    response_to(lambda_handler, event, sink)
    assert list(connect.quick_connects) == [response["PhysicalResourceId"]]


def test_another_spelling_of_the_instance_is_no_change(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The id and the ARN of an instance are equal."""
    arn = create(sink)["PhysicalResourceId"]
    connect.journal.clear()
    spelled = load_event("quick_connect_create_native_spelling", sink)["ResourceProperties"]
    spelled["Description"] = "Transfers to the sales queue"
    response = update(sink, arn, ResourceProperties=spelled)
    assert response["PhysicalResourceId"] == arn
    assert connect.calls() == ["DescribeQuickConnect"]


def test_a_failed_update_keeps_the_id(connect: ConnectEmulator, sink: Sink) -> None:
    """CloudFormation then rolls back the same quick connect."""
    arn = create(sink)["PhysicalResourceId"]
    connect.fault("UpdateQuickConnectConfig", "InvalidRequestException", times=99)
    response = update(sink, arn)
    connect.faults.clear()
    assert (response["Status"], response["PhysicalResourceId"]) == ("FAILED", arn)
    rolled_back = update(sink, arn, "quick_connect_update_rollback")
    assert rolled_back["Status"] == "SUCCESS"
    assert connect.quick_connects[arn]["Name"] == "Sales"


def test_rollback_of_a_rejected_template_leaves_foreign_tags(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Rejected properties were never applied, so none of their tags is ours to remove."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"]["tier"] = "foreign"
    event = load_event("quick_connect_update_rollback", sink, PhysicalResourceId=arn)
    event["OldResourceProperties"]["Tags"] = {"tier": "gold"}
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.quick_connects[arn]["Tags"]["tier"] == "foreign"


def test_update_is_refused_if_another_stack_adopted_the_quick_connect(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The markers name the stack that owns it now."""
    arn = create(sink)["PhysicalResourceId"]
    create(
        sink,
        "quick_connect_create_adopt",
        RequestId="theirs",
        StackId="arn:aws:cloudformation:us-east-1:123456789012:stack/b/1",
    )
    response = update(sink, arn)
    assert response["Reason"].startswith("ResourceConflict: ")
    assert connect.quick_connects[arn]["Name"] == "Sales"


def test_delete_checks_the_owner_and_deletes(connect: ConnectEmulator, sink: Sink) -> None:
    """It makes two calls. A second Delete finds nothing and succeeds."""
    arn = create(sink)["PhysicalResourceId"]
    connect.journal.clear()
    assert delete(sink, arn)["Status"] == "SUCCESS"
    assert connect.calls() == ["DescribeQuickConnect", "DeleteQuickConnect"]
    assert connect.quick_connects == {}
    assert delete(sink, arn)["Status"] == "SUCCESS"


def test_delete_never_validates_properties(connect: ConnectEmulator, sink: Sink) -> None:
    """A template that became invalid can still be deleted."""
    arn = create(sink)["PhysicalResourceId"]
    assert delete(sink, arn, ResourceProperties={"Nonsense": "x"})["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


def test_delete_releases_an_adopted_quick_connect(connect: ConnectEmulator, sink: Sink) -> None:
    """The quick connect stays, without the owner's markers."""
    create(sink, StackId="arn:aws:cloudformation:us-east-1:123456789012:stack/b/1")
    arn = create(sink, "quick_connect_create_adopt")["PhysicalResourceId"]
    delete(sink, arn)
    assert set(connect.quick_connects[arn]["Tags"]) == {"team", "cfn:adopted-at"}


def test_delete_leaves_the_quick_connect_of_another_owner(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Another logical id took it over: SUCCESS, and the quick connect and its markers stay."""
    arn = stacks.physical_id = create(sink)["PhysicalResourceId"]
    create(sink, "quick_connect_create_adopt", LogicalResourceId="Renamed", RequestId="r")
    stacks.status = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    before = copy.deepcopy(connect.quick_connects)
    assert delete(sink, arn)["Status"] == "SUCCESS"
    assert connect.quick_connects == before


def test_delete_without_markers_deletes_the_quick_connect(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Somebody removed the tags, but the id is one that the provider returned."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"] = {}
    delete(sink, arn)
    assert connect.quick_connects == {}


def test_delete_with_a_made_up_id_cleans_up_a_canceled_create(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation made up the id. Name, markers and time identify the quick connect."""
    create(sink)
    event = load_event("quick_connect_delete_after_cancelled_create", sink)
    response_to(lambda_handler, event, sink)
    assert connect.quick_connects == {}


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        pytest.param("cfn:stack-id", "arn:another", id="of another stack"),
        pytest.param("cfn:logical-id", "Another", id="of another logical id"),
        pytest.param("cfn:created-at", "2020-01-01T00:00:00+00:00", id="created long ago"),
        pytest.param("cfn:created-at", "unknown", id="created at an unknown time"),
        pytest.param("cfn:adopted-at", "2026-01-01T00:00:00+00:00", id="adopted"),
    ],
)
def test_delete_with_a_made_up_id_leaves_everything_else(
    tag: str, value: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """If one marker differs, a quick connect with the template's Name is not deleted."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"][tag] = value
    event = load_event("quick_connect_delete_after_cancelled_create", sink)
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert arn in connect.quick_connects


def test_delete_after_a_failed_create_makes_no_call(connect: ConnectEmulator, sink: Sink) -> None:
    """A never-created id is a no-op, even if the Name is taken."""
    create(sink)
    connect.journal.clear()
    event = load_event("quick_connect_delete_after_failed_create", sink)
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.calls() == []


def test_calls_go_to_the_region_of_the_instances_arn(connect: ConnectEmulator, sink: Sink) -> None:
    """A bare id belongs to the function's own Region."""
    instance = connect.add_instance("33333333-3333-4333-8333-333333333333", "eu-west-2")
    instance.contact_flows.add("aaaaaaaa-0001-4000-8000-000000000001")
    response = create(sink, "quick_connect_create_flow", Properties={"InstanceId": instance.arn})
    assert response["Status"] == "SUCCESS"
    delete(sink, response["PhysicalResourceId"])
    assert {entry.region for entry in connect.journal} == {"eu-west-2"}
    assert connect.quick_connects == {}
