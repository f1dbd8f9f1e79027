"""Run a command of cfn-connect against the emulator of conftest.py."""

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from rich.console import Console

from cfn_connect import cli
from cfn_connect.clients import Clients
from sandbox import scene
from tests.support import watch
from tests.support.harness import ROOT

_clients = cache(lambda: Clients(scene.REGION))  # they take longer to build than a command to run


Command = Callable[[Any, Clients, Console], int]


@dataclass(frozen=True)
class Done:
    """A command that has run. calls: how many calls it made of each operation of Connect."""

    code: int
    text: str
    calls: Counter[str]


def run(
    command: Command,
    arguments: Any,
    clients: Clients | None = None,
) -> Done:
    """Run a command."""
    file = io.StringIO()
    with _own_calls() as calls:
        code = command(arguments, clients or _clients(), Console(file=file, width=200))
    return Done(code, file.getvalue(), calls)


def json_of(capsys: pytest.CaptureFixture[str], *line: str) -> dict[str, Any]:
    """Run a command line that succeeds; return its JSON."""
    capsys.readouterr()
    code = cli.main([*line, "--json"])
    shown = capsys.readouterr()
    assert code == 0, shown.err
    found: dict[str, Any] = json.loads(shown.out)
    return found


def states_of(found: dict[str, Any]) -> set[str]:
    """Return the states in the JSON of plan or drift."""
    return {each["state"] for each in found["resources"]}


def main(arguments: list[str]) -> int:
    """Run a command line in the Region of the scene; return its exit code."""
    with _own_calls():
        return cli.main(["--region", scene.REGION, *arguments])


@contextmanager
def _own_calls() -> Iterator[Counter[str]]:
    """Count the calls of a command. The roles of the functions do not need to allow them."""
    calls: Counter[str] = Counter()
    before = len(watch.CALLED)
    try:
        yield calls
    finally:
        calls.update(entry.operation for entry in watch.CALLED[before:])
        del watch.CALLED[before:]


def connect_actions(command: str) -> set[str]:
    """Return the actions of Connect in the documented policy of a command."""
    page = (ROOT / "docs/bring.md").read_text()
    (policy,) = re.findall(rf"^For `{command}`:\n\n```json\n(.*?)^```", page, re.M | re.S)
    (statement,) = json.loads(policy)["Statement"]
    return {each for each in statement["Action"] if each.startswith("connect:")}
