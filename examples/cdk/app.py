"""A stack with a quick connect and a traffic split.

Deploy the provider with sam first. Then, in this folder, with Node and Python:

    pip install aws-cdk-lib
    npx aws-cdk@2 deploy --app "python app.py" --parameters InstanceId=...

The stack has four parameters: InstanceId, QueueId, ContactFlowId and TrafficDistributionGroupArn.
It also works with `make sandbox`.
"""

from aws_cdk import App, BootstraplessSynthesizer, CfnOutput, CfnParameter, Stack
from connect import QueueQuickConnect, TrafficDistribution
from constructs import Construct


class Orders(Stack):
    """The stack."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, synthesizer=BootstraplessSynthesizer())
        orders = QueueQuickConnect(
            self,
            "Orders",
            instance_id=self._parameter("InstanceId"),
            name="Orders",
            config={
                "QueueId": self._parameter("QueueId"),
                "ContactFlowId": self._parameter("ContactFlowId"),
            },
            tags={"team": "orders"},
        )
        traffic = TrafficDistribution(
            self,
            "Traffic",
            group_arn=self._parameter("TrafficDistributionGroupArn"),
            shares={"us-east-1": 60, "us-west-2": 40},
        )
        CfnOutput(self, "OrdersArn", value=orders.arn)
        CfnOutput(self, "OrdersId", value=orders.id)
        CfnOutput(self, "Telephony", value=traffic.telephony)

    def _parameter(self, name: str) -> str:
        return CfnParameter(self, name).value_as_string


app = App(analytics_reporting=False)
Orders(app, "orders")
app.synth()
