"""Amazon Connect over HTTP, as far as the provider uses it.

The service model decides which input an operation accepts (connect_model.py). The code adds the
rest: taken names, states that change with time, quotas, rates and Regions.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name

from sandbox.connect_groups import TrafficDistributionGroups
from sandbox.connect_lists import Lists
from sandbox.connect_model import ConnectCall, ConnectModel, ServiceError
from sandbox.connect_quick_connects import QuickConnects
from sandbox.http_server import NEVER, DropConnection, HttpRequest, HttpResponse


@dataclass(frozen=True)
class JournalEntry:
    """One call and its result: an error's code, or "" for a success. time: on Connect's clock."""

    region: str
    operation: str
    parameters: Mapping[str, Any]
    error: str
    time: float


@dataclass
class Fault:
    """A fault of the next calls of an operation.

    operation: its API name, or "*" for any.
    error: an error's code; "drop" closes the connection; "hang" never responds; "garbage" responds
    with no JSON; a number is an HTTP status with an empty body.
    after: the call takes effect nevertheless.
    skip: how many calls succeed first.
    until: the emulator's time from which calls succeed again; then `times` does not count.
    output: a successful response instead of an error, such as an old one.
    """

    operation: str
    error: str
    after: bool = False
    times: int = 1
    skip: int = 0
    message: str = "a fault on demand"
    until: float | None = None
    output: Mapping[str, Any] | None = None

    def is_due(self, now: float) -> bool:
        """Return whether the next call fails, if none is to be skipped."""
        return self.times > 0 if self.until is None else now < self.until


class ConnectEmulator(QuickConnects, TrafficDistributionGroups, Lists):
    """Connect in one account, served over HTTP.

    regions_off: the Regions that are down.
    rate: requests a second for each API, with bursts of five; None for no limit.
    failure_rate: the share of calls that fail, half of them after their effect.
    watch: called with "before" and "after" each call; it may raise DropConnection.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.model = ConnectModel()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.journal: list[JournalEntry] = []
        self.faults: list[Fault] = []
        self.regions_off: set[str] = set()
        self.rate: float | None = None
        self.failure_rate = 0.0
        self.random = random.Random(1)
        self.watch: Callable[[str], None] | None = None
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def fault(
        self, operation: str, error: str = "", *, seconds: float | None = None, **options: Any
    ) -> None:
        """Let the next calls of an operation fail; see Fault.

        seconds: for how long from now.
        """
        until = None if seconds is None else self._clock() + seconds
        self.faults.append(Fault(operation, error, until=until, **options))

    def calls(self) -> list[str]:
        """Return the operations that were called, in order."""
        return [entry.operation for entry in self.journal]

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Serve an HTTP request."""
        with self._lock:
            try:
                call = self.model.parse(request)
            except ServiceError as error:
                return self.model.error_response(error)
            if call.region in self.regions_off:
                raise DropConnection
            fault = self._next_fault(call.operation)
            try:
                if fault and not fault.after:
                    return self._fail(call, fault)
                self._tell("before")
                output = self._dispatch(call)
                if fault:
                    return self._fail(call, fault)
            except ServiceError as error:
                self._note(call, error.code)
                self._tell("after")
                return self.model.error_response(error)
            self._note(call, "")
            self._tell("after")
            return HttpResponse(200, json.dumps(output).encode())

    def _tell(self, moment: str) -> None:
        if self.watch:
            self.watch(moment)

    def _next_fault(self, operation: str) -> Fault | None:
        for fault in self.faults:
            if fault.operation in ("*", operation) and fault.is_due(self._clock()):
                if fault.skip == 0:
                    fault.times -= 1
                    return fault
                fault.skip -= 1
        if self.random.random() < self.failure_rate:
            return Fault(operation, "InternalServiceException", after=self.random.random() < 0.5)
        return None

    def _fail(self, call: ConnectCall, fault: Fault) -> HttpResponse:
        self._note(call, fault.error)
        if fault.output is not None:
            return HttpResponse(200, json.dumps(fault.output).encode())
        if fault.error == "drop":
            raise DropConnection
        if fault.error == "hang":
            return NEVER
        if fault.error == "garbage":
            return HttpResponse(200, b"<html>")
        if fault.error.isdigit():
            return HttpResponse(int(fault.error))
        return self.model.error_response(ServiceError(fault.error, fault.message))

    def _note(self, call: ConnectCall, error: str) -> None:
        entry = JournalEntry(call.region, call.operation, call.parameters, error, self._clock())
        self.journal.append(entry)

    def _dispatch(self, call: ConnectCall) -> dict[str, Any]:
        self._spend(call)
        self._settle()
        operation = getattr(self, f"_{xform_name(call.operation)}", None)
        if operation is None:
            raise ServiceError("UnknownOperationException", call.operation)
        with self._as_seen_by(call):
            output: dict[str, Any] = operation(call.region, call.parameters) or {}
        return output

    def _spend(self, call: ConnectCall) -> None:
        """Take a token from the API's bucket."""
        if self.rate is None:
            return
        key, now = (call.region, call.operation), self._clock()
        tokens, seen = self._buckets.get(key, (5.0, now))
        tokens = min(5.0, tokens + (now - seen) * self.rate)
        if tokens < 1:
            self._buckets[key] = (tokens, now)
            raise ServiceError("ThrottlingException", "Rate exceeded")
        self._buckets[key] = (tokens - 1, now)
