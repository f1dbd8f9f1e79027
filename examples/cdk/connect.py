"""AWS CDK constructs for the provider's custom resources."""

from collections.abc import Mapping
from typing import TypedDict

from aws_cdk import CustomResource, Duration, Fn
from constructs import Construct


class QueueConfig(TypedDict):
    """The destination of a quick connect of type QUEUE."""

    QueueId: str
    ContactFlowId: str


class QueueQuickConnect(Construct):
    """A quick connect that transfers to a queue, through a contact flow."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        instance_id: str,
        name: str,
        config: QueueConfig,
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::ConnectQuickConnect",
            service_token=Fn.import_value("cfn-connect-provider:QuickConnect"),
            service_timeout=Duration.minutes(5),
            properties={
                "InstanceId": instance_id,
                "Name": name,
                "Description": description,
                "QuickConnectConfig": {"QuickConnectType": "QUEUE", "QueueConfig": dict(config)},
                "Tags": dict(tags or {}),
            },
        )
        self.arn = self._resource.ref
        self.id = self._resource.get_att_string("Id")


class TrafficDistribution(Construct):
    """The split of a group's calls and agents between Regions; shares: Region -> percentage."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        group_arn: str,
        shares: Mapping[str, int],
    ) -> None:
        super().__init__(scope, construct_id)
        distributions = [
            {"Region": region, "Percentage": percentage} for region, percentage in shares.items()
        ]
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::ConnectTrafficDistribution",
            service_token=Fn.import_value("cfn-connect-provider:TrafficDistribution"),
            service_timeout=Duration.minutes(15),
            properties={
                "TrafficDistributionGroupId": group_arn,
                "TelephonyConfig": {"Distributions": distributions},
                "AgentConfig": {"Distributions": distributions},
            },
        )
        self.telephony = self._resource.get_att_string("TelephonyDistribution")
