"""Throttled stacks in real time: real handlers, processes and sockets."""

import time
from typing import Any

from benchmarks import measure, simulation
from benchmarks.simulation import Outcome
from benchmarks.world import World
from tests.support.children import Zygote


def throttled_stack(world: World, creates: int, at_once: int, speed: float = 1.0) -> Outcome:
    """Create quick connects through two requests a second, and delete them again.

    at_once: how many functions run at the same time.
    speed: how much faster time passes for whoever sleeps, and for Connect. The outcome's makespan
    is that of the creates, in seconds of the slow clock.
    """
    world.connect.rate = simulation.RATE * speed
    zygote = Zygote(speed, world.environment)
    try:
        began = time.monotonic()
        events = measure.creates(world, creates)
        failures = _run(world, zygote, events, at_once)
        makespan = (time.monotonic() - began) * speed
        deletions = [_deletion(world, event) for event in events]
        failures += _run(world, zygote, deletions, at_once)
    finally:
        zygote.close()
    throttled = sum(e.error == "ThrottlingException" for e in world.connect.journal)
    return Outcome(failures + len(world.connect.quick_connects), makespan, throttled)


def _deletion(world: World, create: dict[str, Any]) -> dict[str, Any]:
    """Return the request that deletes what a create made."""
    properties = create["ResourceProperties"]
    physical_id = world.answers.get(create["RequestId"], {}).get("PhysicalResourceId", "unknown")
    return world.event("quick_connect_delete", properties, PhysicalResourceId=physical_id)


def _run(world: World, zygote: Zygote, events: list[dict[str, Any]], at_once: int) -> int:
    """Run a function for each event; return how many failed."""
    for start in range(0, len(events), at_once):
        zygote.run(events[start : start + at_once])
    answers = [world.answers.get(event["RequestId"], {}) for event in events]
    return sum(answer.get("Status") != "SUCCESS" for answer in answers)
