"""A stack with a quick connect, the queue that offers it, and a traffic split.

Deploy the provider with sam first. Then, in this folder, with Node and Python:

    pip install aws-cdk-lib
    npx aws-cdk@2 deploy --app "python app.py" --parameters InstanceId=...

The stack has four parameters: InstanceId, QueueId, ContactFlowId and TrafficDistributionGroupArn.
It also works with `make sandbox`.
"""

from aws_cdk import App, BootstraplessSynthesizer, CfnOutput, CfnParameter, Stack
from connect import QueueOffer, QueueQuickConnect, TrafficDistribution
from constructs import Construct


class Orders(Stack):
    """The stack."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, synthesizer=BootstraplessSynthesizer())
        instance_id, queue_id = self._parameter("InstanceId"), self._parameter("QueueId")
        orders = QueueQuickConnect(
            self,
            "Orders",
            instance_id=instance_id,
            name="Orders",
            config={"QueueId": queue_id, "ContactFlowId": self._parameter("ContactFlowId")},
            tags={"team": "orders"},
        )
        offer = QueueOffer(
            self, "Offer", instance_id=instance_id, queue_id=queue_id, quick_connects=[orders]
        )
        traffic = TrafficDistribution(
            self,
            "Traffic",
            group_arn=self._parameter("TrafficDistributionGroupArn"),
            shares={"us-east-1": 60, "us-west-2": 40},
        )
        CfnOutput(self, "OrdersArn", value=orders.arn)
        CfnOutput(self, "OrdersId", value=orders.id)
        CfnOutput(self, "OfferedCount", value=offer.count)
        CfnOutput(self, "Telephony", value=traffic.telephony)

    def _parameter(self, name: str) -> str:
        return CfnParameter(self, name).value_as_string


app = App(analytics_reporting=False)
Orders(app, "orders")
app.synth()
