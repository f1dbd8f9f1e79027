"""Write benchmarks/results.md and its plot."""

import os
import platform
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import boto3

from benchmarks import plot, simulation
from benchmarks.comparison import CYCLES, REQUESTS, ROUNDS, Costs
from benchmarks.targets import READY_AFTER, SEEDS, THROTTLED, Result

FOLDER = Path(__file__).parent
_PLOTTED = (10, 20, 50, 100, 200, 500, 1000)

_HEAD = """# Results

For maintainers. `make bench` writes this page, and `make bench-check` checks the targets. Nothing
here was measured on AWS. Trust counts and ratios more than times, which depend on this machine."""
_ABOUT_THE_COMPARISON = f"""A / B / C are a warm Create, Update and Delete of a quick connect.
Values are medians of {ROUNDS} processes and {ROUNDS * CYCLES} warm cycles, measured in turns. All
contenders are compiled. The provider describes a quick connect before it updates tags, name and
config, and it checks the owner before a Delete. The peers do neither. The raw handler builds its
TLS context at init, like the provider."""
_ABOUT_THROTTLING = f"""All creates start at once. Connect accepts two requests a second, after a
burst of five, so no schedule is faster than (N - 5) / 2 seconds. A cell compares the slowest of
{len(SEEDS)} seeds with that floor, and counts the throttled calls for each create. If creates fail,
it shows how many. The first row runs the provider's own code; `standard` and `legacy` are modes of
botocore."""


def write(python: str, found: list[Costs], results: list[Result], notes: list[str]) -> Path:
    """Write the results and the plot; return the path of the results."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    parts = [
        _HEAD,
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, Python {python}, boto3 {boto3.__version__}.",
        "## The provider beside its peers",
        _compared(found),
        _ABOUT_THE_COMPARISON,
        *notes,
        "## Throttled stacks, simulated",
        _ABOUT_THROTTLING,
        _throttled(),
        "![How long throttled stacks take](throttling.svg)",
        "## Waiting for a resource, simulated",
        _settled(),
        "## Targets",
        _targets(results),
        "[docs/scale.md](../docs/scale.md) explains why some stretch values are not reached.",
    ]
    (FOLDER / "throttling.svg").write_text(_plot())
    path = FOLDER / "results.md"
    path.write_text("\n\n".join(parts) + "\n")
    return path


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _compared(found: list[Costs]) -> str:
    """Return the table of contenders. Ratios refer to the second one, the raw handler."""
    raw = found[1]

    def each(numbers: Callable[[str], float]) -> str:
        return " / ".join(_rounded(numbers(request)) for request in REQUESTS)

    rows: dict[str, Callable[[Costs], str]] = {
        "init, billion instructions": lambda c: _ratio(c.instructions, 1_000_000_000, ".1f"),
        "init instructions, ratio": lambda c: _ratio(c.instructions, raw.instructions, ".2f"),
        "start to first response, ms": lambda c: _rounded(c.first_response * 1000),
        "start to first response, ratio": lambda c: f"{c.first_response / raw.first_response:.2f}",
        "warm, ms": lambda c: each(lambda request: c.warm[request] * 1000),
        "warm, ratio": lambda c: each(lambda request: c.warm[request] / raw.warm[request]),
        "Connect calls": lambda c: each(c.calls.__getitem__),
        "TLS contexts": lambda c: each(c.contexts.__getitem__),
        "new connections": lambda c: each(c.connections.__getitem__),
        "slept, s": lambda c: each(c.slept.__getitem__),
        "peak memory, MB": lambda c: f"{c.memory:.0f}",
        "artifact, zipped MB": lambda c: f"{c.size / 1e6:.1f}",
    }
    return _table(
        ["", *(costs.name for costs in found)],
        ([name, *(row(costs) for costs in found)] for name, row in rows.items()),
    )


def _rounded(value: float) -> str:
    """Return a measured value with two significant digits; more would be noise."""
    return f"{float(f'{value:.2g}'):g}"


def _ratio(value: int | None, unit: int | None, style: str) -> str:
    return format(value / unit, style) if value and unit else "not counted"


def _throttled() -> str:
    rows = []
    for name, policy in simulation.POLICIES.items():
        row = [name]
        for creates in THROTTLED:
            outcomes = [simulation.throttled_stack(creates, policy, seed) for seed in SEEDS]
            failures = max(outcome.failures for outcome in outcomes)
            ratio = max(outcome.makespan for outcome in outcomes) / simulation.floor(creates)
            wasted = sum(outcome.throttled for outcome in outcomes) / len(outcomes) / creates
            row.append(f"{failures} fail" if failures else f"{ratio:.2f}x, {wasted:.0f} wasted")
        rows.append(row)
    return _table(["pauses", *(f"N = {creates}" for creates in THROTTLED)], rows)


def _settled() -> str:
    rows = []
    for ready in READY_AFTER:
        once, worst = simulation.settle(ready), simulation.worst_settle(ready)
        excess = f"{once.excess:.1f} s, at worst {worst.excess:.1f} s"
        rows.append([f"{ready} s", excess, str(worst.looks)])
    return _table(["ready after", "found late by", "calls"], rows)


def _targets(results: list[Result]) -> str:
    rows = []
    for result in results:
        verdict = "yes" if result.holds else "**no**"
        if result.stretch is not None:
            verdict += ", and the stretch" if result.stretched else ", not the stretch"
        stretch = "" if result.stretch is None else f" (≤ {result.stretch:g})"
        limit = f"{'' if result.exact else '≤ '}{result.limit:g}{stretch}"
        rows.append([result.name, f"{result.measured:.3g}", limit, verdict])
    return _table(["", "measured", "target (stretch)", "met"], rows)


def _plot() -> str:
    curves: dict[str, list[tuple[int, float]]] = {}
    for name in ("provider", "standard, 200 attempts"):
        curves[name] = []
        for creates in _PLOTTED:
            runs = [
                simulation.throttled_stack(creates, simulation.POLICIES[name], s) for s in SEEDS
            ]
            curves[name].append((creates, median(run.makespan for run in runs)))
    curves["floor"] = [(creates, simulation.floor(creates)) for creates in _PLOTTED]
    notes = []
    for name in ("legacy", "standard"):
        runs = [simulation.throttled_stack(200, simulation.POLICIES[name], seed) for seed in SEEDS]
        failing = median(run.failures for run in runs)
        notes.append(f"botocore's {name} mode: {failing:.0f} of 200 fail")
    return plot.svg(curves, notes)
