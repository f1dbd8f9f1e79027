"""A stack with a quick connect of each type, a queue that offers two, and two traffic splits.

Deploy the provider with sam first. Then, in this folder, with Node and Python:

    pip install aws-cdk-lib
    npx aws-cdk@2 deploy --app "python app.py" --parameters InstanceId=...

The stack has five parameters: InstanceId, QueueId, UserId, ContactFlowId and DefaultGroupArn. It
also works with `make sandbox`.
"""

from aws_cdk import (
    App,
    BootstraplessSynthesizer,
    CfnOutput,
    CfnParameter,
    RemovalPolicy,
    Stack,
    Tags,
)
from connect import (
    QueueQuickConnects,
    QuickConnect,
    TrafficDistribution,
    TrafficDistributionGroup,
)
from constructs import Construct


class Orders(Stack):
    """The stack."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, synthesizer=BootstraplessSynthesizer())
        self.instance_id = self._parameter("InstanceId")
        self.flow_id = self._parameter("ContactFlowId")
        self._quick_connects()
        self._traffic()

    def _parameter(self, name: str) -> str:
        return CfnParameter(self, name).value_as_string

    def _quick_connects(self) -> None:
        instance, flow, queue = self.instance_id, self.flow_id, self._parameter("QueueId")
        orders = QuickConnect.to_queue(
            self,
            "Orders",
            instance_id=instance,
            name="Orders",
            queue_id=queue,
            contact_flow_id=flow,
            description="Transfers to the orders queue",
        )
        alice = QuickConnect.to_user(
            self,
            "Alice",
            instance_id=instance,
            name="Alice",
            user_id=self._parameter("UserId"),
            contact_flow_id=flow,
        )
        QuickConnect.to_phone_number(
            self,
            "Courier",
            instance_id=instance,
            name="Courier",
            phone_number="+12065550100",
            removal_policy=RemovalPolicy.RETAIN,
        )
        QuickConnect.to_flow(
            self, "Survey", instance_id=instance, name="Survey", contact_flow_id=flow
        )
        offers = QueueQuickConnects(
            self,
            "Offers",
            instance_id=instance,
            queue_id=queue,
            quick_connects=[orders, QuickConnect.from_arn(alice.arn)],
        )
        CfnOutput(self, "OrdersArn", value=orders.arn)
        CfnOutput(self, "OrdersId", value=orders.id)
        CfnOutput(self, "OfferedCount", value=offers.count)

    def _traffic(self) -> None:
        lines = TrafficDistributionGroup(self, "Lines", instance_id=self.instance_id, name="Orders")
        calls = {"us-east-1": 60, "us-west-2": 40}
        traffic = TrafficDistribution(self, "Traffic", group=lines, calls=calls)
        TrafficDistribution(
            self,
            "DefaultTraffic",
            group=TrafficDistributionGroup.from_arn(self._parameter("DefaultGroupArn")),
            calls={"us-east-1": 100, "us-west-2": 0},
            agents={"us-east-1": 50, "us-west-2": 50},
            sign_in={"us-east-1": True, "us-west-2": True},
        )
        CfnOutput(self, "LinesId", value=lines.id)
        CfnOutput(self, "Telephony", value=traffic.telephony)


app = App(analytics_reporting=False)
Orders(app, "orders")
Tags.of(app).add("team", "orders")
app.synth()
