"""The Lambda function for traffic distribution groups, and for how they distribute traffic."""

from functools import partial
from typing import Any

from connect_provider.edge.helper import Helper
from connect_provider.edge.provider import Provider
from connect_provider.reconcile.apply import Owned
from connect_provider.request import LambdaContext
from connect_provider.traffic_distribution.reconciler import TrafficDistribution
from connect_provider.traffic_distribution_group.resource import TrafficDistributionGroup

helper = Helper()
Provider(
    helper,
    {
        "Custom::ConnectTrafficDistributionGroup": partial(Owned, TrafficDistributionGroup),
        "Custom::ConnectTrafficDistribution": TrafficDistribution,
    },
)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Serve one CloudFormation request."""
    helper(event, context)
