"""template.yaml: its functions, their handlers, and the statements of their roles."""

import re
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any

from cfnlint.decode.cfn_yaml import load

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox import scene
from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import JournalEntry
from tests.support.harness import ROOT, Handler

# Each function's package under connect_provider, and the start of its logical ids.
FUNCTIONS = {made.app: made.function.removesuffix("Function") for made in RESOURCE_TYPES.values()}
EVERY_INSTANCE: list[str] = []  # the default of the parameter InstanceArns
_PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": scene.REGION}
_ANY_GROUP = f"arn:aws:connect:{scene.REGION}:{ACCOUNT}:traffic-distribution-group/any"

Rules = list[tuple[list[str], list[str]]]  # actions and resources of each statement


@cache
def template() -> dict[str, Any]:
    """Return the template, parsed."""
    return dict(load(str(ROOT / "template.yaml")))


def handler(package: str) -> Handler:
    """Return the handler that the template names."""
    properties = template()["Resources"][f"{FUNCTIONS[package]}Function"]["Properties"]
    module, _, name = properties["Handler"].rpartition(".")
    assert module == f"connect_provider.{package}.app"
    found: Handler = getattr(import_module(module), name)
    return found


def role_statements(name: str) -> list[dict[str, Any]]:
    """Return the statements of a function's role, of its own policies and of the shared one.

    name: the start of the function's logical ids.
    """
    resources = template()["Resources"]
    role = resources[f"{name}Role"]["Properties"]
    shared = [resources[arn["Ref"]]["Properties"] for arn in role["ManagedPolicyArns"]]
    documents = [policy["PolicyDocument"] for policy in (*shared, *role["Policies"])]
    return [statement for document in documents for statement in document["Statement"]]


def statements(package: str, instance_arns: list[str]) -> Rules:
    """Return the actions and resources that a function's role allows."""
    found = _rendered(role_statements(FUNCTIONS[package]), instance_arns)
    assert {statement["Effect"] for statement in found} == {"Allow"}
    return [(_list(s["Action"]), _list(s["Resource"])) for s in found]


def allowed(rules: Rules, operation: str, arn: str) -> bool:
    """Return whether a role allows an operation of Connect on a resource."""
    return any(
        f"connect:{operation}" in actions and any(fnmatchcase(arn, r) for r in resources)
        for actions, resources in rules
    )


def operations(package: str) -> set[str]:
    """Return the operations of Connect that a function's role allows."""
    actions = {a for actions, _ in statements(package, EVERY_INSTANCE) for a in actions}
    return {a.removeprefix("connect:") for a in actions if a.startswith("connect:")}


def resources_of(entry: JournalEntry) -> list[str]:
    """Return the ARNs that authorize a call; the role must allow the call on each of them.

    The page of Connect in the Service Authorization Reference lists them for each operation.
    """
    p = entry.parameters
    instance = ""
    if "InstanceId" in p:
        instance = f"arn:aws:connect:{entry.region}:{ACCOUNT}:instance/{p['InstanceId']}"
    group = p.get("TrafficDistributionGroupId", p.get("Id", _ANY_GROUP))
    match entry.operation:
        case "CreateQuickConnect" | "UpdateQuickConnectConfig":
            quick_connect = f"{instance}/transfer-destination/{p.get('QuickConnectId', 'new')}"
            return [quick_connect, *_named(instance, p.get("QuickConnectConfig", {}))]
        case "DescribeQuickConnect" | "UpdateQuickConnectName" | "DeleteQuickConnect":
            return [f"{instance}/transfer-destination/{p['QuickConnectId']}"]
        case (
            "AssociateQueueQuickConnects"
            | "DisassociateQueueQuickConnects"
            | "ListQueueQuickConnects"
        ):
            named = [f"{instance}/transfer-destination/{i}" for i in p.get("QuickConnectIds", ())]
            return [f"{instance}/queue/{p['QueueId']}", *named]
        case "GetCrossRegionRouting" | "UpdateCrossRegionRouting":
            return [instance]
        case "ListQuickConnects":
            return [instance, f"{instance}/transfer-destination/*"]
        case "TagResource" | "UntagResource" | "ListPhoneNumbersV2":
            return [p.get("resourceArn") or p["TargetArn"]]
        case "CreateTrafficDistributionGroup" | "ListTrafficDistributionGroups":
            return [instance, _ANY_GROUP]
        case "AssociateTrafficDistributionGroupUser" | "DisassociateTrafficDistributionGroupUser":
            return [group, instance, f"{instance}/agent/{p['UserId']}"]
    return [group]


def _named(instance: str, config: dict[str, Any]) -> list[str]:
    """Return the ARNs of the queue, user and flow that a QuickConnectConfig names."""
    kinds = {"QueueId": "queue", "UserId": "agent", "ContactFlowId": "contact-flow"}
    return [
        f"{instance}/{kinds[key]}/{value}"
        for block in config.values()
        if isinstance(block, dict)
        for key, value in block.items()
        if key in kinds
    ]


def _rendered(node: Any, instance_arns: list[str]) -> Any:
    """Return a part of the template as CloudFormation renders it for a value of InstanceArns."""
    if isinstance(node, list):
        return [_rendered(item, instance_arns) for item in node]
    if not isinstance(node, dict):
        return node
    if not (len(node) == 1 and re.match("Ref$|Fn::", next(iter(node)))):
        return {key: _rendered(value, instance_arns) for key, value in node.items()}
    values = {**_PSEUDO, "InstanceArns": instance_arns}
    match node:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Sub": text}:
            text, more = text if isinstance(text, list) else (text, {})
            values |= _rendered(more, instance_arns)
            return re.sub(r"\$\{([^}]+)\}", lambda match: str(values[match[1]]), text)
        case {"Fn::Join": [delimiter, items]}:
            return delimiter.join(_rendered(items, instance_arns))
        case {"Fn::Split": [delimiter, text]}:
            return _rendered(text, instance_arns).split(delimiter)
        case {"Fn::If": ["EveryInstance", every, narrow]}:
            return _rendered(narrow if instance_arns else every, instance_arns)
        case {"Fn::GetAtt": _}:
            return "arn:aws:logs:::log-group"
    raise AssertionError(node)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
