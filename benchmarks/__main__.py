"""`python -m benchmarks check` and `python -m benchmarks run`."""

import argparse
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import comparison, contenders, measure, report, targets
from benchmarks.targets import Result
from benchmarks.world import open_world


def check(console: Console) -> bool:
    """Measure every target and print a table; return whether all are met."""
    python = contenders.prepare(peers_only_raw=True)
    with open_world() as world:
        results = list(targets.everything(world, python))
    console.print(_table(results))
    if not measure.can_count():
        console.print(
            "[bold yellow]INSTRUCTIONS WERE NOT COUNTED:[/] valgrind is missing, so init, the "
            "first response and a warm Create were not checked (apt install valgrind)."
        )
    return all(result.holds for result in results)


def run(console: Console) -> bool:
    """Measure the provider and its peers, write benchmarks/results.md, and return as check()."""
    python = contenders.prepare(peers_only_raw=False)
    compared = [contenders.PROVIDER, contenders.RAW, contenders.SOURCES, *contenders.OTHERS]
    notes = []
    if contenders.prepare_cdk():
        compared.append(contenders.CDK)
        notes.append(
            "AwsCustomResource makes one call for a request, so its Update sets only the name. Its "
            "artifact is the handler alone: the SDK is part of Lambda's runtime."
        )
    else:
        notes.append("AwsCustomResource was not measured: Node is missing.")
    with open_world() as world:
        found = comparison.compare(world, python, compared)
        console.print("The comparison is done. Next: throttled stacks in real time.")
        results = [*targets.everything(world, python), *targets.over_sockets(world)]
    console.print(_table(results))
    console.print(f"Wrote {report.write(contenders.version(python), found, results, notes)}")
    return all(result.holds for result in results)


def _table(results: list[Result]) -> Table:
    table = Table("target", "measured", "limit", "", "stretch", title="Targets")
    for result in results:
        sign = "" if result.exact else "≤ "
        stretch = "" if result.stretch is None else f"≤ {result.stretch:g}"
        table.add_row(
            result.name,
            f"{result.measured:.3g}",
            f"{sign}{result.limit:g}",
            "[green]ok[/]" if result.holds else "[bold red]FAILS[/]",
            stretch if result.stretched else f"{stretch} (no)",
        )
    return table


def main() -> None:
    """Run the command that the first argument names."""
    commands = {"check": check, "run": run}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("command", choices=commands)
    command = commands[parser.parse_args().command]
    if not sys.platform.startswith("linux"):
        sys.exit("The benchmarks need Linux: they read /proc.")
    sys.exit(not command(Console()))


if __name__ == "__main__":
    main()
