"""Properties of a traffic distribution group: good ones, and one mistake at a time."""

from typing import Any

GOOD: dict[str, dict[str, Any]] = {
    "one character": {"Name": "x"},
    "the longest name": {"Name": "x" * 128},
    "spaces within": {"Name": "a b"},
    "no description": {"Description": None},
    "the longest description": {"Description": "x" * 250},
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an empty name": ({"Name": ""}, "Name: "),
    "a too long name": ({"Name": "x" * 129}, "Name: "),
    "a space in front": ({"Name": " x"}, "Name: "),
    "a space behind": ({"Name": "x "}, "Name: "),
    "two lines": ({"Name": "a\nb"}, "Name: "),
    "an empty description": ({"Description": ""}, "Description: "),
    "a too long description": ({"Description": "x" * 251}, "Description: "),
    "a description of a space": ({"Description": " "}, "Description: "),
    "a user of another instance": (
        {"UserIds": ["arn:aws:connect:us-east-1:123456789012:instance/another/agent/x"]},
        "UserIds.0: ",
    ),
    "a too long instance": ({"InstanceId": "x" * 251}, "InstanceId: "),
}
