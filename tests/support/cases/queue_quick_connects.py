"""Properties of a queue's quick connects: good ones, and one mistake at a time."""

from typing import Any

from sandbox import scene

ARN = f"arn:aws:connect:us-east-1:123456789012:instance/{scene.INSTANCE_ID}"
OTHER_ARN = ARN.replace(scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID)

GOOD: dict[str, dict[str, Any]] = {
    "no quick connect": {"QuickConnectIds": []},
    "more than one call takes": {"QuickConnectIds": [f"q{number}" for number in range(60)]},
    "the same quick connect twice": {"QuickConnectIds": ["q", "q"]},
    "the instance as an ARN": {"InstanceId": ARN},
    "ARNs of the instance": {
        "QueueId": f"{ARN}/queue/q",
        "QuickConnectIds": [f"{ARN}/transfer-destination/x", f"{ARN}/quick-connect/y"],
    },
    "native spellings": {
        "QueueId": None,
        "QueueArn": f"{ARN}/queue/q",
        "QuickConnectIds": None,
        "QuickConnectArns": [f"{ARN}/transfer-destination/x"],
    },
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no queue": ({"QueueId": None}, "QueueId: is required"),
    "no list": ({"QuickConnectIds": None}, "QuickConnectIds: is required"),
    "text for a list": ({"QuickConnectIds": "q"}, "QuickConnectIds: should be a list"),
    "both spellings of the queue": ({"QueueArn": "q"}, "QueueArn: means the same as QueueId"),
    "both spellings of the list": (
        {"QuickConnectArns": ["q"]},
        "QuickConnectArns: means the same as QuickConnectIds",
    ),
    "a queue for a quick connect": (
        {"QuickConnectIds": ["q", f"{ARN}/queue/q"]},
        "QuickConnectIds.1: ",
    ),
    "a path for a quick connect": ({"QuickConnectIds": ["../q"]}, "QuickConnectIds.0: "),
    "a too long id": ({"QuickConnectIds": ["x" * 251]}, "QuickConnectIds.0: "),
    "a too long queue": ({"QueueId": "x" * 251}, "QueueId: "),
    "a too long instance": ({"InstanceId": "x" * 101}, "InstanceId: "),
    "a queue of another instance": ({"QueueId": f"{OTHER_ARN}/queue/q"}, "QueueId: belongs to"),
    "a quick connect of another instance": (
        {"QuickConnectIds": ["q", f"{OTHER_ARN}/transfer-destination/x"]},
        "QuickConnectIds.1: belongs to another instance",
    ),
    "tags": ({"Tags": {"a": "b"}}, "Tags: unknown property"),
    "a slip": (
        {"QuickConnectIDs": ["q"]},
        "QuickConnectIDs: unknown property; did you mean QuickConnectIds?",
    ),
}
