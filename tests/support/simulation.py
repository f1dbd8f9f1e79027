"""Functions that run at the same time on one simulated clock.

Each function has a thread, and exactly one thread runs at any moment: it runs until it sleeps, and
then the thread that wakes up first goes on. Equal seeds give equal runs, however fast the machine.
"""

import heapq
import random
import threading
from collections.abc import Iterable, Iterator
from importlib.util import find_spec, module_from_spec
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.harness import Context, FakeTime, Handler

_RUN_AGAIN_AFTER = (60.0, 120.0)  # Lambda's pauses before the second and the third run


class Simulation:
    """Runs events on a simulated clock. `environments`: how many functions run at the same time.

    An environment is a fresh copy of the function's module, as Lambda has one in each process.
    """

    def __init__(
        self, app: str, environments: int, seed: int, clock: FakeTime, patch: pytest.MonkeyPatch
    ) -> None:
        """Take over the clock, the jitter and the watchdog, which needs a process of its own."""
        self._clock = clock
        self._sleepers: list[tuple[float, int, threading.Semaphore]] = []
        self._turns = 0
        self._errors: list[BaseException] = []
        clock.pass_on = self._sleep
        patch.setattr("connect_provider.connect._RNG", random.Random(seed))
        patch.setattr("connect_provider.edge.helper.signal", _NoSignal())
        self._handlers = [_fresh(app) for _ in range(environments)]

    def run(self, events: Iterable[dict[str, Any]]) -> float:
        """Run the events; return how many simulated seconds they took."""
        began, queue = self._clock.passed, iter(events)
        threads = [self._start(handler, queue) for handler in self._handlers]
        self._pass_baton()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]
        return self._clock.passed - began

    def _start(self, handler: Handler, queue: Iterator[dict[str, Any]]) -> threading.Thread:
        baton = self._wait_until(self._clock.passed)

        def work() -> None:
            baton.acquire()
            try:
                for event in queue:
                    self._invoke(handler, event)
            except BaseException as error:  # noqa: BLE001  # run() raises it
                self._errors.append(error)
            self._pass_baton()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def _invoke(self, handler: Handler, event: dict[str, Any]) -> None:
        """Run an event as Lambda does: up to three times."""
        for pause in _RUN_AGAIN_AFTER:
            try:
                return handler(event, Context())
            except Exception:  # noqa: BLE001  # whatever it is, Lambda runs the event again
                self._sleep(pause)
        return handler(event, Context())

    def _sleep(self, seconds: float) -> None:
        """Let the others run until this thread is the first to wake up."""
        baton = self._wait_until(self._clock.passed + seconds)
        self._pass_baton()
        baton.acquire()

    def _wait_until(self, when: float) -> threading.Semaphore:
        self._turns += 1
        baton = threading.Semaphore(0)
        heapq.heappush(self._sleepers, (when, self._turns, baton))
        return baton

    def _pass_baton(self) -> None:
        """Wake the thread that has slept enough first, at the time when it has."""
        if self._sleepers:
            self._clock.passed, _, baton = heapq.heappop(self._sleepers)
            baton.release()


class _NoSignal(SimpleNamespace):
    """The signal module without alarms: only the main thread can have one."""

    SIGALRM = ITIMER_REAL = 0

    def signal(self, *_: object) -> None:
        """Set no handler."""

    def setitimer(self, *_: object) -> None:
        """Set no alarm."""


def _fresh(app: str) -> Handler:
    """Return the handler of a fresh copy of a function's module."""
    spec = find_spec(f"connect_provider.{app}.app")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.lambda_handler
    return handler
