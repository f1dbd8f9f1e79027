"""The Lambda function for Custom::ConnectTrafficDistributionGroup."""

from typing import Any

from connect_provider import connect
from connect_provider.helper import Helper
from connect_provider.provider import Provider
from connect_provider.request import LambdaContext
from traffic_distribution_group.resource import TrafficDistributionGroup

helper = Helper()
provider = Provider(helper, {"Custom::ConnectTrafficDistributionGroup": TrafficDistributionGroup})

try:
    connect.client(connect.own_region())  # while Lambda gives a starting function a whole CPU
except Exception as error:  # noqa: BLE001  # every request is answered with it
    helper.init_failure(error)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one CloudFormation request."""
    helper(event, context)
