"""What a handler costs: times, memory, connections, and instructions where valgrind is there."""

import json
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.world import NO_TIME, World

_VALGRIND = ("setarch", "-R", "valgrind")  # addresses that are the same in each run
_CACHEGRIND = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_REFERENCES = re.compile(r"I\s+refs:\s+([\d,]+)")
WARM_CREATES = 20


class Failed(Exception):
    """A handler did not do what it was asked, so what it cost says nothing."""


class Process:
    """A handler in a process of its own, as Lambda runs it."""

    def __init__(self, contender: Contender, world: World, python: str) -> None:
        self._world = world
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            contender.command(python),
            env={**contender.environment(), **world.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.init = None

    def send(self, event: dict[str, Any]) -> tuple[dict[str, float], list[str]]:
        """Send a request; return what it cost, and the operations that were called."""
        assert self._process.stdin
        before = len(self._world.connect.journal)
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        if self.init is None:
            self.init = self._read()["init"]
        costs = self._read()
        costs["since_start"] = time.perf_counter() - self._began
        answer = self._world.answers.get(event["RequestId"], {})
        if answer.get("Status") != "SUCCESS":
            raise Failed(f"{event['RequestType']}: {answer.get('Reason', 'no answer')}")
        return costs, self._world.connect.calls()[before:]

    def close(self) -> list[str]:
        """End it; return the packages that it imported."""
        assert self._process.stdin
        self._process.stdin.close()
        packages: list[str] = self._read()["packages"]
        self._process.wait(10)
        return packages

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"it ended with status {self._process.wait(10)}")
        read: dict[str, Any] = json.loads(line)
        return read


def creates(world: World, number: int, ahead: timedelta = NO_TIME) -> list[dict[str, Any]]:
    """Return so many requests to create quick connects, each with a name of its own.

    ahead: for what slows the functions so much that their requests would get late.
    """
    names = (f"Desk {uuid.uuid4()}" for _ in range(number))
    return [world.event("quick_connect_create", {"Name": name}, ahead) for name in names]


def cycle(process: Process, world: World) -> dict[str, dict[str, float]]:
    """Create, update and delete a quick connect; return the costs of each."""
    (event,) = creates(world, 1)
    costs = {"Create": process.send(event)}
    physical_id = world.answers[event["RequestId"]]["PhysicalResourceId"]
    for request in ("Update", "Delete"):
        event = world.event(f"quick_connect_{request.lower()}", {}, PhysicalResourceId=physical_id)
        costs[request] = process.send(event)
    return {request: {**cost, "calls": len(calls)} for request, (cost, calls) in costs.items()}


def can_count() -> bool:
    """Tell whether instructions can be counted: valgrind is here, and addresses can be fixed."""
    if shutil.which("valgrind") is None:
        return False
    return (
        subprocess.run([*_VALGRIND, "--version"], capture_output=True, check=False).returncode == 0
    )


def instructions(
    contender: Contender, world: World, python: str, events: Iterable[dict[str, Any]] = ()
) -> int:
    """Return the instructions from the start of the process to its end, with some events."""
    events = list(events)
    run = subprocess.run(
        [*_VALGRIND, *_CACHEGRIND, *contender.command(python)],
        env={**contender.environment(), **world.environment},
        input="".join(json.dumps(event) + "\n" for event in events),
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [world.answers.get(event["RequestId"], {}) for event in events]
    counted = _REFERENCES.search(run.stderr)
    if counted is None or any(answer.get("Status") != "SUCCESS" for answer in answers):
        raise Failed(f"{contender.name} under valgrind: {run.stderr[-500:]}")
    return int(counted[1].replace(",", ""))
