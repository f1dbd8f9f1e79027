"""The Lambda function for quick connects, and for the quick connects of queues."""

from functools import partial
from typing import Any

from connect_provider.edge.provider import Provider
from connect_provider.queue_quick_connects.reconciler import QueueAssociations
from connect_provider.quick_connect.resource import QuickConnect
from connect_provider.reconcile.apply import Owned
from connect_provider.run import LambdaContext

provider = Provider(
    {
        "Custom::ConnectQuickConnect": partial(Owned, QuickConnect),
        "Custom::ConnectQueueQuickConnects": QueueAssociations,
    }
)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve one CloudFormation request; return the response that was delivered."""
    return provider.serve(event, context)
