"""Many stacks at the same time, through an API that allows two requests a second and often fails.

The functions, their retry policy and the emulator's token bucket run on one simulated clock.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import simulation as expected
from connect_provider.backoff import CONSISTENCY_LAG
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import Sink, load_event
from tests.support.simulation import Simulation

pytestmark = pytest.mark.large

CONCURRENT = 50  # functions at the same time
FAILURES = 0.05  # the share of calls that fail, half of them after their effect


def events(
    request_type: str, count: int, sink: Sink, ids: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield a request for each quick connect; CloudFormation makes it when a function is free."""
    for number in range(count):
        name = f"Desk{number}"
        event = load_event(
            f"quick_connect_{request_type}",
            sink,
            RequestId=f"{request_type}-{name}",
            LogicalResourceId=name,
            Properties={"Name": name},
        )
        yield event | ({"PhysicalResourceId": ids[name]} if ids else {})


@pytest.mark.parametrize(("quick_connects", "seed"), [(200, 1), (500, 2)])
def test_every_request_through_a_throttled_api_succeeds_once(
    quick_connects: int,
    seed: int,
    connect: ConnectEmulator,
    sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Any,
) -> None:
    """Each quick connect is created once, and none is left after the deletes."""
    connect.quick_connect_quota = quick_connects
    connect.rate, connect.failure_rate = expected.RATE, FAILURES
    connect.random.seed(seed)
    simulation = Simulation("quick_connect", CONCURRENT, seed, monkeypatch)
    ids: dict[str, str] = {}
    for request_type, left in (("create", quick_connects), ("delete", 0)):
        seconds = simulation.run(events(request_type, quick_connects, sink, ids))
        assert [r["Reason"] for r in sink.responses if r["Status"] != "SUCCESS"] == []
        ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in sink.responses}
        assert len(sink.responses) == len(ids) == len(set(ids.values())) == quick_connects
        assert len(connect.quick_connects) == left
        floor = expected.floor(quick_connects)
        # The last delete may fail after its effect. It then looks until the lag is over.
        assert floor <= seconds <= 1.3 * floor + CONSISTENCY_LAG
        sink.reset()
    errors = {entry.error for entry in connect.journal}
    assert errors >= {"ThrottlingException", "InternalServiceException"}
    record_property("requests through a throttled API", 2 * quick_connects)


def test_equal_seeds_give_equal_runs(
    connect: ConnectEmulator, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulation depends on nothing but its seeds, so it cannot fail on a slow machine."""
    runs = []
    for _ in range(2):
        connect.quick_connects.clear()
        connect.journal.clear()
        connect._buckets.clear()
        connect.rate, connect.failure_rate = expected.RATE, FAILURES
        connect.random.seed(1)
        simulation = Simulation("quick_connect", 10, 1, monkeypatch)
        seconds = simulation.run(events("create", 20, sink, {}))
        runs.append((round(seconds, 6), [(e.operation, e.error) for e in connect.journal]))
    assert runs[0] == runs[1]
