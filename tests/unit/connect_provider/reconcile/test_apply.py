"""Ownership under repetition, rollback and failure: what could leak, or be lost."""

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
    """Send a request of events/ to the function that serves it; return the answer."""
    handler = handler_of(read_event(name))
    return response_to(handler, load_event(name, sink, **changes), sink)


def adopt(sink: Sink) -> str:
    """Let this stack adopt another stack's quick connect, and drop the policy; return the ARN."""
    run("quick_connect_create", sink, StackId=OTHER_STACK)
    arn: str = run("quick_connect_create_adopt", sink)["PhysicalResourceId"]
    run("quick_connect_update_unchanged", sink, PhysicalResourceId=arn)
    return arn


def test_a_release_that_is_run_again_deletes_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """What was adopted is somebody's, even when the template no longer says Adopt."""
    arn = adopt(sink)
    for _ in range(2):
        assert run("quick_connect_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert arn in connect.quick_connects


def test_a_release_that_lost_its_response_deletes_nothing(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Lambda runs the Delete again after the bucket took no answer."""
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
def test_what_could_not_be_looked_up_is_deleted_later(
    operation: str, error: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The create lost its answer, and so did the look for what it made: the Delete finds it."""
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)
    connect.fault(operation, error, times=9999)
    failed = run("quick_connect_create", sink, ResponseURL=sink.url(age=None))
    assert failed["Status"] == "FAILED"
    connect.faults.clear()
    physical_id = failed["PhysicalResourceId"]
    assert run("quick_connect_delete", sink, PhysicalResourceId=physical_id)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


def test_a_failed_recreation_is_deleted_later(connect: ConnectEmulator, sink: Sink) -> None:
    """The same where an Update creates anew what was removed."""
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
def test_a_rolled_back_replacement_goes_back_to_what_it_replaced(
    kind: str, policy: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The reversed Update comes with the new id; the old one is still there, and still ours."""
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
    assert arn not in {*connect.quick_connects, *connect.groups}, "it never became an adopted one"


def test_an_update_does_not_take_back_what_was_retained(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """UpdateReplacePolicy: Retain left it behind; only a rollback goes back to it."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    name = "quick_connect_update_replacement"
    new = run(name, sink, PhysicalResourceId=arn)["PhysicalResourceId"]
    back = load_event(name, sink)["OldResourceProperties"]
    response = run("quick_connect_update", sink, PhysicalResourceId=new, ResourceProperties=back)
    assert response["Reason"].startswith("AlreadyExists: ")
    assert response["PhysicalResourceId"] == new


def test_a_rollback_ends_where_another_stack_adopted_it(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The update is refused, with whose it is now; its rollback leaves it alone and succeeds."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    run("quick_connect_create_adopt", sink, StackId=OTHER_STACK, RequestId="theirs")
    response = run("quick_connect_update", sink, PhysicalResourceId=arn)
    assert response["Reason"].startswith("ResourceConflict: ")
    assert f"owned by SalesQuickConnect of {OTHER_STACK}" in response["Reason"]
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response = run("quick_connect_update_rollback", sink, PhysicalResourceId=arn)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)


def test_what_a_reason_advises_keeps_what_has_the_name(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Removed from its stack first, it would be deleted, and there would be nothing to adopt."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    theirs = {"StackId": OTHER_STACK, "RequestId": "theirs"}
    response = run("quick_connect_create", sink, **theirs)
    advice = "to take it over. Then remove it from that stack: removed before, it would be deleted"
    assert advice in response["Reason"]
    adopted = run("quick_connect_create_adopt", sink, **theirs)
    run("quick_connect_delete", sink, PhysicalResourceId=arn)
    assert adopted["PhysicalResourceId"] == arn
    assert arn in connect.quick_connects


def test_delete_with_a_made_up_id_succeeds_where_not_even_the_instance_exists(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A mistyped instance must not leave a stack that cannot be deleted."""
    name = "quick_connect_delete_after_cancelled_create"
    response = run(name, sink, Properties={"InstanceId": "mistyped"})
    assert response["Status"] == "SUCCESS"


def test_many_tags_are_replaced_by_many_others(connect: ConnectEmulator, sink: Sink) -> None:
    """Where both do not fit into fifty, the old ones go first."""
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
    """A tag is ours to remove only as the previous template had it."""
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
def test_a_request_that_nobody_waits_for_makes_no_call(
    name: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation gave it up, and has perhaps undone it already."""
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


def test_a_throttled_create_gives_up_when_nobody_waits_any_more(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """It ends in time to be heard."""
    connect.fault("CreateQuickConnect", "ThrottlingException", times=9999)
    response = run("quick_connect_create", sink, Properties={"ServiceTimeout": "120"})
    assert response["Reason"].startswith("Throttling: CreateQuickConnect: ThrottlingException")
    assert clock.passed < 120
    assert len(connect.calls()) < 100


def test_a_short_service_timeout_still_survives_a_throttle(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The time kept for the answer is a part of it, not all."""
    connect.fault("CreateQuickConnect", "ThrottlingException")
    assert run("quick_connect_create", sink, Properties={"ServiceTimeout": "30"})["Data"]


def test_an_interrupted_adoption_ends_as_an_uninterrupted_one(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The marker that says who created it goes, in whichever run."""
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


def test_a_type_that_is_not_known_yet_can_be_deleted(connect: ConnectEmulator, sink: Sink) -> None:
    """Somebody changed the quick connect to what Connect has learned since."""
    arn = run("quick_connect_create", sink)["PhysicalResourceId"]
    connect.quick_connects[arn]["QuickConnectConfig"] = {"QuickConnectType": "EMAIL"}
    assert run("quick_connect_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert connect.quick_connects == {}


def test_the_default_group_is_never_deleted(connect: ConnectEmulator, sink: Sink) -> None:
    """Not even where somebody stripped the markers that say that it was adopted."""
    arn = run("traffic_distribution_group_create_adopt_default", sink)["PhysicalResourceId"]
    connect.groups[arn]["Tags"] = {}
    name = "traffic_distribution_group_delete"
    assert run(name, sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert "DeleteTrafficDistributionGroup" not in connect.calls()


def test_a_group_that_does_not_show_at_once_is_waited_for(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A Describe may not show yet what was just made."""
    connect.fault("DescribeTrafficDistributionGroup", "ResourceNotFoundException", times=2)
    assert run("traffic_distribution_group_create", sink)["Status"] == "SUCCESS"


def test_a_group_that_disappears_is_not_stabilized(connect: ConnectEmulator, sink: Sink) -> None:
    """After a while, not to be there is an answer."""
    connect.settle_seconds = 100
    connect.fault("DescribeTrafficDistributionGroup", "ResourceNotFoundException", times=99)
    reason = run("traffic_distribution_group_create", sink)["Reason"]
    assert reason.startswith("NotStabilized: ")
    assert "disappeared" in reason


def test_an_unknown_resource_type_is_refused_and_can_be_deleted(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The Reason says which types the function serves; the Delete that follows makes no call."""
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


def test_an_unconfirmed_id_is_no_reason_to_delete_what_was_adopted(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The create found somebody else's, adopted it, and its answer never came through."""
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
    """The first try had an effect and a 500; the next was refused, for a reason of its own."""
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
