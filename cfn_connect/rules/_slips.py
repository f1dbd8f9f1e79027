"""Mistakes that the models misread, cannot see while a value is open, or do not look for."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from cfnlint.helpers import REGIONS, is_function
from pydantic_core import ErrorDetails

from cfn_connect.resource_types import RESOURCE_TYPES
from cfn_connect.rules._conditions import variable
from cfn_connect.rules._loops import Path
from cfn_connect.rules._open import open_site
from cfn_connect.rules._view import View
from connect_provider.traffic_distribution.model import CONFIGS

# The resources that properties refer to, by the name of the property without "Id" or "Arn".
_TARGETS = ("ContactFlow", "Instance", "Queue", "QuickConnect", "TrafficDistributionGroup", "User")


def slips(view: View) -> Iterator[ErrorDetails]:
    """Yield each mistake, in the form of pydantic's errors."""
    tags = view.at(("Tags",))
    if type(tags) is dict and tags.keys() == {"Key", "Value"}:
        message = "Key and Value make one item of a list; write a dash before Key"
        yield _slip("value_error", ("Tags",), message)
    yield from _wrong_regions(view)
    for location, value in view.leaves.items():
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


def regions(view: View) -> Iterator[tuple[Path, Any]]:
    """Yield the location and the value of each Region."""
    for config in CONFIGS:
        shares = view.at((config, "Distributions"))
        for index in range(len(shares) if type(shares) is list else 0):
            location: Path = (config, "Distributions", index, "Region")
            yield location, view.at(location)


def _wrong_regions(view: View) -> Iterator[ErrorDetails]:
    """Yield each config with a repeated Region, and each Region that does not exist."""
    seen = set()
    for location, region in regions(view):
        config, same = location[:1], variable(_same(region))
        if region is not None and (config, same) in seen:
            yield _slip("value_error", config, "each Region should appear once")
        seen.add((config, same))
        if type(region) is str and region not in REGIONS:
            near = get_close_matches(region, REGIONS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            yield _slip("region", location, f"cfn-lint does not know this Region{hint}")


def _same(region: Any) -> Any:
    """Return a Region or its function. Equal ones have the same value in each deployment."""
    site = open_site(region)
    match site and site.value:
        case None:
            return region
        case {"Fn::Sub": str(written)} if name := re.fullmatch(r"\$\{([\w:]+)}", written):
            return {"Ref": name[1]}
    return site.value


def _wrong_target(view: View, location: Path, function: object) -> Iterator[ErrorDetails]:
    """Yield an error if a function returns the ARN or id of a resource of another type."""
    name = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
    target = name.removesuffix("s").removesuffix("Id").removesuffix("Arn")
    match is_function(function):
        case ("Ref", str(logical_id)):
            attribute = "Arn"
        case ("Fn::GetAtt", [str(logical_id), str(attribute)]):
            pass
        case _:
            return
    written, kind = view.choices.resources.get(logical_id, ("", ""))
    is_itself = kind.startswith("AWS::Connect::") or (
        kind in RESOURCE_TYPES and attribute in ("Arn", "Id")
    )
    ours = RESOURCE_TYPES.keys() & {f"Custom::Connect{target}"}
    wanted = [f"AWS::Connect::{target}", *ours]
    if target in _TARGETS and is_itself and kind not in wanted:
        needed = " or ".join(wanted)
        yield _slip("target", location, f"should refer to {needed}; {written} is {kind}")
