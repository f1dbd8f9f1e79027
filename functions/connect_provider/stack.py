"""What only CloudFormation knows of a request: which way its stack is going."""

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from connect_provider import errors

_CONFIG = Config(retries={"total_max_attempts": 3}, connect_timeout=3, read_timeout=10)


def is_rolling_back(stack_id: str) -> bool:
    """Tell whether a stack is being rolled back (API: DescribeStacks); requests do not say it.

    Raise ProviderError when CloudFormation does not tell. The client is built here, since hardly a
    request needs it.
    """
    session = boto3.session.Session()
    cloudformation = session.client(
        "cloudformation", region_name=stack_id.split(":")[3], config=_CONFIG
    )
    try:
        stack = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise errors.from_botocore("DescribeStacks", error, {}) from None
    return "ROLLBACK" in str(stack["StackStatus"])
