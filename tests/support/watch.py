"""Watch each test: no log line holds a secret, and a role allows each call.

A ResponseURL lets its holder respond for us. A property may come from a NoEcho parameter.
conftest.py reports a problem as an error of the test that caused it.
"""

import logging
import re
from functools import cache

from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import JournalEntry
from tests.support.harness import SENT
from tests.support.template import (
    EVERY_INSTANCE,
    FUNCTIONS,
    Rules,
    allowed,
    resources_of,
    statements,
)

LOGGED: set[str] = set()
CALLED: list[JournalEntry] = []
_TELLING = 10  # shorter texts are too common to recognize
_judged: dict[tuple[str, str], bool] = {}


class LogReader(logging.Handler):
    """Keeps each log line, except from plain crhelper: other tests show its leaks."""

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("crhelper"):
            LOGGED.add(f"{record.getMessage()} {record.__dict__}")


def problems(printed: str) -> list[str]:
    """Return the problems of the test that has just ended, and forget the test.

    printed: its standard output, which holds the metrics.
    """
    lines = [*LOGGED, *printed.splitlines()]
    telling = [text for text in SENT if len(text) >= _TELLING]
    found = [f"a log line holds a ResponseURL: {line}" for line in lines if _has_url(line)]
    found += [
        f"a log line holds a property's value: {line}"
        for line in lines
        if any(text in line for text in telling)
    ]
    calls = {(entry.operation, arn) for entry in CALLED for arn in resources_of(entry)}
    found += [f"no role allows {name} on {arn}" for name, arn in calls if not _allowed(name, arn)]
    for memory in (SENT, LOGGED, CALLED):
        memory.clear()
    return found


def _has_url(line: str) -> bool:
    return "X-Amz-" in line or "/response/" in line


def _allowed(operation: str, arn: str) -> bool:
    """Tell whether a role allows a call. Hostile requests name other accounts; no role needs to."""
    if not re.match(rf"arn:aws:connect:[^:]+:{ACCOUNT}:", arn):
        return True
    if (operation, arn) not in _judged:
        _judged[operation, arn] = any(allowed(rules, operation, arn) for rules in _roles())
    return _judged[operation, arn]


@cache
def _roles() -> list[Rules]:
    """Return the statements of each function's role."""
    return [statements(package, EVERY_INSTANCE) for package in FUNCTIONS]
