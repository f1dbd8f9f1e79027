"""Jobs that run at the same time on the simulated clock.

Each job has a thread, and exactly one thread runs at any moment. It runs until it sleeps or waits.
Then the clock moves to the job that wakes up first. Equal inputs give equal runs.
"""

import heapq
import threading
from collections.abc import Callable
from types import SimpleNamespace
from unittest.mock import patch

from tests.support.harness import FakeTime

# The watchdog's alarm needs the main thread of a process.
_NO_ALARM = SimpleNamespace(
    SIGALRM=0, ITIMER_REAL=0, signal=lambda *_: None, setitimer=lambda *_: None
)


class Stopped(Exception):
    """Another job has failed, so this one ends too."""


class Timeline:
    """Runs jobs on the current simulated clock. A job may start further jobs."""

    def __init__(self) -> None:
        self._sleepers: list[tuple[float, int, threading.Semaphore]] = []
        self._waiters: list[tuple[Callable[[], bool], threading.Semaphore]] = []
        self._turns = 0
        self._errors: list[BaseException] = []
        self._end = threading.Semaphore(0)

    def start(self, job: Callable[[], None], after: float = 0.0) -> None:
        """Start a job after some seconds."""
        baton = self._wake_up(after)

        def work() -> None:
            baton.acquire()
            try:
                if not self._errors:
                    job()
            except Stopped:
                pass
            except BaseException as error:  # noqa: BLE001  # run() raises it
                self._errors.append(error)
            self._pass_baton()

        threading.Thread(target=work, daemon=True).start()

    def run(self) -> None:
        """Run until every job has ended; raise the first error of a job."""
        clock = FakeTime.current
        clock.pass_on = self._sleep
        try:
            with patch("connect_provider.edge.helper.signal", _NO_ALARM):
                self._pass_baton()
                self._end.acquire()
        finally:
            clock.pass_on = clock.advance
        if self._errors:
            raise self._errors[0]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Let other jobs run until a condition holds."""
        if condition():
            return
        baton = threading.Semaphore(0)
        self._waiters.append((condition, baton))
        self._yield_to(baton)

    def _sleep(self, seconds: float) -> None:
        """Let other jobs run for some seconds."""
        self._yield_to(self._wake_up(seconds))

    def _yield_to(self, baton: threading.Semaphore) -> None:
        self._pass_baton()
        baton.acquire()
        if self._errors:
            raise Stopped

    def _wake_up(self, seconds: float) -> threading.Semaphore:
        self._turns += 1
        baton = threading.Semaphore(0)
        heapq.heappush(self._sleepers, (FakeTime.current.passed + seconds, self._turns, baton))
        return baton

    def _pass_baton(self) -> None:
        """Wake the next job: first one with a true condition, then the first sleeper."""
        for waiter in self._waiters:
            if self._errors or waiter[0]():
                self._waiters.remove(waiter)
                waiter[1].release()
                return
        if self._sleepers:
            when, _, baton = heapq.heappop(self._sleepers)
            FakeTime.current.passed = max(FakeTime.current.passed, when)
            baton.release()
        elif self._waiters:
            self._errors.append(AssertionError("every job waits for another one"))
            self._pass_baton()
        else:
            self._end.release()
