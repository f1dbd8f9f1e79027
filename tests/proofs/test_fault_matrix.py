"""Every call meets every fault: the stack ends well, and nothing leaks.

For each request of tests/support/scenarios.py, each of its calls meets each error that botocore's
model declares for it, and each fault of an HTTP call. In each cell the request gets one response,
or it raises and runs again, as on Lambda. Then CloudFormation's next requests follow. Connect shows
every change up to 20 seconds late.
"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest
from botocore.model import OperationModel

from connect_provider.edge.response import DeliveryError
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.harness import Context, FakeTime, Sink, reversed_update
from tests.support.scenarios import SCENARIOS, Scenario, State, distinct_calls, state_of

pytestmark = pytest.mark.large

# The faults of any call: an error, and whether the call takes effect nevertheless.
ANY_CALL = [
    ("ThrottlingException", False),
    ("TooManyRequestsException", False),
    ("InternalServiceException", False),
    ("InternalServiceException", True),
    ("503", False),
    ("503", True),
    ("drop", False),
    ("drop", True),
    ("hang", False),
    ("hang", True),
    ("garbage", False),
    ("garbage", True),
]
TRANSIENT = {error for error, _ in ANY_CALL}
# For a while after a change, Connect gives these errors although nothing is wrong.
MISSES = {"ResourceNotFoundException", "InvalidRequestException", "ResourceInUseException"}
LAG = 20.0  # seconds
_RUNS = 3
# The replies to a response's PUT, and the number of tries in one run.
REPLIES = [400, 403, 404, 500, 503, 301, 307, "drop", "hang", "slow"]
_SENT = 4


def faults_for(operation: OperationModel) -> list[tuple[str, bool]]:
    """Return the errors that the model declares for an operation, and the faults of any call."""
    faults = {(shape.name, False) for shape in operation.error_shapes} | {*ANY_CALL}
    output = operation.output_shape
    if output is None or not output.members:
        faults.remove(("garbage", False))  # HTTP 200 is then all that a success has
    return sorted(faults)


def right_status(
    event: dict[str, Any], earlier: list[str] | None, operation: str, error: str
) -> str:
    """Return the right Status after one fault: SUCCESS if one more try cures it.

    earlier: the calls before the one with the fault, or None if no call met it.
    """
    if earlier is None or error in TRANSIENT | MISSES:
        return "SUCCESS"
    if error in ("ResourceConflictException", "DuplicateResourceException"):
        return "SUCCESS"  # another change is under way and ends, or nothing shows the Name as taken
    makes_room = "LimitExceeded" in error and operation == "AssociateQueueQuickConnects"
    if makes_room and event["RequestType"] == "Update" and _same_queue(event):
        return "SUCCESS"  # it dissociates first
    if "CrossRegionRouting" in operation:  # another Region tells, but the write goes to one Region
        return "SUCCESS" if operation.startswith("Get") else "FAILED"
    is_traffic = event["ResourceType"] == "Custom::ConnectTrafficDistribution"
    if is_traffic and "UpdateTrafficDistribution" not in [*earlier, operation]:
        return "SUCCESS"  # another Region tells
    return "FAILED"


def _same_queue(event: dict[str, Any]) -> bool:
    """Return whether an update changes the quick connects of one queue."""
    queues = [event[key]["QueueId"] for key in ("ResourceProperties", "OldResourceProperties")]
    return queues[0] == queues[1]


def calls_before_fault(connect: ConnectEmulator, error: str) -> list[str] | None:
    """Return the calls before the first one with an error, or None if no call met it.

    With a lag, a run may need more or fewer calls. A call may also fail for the lag instead.
    """
    errors = [entry.error for entry in connect.journal]
    return connect.calls()[: errors.index(error)] if error in errors else None


def send(scenario: Scenario, event: dict[str, Any], sink: Sink) -> dict[str, Any]:
    """Run a request until its response, as Lambda does; return the one response."""
    before = len(sink.requests)
    for run in range(_RUNS):
        try:
            scenario.handler(event, Context())
        except Exception:  # noqa: BLE001  # Lambda runs it again
            FakeTime.current.sleep((60, 120)[min(run, 1)])
            continue
        assert len(sink.requests) == before + 1, "there is exactly one response"
        return sink.responses[-1]
    raise AssertionError("no run responded")


def _is_deleting(calls: list[str], index: int) -> bool:
    """Return whether a group's deletion has begun before a call."""
    return "DeleteTrafficDistributionGroup" in calls[:index]


def lag_of(cell: int) -> Lag:
    """Return the lag of a cell: the same in every run."""
    return Lag(LAG, seed=cell)


def follow(event: dict[str, Any], sink: Sink, **changes: Any) -> dict[str, Any]:
    """Return the request that CloudFormation sends next."""
    return {
        **{key: value for key, value in event.items() if key != "OldResourceProperties"},
        "RequestId": f"{event['RequestId']}-next",
        "ResponseURL": sink.url(),
        **changes,
    }


def clean_up(
    scenario: Scenario, event: dict[str, Any], response: dict[str, Any], sink: Sink
) -> None:
    """Delete the resource that an update replaced."""
    replaced = event.get("PhysicalResourceId", response["PhysicalResourceId"])
    if replaced != response["PhysicalResourceId"]:
        old = event["OldResourceProperties"]
        delete = follow(event, sink, RequestType="Delete", ResourceProperties=old)
        assert send(scenario, delete, sink)["Status"] == "SUCCESS"


def check_outcome(
    scenario: Scenario,
    event: dict[str, Any],
    response: dict[str, Any],
    sink: Sink,
    connect: ConnectEmulator,
    before: State,
    after: State,
    stacks: Stacks,
) -> None:
    """Check that the state agrees with the response, and that CloudFormation can finish."""
    connect.faults.clear()
    if response["Status"] == "SUCCESS":
        clean_up(scenario, event, response, sink)
        assert state_of(connect) == after
        return
    assert "in the provider" not in response["Reason"], "no bug of ours"
    request_type = event["RequestType"]
    if request_type == "Delete":
        assert response["PhysicalResourceId"] == event["PhysicalResourceId"]
        again = send(scenario, follow(event, sink), sink)
        assert again["Status"] == "SUCCESS", "a Delete can be repeated"
        assert state_of(connect) == after
        return
    stacks.status = "ROLLBACK_IN_PROGRESS"
    physical_id = response["PhysicalResourceId"]
    old = event.get("OldResourceProperties")
    if request_type == "Update":
        reverse = {"ResourceProperties": old, "OldResourceProperties": event["ResourceProperties"]}
        rolled_back = send(
            scenario, follow(event, sink, PhysicalResourceId=physical_id, **reverse), sink
        )
        assert rolled_back["Status"] == "SUCCESS", rolled_back["Reason"]
        assert rolled_back["PhysicalResourceId"] == event["PhysicalResourceId"]
    if physical_id != event.get("PhysicalResourceId"):
        cleanup = follow(event, sink, RequestType="Delete", PhysicalResourceId=physical_id)
        assert send(scenario, cleanup, sink)["Status"] == "SUCCESS"
    right = [before, after] if _puts_back(event) else [before]
    assert _comparable(state_of(connect), event) in [_comparable(each, event) for each in right]


def _puts_back(event: dict[str, Any]) -> bool:
    """Return whether an update applies the split of the previous template, too.

    A rollback then has nothing to restore.
    """
    old, new = event.get("OldResourceProperties", {}), event["ResourceProperties"]
    return "Revision" in new and old.get("TelephonyConfig") == new["TelephonyConfig"]


def _comparable(state: State, event: dict[str, Any]) -> State:
    """Leave out the differences that a rollback may leave.

    A released resource keeps cfn:adopted-at, and a Create's traffic distribution stays.
    """
    splits = event["ResourceType"] == "Custom::ConnectTrafficDistribution"
    if splits and event["RequestType"] == "Create":
        return {}
    kept = copy.deepcopy(state)
    for key, value in kept.items():
        tags = value[-1]
        for marker in [k for k in tags if k.startswith("cfn:")]:
            del tags[marker]
        kept[key] = (*value[:-1], tags)
    return kept


class Cells:
    """The cells of a test. met: how many have met their fault."""

    def __init__(self) -> None:
        self.count = self.met = 0
        self._wrong: list[str] = []

    @contextmanager
    def cell(self, error: str, operation: str, index: int, *, takes_effect: bool) -> Iterator[None]:
        """Begin the next cell, and note the assertion that fails in it."""
        self.count += 1
        effect = " after the effect" if takes_effect else ""
        try:
            yield
        except AssertionError as failure:
            problem = (str(failure).splitlines() or ["no response"])[0]
            self._wrong.append(f"{error}{effect} at {operation} {index}: {problem}")

    def check(self, record_property: Any) -> None:
        """Fail if a cell is wrong, or most cells met no fault; record how many did."""
        wrong = [f"{len(self._wrong)} of {self.count} cells are wrong:", *self._wrong]
        assert not self._wrong, "\n".join(wrong)
        assert 2 * self.met >= self.count, f"only {self.met} of {self.count} faults were met"
        record_property("fault matrix, cells", self.met)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_call_survives_every_fault(
    scenario: Scenario,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    record_property: Any,
) -> None:
    """Each call of the request meets each of its faults in turn."""
    event = scenario.prepare(connect, sink)
    before = state_of(connect)
    response = send(scenario, event, sink)
    assert response["Status"] == "SUCCESS"
    calls, distinct = connect.calls(), distinct_calls(connect.journal)
    clean_up(scenario, event, response, sink)
    after = state_of(connect)
    cells = Cells()
    for index in distinct:
        operation = calls[index]
        for error, takes_effect in faults_for(connect.model.service.operation_model(operation)):
            if error in MISSES and operation.startswith("Describe") and _is_deleting(calls, index):
                continue  # Connect has accepted the deletion, so one miss is enough
            stacks.status = "UPDATE_IN_PROGRESS"
            with cells.cell(error, operation, index, takes_effect=takes_effect):
                event = scenario.prepare(connect, sink, lag_of(cells.count))
                skip = calls[:index].count(operation)
                connect.fault(operation, error, after=takes_effect, skip=skip)
                response = send(scenario, event, sink)
                earlier = calls_before_fault(connect, error)
                cells.met += earlier is not None
                right = right_status(event, earlier, operation, error)
                assert response["Status"] == right, response["Reason"]
                check_outcome(scenario, event, response, sink, connect, before, after, stacks)
    cells.check(record_property)


REPLACEMENTS = [scenario for scenario in SCENARIOS if scenario.event.endswith("_replacement")]


@pytest.mark.parametrize("scenario", REPLACEMENTS, ids=lambda scenario: scenario.name)
def test_every_call_of_the_rollback_of_a_replacement_survives_every_fault(
    scenario: Scenario,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    record_property: Any,
) -> None:
    """The old resource stays. A rollback that fails is continued, and ends then."""
    before, reverse = prepare_rollback(scenario, connect, sink, stacks)
    assert send(scenario, reverse, sink)["Status"] == "SUCCESS"
    calls, distinct = connect.calls(), distinct_calls(connect.journal)
    cells = Cells()
    for index in distinct:
        operation = calls[index]
        for error, takes_effect in faults_for(connect.model.service.operation_model(operation)):
            with cells.cell(error, operation, index, takes_effect=takes_effect):
                lag = lag_of(cells.count)
                before, reverse = prepare_rollback(scenario, connect, sink, stacks, lag)
                skip = calls[:index].count(operation)
                connect.fault(operation, error, after=takes_effect, skip=skip)
                response = send(scenario, reverse, sink)
                cells.met += calls_before_fault(connect, error) is not None
                connect.faults.clear()
                if response["Status"] == "FAILED":
                    replaced = {"PhysicalResourceId": response["PhysicalResourceId"]}
                    response = send(scenario, {**follow(reverse, sink), **replaced}, sink)
                assert response["Status"] == "SUCCESS", response["Reason"]
                clean_up(scenario, reverse, response, sink)
                assert _comparable(state_of(connect), reverse) == _comparable(before, reverse)
    cells.check(record_property)


def prepare_rollback(
    scenario: Scenario,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    lag: Lag | None = None,
) -> tuple[State, dict[str, Any]]:
    """Replace a resource; return the state before that, and the Update that rolls it back."""
    stacks.status = "UPDATE_IN_PROGRESS"
    update = scenario.prepare(connect, sink, lag)
    before = state_of(connect)
    response = send(scenario, update, sink)
    assert response["Status"] == "SUCCESS"
    FakeTime.current.sleep(60)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    replacement = {"PhysicalResourceId": response["PhysicalResourceId"]}
    connect.journal.clear()
    return before, {**reversed_update(update, sink), **replacement}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_response_survives_every_fault(
    scenario: Scenario,
    connect: ConnectEmulator,
    sink: Sink,
    record_property: Any,
) -> None:
    """Each fault meets the response once, and as often as one run sends the response."""
    event = scenario.prepare(connect, sink)
    wanted = send(scenario, event, sink)
    clean_up(scenario, event, wanted, sink)
    after = state_of(connect)
    cells = list(product(REPLIES, (1, _SENT)))
    for reply, times in cells:
        event = scenario.prepare(connect, sink)
        sink.requests.clear()
        sink.replies = [reply] * times
        try:
            runs = runs_until_accepted(scenario, event)
            assert runs == (2 if times == _SENT and reply != "slow" else 1)
            assert {response["Status"] for response in sink.responses} == {"SUCCESS"}
            assert len({response["PhysicalResourceId"] for response in sink.responses}) == 1
            assert all("elsewhere" not in request.path for request in sink.requests)
            sink.replies = []
            clean_up(scenario, event, sink.responses[-1], sink)
            assert state_of(connect) == after
        except AssertionError as failure:
            raise AssertionError(f"{reply}, {times} times") from failure
    record_property("fault matrix, cells", len(cells))


def runs_until_accepted(scenario: Scenario, event: dict[str, Any]) -> int:
    """Run a request as Lambda does; return how many runs it took."""
    for run in range(1, _RUNS + 1):
        try:
            scenario.handler(event, Context())
        except DeliveryError:
            FakeTime.current.sleep(60)
        else:
            return run
    raise AssertionError("no run responded")
