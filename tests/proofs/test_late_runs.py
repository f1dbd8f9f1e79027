"""A run that begins late keeps the traffic where others have moved it since the request.

The previous split is live again, so only LastFailoverTime tells.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support import cloudformation
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import FakeTime, Sink
from tests.support.timeline import Timeline
from tests.support.traffic import EAST, by_hand, live, move_in_the_console, percentages, template

pytestmark = [
    pytest.mark.no_cover,
    pytest.mark.parametrize("policy", ["Overwrite", "Fail"]),
]


@pytest.fixture
def evacuated(
    policy: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> Callable[[int], Template]:
    """A stack that has evacuated the home Region. Returns its template with another split."""
    connect.shift_seconds = 1
    assert stack.deploy(template(0, OutOfBandTraffic=policy))
    clock.sleep(3600)
    return lambda east: template(east, OutOfBandTraffic=policy)


def fail_back(stack: Stack, after: Template, *jobs: tuple[float, Callable[[], object]]) -> None:
    """Update the stack, while others act some seconds after the request."""
    stack.timeline = timeline = Timeline()
    for seconds, job in jobs:
        timeline.start(lambda job=job: job() and None, after=seconds)
    timeline.start(lambda: stack.deploy(after) and None)
    timeline.run()
    FakeTime.current.sleep(60)


def both(east: int, policy: str) -> Template:
    """Return a template that moves calls and agents."""
    agents = percentages(east, 100 - east)
    return template(east, AgentConfig=agents, OutOfBandTraffic=policy)


def start_late(monkeypatch: pytest.MonkeyPatch, clock: FakeTime) -> None:
    """Let the function have no concurrency for five minutes."""
    invoke, pauses = cloudformation._invoke, [300.0]

    def late(event: dict[str, Any]) -> None:
        clock.sleep(pauses.pop() if pauses else 0.0)
        invoke(event)

    monkeypatch.setattr(cloudformation, "_invoke", late)


def confirm(connect: ConnectEmulator, group: dict[str, Any]) -> None:
    """Write the live split again. The console repeats a call until Connect accepts it."""
    calls = group["traffic"]["TelephonyConfig"]
    connect._update_traffic_distribution(EAST, {"Id": group["Arn"], "TelephonyConfig": calls})


@pytest.mark.parametrize("seconds", [40.0, 60.0, 75.0])
def test_a_second_run_keeps_an_evacuation(
    seconds: float,
    connect: ConnectEmulator,
    stack: Stack,
    sink: Sink,
    group: dict[str, Any],
    evacuated: Callable[[int], Template],
) -> None:
    """The response of the first run is lost. Then the Region fails again."""
    sink.replies = [503] * 4
    again = partial(move_in_the_console, connect, group, TelephonyConfig=(0, 100))
    fail_back(stack, evacuated(100), (seconds, again))
    connect._settle()
    assert live(group) == (0, 100)


@pytest.mark.parametrize("seconds", [40.0, 100.0, 150.0])
def test_a_second_run_keeps_the_failover_of_the_stack_in_the_other_region(
    seconds: float,
    stack: Stack,
    stacks: Stacks,
    sink: Sink,
    group: dict[str, Any],
    clock: FakeTime,
    evacuated: Callable[[int], Template],
) -> None:
    """No response of the failed Region arrives."""
    other, shown, done = Stack(sink, stacks), [], []
    for east in (100, 0):
        other.deploy(template(east))
    clock.sleep(3600)
    assert live(group) == (0, 100)
    other.timeline = stack.timeline = timeline = Timeline()
    weather = Weather(unanswered=frozenset({"Traffic"}))
    timeline.start(lambda: stack.deploy(evacuated(100), weather) and None)
    failover = template(0, Revision="failover")
    timeline.start(lambda: done.append(other.deploy(failover)), after=seconds)
    timeline.start(lambda: shown.append(live(group)), after=900.0)
    timeline.run()
    assert (done, shown) == ([True], [(0, 100)])


@pytest.mark.parametrize("on_the_way", [None, 50], ids=["confirmed", "there and back"])
def test_a_first_run_that_lambda_starts_late_keeps_an_evacuation(
    on_the_way: int | None,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
    evacuated: Callable[[int], Template],
) -> None:
    """The function has no concurrency for five minutes."""

    def evacuate() -> None:
        if on_the_way is not None:
            move_in_the_console(connect, group, TelephonyConfig=(on_the_way, 100 - on_the_way))
            clock.sleep(30)
        move_in_the_console(connect, group, TelephonyConfig=(0, 100))

    start_late(monkeypatch, clock)
    fail_back(stack, evacuated(100), (210.0, evacuate))
    connect._settle()
    assert live(group) == (0, 100)


@pytest.mark.parametrize(
    ("operation", "error", "lasts", "seconds"),
    [
        ("UpdateTrafficDistribution", "ThrottlingException", 950.0, 850.0),  # longer than a run
        ("GetTrafficDistribution", "503", 90.0, 60.0),
    ],
)
def test_a_run_that_connect_holds_up_keeps_an_evacuation(
    operation: str,
    error: str,
    lasts: float,
    seconds: float,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    evacuated: Callable[[int], Template],
) -> None:
    """Operators confirm the split that is live."""
    connect.fault(operation, error, seconds=lasts)
    fail_back(stack, evacuated(100), (seconds, partial(confirm, connect, group)))
    connect._settle()
    assert live(group) == (0, 100)


@pytest.mark.parametrize(
    ("fails_at", "status_lag"), [(40.0, 29.0), (50.0, 20.0), (58.0, 10.0), (62.0, 3.0)]
)
def test_a_second_run_does_not_repeat_a_write_that_the_rollback_undid(
    fails_at: float,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    sink: Sink,
    group: dict[str, Any],
    clock: FakeTime,
    evacuated: Callable[[int], Template],
) -> None:
    """The response of the first run is lost, and engineers cancel the update."""
    sink.replies = [503] * 4
    assert not stack.deploy(evacuated(100), Weather(fails_at=fails_at, status_lag=status_lag))
    clock.sleep(200)
    connect._settle()
    assert live(group) == (0, 100)


def test_a_second_delivery_does_not_repeat_a_write_that_the_rollback_undid(
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
    evacuated: Callable[[int], Template],
) -> None:
    """Connect throttles the first write for half a minute."""
    deliveries = iter([2])
    stack.deliveries = lambda: next(deliveries, 1)
    connect.fault("UpdateTrafficDistribution", "ThrottlingException", seconds=30)
    assert not stack.deploy(evacuated(100), Weather(fails_at=36.0, status_lag=20))
    clock.sleep(60)
    connect._settle()
    assert live(group) == (0, 100)


@pytest.mark.parametrize("seconds", [40.0, 60.0, 75.0])
def test_a_second_run_keeps_an_evacuation_of_the_calls_alone(
    seconds: float,
    policy: str,
    connect: ConnectEmulator,
    stack: Stack,
    sink: Sink,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The first run moved calls and agents. Operators return only the calls."""
    connect.shift_seconds = 1
    assert stack.deploy(both(0, policy))
    clock.sleep(3600)
    sink.replies = [503] * 4
    again = partial(move_in_the_console, connect, group, TelephonyConfig=(0, 100))
    fail_back(stack, both(100, policy), (seconds, again))
    connect._settle()
    assert live(group) == (0, 100)


def test_a_late_first_run_keeps_an_evacuation_although_agents_were_moved_before(
    policy: str,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody returned the agents, so their split is not that of the template."""
    assert stack.deploy(both(0, policy))
    by_hand(group, 50, 50, "AgentConfig")
    clock.sleep(3600)
    start_late(monkeypatch, clock)
    fail_back(stack, both(100, policy), (210.0, partial(confirm, connect, group)))
    connect._settle()
    assert live(group) == (0, 100)
