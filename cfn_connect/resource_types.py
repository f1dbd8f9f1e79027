"""The registry of resource types. A new type joins the lint rules, docs and tests here."""

from collections.abc import Mapping
from typing import NamedTuple

from connect_provider.properties import ResourceProperties
from connect_provider.queue_quick_connects.model import QueueQuickConnectsProperties
from connect_provider.quick_connect.model import QuickConnectProperties
from connect_provider.traffic_distribution.model import TrafficDistributionProperties
from connect_provider.traffic_distribution_group.model import TrafficDistributionGroupProperties


class ResourceType(NamedTuple):
    """A resource type.

    model: the model of its properties.
    app: the package under connect_provider whose Lambda function serves the type.
    """

    model: type[ResourceProperties]
    app: str

    @property
    def package(self) -> str:
        """The type's own package under connect_provider; its events begin with this name."""
        return self.model.__module__.split(".")[1]

    @property
    def page(self) -> str:
        """The file name, without its ending, of the type's reference page and schema."""
        return self.package.replace("_", "-")

    @property
    def function(self) -> str:
        """The logical id in template.yaml of the function that serves the type."""
        return f"{self.app.replace('_', ' ').title().replace(' ', '')}Function"


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "Custom::ConnectQuickConnect": ResourceType(QuickConnectProperties, "quick_connect"),
    "Custom::ConnectQueueQuickConnects": ResourceType(
        QueueQuickConnectsProperties, "quick_connect"
    ),
    "Custom::ConnectTrafficDistributionGroup": ResourceType(
        TrafficDistributionGroupProperties, "traffic_distribution_group"
    ),
    "Custom::ConnectTrafficDistribution": ResourceType(
        TrafficDistributionProperties, "traffic_distribution_group"
    ),
}

EXPORTED = "cfn-connect-provider:"  # the prefix of every exported ServiceToken's name
EXPORTS: Mapping[str, str] = {
    f"{EXPORTED}{name.removeprefix('Custom::Connect')}": name for name in RESOURCE_TYPES
}
