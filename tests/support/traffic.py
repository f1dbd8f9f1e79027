"""Splits of traffic between the two Regions of the scene."""

from contextlib import suppress
from typing import Any

import boto3

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.cloudformation import Template
from tests.support.harness import FakeTime

EAST, WEST = scene.REGION, scene.REPLICA_REGION


def percentages(east: int, west: int) -> dict[str, Any]:
    """Return a config as CloudFormation sends it: every scalar is text."""
    shares = [(EAST, east), (WEST, west)]
    return {"Distributions": [{"Region": r, "Percentage": str(p)} for r, p in shares]}


def split(east: int, **properties: Any) -> dict[str, Any]:
    """Return the properties of a split of the default group's calls."""
    config = percentages(east, 100 - east)
    return {"InstanceId": scene.INSTANCE_ID, "TelephonyConfig": config, **properties}


def template(east: int, **properties: Any) -> Template:
    """Return a template with such a split."""
    return {"Traffic": ("Custom::ConnectTrafficDistribution", split(east, **properties))}


def live(group: dict[str, Any], config: str = "TelephonyConfig") -> tuple[int, ...]:
    """Return the live split, the home Region first."""
    items = sorted(group["traffic"][config]["Distributions"], key=lambda item: item["Region"])
    return tuple(item.get("Percentage", item.get("Enabled")) for item in items)


def by_hand(group: dict[str, Any], east: int, west: int, config: str = "TelephonyConfig") -> None:
    """Change a split of the group as an operator does."""
    shares = [{"Region": EAST, "Percentage": east}, {"Region": WEST, "Percentage": west}]
    group["traffic"][config] = {"Distributions": shares}
    group["failed_over"] = FakeTime.current.time()


def move_in_the_console(
    connect: ConnectEmulator, group: dict[str, Any], **configs: tuple[int, int]
) -> None:
    """Move traffic by an update, which takes its time. Connect may refuse it during another one."""
    connect._settle()
    client, sent = boto3.client("connect", region_name=WEST), dict(group["traffic"])
    for name, (east, west) in configs.items():
        shares = [{"Region": EAST, "Percentage": east}, {"Region": WEST, "Percentage": west}]
        sent[name] = {"Distributions": shares}
    with suppress(client.exceptions.ResourceConflictException):
        client.update_traffic_distribution(Id=group["Arn"], **sent)


def evacuate_by_hand(connect: ConnectEmulator) -> None:
    """Move all calls and agents of the default group to the other Region, and isolate both."""
    group = connect.default_group(scene.INSTANCE_ID)
    by_hand(group, 0, 100)
    by_hand(group, 0, 100, "AgentConfig")
    connect.instances[scene.INSTANCE_ID].isolated = True


def is_evacuated(connect: ConnectEmulator) -> bool:
    """Return whether all of that is still so."""
    group = connect.default_group(scene.INSTANCE_ID)
    splits = {live(group), live(group, "AgentConfig")}
    return splits == {(0, 100)} and connect.instances[scene.INSTANCE_ID].isolated
