"""Runs handlers in child processes, through tests/zygote.py."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from tests.support.harness import ROOT, STACKS, Handler


class Zygote:
    """A process that has imported the handlers, and forks a child for each run."""

    def __init__(
        self, speed: float | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        paths = os.pathsep.join((str(ROOT / "functions"), str(ROOT)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            cwd=ROOT,
            env={
                **os.environ,
                **(environment or {}),
                "PYTHONPATH": paths,
                **({"SPEED": str(speed)} if speed else {}),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout
        self._process.stdout.readline()  # it is ready
        self.pids: list[int] = []
        self._forked = threading.Event()

    def run(self, jobs: list[tuple[Handler, dict[str, Any]]]) -> list[int]:
        """Run events, each in a child, at the same time; return the exit statuses."""
        return self.run_named([(h.__module__.split(".")[1], event) for h, event in jobs])

    def run_named(self, named: list[tuple[str, dict[str, Any]]]) -> list[int]:
        """Run events as run() does, with the packages of their handlers."""
        assert self._process.stdin
        assert self._process.stdout
        self._forked.clear()
        STACKS.sent(named[0][1])
        self._process.stdin.write(json.dumps(named) + "\n")
        self._process.stdin.flush()
        self.pids = json.loads(self._process.stdout.readline())
        self._forked.set()
        statuses: list[int] = json.loads(self._process.stdout.readline())
        return statuses

    def kill(self) -> None:
        """Kill the child that is running."""
        self._forked.wait(5)
        os.kill(self.pids[0], signal.SIGKILL)

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()
