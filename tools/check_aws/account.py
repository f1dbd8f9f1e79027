"""The AWS account of a run, and every resource that the run makes in it."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tools.check_aws.relay import Relay

PREFIX = "cfn-connect-check-"
_RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 5})
# These codes say that the call was not allowed or not possible. They say nothing about Connect.
_NOT_AN_ANSWER = {
    "AccessDenied",
    "AccessDeniedException",
    "ThrottlingException",
    "TooManyRequestsException",
    "UnknownOperationException",
}


class NotAnsweredError(Exception):
    """The account cannot answer the question. The text gives the reason."""


@dataclass
class Account:
    """An AWS account, or the sandbox.

    options: the names of the options that are on: FAILOVER, QUOTA, PHONE_NUMBER_ID.
    mark: how the name of each resource of this run begins.
    failures: the reasons of failures in the stacks that were deployed.
    patience: how many seconds to wait for a change before the answer is that it does not come.
    """

    session: boto3.Session
    instance_id: str
    queue_id: str
    contact_flow_id: str
    user_id: str
    phone_number_id: str = ""
    options: frozenset[str] = frozenset()
    mark: str = field(default_factory=lambda: f"{PREFIX}{secrets.token_hex(4)}")

    def __post_init__(self) -> None:
        self.region: str = self.session.region_name
        self.connect = self.client("connect")
        self.cloudformation = self.client("cloudformation")
        host = urlsplit(self.connect.meta.endpoint_url).hostname
        self.is_sandbox = host in ("127.0.0.1", "localhost")
        self.failures: list[str] = []
        self.deployed_relay: Relay | None = None
        self.name = "the sandbox" if self.is_sandbox else "AWS"
        self.patience = 10.0 if self.is_sandbox else 180.0
        self.poll_seconds = 0.1 if self.is_sandbox else 1.0

    def client(self, service: str, region: str = "", config: Config = _RETRIES) -> Any:
        """Return a client of a service, in the home Region unless another is named."""
        return self.session.client(service, region_name=region or self.region, config=config)

    @property
    def relay(self) -> Relay:
        """The function and the queue that hold the requests of test stacks."""
        if self.deployed_relay is None:
            self.deployed_relay = Relay.deploy(self)
        return self.deployed_relay

    def watch(self, event: Mapping[str, Any]) -> None:
        """Record the reason of a failure in a stack."""
        if event["ResourceStatus"].endswith("FAILED"):
            reason = event.get("ResourceStatusReason", "")
            self.failures.append(f"{event['LogicalResourceId']}: {reason}")

    def wait(self, ready: Callable[[], bool], seconds: float = 0.0) -> float | None:
        """Wait until a condition holds; return the seconds, or None if the patience is used up."""
        started = time.monotonic()
        while not ready():
            if time.monotonic() - started > (seconds or self.patience):
                return None
            time.sleep(self.poll_seconds)
        return time.monotonic() - started

    def quick_connect(self, suffix: str, **parameters: Any) -> str:
        """Create a quick connect to the flow; return its id."""
        flow = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": self.contact_flow_id}}
        created = self.connect.create_quick_connect(
            InstanceId=self.instance_id,
            Name=f"{self.mark} {suffix}",
            QuickConnectConfig=flow,
            **parameters,
        )
        return str(created["QuickConnectId"])

    def group(self, suffix: str, **parameters: Any) -> str:
        """Create a traffic distribution group; return its ARN."""
        created = self.connect.create_traffic_distribution_group(
            InstanceId=self.instance_id, Name=f"{self.mark} {suffix}", **parameters
        )
        return str(created["Arn"])

    def group_status(self, arn: str) -> str:
        """Return the status of a group, or GONE."""
        try:
            found = self.connect.describe_traffic_distribution_group(TrafficDistributionGroupId=arn)
        except self.connect.exceptions.ResourceNotFoundException:
            return "GONE"
        return str(found["TrafficDistributionGroup"]["Status"])

    def quick_connects(self) -> list[dict[str, Any]]:
        """Return the summaries of this run's quick connects."""
        pages = self.connect.get_paginator("list_quick_connects").paginate(
            InstanceId=self.instance_id
        )
        return list(self._marked(pages, "QuickConnectSummaryList", "Name"))

    def groups(self) -> list[dict[str, Any]]:
        """Return the summaries of this run's groups."""
        pages = self.connect.get_paginator("list_traffic_distribution_groups").paginate(
            InstanceId=self.instance_id
        )
        return list(self._marked(pages, "TrafficDistributionGroupSummaryList", "Name"))

    def stacks(self) -> list[dict[str, Any]]:
        """Return this run's stacks."""
        pages = self.cloudformation.get_paginator("describe_stacks").paginate()
        found = self._marked(pages, "Stacks", "StackName")
        return [stack for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"]

    def stack_status(self, name: str) -> str:
        """Return the status of a stack."""
        return str(self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    def _marked(self, pages: Any, member: str, name: str) -> Iterator[dict[str, Any]]:
        for page in pages:
            yield from (item for item in page[member] if item[name].startswith(self.mark))


def outcome(call: Callable[[], object]) -> str:
    """Make a call; return "accepted", or the code of the refusal."""
    try:
        call()
    except ClientError as error:
        code = code_of(error)
        if code in _NOT_AN_ANSWER:
            raise NotAnsweredError(refusal(error)) from None
        return code
    return "accepted"


def code_of(error: ClientError) -> str:
    """Return the code of an error; an error response may lack it."""
    return str(error.response.get("Error", {}).get("Code", "an error without a code"))


def refusal(error: ClientError) -> str:
    """Return the operation and the code of an error."""
    return f"{error.operation_name}: {code_of(error)}"


def is_no_answer(error: ClientError) -> bool:
    """Return whether an error tells nothing about the question."""
    return code_of(error) in _NOT_AN_ANSWER
