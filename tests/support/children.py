"""Runs functions in child processes, through tests/support/zygote.py."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection, Listener
from typing import Any

from sandbox.http_server import DropConnection, Handle
from tests.support.harness import ROOT, STACKS
from tests.support.shared_clock import CLOCK

_PATIENCE = 60  # seconds; only a broken process takes so long, however busy the machine is


class Zygote:
    """A process that has imported the functions, and forks children that run them.

    handles: the emulators and the sink by URL. The children reach them through a pipe, which takes
    half of the time of HTTP. Without them, the children call the endpoints of their environment.
    """

    def __init__(
        self,
        speed: float | None = None,
        environment: Mapping[str, str] | None = None,
        handles: Mapping[str, Handle] | None = None,
    ) -> None:
        self._listener = Listener(family="AF_UNIX")
        self._handles = handles or {}
        threading.Thread(target=self._accept, daemon=True).start()
        paths = os.pathsep.join((str(ROOT / "functions"), str(ROOT)))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.zygote"],
            cwd=ROOT,
            env={
                **os.environ,
                **(environment or {}),
                "PYTHONPATH": paths,
                "SHARED_CLOCK": CLOCK.path,
                "EMULATORS": " ".join([str(self._listener.address), *self._handles]),
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

    def _accept(self) -> None:
        """Take the connections of the children."""
        with suppress(OSError):  # close() ends it
            while True:
                connection = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        """Serve the calls of one child until it ends. None is a lost connection."""
        with connection, suppress(EOFError, ConnectionError):
            while True:
                url, request = connection.recv()
                try:
                    response = self._handles[url](request)
                except DropConnection:
                    response = None
                connection.send(response)

    def run(self, events: list[dict[str, Any]]) -> list[int]:
        """Run events at the same time, each in a child; return how each run has ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._forked.clear()
        STACKS.sent(events[0])
        self._process.stdin.write(json.dumps(events) + "\n")
        self._process.stdin.flush()
        self.pids = json.loads(self._process.stdout.readline())
        self._forked.set()
        statuses: list[int] = json.loads(self._process.stdout.readline())
        return statuses

    def kill(self) -> None:
        """Kill the child that is running."""
        assert self._forked.wait(_PATIENCE)
        os.kill(self.pids[0], signal.SIGKILL)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(_PATIENCE)
        self._process.stdout.close()
        self._listener.close()
