"""Ownership under repetition, rollback and failure: nothing leaks, and nothing is lost."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from connect_provider.edge.response import DeliveryError
from connect_provider.quick_connect.app import lambda_handler as quick_connects
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import (
    Context,
    FakeTime,
    Sink,
    handler_of,
    load_event,
    read_event,
    response_to,
)

OTHER_STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/b/1"


def run(name: str, sink: Sink, **changes: Any) -> dict[str, Any]:
    """Send a request of events/ to the function that serves it; return the response."""
    handler = handler_of(read_event(name))
    return response_to(handler, load_event(name, sink, **changes), sink)


def adopt(sink: Sink) -> str:
    """Let this stack adopt another stack's quick connect, and drop the policy; return the ARN."""
    run("quick_connect_create", sink, StackId=OTHER_STACK)
    arn: str = run("quick_connect_create_adopt", sink)["PhysicalResourceId"]
    run("quick_connect_update_unchanged", sink, PhysicalResourceId=arn)
    return arn


def test_a_release_that_is_run_again_deletes_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """An adopted resource is never deleted, even if the template no longer says Adopt."""
    arn = adopt(sink)
    for _ in range(2):
        assert run("quick_connect_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert arn in connect.quick_connects


def test_a_release_that_lost_its_response_deletes_nothing(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The bucket accepted no response, so Lambda runs the Delete again."""
    arn = adopt(sink)
    sink.replies = [503] * 4
    event = load_event("quick_connect_delete", sink, PhysicalResourceId=arn)
    with pytest.raises(DeliveryError):
        quick_connects(event, Context())
    assert response_to(quick_connects, event, sink)["Status"] == "SUCCESS"
    assert arn in connect.quick_connects


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("ListQuickConnects", "AccessDeniedException"),
        ("ListQuickConnects", "InternalServiceException"),
        ("DescribeQuickConnect", "AccessDeniedException"),
    ],
)
def test_a_resource_that_a_create_could_not_find_is_deleted_later(
    operation: str, error: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The create and the lookup after it lost their responses. The Delete finds the resource."""
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)
    connect.fault(operation, error, times=9999)
    failed = run("quick_connect_create", sink, ResponseURL=sink.url(age=None))
    assert failed["Status"] == "FAILED"
    connect.faults.clear()
    physical_id = failed["PhysicalResourceId"]
    assert run("quick_connect_delete", sink, PhysicalResourceId=physical_id)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


def test_a_failed_re_creation_is_deleted_later(connect: ConnectEmulator, sink: Sink) -> None:
    """The same holds if an Update re-creates a deleted resource."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    connect.quick_connects.clear()
    connect.fault("CreateQuickConnect", "drop", after=True)
    connect.fault("ListQuickConnects", "AccessDeniedException")
    event = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    failed = response_to(quick_connects, event, sink)
    run(
        "quick_connect_delete",
        sink,
        PhysicalResourceId=failed["PhysicalResourceId"],
        ResourceProperties=event["ResourceProperties"],
    )
    assert connect.quick_connects == {}


@pytest.mark.parametrize("policy", ["Fail", "Adopt"])
@pytest.mark.parametrize("kind", ["quick_connect", "traffic_distribution_group"])
def test_a_rolled_back_replacement_returns_to_the_old_resource(
    kind: str, policy: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The reversed Update has the new id. The old resource still exists and is still ours."""
    properties = {"ExistingResourcePolicy": policy}
    arn = run(f"{kind}_create", sink, Properties=properties)["PhysicalResourceId"]
    name = f"{kind}_update_replacement"
    new = run(name, sink, PhysicalResourceId=arn, Properties=properties)["PhysicalResourceId"]
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    event = load_event(name, sink)
    old, rejected = event["OldResourceProperties"], event["ResourceProperties"]
    response = run(
        f"{kind}_update",
        sink,
        PhysicalResourceId=new,
        ResourceProperties={**old, **properties},
        OldResourceProperties=rejected,
    )
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)
    run(f"{kind}_delete", sink, PhysicalResourceId=new)
    run(f"{kind}_delete", sink, PhysicalResourceId=arn)
    assert arn not in connect.holdings, "it never became an adopted one"


def test_an_update_does_not_take_back_a_retained_resource(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """UpdateReplacePolicy: Retain left it behind. Only a rollback returns to it."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    name = "quick_connect_update_replacement"
    new = run(name, sink, PhysicalResourceId=arn)["PhysicalResourceId"]
    back = load_event(name, sink)["OldResourceProperties"]
    response = run("quick_connect_update", sink, PhysicalResourceId=new, ResourceProperties=back)
    assert response["Reason"].startswith("AlreadyExists: ")
    assert response["PhysicalResourceId"] == new


def test_a_rollback_ends_if_another_stack_adopted_the_resource(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The update is refused and names the owner. Its rollback changes nothing and succeeds."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    run("quick_connect_create_adopt", sink, StackId=OTHER_STACK, RequestId="theirs")
    response = run("quick_connect_update", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith("ResourceConflict: ")
    assert f"owned by SalesQuickConnect of {OTHER_STACK}" in response["Reason"]
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response = run("quick_connect_update_rollback", sink, PhysicalResourceId=arn)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)


def test_the_advice_in_a_reason_keeps_the_resource(connect: ConnectEmulator, sink: Sink) -> None:
    """If its stack released the resource first, that stack would delete it."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    theirs = {"StackId": OTHER_STACK, "RequestId": "theirs"}
    response = run("quick_connect_create", sink, **theirs)
    advice = "to take it over. Only then remove it from that stack"
    assert advice in response["Reason"]
    adopted = run("quick_connect_create_adopt", sink, **theirs)
    run("quick_connect_delete", sink, PhysicalResourceId=arn)
    assert adopted["PhysicalResourceId"] == arn
    assert arn in connect.quick_connects


def test_the_advice_for_a_rename_does_not_name_adoption(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A rename adopts nothing, even if the template says Adopt."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    update = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    update["ResourceProperties"]["ExistingResourcePolicy"] = "Adopt"
    theirs = load_event("quick_connect_create", sink, StackId=OTHER_STACK, RequestId="theirs")
    theirs["ResourceProperties"] = update["ResourceProperties"]
    response_to(quick_connects, theirs, sink)
    reason = response_to(quick_connects, update, sink)["Reason"]
    assert reason.startswith("AlreadyExists: ")
    assert reason.endswith("or rename or delete that resource first. A rename adopts nothing")


def test_delete_with_a_made_up_id_succeeds_without_the_instance(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A mistyped instance must not leave a stack that cannot be deleted."""
    name = "quick_connect_delete_after_cancelled_create"
    response = run(name, sink, Properties={"InstanceId": "mistyped"})
    assert response["Status"] == "SUCCESS"


def test_many_tags_are_replaced_by_many_others(connect: ConnectEmulator, sink: Sink) -> None:
    """If old and new tags together exceed fifty, the old ones go first."""
    old = {f"old{number}": "x" for number in range(30)}
    new = {f"new{number}": "x" for number in range(30)}
    created = load_event("quick_connect_create", sink, Properties={"Tags": old})
    arn = response_to(quick_connects, created, sink)["PhysicalResourceId"]
    response = run(
        "quick_connect_update_unchanged",
        sink,
        PhysicalResourceId=arn,
        Properties={"Tags": new},
        OldResourceProperties=created["ResourceProperties"],
    )
    assert response["Status"] == "SUCCESS"
    assert set(new) < set(connect.quick_connects[arn]["Tags"])
    assert not set(old) & set(connect.quick_connects[arn]["Tags"])


def test_a_rollback_leaves_a_foreign_tag_that_the_failed_update_never_touched(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A tag is ours to remove only if it has the previous template's value."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["Tags"]["tier"] = "foreign"
    connect.fault("DescribeQuickConnect", "AccessDeniedException")
    failed = load_event("quick_connect_update", sink, PhysicalResourceId=arn)
    assert response_to(quick_connects, failed, sink)["Status"] == "FAILED"
    reversed_old = failed["ResourceProperties"]
    run(
        "quick_connect_update_rollback",
        sink,
        PhysicalResourceId=arn,
        OldResourceProperties=reversed_old,
    )
    assert connect.quick_connects[arn]["Tags"]["tier"] == "foreign"


@pytest.mark.parametrize("name", ["quick_connect_create", "quick_connect_update"])
def test_an_expired_request_makes_no_call(name: str, connect: ConnectEmulator, sink: Sink) -> None:
    """CloudFormation no longer waits for it, and may already have undone it."""
    late = sink.url(age=timedelta(seconds=700))
    response = run(name, sink, ResponseURL=late, Properties={"ServiceTimeout": "600"})
    assert response["Status"] == "FAILED"
    assert connect.calls() == []


@pytest.mark.parametrize("service_timeout", ["0", "-1", "nan", "inf", "9999999", "soon", {}])
def test_a_delete_does_not_depend_on_its_service_timeout(
    service_timeout: Any, connect: ConnectEmulator, sink: Sink
) -> None:
    """A template that became invalid can still be deleted."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    invalid = {"ServiceTimeout": service_timeout}
    response = run("quick_connect_delete", sink, PhysicalResourceId=arn, Properties=invalid)
    assert response["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


def test_a_throttled_create_responds_before_its_service_timeout(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The response arrives while CloudFormation still waits."""
    connect.fault("CreateQuickConnect", "ThrottlingException", times=9999)
    response = run("quick_connect_create", sink, Properties={"ServiceTimeout": "180"})
    assert response["Reason"].startswith("Throttling: CreateQuickConnect: ThrottlingException")
    assert clock.passed < 180
    assert len(connect.calls()) < 100


def test_an_interrupted_adoption_ends_as_an_uninterrupted_one(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Some run removes the marker of the creation."""
    run("quick_connect_create", sink, StackId=OTHER_STACK)
    connect.fault("UntagResource", "AccessDeniedException")
    event = load_event("quick_connect_create_adopt", sink)
    assert response_to(quick_connects, event, sink)["Status"] == "FAILED"
    arn = response_to(quick_connects, event, sink)["PhysicalResourceId"]
    tags = connect.quick_connects[arn]["Tags"]
    assert {key for key in tags if key.startswith("cfn:")} == {
        "cfn:stack-id",
        "cfn:logical-id",
        "cfn:request-id",
        "cfn:adopted-at",
    }


def test_a_quick_connect_of_an_unknown_type_can_be_deleted(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Somebody changed it to a type that is newer than this code."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["QuickConnectConfig"] = {"QuickConnectType": "EMAIL"}
    assert run("quick_connect_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


def test_the_default_group_is_never_deleted(connect: ConnectEmulator, sink: Sink) -> None:
    """It stays even if somebody removed the markers of the adoption."""
    arn = run("traffic_distribution_group_create_adopt_default", sink)["PhysicalResourceId"]
    connect.groups[arn]["Tags"] = {}
    name = "traffic_distribution_group_delete"
    assert run(name, sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert "DeleteTrafficDistributionGroup" not in connect.calls()


def test_a_new_group_that_connect_does_not_show_yet_is_awaited(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Describe may not show a new group yet."""
    connect.fault("DescribeTrafficDistributionGroup", "ResourceNotFoundException", times=2)
    assert run("traffic_distribution_group_create", sink)["Status"] == "SUCCESS"


def test_a_group_that_disappears_is_not_stabilized(connect: ConnectEmulator, sink: Sink) -> None:
    """If Connect never shows the group, the create fails."""
    connect.settle_seconds = 100
    connect.fault("DescribeTrafficDistributionGroup", "ResourceNotFoundException", times=99)
    reason = run("traffic_distribution_group_create", sink)["Reason"]
    assert reason.startswith("NotStabilized: ")
    assert "disappeared" in reason


def test_an_unknown_resource_type_is_refused_and_can_be_deleted(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The Reason lists the types of the function. The Delete that follows makes no call."""
    kind = {"ResourceType": "Custom::ConnectQueue"}
    response = run("quick_connect_create", sink, **kind)
    assert response["Reason"].startswith("InvalidRequest: Type or ServiceToken: ")
    physical_id = response["PhysicalResourceId"]
    response = run("quick_connect_delete", sink, PhysicalResourceId=physical_id, **kind)
    assert response["Status"] == "SUCCESS"


def test_a_failure_among_many_throttles_is_retried(connect: ConnectEmulator, sink: Sink) -> None:
    """Throttles and failures are counted apart."""
    connect.fault("CreateQuickConnect", "ThrottlingException", times=20)
    connect.fault("CreateQuickConnect", "InternalServiceException")
    connect.fault("CreateQuickConnect", "ThrottlingException", times=3)
    assert run("quick_connect_create", sink)["Status"] == "SUCCESS"


def test_an_unconfirmed_id_never_deletes_an_adopted_resource(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The Create adopted another stack's resource, and its response never arrived."""
    run("quick_connect_create", sink, StackId=OTHER_STACK)
    adoption = load_event("quick_connect_create_adopt", sink)
    response_to(quick_connects, adoption, sink)
    before = copy.deepcopy(connect.quick_connects)
    unconfirmed = {"PhysicalResourceId": f"unconfirmed-{adoption['RequestId']}"}
    delete = {**adoption, "RequestType": "Delete", "ResponseURL": sink.url(), **unconfirmed}
    assert response_to(quick_connects, delete, sink)["Status"] == "SUCCESS"
    assert connect.quick_connects == before


def test_an_effect_that_a_later_refusal_hides_is_cleaned_up(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The first try took effect and returned a 500. Connect refused the second try."""
    create = load_event("quick_connect_create", sink)
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)
    connect.fault("CreateQuickConnect", "AccessDeniedException")
    response = response_to(quick_connects, create, sink)
    assert response["Reason"].startswith("AccessDenied: CreateQuickConnect")
    assert len(connect.quick_connects) == 1
    delete = {**create, "RequestType": "Delete", "ResponseURL": sink.url()}
    delete["PhysicalResourceId"] = response["PhysicalResourceId"]
    assert response_to(quick_connects, delete, sink)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}
