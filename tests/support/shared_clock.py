"""The simulated clock in shared memory, so that functions in child processes share it."""

import fcntl
import mmap
import os
from tempfile import NamedTemporaryFile

_SIZE = 16  # two numbers: the start, and the seconds that have passed


class SharedClock:
    """A clock that moves only when something sleeps. `start`: its time at zero seconds."""

    def __init__(self, path: str = "") -> None:
        """Make a clock, or open the one of another process by its path."""
        self._file = open(path, "r+b") if path else NamedTemporaryFile()  # noqa: SIM115
        if not path:
            self._file.write(bytes(_SIZE))
            self._file.flush()
        self.path = self._file.name
        # Each number is stored as a whole. Another process never reads half of it, or a zero.
        self._numbers = memoryview(mmap.mmap(self._file.fileno(), _SIZE)).cast("d")

    @property
    def start(self) -> float:
        return float(self._numbers[0])

    @property
    def passed(self) -> float:
        return float(self._numbers[1])

    def set(self, start: float, passed: float) -> None:
        self._numbers[0], self._numbers[1] = start, passed

    def time(self) -> float:
        return self.start + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Let time pass. A lock keeps the sleeps of two processes from undoing one another."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            self._numbers[1] = self.passed + seconds
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


CLOCK = SharedClock(os.environ.get("SHARED_CLOCK", ""))
