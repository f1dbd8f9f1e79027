"""The resources that events/ and examples/ refer to, in the emulated Connect.

Two instances in us-east-1, both replicated to us-west-2, with the same queue, flow and user ids.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.connect_emulator import ConnectEmulator

EVENTS = Path(__file__).parent.parent / "events"
REGION, REPLICA_REGION = "us-east-1", "us-west-2"
INSTANCE_ID = "11111111-1111-4111-8111-111111111111"
OTHER_INSTANCE_ID = "22222222-2222-4222-8222-222222222222"
_CONTACT_FLOWS = ("Agent", "Queue", "Survey")
_QUEUES = ("Orders", "Returns", "BasicQueue", "Complaints")
_USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy")
CONTACT_FLOW_IDS = [f"aaaaaaaa-0001-4000-8000-{n:012d}" for n, _ in enumerate(_CONTACT_FLOWS, 1)]
QUEUE_IDS = [f"bbbbbbbb-0001-4000-8000-{n:012d}" for n, _ in enumerate(_QUEUES, 1)]
USER_IDS = [f"cccccccc-0001-4000-8000-{n:012d}" for n, _ in enumerate(_USERS, 1)]
CONTACT_FLOW_ID, OTHER_CONTACT_FLOW_ID = CONTACT_FLOW_IDS[:2]
QUEUE_ID, OTHER_QUEUE_ID = QUEUE_IDS[:2]
USER_ID, OTHER_USER_ID = USER_IDS[:2]
QUICK_CONNECT_IDS = [f"dddddddd-0001-4000-8000-00000000010{number}" for number in (1, 2, 3)]
_NAMES = {
    **dict(zip(CONTACT_FLOW_IDS, _CONTACT_FLOWS, strict=True)),
    **dict(zip(QUEUE_IDS, _QUEUES, strict=True)),
    **dict(zip(USER_IDS, _USERS, strict=True)),
}


def seed(emulator: ConnectEmulator) -> None:
    """Add the scene to an empty emulator."""
    for instance_id in (INSTANCE_ID, OTHER_INSTANCE_ID):
        instance = emulator.add_instance(instance_id, REGION, REPLICA_REGION)
        instance.contact_flows |= {*CONTACT_FLOW_IDS}
        instance.queues |= {*QUEUE_IDS}
        instance.users |= {*USER_IDS}
    emulator.names |= _NAMES


def add_quick_connects(emulator: ConnectEmulator) -> None:
    """Add three quick connects of somebody else, which events/ associate with queues."""
    instance = emulator.instances[INSTANCE_ID]
    names = ("Front desk", "Warehouse", "Night shift")
    for name, flow, new_id in zip(names, CONTACT_FLOW_IDS, QUICK_CONNECT_IDS, strict=True):
        config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": flow}}
        emulator.add_quick_connect(instance, name, config, {}, new_id=new_id)


def stage(emulator: ConnectEmulator, event: Mapping[str, Any]) -> None:
    """Add the resources that a request names, as their *_create events made them.

    A resource to adopt has no owner; the request's stack owns all others.
    """
    properties = event.get("ResourceProperties", {})
    instance = emulator.instances[INSTANCE_ID]
    own = {
        "cfn:stack-id": event["StackId"],
        "cfn:logical-id": event["LogicalResourceId"],
        "cfn:request-id": "that of the create",
        "cfn:created-at": "unknown",
    }
    groups = {properties.get(f"TrafficDistributionGroup{end}") for end in ("Id", "Arn")}
    for arn in {event.get("PhysicalResourceId"), *groups} - {None}:
        head, _, new_id = arn.rpartition("/")
        if head.endswith("/transfer-destination"):
            made = _created("quick_connect")
            emulator.add_quick_connect(
                instance,
                made["Name"],
                made["QuickConnectConfig"],
                {**made["Tags"], **own},
                description=made["Description"],
                new_id=new_id,
            )
        elif head.endswith(":traffic-distribution-group"):
            made = _created("traffic_distribution_group")
            tags = {**made["Tags"], **own}
            emulator.add_group(instance, made["Name"], made["Description"], tags, new_id=new_id)
    if "QuickConnectIds" in properties or "QuickConnectArns" in properties:
        add_quick_connects(emulator)
        if queue := event.get("PhysicalResourceId"):
            offered = _created("queue_quick_connects")["QuickConnectIds"]
            emulator.queue_quick_connects[queue] = {*offered}
    if "QuickConnectConfig" in properties and properties.get("ExistingResourcePolicy") == "Adopt":
        config = properties["QuickConnectConfig"]
        emulator.add_quick_connect(instance, properties["Name"], config, {})


def _created(resource_type: str) -> dict[str, Any]:
    """Return the properties of a *_create event."""
    event = json.loads((EVENTS / f"{resource_type}_create.json").read_text())
    properties: dict[str, Any] = event["ResourceProperties"]
    return properties
