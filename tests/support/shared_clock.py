"""The simulated clock in shared memory, so that functions in child processes share it."""

import fcntl
import math
import mmap
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import NamedTemporaryFile

_PROCESSES = 200  # that run at the same time, at most
_START, _PASSED, _WAKES = 0, 1, 2  # the places in memory; the last one is the first process's
_SIZE = 8 * (_WAKES + _PROCESSES)
_RUNNING, _NONE = -math.inf, math.inf
_real_sleep = time.sleep


class SharedClock:
    """A clock that moves only when something sleeps. `start`: its time at zero seconds.

    If several processes run, the clock moves when all of them sleep, to the first end of a sleep.
    """

    def __init__(self, path: str = "") -> None:
        """Make a clock, or open the one of another process by its path."""
        self._file = open(path, "r+b") if path else NamedTemporaryFile()  # noqa: SIM115
        if not path:
            self._file.write(bytes(_SIZE))
            self._file.flush()
        self.path = self._file.name
        # Each number is stored as a whole. Another process never reads half of it, or a zero.
        self._numbers = memoryview(mmap.mmap(self._file.fileno(), _SIZE)).cast("d")
        self._own: int | None = None  # where this process says when it wakes
        if not path:
            for process in range(_PROCESSES):
                self.end(process)

    @property
    def start(self) -> float:
        return self._numbers[_START]

    @property
    def passed(self) -> float:
        return self._numbers[_PASSED]

    def set(self, start: float, passed: float) -> None:
        self._numbers[_START], self._numbers[_PASSED] = start, passed

    def time(self) -> float:
        return self.start + self.passed

    def monotonic(self) -> float:
        return self.passed

    def begin(self, process: int) -> None:
        """Let the clock wait for a process, from 0, until it sleeps or ends."""
        self._numbers[_WAKES + process] = _RUNNING

    def enter(self, process: int) -> None:
        """Be that process from now on."""
        self._own = _WAKES + process

    def end(self, process: int) -> None:
        """Let the clock no longer wait for a process."""
        self._numbers[_WAKES + process] = _NONE

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        if self._own is None:
            with self._locked():
                self._numbers[_PASSED] += seconds
            return
        until = self._numbers[self._own] = self.passed + seconds
        while self.passed < until:
            with self._locked():
                first = min(self._numbers[_WAKES:])
                if first == until:  # not _RUNNING, so all of them sleep
                    self._numbers[_PASSED] = until
                    break
            _real_sleep(0.0005)
        self._numbers[self._own] = _RUNNING

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


CLOCK = SharedClock(os.environ.get("SHARED_CLOCK", ""))
