"""Send whole CloudFormation requests, and read their one response."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any, ClassVar

from cfn_connect.resource_types import RESOURCE_TYPES
from sandbox.cloudformation import Sink, Stacks
from tests.support.shared_clock import CLOCK

ROOT = Path(__file__).parent.parent.parent
EVENTS = ROOT / "events"
STACKS = Stacks(now=lambda: FakeTime.current.time())  # the CloudFormation API of the functions
SENT: set[str] = set()  # the user's own texts in the properties of a test's requests
START = 1_800_000_000.0  # seconds since 1970; no test depends on the date
_OWN_TEXT = ("Name", "Description", "PhoneNumber", "Tags")


class FakeTime:
    """A clock that moves only when something sleeps or a test moves it. Child processes share it.

    meanwhile: called during the next pause.
    pass_on: lets the seconds of a pause pass; a simulation runs other functions meanwhile.
    """

    current: ClassVar["FakeTime"]

    def __init__(self, start: float) -> None:
        self.restart(start)
        self.sleeps: list[float] = []
        self.meanwhile: Callable[[], None] | None = None
        self.pass_on: Callable[[float], None] = self.advance

    def restart(self, start: float, passed: float = 0.0) -> None:
        """Set the time at zero seconds, and the seconds that have passed."""
        CLOCK.set(start, passed)

    @property
    def passed(self) -> float:
        return CLOCK.passed

    @passed.setter
    def passed(self, seconds: float) -> None:
        CLOCK.set(CLOCK.start, seconds)

    def time(self) -> float:
        return CLOCK.time()

    def monotonic(self) -> float:
        return self.passed

    def advance(self, seconds: float) -> None:
        CLOCK.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.pass_on(seconds)
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


Handler = Callable[[dict[str, Any], Context], None]


def handler_of(event: Mapping[str, Any]) -> Handler:
    """Return the function that serves the event's resource type."""
    app = RESOURCE_TYPES[event["ResourceType"]].app
    handler: Handler = import_module(f"connect_provider.{app}.app").lambda_handler
    return handler


def fresh_handler(app: str) -> Handler:
    """Return the handler of a fresh copy of a function's module, as a new process has it."""
    spec = find_spec(f"connect_provider.{app}.app")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.lambda_handler
    return handler


def read_event(name: str) -> dict[str, Any]:
    """Return a request of events/ as it is."""
    event: dict[str, Any] = json.loads(_text(name))
    return event


@cache
def _text(name: str) -> str:
    """Return the text of a file in events/, which no test changes."""
    return (EVENTS / f"{name}.json").read_text()


def load_event(name: str, sink: Sink, **changes: Any) -> dict[str, Any]:
    """Return a request of events/, sent just now to the sink, with top-level changes.

    Properties=… changes single properties; None removes one.
    """
    event = read_event(name)
    event["ResponseURL"] = sink.url()
    properties = changes.pop("Properties", {})
    event.update(changes)
    for key, value in properties.items():
        event["ResourceProperties"][key] = value
        if value is None:
            del event["ResourceProperties"][key]
    _remember(event["ResourceProperties"])
    return event


def _remember(node: object, *, own: bool = False) -> None:
    """Remember the user's own texts in some properties."""
    if isinstance(node, dict):
        for key, value in node.items():
            _remember(value, own=own or key in _OWN_TEXT)
    elif isinstance(node, list):
        for item in node:
            _remember(item, own=own)
    elif own and isinstance(node, str):
        SENT.add(node)


def promised_status(name: str) -> str:
    """Return the Status that the name of an event promises."""
    return "FAILED" if name.endswith("_invalid") or "_refused_" in name else "SUCCESS"


def response_to(
    handler: Handler, event: dict[str, Any], sink: Sink, context: Context | None = None
) -> dict[str, Any]:
    """Run a request; check and return its one response."""
    before = len(sink.requests)
    handler(event, context or Context())
    assert len(sink.requests) == before + 1, "there is exactly one response"
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


def created(event: dict[str, Any], sink: Sink) -> str:
    """Run a request that succeeds; return its physical id."""
    response = response_to(handler_of(event), event, sink)
    assert response["Status"] == "SUCCESS", response["Reason"]
    physical_id: str = response["PhysicalResourceId"]
    return physical_id


def reversed_update(update: Mapping[str, Any], sink: Sink) -> dict[str, Any]:
    """Return the Update that rolls an update back."""
    return {
        **update,
        "RequestId": "rollback",
        "ResponseURL": sink.url(),
        "ResourceProperties": update["OldResourceProperties"],
        "OldResourceProperties": update["ResourceProperties"],
    }
