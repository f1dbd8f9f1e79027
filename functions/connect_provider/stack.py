"""What only CloudFormation knows of a request: which way its stack is going."""

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
    DONE = "nowhere: what it was to create and change is done"
    UNDONE = "nowhere, or to its end: what it was to create is not wanted any more"
    UNKNOWN = "CloudFormation does not tell"


@cache
def _client(region: str) -> Any:
    """Return the client of a Region, built when it is first needed: hardly a request needs it."""
    return boto3.session.Session().client("cloudformation", region_name=region, config=_CONFIG)


def phase_of(stack_id: str) -> Phase:
    """Return the phase of a stack (API: DescribeStacks); a request does not say it.

    Raise ProviderError when CloudFormation does not tell.
    """
    try:
        region = stack_id.split(":")[3]
        stack = _client(region).describe_stacks(StackName=stack_id)["Stacks"][0]
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise errors.from_botocore("DescribeStacks", error, {}) from None
    except (IndexError, KeyError, ValueError):
        raise errors.GeneralServiceException("DescribeStacks: no such stack") from None
    return _phase(str(stack["StackStatus"]))


def _phase(status: str) -> Phase:
    if status.startswith("DELETE_"):
        return Phase.UNDONE
    moving = status.endswith("_IN_PROGRESS") and "CLEANUP" not in status
    if "ROLLBACK" in status:
        return Phase.ROLLING_BACK if moving else Phase.UNDONE
    return Phase.FORWARD if moving else Phase.DONE
