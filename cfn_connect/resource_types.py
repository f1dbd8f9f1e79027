"""The registry of resource types. Register a new type here for the rules, docs and tests."""

from collections.abc import Mapping
from typing import NamedTuple

from connect_provider.properties import ResourceProperties
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
        """The package of the type under connect_provider. Names of its events begin with this."""
        return self.model.__module__.split(".")[1]

    @property
    def page(self) -> str:
        """The file name of the type's reference page and schema, without the suffix."""
        return self.package.replace("_", "-")

    @property
    def function(self) -> str:
        """The logical id of the function in template.yaml that serves the type."""
        return f"{self.app.replace('_', ' ').title().replace(' ', '')}Function"


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "Custom::ConnectQuickConnect": ResourceType(QuickConnectProperties, "quick_connect"),
    "Custom::ConnectTrafficDistributionGroup": ResourceType(
        TrafficDistributionGroupProperties, "traffic_distribution_group"
    ),
    "Custom::ConnectTrafficDistribution": ResourceType(
        TrafficDistributionProperties, "traffic_distribution_group"
    ),
}

EXPORTED = "cfn-connect-provider:"  # the name of every exported ServiceToken begins with this
EXPORTS: Mapping[str, str] = {
    f"{EXPORTED}{name.removeprefix('Custom::Connect')}": name for name in RESOURCE_TYPES
}
