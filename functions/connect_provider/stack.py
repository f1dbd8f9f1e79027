"""What only CloudFormation knows of a request: which way its stack is going."""

from enum import Enum

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


def phase_of(stack_id: str) -> Phase:
    """Return the phase of a stack (API: DescribeStacks); a request does not say it.

    Raise ProviderError when CloudFormation does not tell. The client is built here, since hardly a
    request needs it.
    """
    try:
        cloudformation = boto3.session.Session().client(
            "cloudformation", region_name=stack_id.split(":")[3], config=_CONFIG
        )
        stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise errors.from_botocore("DescribeStacks", error, {}) from None
    except (IndexError, KeyError, ValueError):
        raise errors.GeneralServiceException("DescribeStacks: no such stack") from None
    status = str(stack["StackStatus"])
    if not status.endswith("_IN_PROGRESS") or "CLEANUP" in status:
        return Phase.OVER
    return Phase.ROLLING_BACK if "ROLLBACK" in status else Phase.FORWARD
