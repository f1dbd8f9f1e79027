"""The resource types, and what a template can say of them."""

from collections.abc import Mapping
from typing import NamedTuple

import quick_connect.model
import traffic_distribution.model
import traffic_distribution_group.model
from connect_provider.properties import ResourceProperties


class ResourceType(NamedTuple):
    """A resource type: the model of its properties, and what Fn::GetAtt returns, with meanings."""

    model: type[ResourceProperties]
    attributes: Mapping[str, str]


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "Custom::ConnectQuickConnect": ResourceType(
        quick_connect.model.QuickConnectProperties, quick_connect.model.ATTRIBUTES
    ),
    "Custom::ConnectTrafficDistributionGroup": ResourceType(
        traffic_distribution_group.model.TrafficDistributionGroupProperties,
        traffic_distribution_group.model.ATTRIBUTES,
    ),
    "Custom::ConnectTrafficDistribution": ResourceType(
        traffic_distribution.model.TrafficDistributionProperties,
        traffic_distribution.model.ATTRIBUTES,
    ),
}
