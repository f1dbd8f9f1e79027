"""Properties of a quick connect: good ones, and one mistake at a time."""

from typing import Any

from sandbox import scene

ARN = f"arn:aws:connect:us-east-1:123456789012:instance/{scene.INSTANCE_ID}"
OTHER_ARN = ARN.replace(scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID)
FLOW = {"ContactFlowId": scene.CONTACT_FLOW_ID}


def queue(**config: Any) -> dict[str, Any]:
    return {"QuickConnectConfig": {"QuickConnectType": "QUEUE", "QueueConfig": config}}


def phone(number: str) -> dict[str, Any]:
    config = {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": number}}
    return {"QuickConnectConfig": config}


def many_tags(count: int) -> dict[str, Any]:
    return {"Tags": {f"key{index}": "value" for index in range(count)}}


GOOD: dict[str, dict[str, Any]] = {
    "the instance as an ARN": {"InstanceId": ARN},
    "the longest name": {"Name": "x" * 127},
    "no description": {"Description": None},
    "an empty description": {"Description": ""},
    "the longest description": {"Description": "x" * 250},
    "the shortest number": phone("+12"),
    "the longest number": phone("+123456789012345"),
    "ARNs of the instance": queue(
        QueueArn=f"{ARN}/queue/q", ContactFlowArn=f"{ARN}/contact-flow/f"
    ),
    "the flow's saved version": queue(QueueId="q", ContactFlowId=f"{ARN}/contact-flow/f:$SAVED"),
    "all the tags that our markers leave": many_tags(45),
    "tags of any script": {"Tags": {"équipe 東京 _.:/=+-@": "Ω"}},
    "tags as a list": {"Tags": [{"Key": "a", "Value": "b"}]},
    "a tag without a value": {"Tags": {"a": ""}},
    "a service timeout in text": {"ServiceTimeout": "3600"},
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no instance": ({"InstanceId": None}, "InstanceId: is required"),
    "an instance twice": (
        {"InstanceArn": ARN},
        "InstanceArn: means the same as InstanceId; give one",
    ),
    "a path for an instance": ({"InstanceId": "../x"}, "InstanceId: "),
    "a too long instance": ({"InstanceId": "x" * 101}, "InstanceId: "),
    "a queue's ARN for an instance": ({"InstanceId": f"{ARN}/queue/q"}, "InstanceId: "),
    "no name": ({"Name": None}, "Name: is required"),
    "an empty name": ({"Name": ""}, "Name: "),
    "a too long name": ({"Name": "x" * 128}, "Name: "),
    "a name that is a map": ({"Name": {}}, "Name: "),
    "a too long description": ({"Description": "x" * 251}, "Description: "),
    "a slip": ({"Desciption": "x"}, "Desciption: unknown property; did you mean Description?"),
    "an attribute of the resource": (
        {"DependsOn": "x"},
        "DependsOn: unknown property; it belongs beside Properties",
    ),
    "pydantic's own word": ({"[key]": "x"}, "[key]: unknown property"),
    "something unknown": ({"Zzz": "x"}, "Zzz: unknown property"),
    "no config": ({"QuickConnectConfig": None}, "QuickConnectConfig: is required"),
    "an unknown type": (
        {"QuickConnectConfig": {"QuickConnectType": "MAIL"}},
        "QuickConnectConfig.QuickConnectType: ",
    ),
    "a type without its block": (
        {"QuickConnectConfig": {"QuickConnectType": "FLOW"}},
        "QuickConnectConfig: QuickConnectType FLOW needs FlowConfig",
    ),
    "a block of another type": (
        {
            "QuickConnectConfig": {
                "QuickConnectType": "FLOW",
                "QueueConfig": {"QueueId": "q", **FLOW},
            }
        },
        "QuickConnectConfig: QuickConnectType FLOW needs FlowConfig",
    ),
    "two blocks": (
        {
            "QuickConnectConfig": {
                "QuickConnectType": "FLOW",
                "FlowConfig": FLOW,
                "PhoneConfig": {"PhoneNumber": "+12"},
            }
        },
        "QuickConnectConfig: QuickConnectType FLOW needs FlowConfig",
    ),
    "no queue": (queue(**FLOW), "QuickConnectConfig.QueueConfig.QueueId: is required"),
    "a slip in a block": (
        queue(QeueId="q", QueueId="q", **FLOW),
        "QuickConnectConfig.QueueConfig.QeueId: unknown property; did you mean QueueId?",
    ),
    "a queue of another instance": (
        queue(QueueId=f"{OTHER_ARN}/queue/q", **FLOW),
        "QuickConnectConfig.QueueConfig.QueueId: belongs to another instance",
    ),
    "a flow for a queue": (
        queue(QueueId=f"{ARN}/contact-flow/f", **FLOW),
        "QuickConnectConfig.QueueConfig.QueueId: ",
    ),
    "a too long flow": (
        queue(QueueId="q", ContactFlowId="x" * 501),
        "QuickConnectConfig.QueueConfig.ContactFlowId: ",
    ),
    "a number without a plus": (phone("15551234567"), "QuickConnectConfig.PhoneConfig.PhoneNumber"),
    "a number that begins with 0": (phone("+0555"), "QuickConnectConfig.PhoneConfig.PhoneNumber"),
    "a too long number": (phone("+1234567890123456"), "QuickConnectConfig.PhoneConfig.PhoneNumber"),
    "a number and a newline": (phone("+1555\n"), "QuickConnectConfig.PhoneConfig.PhoneNumber"),
    "more tags than our markers leave": (many_tags(47), "Tags: "),
    "a tag of AWS": ({"Tags": {"aws:x": "y"}}, "Tags.aws:x: the key is reserved; use another"),
    "a tag of AWS in capitals": (
        {"Tags": {"AWS:x": "y"}},
        "Tags.AWS:x: the key is reserved; use another",
    ),
    "a marker": (
        {"Tags": {"cfn:stack-id": "y"}},
        "Tags.cfn:stack-id: the key is reserved; use another",
    ),
    "an empty key": ({"Tags": {"": "y"}}, "Tags"),
    "a too long key": ({"Tags": {"x" * 129: "y"}}, "Tags.x"),
    "a key with a star": ({"Tags": {"a*": "y"}}, "Tags.a*: "),
    "a too long value": ({"Tags": {"a": "x" * 257}}, "Tags.a: "),
    "a tag without a Value": ({"Tags": [{"Key": "a"}]}, "Tags: item 0 should have a Key and a"),
    "a tag's key that is a list": (
        {"Tags": [{"Key": ["a"], "Value": "a"}]},
        "Tags: item 0: its Key should be text",
    ),
    "a key twice": (
        {"Tags": [{"Key": "a", "Value": "b"}] * 2},
        "Tags: item 1: its Key appears in",
    ),
    "tags as text": ({"Tags": "a=b"}, "Tags: "),
    "another policy": ({"ExistingResourcePolicy": "Take"}, "ExistingResourcePolicy: "),
    "a service timeout of 0": ({"ServiceTimeout": "0"}, "ServiceTimeout: "),
    "a too short service timeout": ({"ServiceTimeout": "179"}, "ServiceTimeout: "),
    "a too long service timeout": ({"ServiceTimeout": "3601"}, "ServiceTimeout: "),
}
