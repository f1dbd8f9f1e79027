"""The resource types, and what a template can say of them."""

from collections.abc import Mapping
from typing import NamedTuple

import quick_connect.model
import traffic_distribution.model
import traffic_distribution_group.model
from connect_provider.properties import ResourceProperties


class ResourceType(NamedTuple):
    """A resource type.

    model: that of its properties.
    attributes: what Fn::GetAtt returns, with meanings.
    function: the logical id in template.yaml of the function that serves it.
    """

    model: type[ResourceProperties]
    attributes: Mapping[str, str]
    function: str


RESOURCE_TYPES: Mapping[str, ResourceType] = {
    "Custom::ConnectQuickConnect": ResourceType(
        quick_connect.model.QuickConnectProperties,
        quick_connect.model.ATTRIBUTES,
        "QuickConnectFunction",
    ),
    "Custom::ConnectTrafficDistributionGroup": ResourceType(
        traffic_distribution_group.model.TrafficDistributionGroupProperties,
        traffic_distribution_group.model.ATTRIBUTES,
        "TrafficDistributionGroupFunction",
    ),
    "Custom::ConnectTrafficDistribution": ResourceType(
        traffic_distribution.model.TrafficDistributionProperties,
        traffic_distribution.model.ATTRIBUTES,
        "TrafficDistributionGroupFunction",
    ),
}

EXPORTED = "cfn-connect-provider:"  # how the names begin under which ServiceTokens are exported
EXPORTS: Mapping[str, str] = {
    f"{EXPORTED}{name.removeprefix('Custom::Connect')}": name for name in RESOURCE_TYPES
}
