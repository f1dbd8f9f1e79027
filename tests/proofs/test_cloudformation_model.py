"""The model of CloudFormation sends the requests that CloudFormation sends."""

from typing import Any

import pytest

from connect_provider.errors import ServiceInternalError
from connect_provider.run import Run
from connect_provider.stack.describe import GONE, Phase, StackDescription
from sandbox import scene
from sandbox.cloudformation import ILL, StackResource, Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.cloudformation import RollbackFailed, Stack, Weather
from tests.support.harness import Context, FakeTime, Sink, load_event
from tests.support.timeline import Timeline

STACK_ID = "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1"
FLOW = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}


def desk(name: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    instance = {"InstanceId": scene.INSTANCE_ID, "Name": name, "QuickConnectConfig": FLOW}
    return "Custom::ConnectQuickConnect", {**instance, **properties}


def group(name: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    named = {"InstanceId": scene.INSTANCE_ID, "Name": name}
    return "Custom::ConnectTrafficDistributionGroup", {**named, **properties}


def described(stack_id: str, sink: Sink) -> StackDescription:
    """Return a stack as a run of one of its requests sees it."""
    return StackDescription(Run(load_event("quick_connect_create", sink), Context()), stack_id)


def requests(stack: Stack, since: int = 0) -> list[str]:
    return [f"{e['RequestType']} {e['LogicalResourceId']}" for e in stack.sent[since:]]


def names(connect: ConnectEmulator) -> list[str]:
    return sorted(desk["Name"] for desk in connect.quick_connects.values())


def test_a_failure_cancels_the_requests_of_the_siblings(
    stack: Stack, connect: ConnectEmulator, sink: Sink
) -> None:
    """The Delete comes while the create still runs, with an id that CloudFormation made up."""
    connect.settle_seconds = 60
    assert not stack.deploy({"Group": group("g")}, Weather(fails_at=20, rollback_after=5))
    assert requests(stack) == ["Create Group", "Delete Group"]
    assert stack.sent[1]["PhysicalResourceId"] == "s-Group-1ABCDEF"
    assert stack.ids == {}
    assert described(stack.id, sink).phase() is Phase.OVER


def test_a_cancelled_update_is_reversed(stack: Stack, connect: ConnectEmulator) -> None:
    """Every update of the operation is reversed, finished or not."""
    assert stack.deploy({"Desk": desk("n"), "Other": desk("o")})
    connect.fault("UpdateQuickConnectName", "ThrottlingException", times=2)
    changed = {"Desk": desk("n", Description="new"), "Other": desk("o", Description="new")}
    assert not stack.deploy(changed, Weather(fails_at=60))
    assert sorted(requests(stack, 2)) == ["Update Desk"] * 2 + ["Update Other"] * 2
    assert stack.sent[-1]["ResourceProperties"] == stack.template["Other"][1]
    assert {one["Description"] for one in connect.quick_connects.values()} == {""}


def test_a_request_that_was_not_sent_yet_is_never_sent(stack: Stack) -> None:
    """The second resource would begin after the failure."""
    template = {"Desk": desk("n"), "Other": desk("o")}
    assert not stack.deploy(template, Weather(spacing=30, fails_at=10))
    assert requests(stack) == ["Create Desk", "Delete Desk"]


def test_disable_rollback_reverses_only_the_failed_resource(
    stack: Stack, connect: ConnectEmulator, stacks: Stacks
) -> None:
    """The other resource keeps its new state."""
    assert stack.deploy({"Desk": desk("n"), "Other": desk("o")})
    connect.fault("UpdateQuickConnectConfig", "AccessDeniedException")
    phone = {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+15551234567"}}
    template = {
        "Desk": desk("n", Description="new", QuickConnectConfig=phone),
        "Other": desk("o", Description="new"),
    }
    assert not stack.deploy(template, disable_rollback=True)
    assert requests(stack, 2) == ["Update Desk", "Update Other", "Update Desk"]
    assert stack.template == {"Desk": desk("n"), "Other": template["Other"]}
    live = {one["Name"]: one["Description"] for one in connect.quick_connects.values()}
    assert live == {"n": "", "o": "new"}


def test_disable_rollback_keeps_a_failed_create_until_the_next_operation(
    stack: Stack, connect: ConnectEmulator
) -> None:
    """It has no stable state to return to."""
    connect.fault("CreateQuickConnect", "AccessDeniedException")
    assert not stack.deploy({"Desk": desk("n")}, disable_rollback=True)
    assert requests(stack) == ["Create Desk"]
    assert stack.deploy({"Desk": desk("n")})
    assert requests(stack, 1) == ["Delete Desk", "Create Desk"]


def test_a_response_that_never_arrives_fails_the_resource_after_an_hour(
    stack: Stack, connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """Three runs respond, and CloudFormation has none of the responses."""
    began = clock.passed
    assert not stack.deploy({"Desk": desk("n")}, Weather(unanswered=frozenset({"Desk"})))
    assert clock.passed - began >= 3600
    refused = [r for r in sink.responses if r["RequestId"] == stack.sent[0]["RequestId"]]
    assert len(refused) == 3 * 4
    assert stack.sent[1]["PhysicalResourceId"] == "s-Desk-1ABCDEF"
    assert connect.quick_connects == {}


def test_the_clean_up_gives_up_after_three_attempts(stack: Stack, connect: ConnectEmulator) -> None:
    """The operation is complete all the same, and the resource stays."""
    assert stack.deploy({"Desk": desk("n"), "Other": desk("o")})
    arn = stack.ids["Other"]
    connect.fault("DeleteQuickConnect", "AccessDeniedException", times=3)
    assert stack.deploy({"Desk": desk("n")})
    assert requests(stack, 2) == ["Delete Other"] * 3
    assert stack.abandoned == {arn}
    assert names(connect) == ["n", "o"]


def test_a_renamed_logical_id_is_a_create_and_then_a_delete(
    stack: Stack, connect: ConnectEmulator
) -> None:
    """CloudFormation does not know that both are one resource."""
    assert stack.deploy({"Desk": desk("n")})
    assert stack.deploy({"Line": desk("n", ExistingResourcePolicy="Adopt")})
    assert requests(stack, 1) == ["Create Line", "Delete Desk"]
    assert names(connect) == ["n"]


def test_two_stacks_can_want_one_name(
    stack: Stack, connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The second one rolls back, and the first one keeps its resource."""
    other = Stack(sink, stacks)
    assert stack.deploy({"Desk": desk("n")})
    assert not other.deploy({"Desk": desk("n")})
    assert described(other.id, sink).phase() is Phase.OVER
    assert [one["Tags"]["cfn:stack-id"] for one in connect.quick_connects.values()] == [stack.id]


def test_a_rollback_that_fails_is_an_error(stack: Stack, connect: ConnectEmulator) -> None:
    """The stack is stuck in UPDATE_ROLLBACK_FAILED."""
    assert stack.deploy({"Desk": desk("n")})
    stack.heal = lambda: None
    connect.fault("DescribeQuickConnect", "AccessDeniedException", times=2)
    with pytest.raises(RollbackFailed):
        stack.deploy({"Desk": desk("m")}, Weather(fails_at=1))


def test_a_view_of_a_stack_is_shown_after_the_lag(
    stacks: Stacks, clock: FakeTime, sink: Sink
) -> None:
    """Both questions get the old view until then."""
    stacks.show(STACK_ID, "CREATE_COMPLETE", {})
    stacks.lag = 5
    clock.sleep(5)
    stacks.show(STACK_ID, "UPDATE_IN_PROGRESS", {"A": StackResource("CREATE_IN_PROGRESS")})
    assert described(STACK_ID, sink).phase() is Phase.OVER
    assert described(STACK_ID, sink).resource("A").status == GONE
    clock.sleep(5)
    assert described(STACK_ID, sink).phase() is Phase.FORWARD
    assert described(STACK_ID, sink).resource("A").status == "CREATE_IN_PROGRESS"


def test_a_reply_takes_the_place_of_every_answer(stacks: Stacks, sink: Sink) -> None:
    """An HTTP status without a body, for example."""
    stacks.reply = ILL["an HTML page"]
    with pytest.raises(ServiceInternalError):
        described(STACK_ID, sink).phase()


def test_the_jobs_of_a_timeline_take_turns_on_the_clock(clock: FakeTime) -> None:
    """A job that sleeps lets the others run."""
    timeline, told = Timeline(), []

    def job(name: str, seconds: float) -> None:
        clock.sleep(seconds)
        told.append((name, clock.passed))

    timeline.start(lambda: job("slow", 9))
    timeline.start(lambda: job("late", 1), after=5)
    timeline.start(lambda: job("quick", 2))
    timeline.run()
    assert told == [("quick", 2), ("late", 6), ("slow", 9)]


def test_an_error_in_a_job_ends_the_timeline(clock: FakeTime) -> None:
    """The other jobs end, too, even if they wait for the one with the error."""
    timeline = Timeline()
    timeline.start(lambda: timeline.wait_for(lambda: False))
    timeline.start(lambda: clock.sleep(100))

    def fail() -> None:
        raise ValueError("no")

    timeline.start(fail, after=1)
    with pytest.raises(ValueError, match="no"):
        timeline.run()


def test_jobs_that_wait_for_each_other_are_an_error(clock: FakeTime) -> None:
    """The timeline does not hang."""
    timeline = Timeline()
    timeline.start(lambda: timeline.wait_for(lambda: False))
    with pytest.raises(AssertionError, match="every job waits"):
        timeline.run()
