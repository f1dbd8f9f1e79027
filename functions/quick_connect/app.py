"""The Lambda function for Custom::ConnectQuickConnect."""

from functools import partial
from typing import Any

from connect_provider.helper import Helper
from connect_provider.owned import Owned
from connect_provider.provider import Provider
from connect_provider.request import LambdaContext
from quick_connect.resource import QuickConnect

helper = Helper()
Provider(helper, {"Custom::ConnectQuickConnect": partial(Owned, QuickConnect)})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one CloudFormation request."""
    helper(event, context)
