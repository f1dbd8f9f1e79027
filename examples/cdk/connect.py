"""AWS CDK constructs for the provider's custom resources.

`Tags.of(scope).add(key, value)` tags the quick connects and groups in the scope.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Required, TypedDict, Unpack

import jsii
from aws_cdk import (
    CustomResource,
    Duration,
    Fn,
    ITaggableV2,
    RemovalPolicy,
    TagManager,
    TagType,
    Token,
)
from constructs import Construct


class Props(TypedDict, total=False):
    """The properties of every quick connect and group."""

    instance_id: Required[str]
    name: Required[str]
    description: str
    existing_resource_policy: Literal["Fail", "Adopt"]
    removal_policy: RemovalPolicy


@dataclass(frozen=True)
class Reference:
    """A quick connect or a group that another stack owns."""

    arn: str
    id: str


@jsii.implements(ITaggableV2)
class _Owned(Construct):
    """A resource that the provider creates and tags."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        kind: str,
        minutes: int,
        config: Mapping[str, Any],
        props: Props,
    ) -> None:
        super().__init__(scope, construct_id)
        self._tags = TagManager(TagType.MAP, f"Custom::Connect{kind}")
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type=f"Custom::Connect{kind}",
            service_token=Fn.import_value(f"cfn-connect-provider:{kind}"),
            service_timeout=Duration.minutes(minutes),
            removal_policy=props.get("removal_policy", RemovalPolicy.DESTROY),
            properties={
                **config,
                "InstanceId": props["instance_id"],
                "Name": props["name"],
                "Description": props.get("description"),
                "ExistingResourcePolicy": props.get("existing_resource_policy"),
                "Tags": self._tags.rendered_tags,
            },
        )
        self.arn = self._resource.ref
        self.id = self._resource.get_att_string("Id")

    @property
    def cdk_tag_manager(self) -> TagManager:
        """The tags of the resource."""
        return self._tags


class QuickConnect(_Owned):
    """A quick connect. Each method that begins with `to_` makes one type of it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Mapping[str, Any],
        **props: Unpack[Props],
    ) -> None:
        config = {"QuickConnectConfig": config}
        super().__init__(
            scope, construct_id, kind="QuickConnect", minutes=5, config=config, props=props
        )

    @classmethod
    def to_queue(
        cls,
        scope: Construct,
        construct_id: str,
        *,
        queue_id: str,
        contact_flow_id: str,
        **props: Unpack[Props],
    ) -> "QuickConnect":
        """Return a transfer to a queue, through a contact flow."""
        block = {"QueueId": queue_id, "ContactFlowId": contact_flow_id}
        config = {"QuickConnectType": "QUEUE", "QueueConfig": block}
        return cls(scope, construct_id, config=config, **props)

    @classmethod
    def to_user(
        cls,
        scope: Construct,
        construct_id: str,
        *,
        user_id: str,
        contact_flow_id: str,
        **props: Unpack[Props],
    ) -> "QuickConnect":
        """Return a transfer to an agent, through a contact flow."""
        block = {"UserId": user_id, "ContactFlowId": contact_flow_id}
        config = {"QuickConnectType": "USER", "UserConfig": block}
        return cls(scope, construct_id, config=config, **props)

    @classmethod
    def to_phone_number(
        cls, scope: Construct, construct_id: str, *, phone_number: str, **props: Unpack[Props]
    ) -> "QuickConnect":
        """Return a transfer to a phone number in E.164 format."""
        config = {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": phone_number}}
        return cls(scope, construct_id, config=config, **props)

    @classmethod
    def to_flow(
        cls, scope: Construct, construct_id: str, *, contact_flow_id: str, **props: Unpack[Props]
    ) -> "QuickConnect":
        """Return a transfer to a contact flow."""
        config = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": contact_flow_id}}
        return cls(scope, construct_id, config=config, **props)

    @staticmethod
    def from_arn(arn: str) -> Reference:
        """Return an existing quick connect."""
        return Reference(arn, Fn.select(3, Fn.split("/", arn)))


class QueueQuickConnects(Construct):
    """The quick connects that a queue offers its agents."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        instance_id: str,
        queue_id: str,
        quick_connects: Sequence[QuickConnect | Reference],
    ) -> None:
        super().__init__(scope, construct_id)
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::ConnectQueueQuickConnects",
            service_token=Fn.import_value("cfn-connect-provider:QueueQuickConnects"),
            service_timeout=Duration.minutes(5),
            properties={
                "InstanceId": instance_id,
                "QueueId": queue_id,
                "QuickConnectIds": [quick_connect.arn for quick_connect in quick_connects],
            },
        )
        self.count = self._resource.get_att_string("Count")


class TrafficDistributionGroup(_Owned):
    """A traffic distribution group of an instance that has a replica."""

    def __init__(self, scope: Construct, construct_id: str, **props: Unpack[Props]) -> None:
        kind = "TrafficDistributionGroup"
        super().__init__(scope, construct_id, kind=kind, minutes=30, config={}, props=props)

    @staticmethod
    def from_arn(arn: str) -> Reference:
        """Return an existing group."""
        return Reference(arn, Fn.select(1, Fn.split("/", arn)))


class TrafficDistribution(Construct):
    """The split of a group's calls and agents between Regions.

    calls and agents: Region -> percentage; agents are split as the calls are by default.
    sign_in: Region -> whether agents can sign in; only for the default group of an instance.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        group: TrafficDistributionGroup | Reference,
        calls: Mapping[str, int],
        agents: Mapping[str, int] | None = None,
        sign_in: Mapping[str, bool] | None = None,
        removal_policy: RemovalPolicy = RemovalPolicy.DESTROY,
    ) -> None:
        super().__init__(scope, construct_id)
        shares = {"TelephonyConfig": calls, "AgentConfig": agents or calls}
        for name, split in shares.items():
            _check(f"{self.node.path}: {name}", split.values())
        configs = {name: _config("Percentage", split) for name, split in shares.items()}
        if sign_in is not None:
            configs["SignInConfig"] = _config("Enabled", sign_in)
        self._resource = CustomResource(
            self,
            "Resource",
            resource_type="Custom::ConnectTrafficDistribution",
            service_token=Fn.import_value("cfn-connect-provider:TrafficDistribution"),
            service_timeout=Duration.minutes(15),
            removal_policy=removal_policy,
            properties={"TrafficDistributionGroupId": group.arn, **configs},
        )
        self.telephony = self._resource.get_att_string("TelephonyDistribution")


def _check(place: str, percentages: Iterable[int]) -> None:
    """Raise ValueError unless percentages sum to 100. Only the deployment knows tokens."""
    known = list(percentages)
    if not any(map(Token.is_unresolved, known)) and sum(known) != 100:
        raise ValueError(f"{place}: the percentages should sum to 100, not {sum(known)}")


def _config(key: str, split: Mapping[str, int | bool]) -> dict[str, Any]:
    return {"Distributions": [{"Region": region, key: split[region]} for region in split]}
