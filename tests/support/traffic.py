"""Splits of traffic between the two Regions of the scene."""

from typing import Any

from sandbox import scene

EAST, WEST = scene.REGION, scene.REPLICA_REGION


def percentages(east: int, west: int) -> dict[str, Any]:
    """Return a config as CloudFormation sends it: every scalar is text."""
    shares = [(EAST, east), (WEST, west)]
    return {"Distributions": [{"Region": r, "Percentage": str(p)} for r, p in shares]}


def live(group: dict[str, Any], config: str = "TelephonyConfig") -> tuple[int, ...]:
    """Return the live split, the home Region first."""
    items = sorted(group["traffic"][config]["Distributions"], key=lambda item: item["Region"])
    return tuple(item.get("Percentage", item.get("Enabled")) for item in items)


def by_hand(group: dict[str, Any], east: int, west: int, config: str = "TelephonyConfig") -> None:
    """Change a split of the group as an operator does."""
    shares = [{"Region": EAST, "Percentage": east}, {"Region": WEST, "Percentage": west}]
    group["traffic"][config] = {"Distributions": shares}
