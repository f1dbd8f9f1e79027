"""Eventual consistency: for a while after a change, calls see the state before it.

API reference, "eventual consistency": a change is usually visible within a few seconds, and at
times only after minutes. Until then, ResourceNotFoundException or InvalidRequestException can come.
"""

import copy
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.connect_model import ConnectCall, ServiceError

Tables = Mapping[str, Mapping[str, Any]]  # the name of a table -> its resources, by ARN or id

_READS = ("Describe", "Get", "List", "Search")


@dataclass(frozen=True)
class Lag:
    """Draws how late each operation sees each change. Equal seeds give equal lags.

    least, most: the range of the seconds until an operation sees a change.
    missing: the share of changes that hide even the state before them.
    operations: the operations that lag; empty for all.
    """

    most: float
    least: float = 0.0
    missing: float = 0.25
    operations: tuple[str, ...] = ()
    seed: int = 0

    def seconds(self, change: int, operation: str) -> float:
        """Return the seconds until an operation sees a change."""
        if self.operations and operation not in self.operations:
            return 0.0
        draw = _draw(self.seed, change, operation, "seconds")
        return self.least + draw * (self.most - self.least)

    def hides(self, change: int, operation: str) -> bool:
        """Return whether an operation finds nothing until it sees the change."""
        return _draw(self.seed, change, operation, "hides") < self.missing

    def error(self, change: int) -> str:
        """Return the error for calls that refer to a resource that they do not see yet."""
        is_missing = _draw(self.seed, change, "error") < 0.5
        return "ResourceNotFoundException" if is_missing else "InvalidRequestException"


@lru_cache(4096)  # each call asks again for every change
def _draw(*purpose: object) -> float:
    """Return a number from 0 to 1 for a seed and a purpose."""
    return random.Random(repr(purpose)).random()


@dataclass(frozen=True)
class _Version:
    """A resource after a change; its state is None after a deletion."""

    change: int
    since: float
    state: Any


class Visibility:
    """Remembers the versions of each resource, and which one an operation sees."""

    def __init__(self, lag: Lag, tables: Tables) -> None:
        """Let every operation see the tables as they are now."""
        self._lag = lag
        self._changes = 0
        self._versions: dict[tuple[str, str], list[_Version]] = {}
        self.note(tables, -math.inf)

    def note(self, tables: Tables, now: float) -> None:
        """Note each resource that has changed since the last note."""
        live = {
            (name, key): state for name, table in tables.items() for key, state in table.items()
        }
        for place in dict.fromkeys([*self._versions, *live]):  # always in the same order
            versions = self._versions.setdefault(place, [_Version(0, -math.inf, None)])
            state = live.get(place)
            if versions[-1].state != state:
                self._changes += 1
                versions.append(_Version(self._changes, now, copy.deepcopy(state)))

    def tables(self, names: tuple[str, ...], operation: str, now: float) -> dict[str, Any]:
        """Return the tables as an operation sees them."""
        seen: dict[str, Any] = {name: {} for name in names}
        for (name, key), versions in self._versions.items():
            if name not in seen:
                continue
            visible, pending = self._split(versions, operation, now)
            hidden = bool(pending) and self._lag.hides(pending[0].change, operation)
            if visible.state is not None and not hidden:
                seen[name][key] = visible.state
        return seen

    def since(self, moment: float, name: str) -> Iterator[tuple[str, Any]]:
        """Yield each state of a table's resources from a moment on, with the ARN or id."""
        for (table, key), versions in self._versions.items():
            ends = [version.since for version in versions[1:]] + [math.inf]
            for version, end in zip(versions, ends, strict=True):
                if table == name and version.state is not None and end >= moment:
                    yield key, version.state

    def check(self, call: ConnectCall, now: float) -> None:
        """Raise ServiceError if a call refers to a new resource that it does not see yet."""
        referred = {_bare(text) for text in _texts(call.parameters)}
        for (_, key), versions in self._versions.items():
            if _bare(key) not in referred:
                continue
            visible, pending = self._split(versions, call.operation, now)
            if pending and visible.state is None and versions[-1].state is not None:
                code = self._lag.error(pending[0].change)
                raise ServiceError(code, f"{_bare(key)} is not visible yet")

    def _split(
        self, versions: list[_Version], operation: str, now: float
    ) -> tuple[_Version, list[_Version]]:
        """Return the latest visible version, and the versions after it."""
        for index in range(len(versions) - 1, 0, -1):
            version = versions[index]
            if version.since + self._lag.seconds(version.change, operation) <= now:
                return version, versions[index + 1 :]
        return versions[0], versions[1:]


def is_read(operation: str) -> bool:
    """Return whether an operation changes nothing."""
    return operation.startswith(_READS)


def _bare(arn_or_id: str) -> str:
    return arn_or_id.rpartition("/")[2]


def _texts(node: object) -> Iterator[str]:
    """Yield each text in the parameters of a call."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)
