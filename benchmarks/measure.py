"""Measure a handler: times, memory, connections, and, with valgrind, instructions."""

import json
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.world import NO_TIME, World

_VALGRIND = ("setarch", "-R", "valgrind")  # fixes addresses, so that runs are equal
_CACHEGRIND = ("--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
_REFERENCES = re.compile(r"I\s+refs:\s+([\d,]+)")
WARM_CREATES = 20


class Failed(Exception):
    """A handler failed, so its cost means nothing."""


class Process:
    """A handler in its own process, as in Lambda."""

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
        """Send a request; return its cost and the operations that the handler called."""
        assert self._process.stdin
        before = len(self._world.connect.journal)
        self._process.stdin.write(json.dumps(event) + "\n")
        self._process.stdin.flush()
        if self.init is None:
            self.init = self._read()["init"]
        costs = self._read()
        costs["since_start"] = time.perf_counter() - self._began
        response = self._world.responses.get(event["RequestId"], {})
        if response.get("Status") != "SUCCESS":
            raise Failed(f"{event['RequestType']}: {response.get('Reason', 'no response')}")
        return costs, self._world.connect.calls()[before:]

    def close(self) -> list[str]:
        """End the process; return the packages that it imported."""
        assert self._process.stdin
        self._process.stdin.close()
        packages: list[str] = self._read()["packages"]
        self._process.wait(10)
        return packages

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"the process ended with status {self._process.wait(10)}")
        read: dict[str, Any] = json.loads(line)
        return read


def creates(world: World, number: int, ahead: timedelta = NO_TIME) -> list[dict[str, Any]]:
    """Return a number of requests to create quick connects with different names.

    ahead: moves the time of the request into the future, for runs so slow that it would expire.
    """
    names = (f"Desk {uuid.uuid4()}" for _ in range(number))
    return [world.event("quick_connect_create", {"Name": name}, ahead) for name in names]


def cycle(process: Process, world: World) -> dict[str, dict[str, float]]:
    """Create, update and delete a quick connect; return the cost of each request."""
    (event,) = creates(world, 1)
    costs = {"Create": process.send(event)}
    physical_id = world.responses[event["RequestId"]]["PhysicalResourceId"]
    for request in ("Update", "Delete"):
        event = world.event(f"quick_connect_{request.lower()}", {}, PhysicalResourceId=physical_id)
        costs[request] = process.send(event)
    return {request: {**cost, "calls": len(calls)} for request, (cost, calls) in costs.items()}


def can_count() -> bool:
    """Return whether valgrind is here and addresses can be fixed."""
    if shutil.which("valgrind") is None:
        return False
    return (
        subprocess.run([*_VALGRIND, "--version"], capture_output=True, check=False).returncode == 0
    )


def instructions(
    contender: Contender, world: World, python: str, numbers: Sequence[int]
) -> list[int]:
    """Return the number of instructions up to the end of each number of creates.

    Each number runs in a child process that is forked after the init, so init is counted once.
    """
    events = creates(world, sum(numbers), timedelta(hours=1))  # counting is slow
    run = subprocess.run(
        [*_VALGRIND, *_CACHEGRIND, *contender.command(python), *map(str, numbers)],
        env={**contender.environment(), **world.environment},
        input="".join(json.dumps(event) + "\n" for event in events),
        capture_output=True,
        text=True,
        check=False,
    )
    responses = [world.responses.get(event["RequestId"], {}) for event in events]
    counted = _REFERENCES.findall(run.stderr)  # of each child, and at last of the parent
    complete = len(counted) == len(numbers) + 1
    if not complete or any(response.get("Status") != "SUCCESS" for response in responses):
        raise Failed(f"{contender.name} under valgrind: {run.stderr[-500:]}")
    return [int(count.replace(",", "")) for count in counted[:-1]]
