"""Run a command of cfn-connect against the emulator of conftest.py."""

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from rich.console import Console

from cfn_connect.clients import Clients
from sandbox import scene
from tests.support import watch

_clients = cache(lambda: Clients(scene.REGION))  # they take longer to build than a command to run


@dataclass(frozen=True)
class Done:
    """A command that has run. calls: how many calls it made of each operation of Connect."""

    code: int
    text: str
    calls: Counter[str]


def run(
    command: Callable[[Any, Clients, Console], int],
    arguments: Any,
    clients: Clients | None = None,
) -> Done:
    """Run a command. The roles of the functions do not need to allow its calls."""
    file, before = io.StringIO(), len(watch.CALLED)
    try:
        code = command(arguments, clients or _clients(), Console(file=file, width=200))
    finally:
        calls = Counter(entry.operation for entry in watch.CALLED[before:])
        del watch.CALLED[before:]
    return Done(code, file.getvalue(), calls)
