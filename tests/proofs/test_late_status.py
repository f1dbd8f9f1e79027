"""A request never takes an old status of its stack for that of its own operation.

If an update here names another group or queue, a rollback would have nothing to do there.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import START, FakeTime
from tests.support.histories import DESK, FLOW, GROUP, OFFER, TRAFFIC
from tests.support.traffic import by_hand, live, percentages, template

pytestmark = pytest.mark.no_cover

# The template before, the template after, and whether the latter is live.
Change = tuple[Template, Template, Callable[[], bool]]
NAMED = {"InstanceId": scene.INSTANCE_ID, "Name": "n", "QuickConnectConfig": FLOW, "Tags": {}}
WRITES = {"traffic": "UpdateTrafficDistribution", "offer": "AssociateQueueQuickConnects"}


def traffic(connect: ConnectEmulator) -> Change:
    """Shift the calls of another group."""
    default = connect.default_group(scene.INSTANCE_ID)
    other = connect.add_group(connect.instances[scene.INSTANCE_ID], "two", "", {})
    connect.keep_in(other, "ACTIVE")

    def split(group: dict[str, Any], east: int, west: int) -> Template:
        config = {"TelephonyConfig": percentages(east, west)}
        return {"It": (TRAFFIC, {"TrafficDistributionGroupId": group["Arn"], **config})}

    return split(default, 100, 0), split(other, 0, 100), lambda: live(other) == (0, 100)


def offer(connect: ConnectEmulator) -> Change:
    """Offer quick connects in another queue."""
    scene.add_quick_connects(connect)
    ids = list(scene.QUICK_CONNECT_IDS)[1:]

    def offered(queue: str) -> Template:
        return {
            "It": (
                OFFER,
                {"InstanceId": scene.INSTANCE_ID, "QueueId": queue, "QuickConnectIds": ids},
            )
        }

    def holds() -> bool:
        queues = connect.queue_quick_connects
        return any(arn.endswith(scene.OTHER_QUEUE_ID) and queues[arn] == {*ids} for arn in queues)

    return offered(scene.QUEUE_ID), offered(scene.OTHER_QUEUE_ID), holds


CHANGES = {"traffic": traffic, "offer": offer}


def at_the(fraction: float, clock: FakeTime) -> None:
    """Let a fraction of the second have passed: a request has whole seconds, and an event less."""
    clock.restart(START + fraction)


def described_after_a_throttled_update(
    connect: ConnectEmulator, stack: Stack, seconds: float, weather: Weather
) -> str:
    """Return the description of a quick connect after the rollback of a change from "old".

    seconds: how long Connect throttles the update, and its rollback, too.
    """
    stack.heal = lambda: None
    assert stack.deploy({"Desk": (DESK, {**NAMED, "Description": "old"})})
    FakeTime.current.sleep(600)
    connect.fault("UpdateQuickConnectName", "ThrottlingException", seconds=seconds)
    assert not stack.deploy({"Desk": (DESK, {**NAMED, "Description": "new"})}, weather)
    (desk,) = connect.quick_connects.values()
    return str(desk["Description"])


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize(("fails_at", "rollback_after"), [(0.5, 1.0), (1.0, 0.3), (1.5, 0.6)])
@pytest.mark.parametrize("adds", [{}, {"AgentConfig": percentages(0, 100)}])
def test_a_canceled_update_does_not_take_itself_for_its_rollback(
    adds: dict[str, Any],
    fails_at: float,
    rollback_after: float,
    fraction: float,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """A sibling fails at once. An update that adds a config waits for half a minute."""
    at_the(fraction, clock)
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.fault("UpdateTrafficDistribution", "ThrottlingException", seconds=10)
    weather = Weather(fails_at=fails_at, rollback_after=rollback_after)
    assert not stack.deploy(template(0, **adds), weather)
    clock.sleep(600)
    assert live(connect.default_group(scene.INSTANCE_ID)) == (100, 0)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rollback_after", [0.3, 0.6])
@pytest.mark.parametrize("status_lag", [3.0, 8.0])
def test_a_rollback_that_comes_in_the_second_of_a_cancellation_ends(
    status_lag: float,
    rollback_after: float,
    seed: int,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CloudFormation still shows the canceled update. The rollback's Update is throttled, too."""
    pauses = random.Random(seed)
    at_the(pauses.random(), clock)
    monkeypatch.setattr("connect_provider.run.Run.rng", pauses)
    weather = Weather(fails_at=9.0, rollback_after=rollback_after, status_lag=status_lag)
    seconds = 15 + status_lag
    assert described_after_a_throttled_update(connect, stack, seconds, weather) == "old"


@pytest.mark.parametrize("fraction", [0.0, 0.2, 0.4, 0.6, 0.8])
@pytest.mark.parametrize(("fails_at", "rollback_after"), [(9.0, 1.0), (9.0, 2.0), (45.0, 1.0)])
def test_a_throttled_update_asks_again_before_it_writes(
    fails_at: float,
    rollback_after: float,
    fraction: float,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """Connect accepts calls right after the rollback's request."""
    at_the(fraction, clock)
    weather = Weather(fails_at=fails_at, rollback_after=rollback_after)
    seconds = fails_at + rollback_after + 0.5
    assert described_after_a_throttled_update(connect, stack, seconds, weather) == "old"


@pytest.mark.parametrize("status_lag", [0.0, 5.0, 10.0])
@pytest.mark.parametrize("before", ["nothing", "rolled back", "removed"])
def test_a_canceled_create_leaves_nothing_although_the_stack_had_the_resource_before(
    before: str, status_lag: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The id of a queue's quick connects is that of the queue, so it is always the same."""
    split = {"Traffic": traffic(connect)[0]["It"]}
    offered = {**split, **offer(connect)[0]}
    assert stack.deploy(split)
    if before == "rolled back":
        assert not stack.deploy(offered, Weather(fails_at=60.0))
    if before == "removed":
        assert stack.deploy(offered)
        clock.sleep(600)
        assert stack.deploy(split)
    clock.sleep(600)
    connect.fault(WRITES["offer"], "ThrottlingException", seconds=3)
    assert not stack.deploy(offered, Weather(fails_at=3.0, status_lag=status_lag))
    assert not any(connect.queue_quick_connects.values())


@pytest.mark.parametrize("is_retry", [True, False])
def test_a_canceled_adoption_is_released_although_the_stack_adopted_it_before(
    is_retry: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """The first attempt was rolled back. The stack still shows that it deleted the resource."""
    arn = connect.add_quick_connect(connect.instances[scene.INSTANCE_ID], "n", FLOW, {})
    other = {"Other": (DESK, {**NAMED, "Name": "other"})}
    adopts = {"ExistingResourcePolicy": "Adopt", "Description": "adopted"}
    both = {**other, "Desk": (DESK, {**NAMED, **adopts})}
    assert stack.deploy(other)
    if is_retry:
        assert not stack.deploy(both, Weather(fails_at=60.0))
    clock.sleep(600)
    connect.fault("UpdateQuickConnectName", "ThrottlingException", seconds=4)
    connect.delay_visibility(Lag(8, seed=1, missing=0))
    assert not stack.deploy(both, Weather(fails_at=3.0, status_lag=10.0))
    assert "cfn:stack-id" not in connect.quick_connects[arn]["Tags"]


@pytest.mark.parametrize("status_lag", [0.0, 3.0, 15.0])
@pytest.mark.parametrize("pause", [2.0, 60.0])
@pytest.mark.parametrize("disable_rollback", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_a_retry_after_a_failure_takes_effect(
    what: str,
    *,
    disable_rollback: bool,
    pause: float,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """A permission was missing. The retry takes itself for no part of the failed operation."""
    before, after, holds = CHANGES[what](connect)
    assert stack.deploy(before)
    clock.sleep(600)
    connect.fault(WRITES[what], "AccessDeniedException")
    assert not stack.deploy(after, disable_rollback=disable_rollback)
    clock.sleep(pause)
    assert stack.deploy(after, Weather(status_lag=status_lag))
    assert holds()


@pytest.mark.parametrize("events_lag", [3.0, 15.0])
@pytest.mark.parametrize("what", CHANGES)
def test_an_update_takes_effect_while_only_the_events_are_late(
    what: str,
    events_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """The events end with a rollback of a day ago."""
    before, after, holds = CHANGES[what](connect)

    def beside(name: str) -> Template:
        base = {"InstanceId": scene.INSTANCE_ID, "QuickConnectConfig": FLOW}
        return {"Desk": (DESK, {**base, "Name": name})}

    stacks.events_lag = events_lag
    assert stack.deploy({**before, **beside("one")})
    clock.sleep(600)
    assert not stack.deploy({**before, **beside("two")}, Weather(fails_at=30.0))
    clock.sleep(86_400)
    assert stack.deploy({**after, **beside("one")})
    assert holds()


@pytest.mark.parametrize(("status_lag", "events_lag"), [(3.0, 0.0), (15.0, 0.0), (0.0, 3.0)])
@pytest.mark.parametrize(("disable_rollback", "pause"), [(False, 2.0), (True, 2.0), (True, 3600.0)])
def test_a_retry_that_drops_a_manually_changed_config_moves_the_calls(
    *,
    disable_rollback: bool,
    pause: float,
    status_lag: float,
    events_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """It is no part of the failed operation, which has changed nothing."""
    group, agents = connect.default_group(scene.INSTANCE_ID), percentages(100, 0)
    assert stack.deploy(template(100, AgentConfig=agents))
    clock.sleep(600)
    by_hand(group, 50, 50, "AgentConfig")
    connect.fault("UpdateTrafficDistribution", "AccessDeniedException")
    assert not stack.deploy(template(0, AgentConfig=agents), disable_rollback=disable_rollback)
    clock.sleep(pause)
    stacks.events_lag = events_lag
    assert stack.deploy(template(0), Weather(status_lag=status_lag))
    assert live(group) == (0, 100)


@pytest.mark.parametrize("status_lag", [3.0, 15.0])
def test_a_rollback_leaves_the_calls_if_somebody_has_changed_a_config_that_the_update_added(
    status_lag: float, stack: Stack, group: dict[str, Any]
) -> None:
    """The stack does not show the rollback yet. The calls still match the failed template."""
    stack.heal = lambda: by_hand(group, 50, 50, "AgentConfig")
    assert stack.deploy(template(100))
    failover = template(0, AgentConfig=percentages(0, 100))
    assert not stack.deploy(failover, Weather(fails_at=60.0, status_lag=status_lag))
    assert (live(group), live(group, "AgentConfig")) == ((0, 100), (50, 50))


@pytest.mark.parametrize("status_lag", [3.0, 15.0])
@pytest.mark.parametrize("damage", [{"Unknown": "key"}, {"ServiceTimeout": "120"}])
def test_a_rollback_leaves_an_evacuation_that_a_refused_template_repeats(
    damage: dict[str, str], status_lag: float, stack: Stack, group: dict[str, Any]
) -> None:
    """The rollback begins a second after the update, and the stack does not show it yet."""
    assert stack.deploy(template(100))
    by_hand(group, 0, 100)
    assert not stack.deploy(template(0, **damage), Weather(status_lag=status_lag))
    assert live(group) == (0, 100)


@pytest.mark.parametrize("status_lag", [8.0, 15.0])
def test_a_create_right_after_a_rollback_takes_effect(
    status_lag: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The stack still shows the rollback, which took 20 seconds. No rollback sends a Create."""

    def desk(description: str) -> Template:
        base = {"InstanceId": scene.INSTANCE_ID, "QuickConnectConfig": FLOW, "Name": "n"}
        return {"Desk": (DESK, {**base, "Description": description})}

    throttled = ("UpdateQuickConnectName", "ThrottlingException")
    stack.heal = lambda: connect.fault(*throttled, seconds=20)
    assert stack.deploy(desk("one"))
    clock.sleep(600)
    assert not stack.deploy(desk("two"), Weather(fails_at=15.0))
    clock.sleep(2)
    assert stack.deploy({**desk("two"), **template(0)}, Weather(status_lag=status_lag))
    assert live(connect.default_group(scene.INSTANCE_ID)) == (0, 100)


def desks() -> tuple[Template, Template]:
    """Move a quick connect to another instance."""

    def desk(instance_id: str) -> Template:
        named = {"InstanceId": instance_id, "Name": "n", "QuickConnectConfig": FLOW}
        return {"It": (DESK, named)}

    return desk(scene.INSTANCE_ID), desk(scene.OTHER_INSTANCE_ID)


def groups() -> tuple[Template, Template]:
    """Rename a group, which replaces it."""

    def group(name: str) -> Template:
        return {"It": (GROUP, {"InstanceId": scene.INSTANCE_ID, "Name": name})}

    return group("g"), group("h")


@pytest.mark.parametrize("status_lag", [3.0, 6.0, 10.0])
@pytest.mark.parametrize("fails_at", [2.5, 3.0, 4.0])
@pytest.mark.parametrize("what", ["desk", "group", "offer"])
def test_the_rollback_of_a_retry_leaves_nothing_of_it(
    what: str,
    fails_at: float,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """A pipeline repeats a deployment at once, and a sibling fails again within seconds.

    CloudFormation shows the first rollback, and then the beginning of the retry.
    """
    connect.settle_seconds = 5
    before, after = {"desk": desks, "group": groups, "offer": lambda: offer(connect)[:2]}[what]()
    assert stack.deploy(before)

    def state() -> tuple[set[str], set[str], set[str]]:
        connect._settle()
        offering = {arn for arn, offered in connect.queue_quick_connects.items() if offered}
        return {*connect.quick_connects}, {*connect.groups}, offering

    stable = state()
    clock.sleep(600)
    assert not stack.deploy(after, Weather(fails_at=5.0, status_lag=status_lag))
    assert not stack.deploy(after, Weather(fails_at=fails_at, status_lag=status_lag))
    assert state() == stable


@pytest.mark.parametrize("fails_at", [2.5, 3.0, 4.0])
def test_the_rollback_of_a_retry_leaves_an_evacuation_that_it_only_recorded(
    fails_at: float, stack: Stack, clock: FakeTime, connect: ConnectEmulator
) -> None:
    """The same for traffic that operators have moved by hand."""
    assert stack.deploy(template(100))
    group = connect.default_group(scene.INSTANCE_ID)
    by_hand(group, 0, 100)
    clock.sleep(600)
    assert not stack.deploy(template(0), Weather(fails_at=60.0, status_lag=10.0))
    assert not stack.deploy(template(0), Weather(fails_at=fails_at, status_lag=10.0))
    assert live(group) == (0, 100)


def evacuate(stack: Stack, clock: FakeTime, connect: ConnectEmulator, **declared: str) -> None:
    """Let operators move all calls by hand, and isolate the Regions. Nobody acts for an hour."""
    assert stack.deploy(template(100, **declared))
    clock.sleep(600)
    by_hand(connect.default_group(scene.INSTANCE_ID), 0, 100)
    connect.instances[scene.INSTANCE_ID].isolated = True
    clock.sleep(3600)
    connect.journal.clear()


def written(connect: ConnectEmulator) -> list[str]:
    """Return the calls that changed traffic or routing."""
    return [call for call in connect.calls() if call.startswith("Update")]


@pytest.mark.parametrize("routed", [False, True], ids=["", "isolated"])
@pytest.mark.parametrize("lag", [0, 3, 8, 15, 28])
@pytest.mark.parametrize(
    ("fails_at", "rollback_after", "status_lag"),
    [(2.5, 1.0, 5.0), (5.0, 1.0, 10.0), (20.0, 1.0, 29.0), (5.0, 20.0, 29.0)],
)
def test_the_rollback_of_a_recording_update_writes_nothing(
    fails_at: float,
    rollback_after: float,
    status_lag: float,
    lag: int,
    *,
    routed: bool,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """At its request, CloudFormation shows neither the update nor the rollback."""
    before, after = ({"CrossRegionRouting": way} for way in ("Enabled", "Isolated"))
    evacuate(stack, clock, connect, **(before if routed else {}))
    connect.delay_visibility(Lag(lag, least=lag, missing=0))
    weather = Weather(fails_at=fails_at, rollback_after=rollback_after, status_lag=status_lag)
    assert not stack.deploy(template(0, **(after if routed else {})), weather)
    clock.sleep(100)
    assert live(group) == (0, 100)
    assert connect.instances[scene.INSTANCE_ID].isolated
    assert "UpdateTrafficDistribution" not in written(connect)


@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
@pytest.mark.parametrize("status_lag", [0.0, 0.5, 1.0, 2.0, 3.0, 15.0, 29.0])
@pytest.mark.parametrize("agents", [False, True], ids=["", "agents moved later"])
def test_rollback_stack_keeps_an_evacuation_that_the_failed_update_only_recorded(
    status_lag: float,
    policy: str,
    *,
    agents: bool,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The stack still shows the end of the failed update."""
    evacuate(stack, clock, connect, OutOfBandTraffic=policy)
    after = template(0, OutOfBandTraffic=policy)
    assert not stack.deploy(after, Weather(fails_at=60.0), disable_rollback=True)
    if agents:
        clock.sleep(600)
        by_hand(group, 50, 50, "AgentConfig")
    clock.sleep(3600)
    stack.roll_back(Weather(status_lag=status_lag))
    clock.sleep(60)
    assert live(group) == (0, 100)
    assert not written(connect)


@pytest.mark.parametrize("status_lag", [0.0, 1.0, 3.0, 15.0])
@pytest.mark.parametrize("fails_at", [5.0, 300.0])
def test_the_rollback_of_the_next_update_keeps_an_evacuation_that_an_earlier_one_recorded(
    fails_at: float,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    stacks: Stacks,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The next update changes only a sibling, so the rollback is the first request."""
    evacuate(stack, clock, connect)
    assert not stack.deploy(template(0), Weather(fails_at=60.0), disable_rollback=True)
    clock.sleep(3600)
    stacks.lag = status_lag
    stacks.show(stack.id, "UPDATE_IN_PROGRESS", stack.shown)
    clock.sleep(fails_at)
    stack.roll_back(Weather(status_lag=status_lag))
    clock.sleep(60)
    assert live(group) == (0, 100)
    assert not written(connect)
