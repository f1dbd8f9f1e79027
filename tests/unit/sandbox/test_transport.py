"""The tests' calls to the emulators need no socket, and end like botocore's own."""

from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connect_provider import connect as calls
from connect_provider.stack import describe
from sandbox import scene
from sandbox.cloudformation import ILL, Stacks
from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import ConnectEmulator
from tests.support.transport import make_api_call_through_a_socket

ARN = f"arn:aws:connect:{scene.REGION}:{ACCOUNT}:instance/x/transfer-destination"
QUICK_CONNECT = {
    "InstanceId": scene.INSTANCE_ID,
    "Name": "Front desk/é & Co.",
    "QuickConnectConfig": {
        "QuickConnectType": "FLOW",
        "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID},
    },
}
_VARY = ("HTTPHeaders", "MaxAttemptsReached", "RetryAttempts")  # only botocore itself sets them


def outcome(client: Any, operation: str, **parameters: Any) -> dict[str, Any]:
    """Return the output of a call, or the response and the class of its error."""
    try:
        output: dict[str, Any] = getattr(client, operation)(**parameters)
    except ClientError as error:
        output = {**error.response, "class": type(error).__name__}
    except (BotoCoreError, ResponseParserError) as error:
        return {"class": type(error)}
    metadata = output["ResponseMetadata"].items()
    return {**output, "ResponseMetadata": {k: v for k, v in metadata if k not in _VARY}}


@pytest.mark.parametrize("error", ["", "drop", "garbage", "503", "ThrottlingException"])
@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("create_quick_connect", QUICK_CONNECT),
        ("create_quick_connect", {"Name": "without the required ones"}),
        ("list_quick_connects", {"InstanceId": scene.INSTANCE_ID, "QuickConnectTypes": ["FLOW"]}),
        ("untag_resource", {"resourceArn": f"{ARN}/é b", "tagKeys": ["a", "é @"]}),
    ],
)
def test_a_call_to_connect_ends_as_through_a_socket(
    operation: str,
    parameters: dict[str, Any],
    error: str,
    connect: ConnectEmulator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The result, the error and the input that arrives are the same."""

    def end() -> tuple[object, object]:
        connect.reset()
        scene.seed(connect)
        if error:
            connect.fault("*", error)
        client = calls.client(scene.REGION, 5)
        ended = {
            **outcome(client, operation, **parameters),
            "QuickConnectId": "",
            "QuickConnectARN": "",
        }
        return ended, [(entry.region, entry.parameters) for entry in connect.journal]

    without = end()
    monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call_through_a_socket)
    assert without == end()


@pytest.mark.parametrize("reply", [None, *ILL.values()], ids=["a stack", *ILL])
def test_a_call_to_cloudformation_ends_as_through_a_socket(
    reply: Any, stacks: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result and the error are the same."""
    stacks.reply = reply

    def end() -> dict[str, Any]:
        name = "arn:aws:cloudformation:us-east-1:123456789012:stack/é +/1"
        return outcome(describe.client(scene.REGION), "describe_stacks", StackName=name)

    without = end()
    monkeypatch.setattr(BaseClient, "_make_api_call", make_api_call_through_a_socket)
    assert without == end()
