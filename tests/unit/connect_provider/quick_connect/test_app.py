"""Whole requests for Custom::ConnectQuickConnect: what is answered, and what Connect then holds."""

import copy
from typing import Any

import pytest

from connect_provider.quick_connect.app import lambda_handler
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
    """Create a quick connect and return the answer."""
    return response_to(lambda_handler, load_event(name, sink, **changes), sink)


def update(
    sink: Sink, arn: str, name: str = "quick_connect_update", **changes: Any
) -> dict[str, Any]:
    """Update a quick connect and return the answer."""
    event = load_event(name, sink, PhysicalResourceId=arn, **changes)
    return response_to(lambda_handler, event, sink)


def delete(sink: Sink, physical_id: str, **changes: Any) -> dict[str, Any]:
    """Delete a quick connect and return the answer."""
    event = load_event("quick_connect_delete", sink, PhysicalResourceId=physical_id, **changes)
    response = response_to(lambda_handler, event, sink)
    assert response["PhysicalResourceId"] == physical_id
    return response


@pytest.mark.parametrize(("name", "quick_connect_type"), TYPES.items())
def test_create_makes_it_with_one_call(
    name: str, quick_connect_type: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Every type, in either spelling, is one CreateQuickConnect; Ref is the ARN."""
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
    """The marker tags go on with the create call, beside the template's own."""
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


def test_create_delivered_twice_makes_one(connect: ConnectEmulator, sink: Sink) -> None:
    """The second run finds what the first made, and answers the same id."""
    event = load_event("quick_connect_create", sink)
    first = response_to(lambda_handler, event, sink)
    assert response_to(lambda_handler, event, sink) == first
    assert len(connect.quick_connects) == 1


def test_create_that_lost_its_response_goes_on(connect: ConnectEmulator, sink: Sink) -> None:
    """A 500 after the effect is retried, and the duplicate is recognized as our own."""
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)
    response = create(sink)
    assert response["Status"] == "SUCCESS"
    assert list(connect.quick_connects) == [response["PhysicalResourceId"]]


def test_create_of_a_taken_name_touches_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """Another stack's name: FAILED AlreadyExists, with the ARN of what is there."""
    theirs = create(sink, StackId="arn:aws:cloudformation:us-east-1:123456789012:stack/b/1")
    before = dict(connect.quick_connects[theirs["PhysicalResourceId"]])
    response = create(sink, RequestId="another")
    assert response["Status"] == "FAILED"
    assert response["Reason"].startswith(f"AlreadyExists: {theirs['PhysicalResourceId']} has")
    assert response["PhysicalResourceId"].startswith("never-created-")
    assert connect.quick_connects == {theirs["PhysicalResourceId"]: before}


def test_create_after_a_retained_delete_is_not_adopted(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The same stack and logical id do not make it ours: only the same request does."""
    create(sink)
    assert create(sink, RequestId="later")["Reason"].startswith("AlreadyExists: ")


def test_create_with_adopt_takes_over_what_exists(connect: ConnectEmulator, sink: Sink) -> None:
    """Adopt makes the existing one what the template says, and marks it as adopted."""
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
    """A definite no leaves nothing, so the Delete that follows makes no call."""
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


def test_create_whose_outcome_is_unknown_is_cleaned_up_by_the_delete(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Every try lost its response. The Delete finds the quick connect of this very request."""
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
    """Every wrong property is named in one line, with the nearest known name, without values."""
    response = create(sink, "quick_connect_create_invalid")
    assert response["Status"] == "FAILED"
    assert "Descripton: unknown property; did you mean Description?" in response["Reason"]
    assert "QuickConnectConfig.PhoneConfig.PhoneNumber: " in response["Reason"]
    assert "5551234567" not in response["Reason"]
    assert "\n" not in response["Reason"]
    assert connect.calls() == []


def test_update_makes_the_calls_that_are_needed_in_order(
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
    """A key of the previous template goes; a foreign one and the markers stay."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"]["foreign"] = "stays"
    connect.journal.clear()
    update(sink, arn, "quick_connect_update_unchanged", Properties={"Tags": None})
    assert connect.calls() == ["DescribeQuickConnect", "UntagResource"]
    assert connect.journal[-1].parameters["tagKeys"] == ["team"]


def test_update_without_a_change_writes_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """One Describe, and the same attributes as before."""
    created = create(sink)
    connect.journal.clear()
    response = update(sink, created["PhysicalResourceId"], "quick_connect_update_unchanged")
    assert connect.calls() == ["DescribeQuickConnect"]
    assert response["Data"] == created["Data"]


def test_update_heals_what_was_changed_by_hand(connect: ConnectEmulator, sink: Sink) -> None:
    """The comparison is with what is live, not with the previous template."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Description"] = "by hand"
    update(sink, arn, "quick_connect_update_unchanged")
    assert connect.quick_connects[arn]["Description"] == "Transfers to the sales queue"


def test_update_of_a_removed_one_creates_it_anew(connect: ConnectEmulator, sink: Sink) -> None:
    """It gets a new id, and CloudFormation's Delete of the old one finds nothing."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects.clear()
    response = update(sink, arn)
    assert response["Status"] == "SUCCESS"
    assert response["PhysicalResourceId"] != arn
    assert list(connect.quick_connects) == [response["PhysicalResourceId"]]


def test_update_of_the_instance_replaces_it(connect: ConnectEmulator, sink: Sink) -> None:
    """The new one stands in the other instance; the old one is left to CloudFormation's Delete."""
    arn = create(sink)["PhysicalResourceId"]
    response = update(sink, arn, "quick_connect_update_replacement")
    assert response["PhysicalResourceId"] != arn
    assert set(connect.quick_connects) == {arn, response["PhysicalResourceId"]}
    event = load_event("quick_connect_delete", sink, PhysicalResourceId=arn)
    response_to(lambda_handler, event, sink)
    assert list(connect.quick_connects) == [response["PhysicalResourceId"]]


def test_update_of_the_instances_spelling_changes_nothing(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """An id and an ARN of the same thing are equal."""
    arn = create(sink)["PhysicalResourceId"]
    connect.journal.clear()
    spelled = load_event("quick_connect_create_native_spelling", sink)["ResourceProperties"]
    spelled["Description"] = "Transfers to the sales queue"
    response = update(sink, arn, ResourceProperties=spelled)
    assert response["PhysicalResourceId"] == arn
    assert connect.calls() == ["DescribeQuickConnect"]


def test_update_that_fails_keeps_the_id(connect: ConnectEmulator, sink: Sink) -> None:
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
    """Nothing of rejected properties was applied, so none of their tags is ours to remove."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"]["tier"] = "foreign"
    event = load_event("quick_connect_update_rollback", sink, PhysicalResourceId=arn)
    event["OldResourceProperties"]["Tags"] = {"tier": "gold"}
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.quick_connects[arn]["Tags"]["tier"] == "foreign"


def test_update_of_what_another_stack_adopted_is_refused(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Its markers name the stack that has it now."""
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


def test_delete_looks_whose_it_is_and_deletes(connect: ConnectEmulator, sink: Sink) -> None:
    """Two calls; a second Delete finds it gone and succeeds."""
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


def test_delete_of_an_adopted_one_releases_it(connect: ConnectEmulator, sink: Sink) -> None:
    """Its markers say no longer whose it is, and the quick connect stays."""
    create(sink, StackId="arn:aws:cloudformation:us-east-1:123456789012:stack/b/1")
    arn = create(sink, "quick_connect_create_adopt")["PhysicalResourceId"]
    delete(sink, arn)
    assert set(connect.quick_connects[arn]["Tags"]) == {"team", "cfn:adopted-at"}


def test_delete_leaves_what_belongs_to_another(connect: ConnectEmulator, sink: Sink) -> None:
    """Another logical id took it over: SUCCESS, and it stays as it is, markers included."""
    arn = create(sink)["PhysicalResourceId"]
    create(sink, "quick_connect_create_adopt", LogicalResourceId="Renamed", RequestId="r")
    before = copy.deepcopy(connect.quick_connects)
    assert delete(sink, arn)["Status"] == "SUCCESS"
    assert connect.quick_connects == before


def test_delete_without_markers_deletes_what_we_created(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Somebody stripped the tags, but the id is one that we returned."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"] = {}
    delete(sink, arn)
    assert connect.quick_connects == {}


def test_delete_after_a_cancelled_create_deletes_what_it_left(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation made the id up: name, markers and time say what the create left."""
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
    """A resource of the template's name is no leftover when one marker differs."""
    arn = create(sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"][tag] = value
    event = load_event("quick_connect_delete_after_cancelled_create", sink)
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert arn in connect.quick_connects


def test_delete_after_a_failed_create_calls_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """Our own never-created id is a no-op, even where the name is taken."""
    create(sink)
    connect.journal.clear()
    event = load_event("quick_connect_delete_after_failed_create", sink)
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.calls() == []


def test_calls_go_to_the_region_of_the_instances_arn(connect: ConnectEmulator, sink: Sink) -> None:
    """A bare id means the function's own Region, an ARN its own."""
    instance = connect.add_instance("33333333-3333-4333-8333-333333333333", "eu-west-2")
    instance.contact_flows.add("aaaaaaaa-0001-4000-8000-000000000001")
    response = create(sink, "quick_connect_create_flow", Properties={"InstanceId": instance.arn})
    assert response["Status"] == "SUCCESS"
    delete(sink, response["PhysicalResourceId"])
    assert {entry.region for entry in connect.journal} == {"eu-west-2"}
    assert connect.quick_connects == {}
