"""A request that was killed anywhere and runs again ends like one clean run.

The handler runs in a child process. SIGKILL hits it right before or right after one of its calls,
including the PUT of the response. Then the event runs again: twice in turn, or twice at once.
Connect shows every change up to 20 seconds late.
"""

import signal
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from sandbox.http_server import DropConnection
from tests.support.children import Zygote
from tests.support.harness import Sink
from tests.support.scenarios import SCENARIOS, Scenario, State, distinct_calls, state_of

pytestmark = pytest.mark.large


class Killer:
    """Kills the child at its call number `call` (from 0), before or after the effect."""

    def __init__(self, kill: Callable[[], None], call: int, moment: str) -> None:
        self._kill, self._left, self._moment = kill, call, moment

    def __call__(self, moment: str) -> None:
        if moment != self._moment:
            return
        self._left -= 1
        if self._left == -1:
            self._kill()
            raise DropConnection


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_killed_request_ends_like_a_clean_one(
    scenario: Scenario,
    connect: ConnectEmulator,
    sink: Sink,
    zygote: Zygote,
    record_property: Any,
) -> None:
    """One resource exists, with one owner, and each later response has its id."""
    event = scenario.prepare(connect, sink)
    assert zygote.run([event]) == [0]
    after, response = state_of(connect), len(connect.journal)  # its PUT is the last call
    calls = [*distinct_calls(connect.journal), response]
    kills = list(product(calls, ("before", "after"), ((1, 1), (2,))))
    met, wrong = 0, []
    for seed, kill in enumerate(kills):
        try:
            event = scenario.prepare(connect, sink, Lag(20, seed=seed))
            met += check_kill(event, kill, after, connect, sink, zygote)
        except AssertionError as failure:
            wrong.append(f"{kill}: {(str(failure).splitlines() or ['no response'])[0]}")
    assert not wrong, "\n".join([f"{len(wrong)} of {len(kills)} kills are wrong:", *wrong])
    assert met > 0.9 * len(kills), f"only {met} of {len(kills)} runs were killed"
    record_property("killed runs", met)


def check_kill(
    event: dict[str, Any],
    kill: tuple[int, str, tuple[int, ...]],
    after: State,
    connect: ConnectEmulator,
    sink: Sink,
    zygote: Zygote,
) -> bool:
    """Kill a run, run the event again, and compare the end with the one of a clean run.

    Return whether the run was killed. With a lag, it may need fewer calls than the clean run.
    """
    call, moment, runs = kill
    before = len(sink.requests)
    connect.watch = sink.watch = Killer(zygote.kill, call, moment)
    try:
        (end,) = zygote.run([event])
    finally:
        connect.watch = sink.watch = None
    assert end in (signal.SIGKILL, 0)
    for at_once in runs:
        assert zygote.run([event] * at_once) == [0] * at_once
    responses = sink.responses[before:]
    reasons = sorted({response["Reason"] for response in responses} - {""})
    assert not reasons, "; ".join(reasons)
    assert len({response["PhysicalResourceId"] for response in responses}) == 1
    assert state_of(connect) == after
    return end == signal.SIGKILL


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_request_that_runs_twice_at_once_ends_like_a_clean_one(
    scenario: Scenario, connect: ConnectEmulator, sink: Sink, zygote: Zygote
) -> None:
    """Lambda can deliver an event twice without any error."""
    event = scenario.prepare(connect, sink)
    zygote.run([event])
    after = state_of(connect)
    for _ in range(3):
        event = scenario.prepare(connect, sink)
        before = len(sink.requests)
        assert zygote.run([event] * 2) == [0, 0]
        assert state_of(connect) == after
        responses = sink.responses[before:]
        assert {response["Status"] for response in responses} == {"SUCCESS"}
        assert len({response["PhysicalResourceId"] for response in responses}) == 1
