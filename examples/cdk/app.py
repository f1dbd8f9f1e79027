"""A stack with a quick connect and a traffic split: `cdk deploy --app "python app.py"`."""

from aws_cdk import App, BootstraplessSynthesizer, CfnOutput, CfnParameter, Stack
from connect import QueueQuickConnect, TrafficDistribution
from constructs import Construct


class ContactCentre(Stack):
    """What the CDK deploys."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id, synthesizer=BootstraplessSynthesizer())
        sales = QueueQuickConnect(
            self,
            "Sales",
            instance_id=self._parameter("InstanceId"),
            name="Sales",
            config={
                "QueueId": self._parameter("QueueId"),
                "ContactFlowId": self._parameter("ContactFlowId"),
            },
            tags={"team": "sales"},
        )
        traffic = TrafficDistribution(
            self,
            "Traffic",
            group_arn=self._parameter("TrafficDistributionGroupArn"),
            shares={"us-east-1": 60, "us-west-2": 40},
        )
        CfnOutput(self, "SalesArn", value=sales.arn)
        CfnOutput(self, "SalesId", value=sales.id)
        CfnOutput(self, "Telephony", value=traffic.telephony)

    def _parameter(self, name: str) -> str:
        return CfnParameter(self, name).value_as_string


app = App(analytics_reporting=False)
ContactCentre(app, "contact-centre")
app.synth()
