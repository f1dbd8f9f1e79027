"""Mistakes that the models misread, cannot see while a value is open, or do not look for."""

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import combinations
from typing import Any

from cfnlint.helpers import REGIONS, is_function
from pydantic_core import ErrorDetails

from cfn_connect.resource_types import RESOURCE_TYPES
from cfn_connect.rules._loops import Path
from cfn_connect.rules._open import open_site
from cfn_connect.rules._view import View
from connect_provider.traffic_distribution.model import CONFIGS

# The resource types that a property refers to, by the name of the property without "Id" or "Arn".
_TARGETS = {
    "ContactFlow": {"AWS::Connect::ContactFlow"},
    "Instance": {"AWS::Connect::Instance"},
    "Queue": {"AWS::Connect::Queue"},
    "QuickConnect": {"AWS::Connect::QuickConnect", "Custom::ConnectQuickConnect"},
    "TrafficDistributionGroup": {
        "AWS::Connect::TrafficDistributionGroup",
        "Custom::ConnectTrafficDistributionGroup",
    },
    "User": {"AWS::Connect::User"},
}


def slips(view: View) -> Iterator[ErrorDetails]:
    """Yield each mistake, in the form of pydantic's errors."""
    tags = view.at(("Tags",))
    if type(tags) is dict and tags.keys() == {"Key", "Value"}:
        yield _slip("value_error", ("Tags",), "begin with a dash, as this is an item of a list")
    for config in CONFIGS:
        sites = [open_site(value) for _, value in _regions(view, config)]
        if any(one and other and one.value == other.value for one, other in combinations(sites, 2)):
            yield _slip("value_error", (config,), "each Region should appear once")
        for location, region in _regions(view, config):
            if type(region) is str and region not in REGIONS:
                near = get_close_matches(region, REGIONS, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield _slip("region", location, f"AWS has no such Region{hint}")
    for location, value in view.leaves():
        if value is None:
            yield _slip("null", location, "null is not allowed; give a value or remove the key")
        elif site := open_site(value):
            yield from _wrong_target(view, location, site.value)


def closed_tags(view: View) -> list[Any]:
    """Return Tags that are a list with open items; each of these replaced by a correct tag."""
    tags = view.at(("Tags",))
    items = tags if type(tags) is list else []
    closed = [_closed(item, f"open tag {index}") for index, item in enumerate(items)]
    is_open = any(one is not other for one, other in zip(items, closed, strict=True))
    return closed if is_open else []


def _closed(item: Any, key: str) -> Any:
    if open_site(item):
        return {"Key": key, "Value": ""}
    if type(item) is dict and open_site(item.get("Key")):
        return {**item, "Key": key}
    return item


def _slip(kind: str, location: Path, message: str) -> ErrorDetails:
    return ErrorDetails(type=kind, loc=location, msg=message, input=None)


def _regions(view: View, config: str) -> list[tuple[Path, Any]]:
    shares = view.at((config, "Distributions"))
    count = len(shares) if type(shares) is list else 0
    places: list[Path] = [(config, "Distributions", index, "Region") for index in range(count)]
    return [(place, view.at(place)) for place in places]


def _wrong_target(view: View, location: Path, function: object) -> Iterator[ErrorDetails]:
    """Yield an error if a function returns the ARN or id of a resource of another type."""
    name = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
    wanted = _TARGETS.get(name.removesuffix("s").removesuffix("Id").removesuffix("Arn"))
    match is_function(function):
        case ("Ref", str(logical_id)):
            attribute = "Arn"
        case ("Fn::GetAtt", [str(logical_id), str(attribute)]):
            pass
        case _:
            return
    written, kind = view.resources.get(logical_id, ("", ""))
    is_itself = kind.startswith("AWS::Connect::") or (
        kind in RESOURCE_TYPES and attribute in ("Arn", "Id")
    )
    if wanted and is_itself and kind not in wanted:
        needed = " or ".join(sorted(wanted))
        yield _slip("target", location, f"should refer to {needed}; {written} is {kind}")
