"""An update takes effect although CloudFormation still shows the operation before it.

The update names another group or queue, so a rollback would have nothing to do there.
"""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import FakeTime
from tests.support.histories import DESK, FLOW, OFFER, TRAFFIC
from tests.support.traffic import live, percentages

# The template before, the template after, and whether the latter is live.
Change = tuple[Template, Template, Callable[[], bool]]
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
