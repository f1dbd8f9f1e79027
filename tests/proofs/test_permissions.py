"""The roles against the calls: a role allows each call on its own resources, and on no others."""

import pytest

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox import scene
from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Context, Sink, read_event
from tests.support.scenarios import SCENARIOS, Scenario
from tests.support.template import (
    EVERY_INSTANCE,
    FUNCTIONS,
    allowed,
    resources_of,
    statements,
)

INSTANCE_ARN = f"arn:aws:connect:{scene.REGION}:{ACCOUNT}:instance/{scene.INSTANCE_ID}"
OTHER_INSTANCE_ARN = INSTANCE_ARN.replace(scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID)
REPLICA_ARN = INSTANCE_ARN.replace(scene.REGION, scene.REPLICA_REGION)


@pytest.mark.parametrize(
    "instance_arns", [EVERY_INSTANCE, [INSTANCE_ARN, REPLICA_ARN, OTHER_INSTANCE_ARN]], ids=len
)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_call_is_allowed(
    scenario: Scenario, instance_arns: list[str], connect: ConnectEmulator, sink: Sink
) -> None:
    """A function's own role allows its calls, with and without a value of InstanceArns."""
    event = scenario.prepare(connect, sink)
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)  # look it up, too
    scenario.handler(event, Context())
    assert sink.responses[-1]["Status"] == "SUCCESS"
    app = RESOURCE_TYPES[read_event(scenario.event)["ResourceType"]].app
    rules = statements(app, instance_arns)
    for entry in connect.journal:
        for arn in resources_of(entry):
            assert allowed(rules, entry.operation, arn), f"{entry.operation} on {arn}"


@pytest.mark.parametrize(
    ("package", "operation", "path"),
    [
        ("quick_connect", "CreateQuickConnect", "/transfer-destination/x"),
        ("quick_connect", "DeleteQuickConnect", "/transfer-destination/x"),
        ("quick_connect", "UpdateQuickConnectConfig", "/queue/x"),
        ("quick_connect", "ListQuickConnects", ""),
        ("quick_connect", "AssociateQueueQuickConnects", "/queue/x"),
        ("quick_connect", "DisassociateQueueQuickConnects", "/transfer-destination/x"),
        ("quick_connect", "ListQueueQuickConnects", "/queue/x"),
        ("quick_connect", "TagResource", "/transfer-destination/x"),
        ("traffic_distribution_group", "CreateTrafficDistributionGroup", ""),
        ("traffic_distribution_group", "AssociateTrafficDistributionGroupUser", "/agent/x"),
    ],
)
def test_other_instances_are_out_of_reach(package: str, operation: str, path: str) -> None:
    """InstanceArns narrows a role to the instances in the list."""
    narrow = statements(package, [INSTANCE_ARN])
    assert allowed(narrow, operation, INSTANCE_ARN + path)
    assert not allowed(narrow, operation, OTHER_INSTANCE_ARN + path)


@pytest.mark.parametrize("package", FUNCTIONS)
def test_another_account_is_out_of_reach(package: str) -> None:
    """Every resource belongs to this account, and no action is a wildcard."""
    for actions, resources in statements(package, EVERY_INSTANCE):
        assert not any("*" in action for action in actions)
        assert all(ACCOUNT in resource or "log-group" in resource for resource in resources)
