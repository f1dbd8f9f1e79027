"""What tests use to send a whole CloudFormation request and to read its one answer."""

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from sandbox.cloudformation import Sink, Stacks
from sandbox.connect_emulator import JournalEntry

ROOT = Path(__file__).parent.parent.parent
EVENTS = ROOT / "events"
STACKS = Stacks()  # what the functions ask of CloudFormation


class FakeTime:
    """A clock that moves only when something sleeps or a test says so.

    meanwhile: what happens during the next pause.
    """

    current: ClassVar["FakeTime"]

    def __init__(self, start: float) -> None:
        self._start, self.passed = start, 0.0
        self.sleeps: list[float] = []
        self.meanwhile: Callable[[], None] | None = None

    def time(self) -> float:
        return self._start + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.passed += seconds
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            happens()


class Context:
    """Lambda's context: the run ends `seconds` after it began."""

    def __init__(self, seconds: float = 900.0) -> None:
        self._clock = FakeTime.current
        self._ends = self._clock.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - self._clock.monotonic()) * 1000)


# What all tests together sent in properties that hold text of a user's own, and what was logged.
SENT: set[str] = set()
LOGGED: set[str] = set()
CALLED: list[JournalEntry] = []  # every call that Connect got
_OWN_TEXT = ("Name", "Description", "PhoneNumber", "Tags")


class LogReader(logging.Handler):
    """Keeps every line that anything logs, but for plain crhelper, whose traps are shown."""

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("crhelper"):
            LOGGED.add(f"{record.getMessage()} {record.__dict__}")


def remember(node: object, *, own: bool = False) -> None:
    """Remember the texts of a user's own in some properties."""
    if isinstance(node, dict):
        for key, value in node.items():
            remember(value, own=own or key in _OWN_TEXT)
    elif isinstance(node, list):
        for item in node:
            remember(item, own=own)
    elif own and isinstance(node, str):
        SENT.add(node)


Handler = Callable[[dict[str, Any], Context], None]


def load_event(name: str, sink: Sink, **changes: Any) -> dict[str, Any]:
    """Return a request of events/, sent just now to the sink, with top-level changes.

    Properties=… changes single properties; None removes one.
    """
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    event["ResponseURL"] = sink.url()
    properties = changes.pop("Properties", {})
    event.update(changes)
    for key, value in properties.items():
        event["ResourceProperties"][key] = value
        if value is None:
            del event["ResourceProperties"][key]
    remember(event["ResourceProperties"])
    return event


def promised_status(name: str) -> str:
    """Return the Status that the name of an event promises."""
    return "FAILED" if name.endswith("_invalid") or "_refused_" in name else "SUCCESS"


def response_to(
    handler: Handler, event: dict[str, Any], sink: Sink, context: Context | None = None
) -> dict[str, Any]:
    """Run a request; return its answer, having checked what every answer has to be."""
    before = len(sink.requests)
    handler(event, context or Context())
    assert len(sink.requests) == before + 1, "there is exactly one answer"
    request = sink.requests[-1]
    assert request.method == "PUT"
    assert event["ResponseURL"].endswith(request.path), "it goes to this request's URL"
    assert len(request.body) <= 4096
    response: dict[str, Any] = json.loads(request.body)
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        assert response[key] == event[key]
    assert response["PhysicalResourceId"]
    assert response["Status"] == "SUCCESS" or (response["Reason"] and response["Data"] == {})
    assert all(isinstance(value, str) for value in response["Data"].values())
    return response


def operations_called(prefix: str = "") -> set[str]:
    """Return the operations that packages of functions/ call by name, connect.py's included.

    prefix: what the packages begin with, or what begins with them: those of one function.
    """
    sources = [
        source
        for source in ROOT.glob("functions/connect_provider/*/resource.py")
        if prefix.startswith(source.parent.name) or source.parent.name.startswith(prefix)
    ]
    sources += [ROOT / "functions/connect_provider/connect.py"]
    call = re.compile(r"\b(?:call|pages|_on_user)\(\s*\"(\w+)\"")
    return {name for source in sources for name in call.findall(source.read_text())}
