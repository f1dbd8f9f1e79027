"""Calls whose outcome is unknown: after a 500, a lost connection or a hang, a write may be live.

The provider reads the state back and plans again, until the write took effect or time is up.
"""

from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.http_server import NEVER
from tests.support.harness import FakeTime, Sink, created, load_event, reversed_update
from tests.support.requests import deliver, respond
from tests.support.scenarios import scenario_of
from tests.support.traffic import by_hand, live

FAULTS = ["InternalServiceException", "503", "drop", "hang"]


@pytest.fixture
def shift(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """An update that moves all traffic of the default group to the other Region."""
    return scenario_of("shift traffic").prepare(connect, sink)


@pytest.fixture
def group(connect: ConnectEmulator, shift: dict[str, Any]) -> dict[str, Any]:
    """The group whose traffic moves."""
    return connect.default_group(scene.INSTANCE_ID)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("error", FAULTS)
def test_a_failover_survives_writes_without_effect(
    error: str,
    times: int,
    connect: ConnectEmulator,
    sink: Sink,
    shift: dict[str, Any],
    group: dict[str, Any],
) -> None:
    """The old split is read back, so the write is made again."""
    connect.fault("UpdateTrafficDistribution", error, times=times)
    response = deliver(shift, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert live(group) == live(group, "AgentConfig") == (0, 100)


@pytest.mark.parametrize("error", ["InternalServiceException", "drop"])
def test_a_rollback_of_traffic_survives_a_write_without_effect(
    error: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    shift: dict[str, Any],
    group: dict[str, Any],
) -> None:
    """The reversed Update moves the traffic back."""
    assert deliver(shift, sink)["Status"] == "SUCCESS"
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    connect.fault("UpdateTrafficDistribution", error)
    response = deliver(reversed_update(shift, sink), sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert live(group) == live(group, "AgentConfig") == (100, 0)


def test_fail_refuses_a_manual_change_after_a_write_without_effect(
    connect: ConnectEmulator,
    sink: Sink,
    shift: dict[str, Any],
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """An operator moves traffic while the provider reads the split back."""
    shift["ResourceProperties"]["OutOfBandTraffic"] = "Fail"
    connect.fault("UpdateTrafficDistribution", "InternalServiceException")
    clock.meanwhile = lambda: by_hand(group, 50, 50)
    response = deliver(shift, sink)
    assert response["Reason"].startswith("ResourceConflict: TelephonyConfig: ")
    assert live(group) == (50, 50)


@pytest.mark.parametrize("error", FAULTS)
@pytest.mark.parametrize("operation", ["UpdateQuickConnectName", "UpdateQuickConnectConfig"])
def test_an_update_of_a_quick_connect_survives_a_write_without_effect(
    operation: str, error: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Both writes are safe to repeat."""
    event = scenario_of("update a quick connect").prepare(connect, sink)
    connect.fault(operation, error)
    response = deliver(event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    (quick_connect,) = connect.quick_connects.values()
    assert quick_connect["Name"] == "Sales and renewals"
    config = quick_connect["QuickConnectConfig"]["QueueConfig"]
    assert config["ContactFlowId"] == scene.OTHER_CONTACT_FLOW_ID


HIDDEN = {
    "quick_connect": ("ListQuickConnects", {"QuickConnectSummaryList": []}),
    "traffic_distribution_group": (
        "ListTrafficDistributionGroups",
        {"TrafficDistributionGroupSummaryList": []},
    ),
}


def own(connect: ConnectEmulator) -> set[str]:
    """Return the ARNs of all resources except the default groups."""
    groups = {arn for arn, group in connect.groups.items() if not group["IsDefault"]}
    return {*connect.quick_connects, *groups}


def test_a_create_finds_its_own_quick_connect_in_a_list_that_lags(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """CreateQuickConnect takes effect and returns a 500. Its repeat meets the duplicate."""
    operation, output = HIDDEN["quick_connect"]
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)
    connect.fault(operation, output=output, seconds=8)
    response = respond("quick_connect_create", sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert own(connect) == {response["PhysicalResourceId"]}


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_create_that_runs_again_finds_its_own_resource_in_a_list_that_lags(
    kind: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Lambda delivers the event twice, and Connect has forgotten the ClientToken."""
    event = load_event(f"{kind}_create", sink)
    arn = created(event, sink)
    connect.forget_tokens()
    operation, output = HIDDEN[kind]
    connect.fault(operation, output=output, seconds=8)
    response = deliver(event, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_create_finds_its_own_resource_while_describe_lags(
    kind: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The list shows the resource, and Describe does not show it yet."""
    event = load_event(f"{kind}_create", sink)
    arn = created(event, sink)
    connect.forget_tokens()
    operation = "DescribeQuickConnect" if "quick" in kind else "DescribeTrafficDistributionGroup"
    connect.fault(operation, "ResourceNotFoundException", seconds=8)
    response = deliver(event, sink)
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", arn)


@pytest.mark.parametrize("name", ["delete", "delete_after_cancelled_create"])
@pytest.mark.parametrize("kind", HIDDEN)
def test_a_delete_without_an_arn_finds_the_resource_in_a_list_that_lags(
    kind: str, name: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The physical id is unconfirmed, or CloudFormation made it up."""
    create = load_event(f"{kind}_create", sink)
    created(create, sink)
    operation, output = HIDDEN[kind]
    connect.fault(operation, output=output, seconds=8)
    ids = {"PhysicalResourceId": f"unconfirmed-{create['RequestId']}"} if name == "delete" else {}
    assert respond(f"{kind}_{name}", sink, **ids)["Status"] == "SUCCESS"
    assert own(connect) == set()


@pytest.mark.parametrize("error", ["drop", "503", "InternalServiceException"])
@pytest.mark.parametrize("kind", HIDDEN)
def test_a_delete_survives_twenty_seconds_without_connect(
    kind: str, error: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Deletes and reads are safe to repeat until the deadline."""
    arn = created(load_event(f"{kind}_create", sink), sink)
    connect.fault("*", error, seconds=20)
    response = respond(f"{kind}_delete", sink, PhysicalResourceId=arn)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert own(connect) == set()


@pytest.mark.parametrize(
    "name",
    [
        "create a quick connect",
        "update a quick connect",
        "create a group",
        "update a group",
        "split traffic",
        "shift traffic",
    ],
)
def test_a_request_survives_twenty_seconds_without_connect(
    name: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """No call takes effect meanwhile."""
    event = scenario_of(name).prepare(connect, sink)
    connect.fault("*", "503", seconds=20)
    response = deliver(event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]


@pytest.mark.parametrize("name", ["delete a quick connect", "update a group", "delete a group"])
def test_lambda_runs_a_request_again_after_a_run_without_connect(
    name: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The first run raises at its deadline, and the second run finishes."""
    event = scenario_of(name).prepare(connect, sink)
    connect.fault("*", "drop", seconds=1000)
    response = deliver(event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]


@pytest.mark.parametrize("refusal", ["InvalidRequestException", "ResourceInUseException"])
def test_a_delete_of_a_group_that_took_effect_is_observed_again(
    refusal: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The first call took effect and returned a 500. Connect refuses its repeat."""
    arn = created(load_event("traffic_distribution_group_create", sink), sink)
    connect.settle_seconds = 5
    connect.fault("DeleteTrafficDistributionGroup", "InternalServiceException", after=True)
    connect.fault("DeleteTrafficDistributionGroup", refusal, times=9)
    response = respond("traffic_distribution_group_delete", sink, PhysicalResourceId=arn)
    assert response["Status"] == "SUCCESS", response["Reason"]
    assert own(connect) == set()


def test_a_delete_of_a_quick_connect_that_took_effect_is_a_success(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Its repeat finds nothing."""
    arn = created(load_event("quick_connect_create", sink), sink)
    connect.fault("DeleteQuickConnect", "InternalServiceException", after=True)
    assert respond("quick_connect_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert own(connect) == set()


HANGING = [
    ("create a quick connect", "CreateQuickConnect"),
    ("update a quick connect", "DescribeQuickConnect"),
    ("delete a quick connect", "DeleteQuickConnect"),
    ("create a group", "CreateTrafficDistributionGroup"),
    ("shift traffic", "UpdateTrafficDistribution"),
]


@pytest.mark.parametrize(("name", "operation"), HANGING)
def test_a_call_that_hangs_ends_within_the_service_timeout(
    name: str, operation: str, connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """CloudFormation waits for 180 seconds, so the response arrives before that."""
    event = scenario_of(name).prepare(connect, sink)
    event["ResourceProperties"]["ServiceTimeout"] = "180"
    connect.fault(operation, "hang", after=True, times=9)
    began = clock.passed
    response = deliver(event, sink)
    assert clock.passed - began < 180
    if event["RequestType"] == "Create" and response["Status"] == "FAILED":
        connect.faults.clear()
        delete = {
            **event,
            "RequestType": "Delete",
            "ResponseURL": sink.url(),
            "PhysicalResourceId": response["PhysicalResourceId"],
        }
        assert deliver(delete, sink)["Status"] == "SUCCESS"
        assert own(connect) == set()


def test_a_question_to_cloudformation_that_hangs_ends_within_the_service_timeout(
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    shift: dict[str, Any],
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The failover does not depend on the question."""
    shift["ResourceProperties"]["ServiceTimeout"] = "180"
    stacks.reply = NEVER
    began = clock.passed
    response = deliver(shift, sink)
    assert clock.passed - began < 180
    assert (response["Status"], live(group)) == ("SUCCESS", (0, 100))
