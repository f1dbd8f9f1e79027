"""The simulated clock in shared memory, so that functions in child processes share it."""

import fcntl
import mmap
import os
import struct
from tempfile import NamedTemporaryFile

_FORMAT = struct.Struct("dd")


class SharedClock:
    """A clock that moves only when something sleeps. `start`: its time at zero seconds."""

    def __init__(self, path: str = "") -> None:
        """Make a clock, or open the one of another process by its path."""
        self._file = open(path, "r+b") if path else NamedTemporaryFile()  # noqa: SIM115
        if not path:
            self._file.write(bytes(_FORMAT.size))
            self._file.flush()
        self.path = self._file.name
        self._memory = mmap.mmap(self._file.fileno(), _FORMAT.size)

    @property
    def start(self) -> float:
        return float(_FORMAT.unpack_from(self._memory)[0])

    @property
    def passed(self) -> float:
        return float(_FORMAT.unpack_from(self._memory)[1])

    def set(self, start: float, passed: float) -> None:
        _FORMAT.pack_into(self._memory, 0, start, passed)

    def time(self) -> float:
        return self.start + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        """Let time pass. A lock keeps the sleeps of two processes from undoing one another."""
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            self.set(self.start, self.passed + seconds)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)


CLOCK = SharedClock(os.environ.get("SHARED_CLOCK", ""))
