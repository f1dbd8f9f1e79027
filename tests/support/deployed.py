"""A stack with resources of every type, which plan and drift read."""

import json
from typing import Any

from sandbox import scene
from sandbox.cloudformation import Template
from tests.support.cloudformation import Stack

Resources = dict[str, tuple[str, dict[str, Any]]]  # type and properties, by logical id

_INSTANCE = {"InstanceId": scene.INSTANCE_ID}
_FLOW = {"ContactFlowId": scene.CONTACT_FLOW_ID}
_NAMED = {**_INSTANCE, "Description": "The first one", "Tags": {"team": "a", "tier": "1"}}
CONFIGS: dict[str, dict[str, Any]] = {
    "User": {"QuickConnectType": "USER", "UserConfig": {"UserId": scene.USER_ID, **_FLOW}},
    "Queue": {"QuickConnectType": "QUEUE", "QueueConfig": {"QueueId": scene.QUEUE_ID, **_FLOW}},
    "Phone": {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12065550100"}},
    "Flow": {"QuickConnectType": "FLOW", "FlowConfig": _FLOW},
}


def shares(first: object, second: object, key: str = "Percentage") -> dict[str, Any]:
    """Return a config of traffic."""
    both = ((scene.REGION, first), (scene.REPLICA_REGION, second))
    return {"Distributions": [{"Region": region, key: share} for region, share in both]}


# Stacks offer two of the quick connects of scene.add_quick_connects in a queue.
RESOURCES: Resources = {
    **{
        name: (
            "Custom::ConnectQuickConnect",
            {**_NAMED, "Name": name, "QuickConnectConfig": config},
        )
        for name, config in CONFIGS.items()
    },
    "Group": (
        "Custom::ConnectTrafficDistributionGroup",
        {**_NAMED, "Name": "Group", "UserIds": [*scene.USER_IDS[:2]]},
    ),
    "Split": (
        "Custom::ConnectTrafficDistribution",
        {
            **_INSTANCE,
            "TelephonyConfig": shares("60", "40"),
            "AgentConfig": shares("60", "40"),
            "SignInConfig": shares("true", "false", "Enabled"),
            "CrossRegionRouting": "Isolated",
            "Revision": "1",
        },
    ),
    "Offers": (
        "Custom::ConnectQueueQuickConnects",
        {
            **_INSTANCE,
            "QueueId": scene.QUEUE_ID,
            "QuickConnectIds": [*scene.QUICK_CONNECT_IDS[:2]],
        },
    ),
}


def template_of(resources: Resources) -> str:
    """Return a template with the resources."""
    declared = {
        name: {"Type": kind, "Properties": properties}
        for name, (kind, properties) in resources.items()
    }
    return json.dumps({"Resources": declared})


def deploy(stack: Stack, resources: Resources) -> None:
    """Deploy resources in the model of CloudFormation. The stack then has their template."""
    assert stack.deploy(resources)
    stack.stacks.templates[stack.id] = Template(template_of(resources))
