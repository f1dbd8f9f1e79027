"""A first deployment that is canceled keeps what live queues and groups had before it.

The templates retain their resources, as those of `cfn-connect export` do. So CloudFormation sends
no Delete, and only the canceled Create could remove something.
"""

from typing import Any

import pytest

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Stack, Weather
from tests.support.harness import FakeTime
from tests.support.histories import FLOW, GROUP, OFFER

BEFORE, NEW = list(scene.USER_IDS[:3]), scene.USER_IDS[3]
QUICK_CONNECTS = 5


@pytest.fixture
def offered(connect: ConnectEmulator) -> set[str]:
    """The quick connects that a live queue offers."""
    instance = connect.instances[scene.INSTANCE_ID]
    arns = [connect.add_quick_connect(instance, f"q{n}", FLOW, {}) for n in range(QUICK_CONNECTS)]
    ids = {arn.rpartition("/")[2] for arn in arns}
    return connect.queue_quick_connects.setdefault(f"{instance.arn}/queue/{scene.QUEUE_ID}", ids)


def offer(ids: set[str]) -> tuple[str, dict[str, Any]]:
    """Return the quick connects of the queue in a template."""
    queue = {"InstanceId": scene.INSTANCE_ID, "QueueId": scene.QUEUE_ID}
    return OFFER, {**queue, "QuickConnectIds": sorted(ids)}


@pytest.mark.parametrize("lag", [0, 20])
@pytest.mark.parametrize("fails_at", [5.0, 10.0, 29.0])
def test_a_canceled_create_keeps_what_the_queue_offered_before(
    fails_at: float,
    lag: int,
    offered: set[str],
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """Connect refuses to repeat an association, so the Create waits. Meanwhile a sibling fails."""
    before = set(offered)
    connect.delay_visibility(Lag(lag, seed=1))
    clock.sleep(60)
    assert not stack.deploy(
        {"Offer": offer(before)}, Weather(fails_at=fails_at), retains=frozenset(["Offer"])
    )
    clock.sleep(60)
    assert offered == before


@pytest.mark.parametrize("fails_at", [10.0, 29.0])
def test_a_canceled_create_removes_only_what_it_added_to_the_queue(
    fails_at: float, offered: set[str], connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """It adds the one that was missing. A throttled call keeps it from its end."""
    wanted = set(offered)
    offered.remove(max(wanted))
    before = set(offered)
    stack.heal = lambda: None
    connect.fault("AssociateQueueQuickConnects", "drop", after=True, times=1)
    connect.fault("ListQueueQuickConnects", "ThrottlingException", seconds=60)
    assert not stack.deploy(
        {"Offer": offer(wanted)}, Weather(fails_at=fails_at), retains=frozenset(["Offer"])
    )
    clock.sleep(60)
    assert offered == before


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("wanted", [BEFORE, [*BEFORE, NEW]], ids=["the same users", "a new user"])
def test_a_canceled_adoption_keeps_the_users_that_the_group_had_before(
    wanted: list[str], seed: int, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Its tags are written. Connect shows them late or throttles the next call. A sibling fails."""
    group = connect.add_group(connect.instances[scene.INSTANCE_ID], "g", "", {})
    connect.keep_in(group, "ACTIVE")
    group["users"] |= {*BEFORE}
    connect.delay_visibility(Lag(20, seed=seed))
    clock.sleep(60)
    connect.fault("AssociateTrafficDistributionGroupUser", "ThrottlingException", seconds=12)
    stack.heal = lambda: None
    lines = {"InstanceId": scene.INSTANCE_ID, "Name": "g", "ExistingResourcePolicy": "Adopt"}
    assert not stack.deploy(
        {"Lines": (GROUP, {**lines, "UserIds": wanted})},
        Weather(fails_at=10.0),
        retains=frozenset(["Lines"]),
    )
    clock.sleep(60)
    assert group["users"] == {*BEFORE}
