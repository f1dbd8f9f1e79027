"""A create that CloudFormation cancels while it waits for Connect leaves nothing.

A sibling fails, the stack rolls back, and the Delete comes, with an id that CloudFormation made up,
while there is nothing to delete yet. Then Connect takes the create after all.
"""

from collections.abc import Callable, Iterator

import pytest

from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.children import Zygote
from tests.harness import Context, FakeTime, Sink, load_event
from tests.scenarios import Scenario, state_of

CREATES = [
    Scenario("a quick connect", "quick_connect_create"),
    Scenario("a group", "traffic_distribution_group_create"),
]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    process = Zygote()
    yield process
    process.close()


def cancelling(
    scenario: Scenario, sink: Sink, stacks: Stacks, status: str, zygote: Zygote
) -> Callable[[], None]:
    """Return what happens while the create waits: the Delete comes, and finds nothing."""

    def happens() -> None:
        FakeTime.current.passed += 5
        stacks.status = status
        delete = load_event(scenario.event.replace("create", "delete_after_cancelled_create"), sink)
        assert zygote.run([(scenario.handler, delete)]) == [0]
        assert sink.answers[-1]["Status"] == "SUCCESS"

    return happens


@pytest.mark.parametrize("scenario", CREATES, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize(
    "status",
    [
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
        "DELETE_IN_PROGRESS",
        "DELETE_COMPLETE",
    ],
)
def test_a_cancelled_create_leaves_nothing(
    scenario: Scenario,
    status: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
    zygote: Zygote,
) -> None:
    """Nobody will send another Delete, so the create removes what it made."""
    create = scenario.prepare(connect, sink)
    before = state_of(connect)
    operation = "CreateQuickConnect" if "quick" in scenario.event else "CreateTrafficDistribution"
    operation += "" if "quick" in scenario.event else "Group"
    connect.settle_seconds = 10
    connect.fault(operation, "ThrottlingException")
    clock.meanwhile = cancelling(scenario, sink, stacks, status, zygote)
    scenario.handler(create, Context())
    answer = sink.answers[-1]
    assert answer["Status"] == "FAILED"
    assert answer["Reason"] == "ResourceConflict: the stack waits no longer for this create"
    assert answer["PhysicalResourceId"].startswith("never-created-")
    assert connect.calls().count(operation) == 2
    assert state_of(connect) == before


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "CREATE_FAILED"])
@pytest.mark.parametrize("scenario", CREATES, ids=lambda scenario: scenario.name)
def test_a_slow_create_that_is_wanted_stays(
    scenario: Scenario,
    status: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """A stack that goes on, or that keeps what it has made (DisableRollback)."""
    create = scenario.prepare(connect, sink)
    connect.fault("*", "ThrottlingException")
    stacks.status = status
    clock.meanwhile = lambda: clock.sleep(5)
    scenario.handler(create, Context())
    assert sink.answers[-1]["Status"] == "SUCCESS"


def test_a_create_that_is_not_kept_waiting_asks_nothing(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """No Delete overtakes it, and CloudFormation's API is not called for each resource."""
    stacks.status = "ROLLBACK_IN_PROGRESS"
    CREATES[0].handler(CREATES[0].prepare(connect, sink), Context())
    assert sink.answers[-1]["Status"] == "SUCCESS"


def test_what_a_late_delivery_finds_again_stays(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Only what this very run made is removed: what was made before may be in use."""
    create = CREATES[0].prepare(connect, sink)
    CREATES[0].handler(create, Context())
    clock.sleep(60)
    stacks.status = "UPDATE_ROLLBACK_COMPLETE"
    CREATES[0].handler(create, Context())
    assert sink.answers[-1] == sink.answers[-2]
    assert len(connect.quick_connects) == 1
