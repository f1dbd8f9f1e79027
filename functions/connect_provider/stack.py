"""What only CloudFormation knows of a request: how its stack is, and its resource there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connect_provider import errors

_CONFIG = Config(retries={"total_max_attempts": 3}, connect_timeout=3, read_timeout=10)


class Phase(Enum):
    """Which way a stack is going."""

    FORWARD = "to its new template"
    ROLLING_BACK = "back to its previous template, with the properties reversed"
    OVER = "nowhere: its resources are done"
    UNKNOWN = "CloudFormation does not tell"


@dataclass(frozen=True)
class StackResource:
    """A resource as its stack has it: a ResourceStatus, and the physical id, "" for none."""

    status: str
    physical_id: str

    @property
    def under_way(self) -> bool:
        """Tell whether it is being created or updated."""
        return self.status.endswith("_IN_PROGRESS") and not self.status.startswith("DELETE_")


def phase_of(stack_id: str) -> Phase:
    """Return the phase of a stack (API: DescribeStacks); a request does not say it.

    Raise ProviderError when CloudFormation does not tell.
    """
    found = _ask("DescribeStacks", stack_id, lambda client: client.describe_stacks)
    status = str(found["Stacks"][0]["StackStatus"])
    if not status.endswith("_IN_PROGRESS") or "CLEANUP" in status:
        return Phase.OVER
    return Phase.ROLLING_BACK if "ROLLBACK" in status else Phase.FORWARD


def resource_of(stack_id: str, logical_id: str) -> StackResource:
    """Return what a stack says of a resource (API: DescribeStackResource); GONE if it has none.

    Raise ProviderError when CloudFormation does not tell.
    """
    try:
        found = _ask(
            "DescribeStackResource",
            stack_id,
            lambda client: client.describe_stack_resource,
            LogicalResourceId=logical_id,
        )
    except errors.NotFound:
        return StackResource("GONE", "")
    detail = found["StackResourceDetail"]
    return StackResource(detail["ResourceStatus"], detail.get("PhysicalResourceId", ""))


@cache
def _client(region: str) -> Any:
    """Return the client of a Region, built when it is first needed: hardly a request needs it."""
    return boto3.session.Session().client("cloudformation", region_name=region, config=_CONFIG)


def _ask(
    operation: str, stack_id: str, method: Callable[[Any], Any], **parameters: str
) -> Mapping[str, Any]:
    try:
        client = _client(stack_id.split(":")[3])
        answer: Mapping[str, Any] = method(client)(StackName=stack_id, **parameters)
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == "ValidationError":
            raise errors.NotFound(f"{operation}: no such stack or resource") from None
        raise errors.from_botocore(operation, error, {}) from None
    except IndexError:
        raise errors.NotFound(f"{operation}: not the id of a stack") from None
    return answer
