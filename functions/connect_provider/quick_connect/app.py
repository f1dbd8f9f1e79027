"""The Lambda function for Custom::ConnectQuickConnect."""

from functools import partial
from typing import Any

from connect_provider.edge.helper import Helper
from connect_provider.edge.provider import Provider
from connect_provider.quick_connect.resource import QuickConnect
from connect_provider.reconcile.apply import Owned
from connect_provider.request import LambdaContext

helper = Helper()
Provider(helper, {"Custom::ConnectQuickConnect": partial(Owned, QuickConnect)})


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one CloudFormation request."""
    helper(event, context)
