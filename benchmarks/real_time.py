"""Run throttled stacks in real time, with real handlers, processes and sockets."""

import time
from typing import Any

from benchmarks import measure, simulation
from benchmarks.simulation import Outcome
from benchmarks.world import World
from tests.support.children import Zygote


def throttled_stack(world: World, creates: int, at_once: int, speed: float = 1.0) -> Outcome:
    """Create and delete quick connects while Connect accepts two requests a second.

    at_once: the number of functions that run at the same time.
    speed: the factor by which sleeps are shorter and Connect is faster. The outcome's makespan
    covers the creates, in seconds without that factor.
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
    """Return the request that deletes the quick connect of a create."""
    properties = create["ResourceProperties"]
    physical_id = world.responses.get(create["RequestId"], {}).get("PhysicalResourceId", "unknown")
    return world.event("quick_connect_delete", properties, PhysicalResourceId=physical_id)


def _run(world: World, zygote: Zygote, events: list[dict[str, Any]], at_once: int) -> int:
    """Run a function for each event; return the number of failures."""
    for start in range(0, len(events), at_once):
        zygote.run(events[start : start + at_once])
    responses = [world.responses.get(event["RequestId"], {}) for event in events]
    return sum(response.get("Status") != "SUCCESS" for response in responses)
