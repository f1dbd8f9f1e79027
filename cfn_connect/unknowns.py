"""Properties that only the deployment knows, and the values of Connect in their place."""

from collections.abc import Iterator, Mapping
from typing import Any

from cfn_connect.resolve import UNKNOWN, contains_unknown
from connect_provider.ownership import MARKERS
from connect_provider.reconcile.resource import Resource


def unknown_paths(node: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each unknown value, such as "QuickConnectConfig.FlowConfig"."""
    if node is UNKNOWN:
        yield path or "Properties"
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from unknown_paths(value, f"{path}.{key}".lstrip("."))
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from unknown_paths(value, f"{path}.{index}")


def live_properties(resource: Resource[Any], physical_id: str) -> Mapping[str, Any] | None:
    """Return the properties of a live resource, or None if there is none."""
    observed = resource.look(physical_id) if resource.owns(physical_id) else None
    if observed is None:
        return None
    tags = {k: v for k, v in observed.tags.items() if k not in MARKERS and not k.startswith("aws:")}
    return {
        **observed.state,
        "InstanceId": observed.attributes["InstanceArn"],
        "Tags": tags,
        "UserIds": sorted(resource.members.list(observed)),
    }


def filled(node: Any, live: Any) -> Any:
    """Return properties with the live value for each unknown one. None: Connect has none.

    A list with an unknown entry is the live list.
    """
    if not contains_unknown(node):
        return node
    if not isinstance(node, dict):
        return live
    known = live if isinstance(live, Mapping) else {}
    values = {key: filled(value, known.get(key)) for key, value in node.items()}
    lacks = {key for key in values if contains_unknown(node[key]) and not values[key]}
    return {key: value for key, value in values.items() if key not in lacks}
