"""The roles against the calls: each is allowed on what it is about, and nowhere else.

What each operation is authorized on is Connect's page of the Service Authorization Reference.
"""

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from sandbox import scene
from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import ConnectEmulator, JournalEntry
from tests.support.harness import Context, Sink
from tests.support.scenarios import SCENARIOS, Scenario
from tests.unit import test_template
from tests.unit.test_template import FUNCTIONS

INSTANCE_ARN = f"arn:aws:connect:{scene.REGION}:{ACCOUNT}:instance/{scene.INSTANCE_ID}"
OTHER_INSTANCE_ARN = INSTANCE_ARN.replace(scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID)
GROUP = f"arn:aws:connect:{scene.REGION}:{ACCOUNT}:traffic-distribution-group/any"
REPLICA_ARN = INSTANCE_ARN.replace(scene.REGION, scene.REPLICA_REGION)
EVERY_INSTANCE: list[str] = []
PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": scene.REGION}


def resolve(node: Any, instance_arns: list[str]) -> Any:
    """Return a part of the template as CloudFormation renders it, for a value of InstanceArns."""
    if isinstance(node, list):
        return [resolve(item, instance_arns) for item in node]
    if not isinstance(node, dict):
        return node
    if not (len(node) == 1 and re.match("Ref$|Fn::", next(iter(node)))):
        return {key: resolve(value, instance_arns) for key, value in node.items()}
    values = {**PSEUDO, "InstanceArns": instance_arns}
    match node:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Sub": text}:
            text, more = text if isinstance(text, list) else (text, {})
            values |= resolve(more, instance_arns)
            return re.sub(r"\$\{([^}]+)\}", lambda match: str(values[match[1]]), text)
        case {"Fn::Join": [delimiter, items]}:
            return delimiter.join(resolve(items, instance_arns))
        case {"Fn::Split": [delimiter, text]}:
            return resolve(text, instance_arns).split(delimiter)
        case {"Fn::If": ["EveryInstance", every, narrow]}:
            return resolve(narrow if instance_arns else every, instance_arns)
        case {"Fn::GetAtt": _}:
            return "arn:aws:logs:::log-group"
    raise AssertionError(node)


def statements(name: str, instance_arns: list[str]) -> list[tuple[list[str], list[str]]]:
    """Return the actions and resources that a role allows."""
    found = resolve(test_template.statements(name), instance_arns)
    assert {statement["Effect"] for statement in found} == {"Allow"}
    return [(_list(s["Action"]), _list(s["Resource"])) for s in found]


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(rules: list[tuple[list[str], list[str]]], operation: str, arn: str) -> bool:
    return any(
        f"connect:{operation}" in actions and any(fnmatchcase(arn, r) for r in resources)
        for actions, resources in rules
    )


def resources_of(entry: JournalEntry) -> list[str]:
    """Return the ARNs that a call is authorized on; each has to be allowed."""
    p = entry.parameters
    head = f"arn:aws:connect:{entry.region}:{ACCOUNT}"
    instance = f"{head}:instance/{p['InstanceId']}" if "InstanceId" in p else ""
    config = p.get("QuickConnectConfig", {})
    kinds = {"QueueId": "queue", "UserId": "agent", "ContactFlowId": "contact-flow"}
    named = [
        f"{instance}/{kinds[key]}/{value}"
        for block in config.values()
        if isinstance(block, dict)
        for key, value in block.items()
        if key in kinds
    ]
    group = p.get("TrafficDistributionGroupId", p.get("Id", GROUP))
    match entry.operation:
        case "CreateQuickConnect" | "UpdateQuickConnectConfig":
            return [f"{instance}/transfer-destination/{p.get('QuickConnectId', 'new')}", *named]
        case "DescribeQuickConnect" | "UpdateQuickConnectName" | "DeleteQuickConnect":
            return [f"{instance}/transfer-destination/{p['QuickConnectId']}"]
        case "ListQuickConnects":
            return [instance, f"{instance}/transfer-destination/*"]
        case "TagResource" | "UntagResource":
            return [p["resourceArn"]]
        case "CreateTrafficDistributionGroup":
            return [instance, GROUP]
        case "ListTrafficDistributionGroups":
            return [instance, GROUP]
        case "AssociateTrafficDistributionGroupUser" | "DisassociateTrafficDistributionGroupUser":
            return [group, instance, f"{instance}/agent/{p['UserId']}"]
        case "ListPhoneNumbersV2":
            return [p["TargetArn"]]
    return [group]


@pytest.mark.parametrize(
    "instance_arns", [EVERY_INSTANCE, [INSTANCE_ARN, REPLICA_ARN, OTHER_INSTANCE_ARN]], ids=len
)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_call_is_allowed(
    scenario: Scenario, instance_arns: list[str], connect: ConnectEmulator, sink: Sink
) -> None:
    """With InstanceArns empty, and with the instances and their replica named."""
    event = scenario.prepare(connect, sink)
    connect.fault("CreateQuickConnect", "InternalServiceException", after=True)  # look it up, too
    scenario.handler(event, Context())
    assert sink.answers[-1]["Status"] == "SUCCESS"
    package = scenario.handler.__module__.split(".")[1]
    rules = statements(FUNCTIONS[package], instance_arns)
    for entry in connect.journal:
        for arn in resources_of(entry):
            assert allowed(rules, entry.operation, arn), f"{entry.operation} on {arn}"


@pytest.mark.parametrize(
    ("name", "operation", "path"),
    [
        ("QuickConnect", "CreateQuickConnect", "/transfer-destination/x"),
        ("QuickConnect", "DeleteQuickConnect", "/transfer-destination/x"),
        ("QuickConnect", "UpdateQuickConnectConfig", "/queue/x"),
        ("QuickConnect", "ListQuickConnects", ""),
        ("QuickConnect", "TagResource", "/transfer-destination/x"),
        ("TrafficDistributionGroup", "CreateTrafficDistributionGroup", ""),
        ("TrafficDistributionGroup", "AssociateTrafficDistributionGroupUser", "/agent/x"),
    ],
)
def test_other_instances_are_out_of_reach(name: str, operation: str, path: str) -> None:
    """InstanceArns narrows a role to what it names."""
    narrow = statements(name, [INSTANCE_ARN])
    assert allowed(narrow, operation, INSTANCE_ARN + path)
    assert not allowed(narrow, operation, OTHER_INSTANCE_ARN + path)


@pytest.mark.parametrize("name", FUNCTIONS.values())
def test_another_account_is_out_of_reach(name: str) -> None:
    """Every resource is of this account, and no action is a wildcard."""
    for actions, resources in statements(name, EVERY_INSTANCE):
        assert not any("*" in action for action in actions)
        assert all(ACCOUNT in resource or "log-group" in resource for resource in resources)
