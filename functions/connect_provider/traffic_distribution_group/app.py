"""The Lambda function for traffic distribution groups and for the distribution of traffic."""

from functools import partial
from typing import Any

from connect_provider.edge.provider import Provider
from connect_provider.reconcile.apply import Owned
from connect_provider.run import LambdaContext
from connect_provider.traffic_distribution.reconciler import TrafficDistribution
from connect_provider.traffic_distribution_group.resource import TrafficDistributionGroup

provider = Provider(
    {
        "Custom::ConnectTrafficDistributionGroup": partial(Owned, TrafficDistributionGroup),
        "Custom::ConnectTrafficDistribution": TrafficDistribution,
    }
)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve one CloudFormation request; return the response that was delivered."""
    return provider.serve(event, context)
