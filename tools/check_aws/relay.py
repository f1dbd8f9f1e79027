"""A custom resource: this machine receives its requests and responds to them.

A function puts each event into a queue. The experiment chooses the response and its time.
"""

import json
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import urllib3

from sandbox import stacks
from sandbox.aws import SandboxError

if TYPE_CHECKING:
    from tools.check_aws.account import Account

_CODE = """\
import json, os, boto3

def handler(event, context):
    queue, body = os.environ["QUEUE_URL"], json.dumps(event)
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
"""
_MAY_SEND = {
    "Effect": "Allow",
    "Action": "sqs:SendMessage",
    "Resource": {"Fn::GetAtt": "Queue.Arn"},
}
_TEMPLATE = {
    "Resources": {
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"QueueName": {"Ref": "AWS::StackName"}, "SqsManagedSseEnabled": True},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    },
                },
                "Policies": [
                    {
                        "PolicyName": "Queue",
                        "PolicyDocument": {"Version": "2012-10-17", "Statement": _MAY_SEND},
                    }
                ],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": {"Ref": "AWS::StackName"},
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Timeout": 30,
                "Role": {"Fn::GetAtt": "Role.Arn"},
                "Code": {"ZipFile": _CODE},
                "Environment": {"Variables": {"QUEUE_URL": {"Ref": "Queue"}}},
            },
        },
    },
    "Outputs": {
        "Token": {"Value": {"Fn::GetAtt": "Function.Arn"}},
        "Queue": {"Value": {"Ref": "Queue"}},
    },
}

_NO_TYPE = {"Content-Type": ""}  # as the presigned URL was signed


class ResponseRefusedError(SandboxError):
    """CloudFormation refused a response."""


@dataclass(frozen=True)
class Request:
    """A request of CloudFormation, and when its event reached the queue."""

    event: dict[str, Any]
    sent: datetime

    @property
    def kind(self) -> tuple[str, str]:
        """The request type and the logical id."""
        return self.event["RequestType"], self.event["LogicalResourceId"]


@dataclass
class Relay:
    """The deployed function and queue.

    open: the requests without a response so far.
    """

    account: "Account"
    token: str
    queue: str
    open: list[Request] = field(default_factory=list)

    @classmethod
    def deploy(cls, account: "Account") -> "Relay":
        """Deploy the function and the queue."""
        name = f"{account.mark}-relay"
        outputs = stacks.deploy(
            account, name, json.dumps(_TEMPLATE), {}, account.watch, account.region
        )
        return cls(account, outputs["Token"], outputs["Queue"])

    def receive(self, request_type: str, logical_id: str) -> Request | None:
        """Return the open request of a resource, or None if none comes."""
        self.account.wait(lambda: self._collect(request_type, logical_id) is not None)
        return self._collect(request_type, logical_id)

    def respond(self, request: Request, status: str = "SUCCESS", length: int = 0) -> None:
        """Respond to a request; length: how many bytes to send, or 0 for no padding."""
        event = request.event
        body = {
            "Status": status,
            "Reason": "a response of make check-aws",
            "PhysicalResourceId": event.get("PhysicalResourceId") or physical_id(request),
            **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
        }
        if length:
            body["Data"] = {"Padding": ""}
            body["Data"]["Padding"] = "x" * (length - len(json.dumps(body)))
        with urllib3.PoolManager(ssl_context=ssl.create_default_context()) as pool:
            url, text = event["ResponseURL"], json.dumps(body)
            reply = pool.request("PUT", url, body=text, headers=_NO_TYPE)
        self.open.remove(request)  # not before, because Ctrl-C may interrupt the PUT
        if reply.status >= 400:
            raise ResponseRefusedError(f"the ResponseURL returned HTTP {reply.status}")

    def respond_to_all(self) -> None:
        """Respond SUCCESS to every open request, if its stack still waits."""
        self._collect()
        for request in list(self.open):
            with suppress(ResponseRefusedError):
                self.respond(request)

    def _collect(self, *kind: str) -> Request | None:
        """Move messages from the queue to the open requests; return the oldest match."""
        sqs = self.account.client("sqs")
        found = sqs.receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        for message in found.get("Messages", []):
            milliseconds = int(message["Attributes"]["SentTimestamp"])
            sent = datetime.fromtimestamp(milliseconds / 1000, UTC)
            self.open.append(Request(json.loads(message["Body"]), sent))
            sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return next((request for request in self.open if request.kind == kind), None)


def physical_id(request: Request) -> str:
    """Return the id that a response to a Create carries."""
    return f"made-by-{request.event['RequestId']}"
