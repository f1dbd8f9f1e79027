"""Measure the cost of the provider and of its peers, in turns and in one run."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import contenders, measure
from benchmarks.contenders import Contender
from benchmarks.world import World

ROUNDS, CYCLES = 11, 5  # processes for each contender, and warm cycles for each process
REQUESTS = ("Create", "Update", "Delete")


@dataclass
class Costs:
    """The cost of one contender. Times are medians, in seconds.

    warm, calls, contexts, connections, slept: for each request type.
    instructions: of init; None where they cannot be counted.
    """

    name: str
    first_response: float = 0.0
    memory: float = 0.0
    size: int = 0
    instructions: int | None = None
    warm: dict[str, float] = field(default_factory=dict)
    calls: dict[str, float] = field(default_factory=dict)
    contexts: dict[str, float] = field(default_factory=dict)
    connections: dict[str, float] = field(default_factory=dict)
    slept: dict[str, float] = field(default_factory=dict)


def compare(world: World, python: str, compared: Sequence[Contender]) -> list[Costs]:
    """Measure the contenders in turn, so that other load on the machine affects all equally."""
    first: dict[str, list[float]] = defaultdict(list)
    warm: dict[str, list[dict[str, dict[str, float]]]] = defaultdict(list)
    packages: dict[str, list[str]] = {}
    for _ in range(ROUNDS):
        for contender in compared:
            world.reset()
            process = measure.Process(contender, world, python)
            first[contender.name].append(measure.cycle(process, world)["Create"]["since_start"])
            warm[contender.name] += [measure.cycle(process, world) for _ in range(CYCLES)]
            packages[contender.name] = process.close()
    found = []
    for contender in compared:
        costs = _summary(contender.name, first[contender.name], warm[contender.name])
        costs.size = contenders.zipped_size(map(Path, packages[contender.name]))
        if measure.can_count() and not isinstance(contender, contenders.NodeContender):
            (costs.instructions,) = measure.instructions(contender, world, python, (0,))
        found.append(costs)
    return found


def _summary(name: str, first: list[float], warm: list[dict[str, dict[str, float]]]) -> Costs:
    def typical(what: str) -> dict[str, float]:
        return {request: median(cycle[request][what] for cycle in warm) for request in REQUESTS}

    return Costs(
        name,
        first_response=median(first),
        memory=max(typical("rss").values()),
        warm=typical("seconds"),
        calls=typical("calls"),
        contexts=typical("contexts"),
        connections=typical("connections"),
        slept=typical("slept"),
    )
