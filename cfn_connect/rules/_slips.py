"""Mistakes that the models misread, or cannot see while a value is open."""

from collections.abc import Iterator
from itertools import combinations

from cfn_connect.rules._loops import Path
from cfn_connect.rules._open import open_site
from cfn_connect.rules._view import View

_CONFIGS = ("TelephonyConfig", "AgentConfig", "SignInConfig")


def slips(view: View) -> Iterator[tuple[Path, str]]:
    """Yield the path and the message of each mistake."""
    tags = view.at(("Tags",))
    if type(tags) is dict and tags.keys() == {"Key", "Value"}:
        yield view.path_of(("Tags",)), "Tags: begin with a dash, as this is an item of a list"
    for config in _CONFIGS:
        shares = view.at((config, "Distributions"))
        count = len(shares) if type(shares) is list else 0
        regions = [view.at((config, "Distributions", i, "Region")) for i in range(count)]
        sites = [site for site in map(open_site, regions) if site]
        if any(one.value == other.value for one, other in combinations(sites, 2)):
            yield view.path_of((config,)), f"{config}: each Region should appear once"
