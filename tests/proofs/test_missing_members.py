"""Members that somebody has deleted hold up neither an update nor its rollback."""

import pytest

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.cloudformation import Stack, Template, Weather
from tests.support.harness import FakeTime
from tests.support.histories import FLOW, GROUP, OFFER


@pytest.mark.parametrize("fails_at", [None, 120.0])
def test_many_missing_users_cost_half_a_minute(
    fails_at: float | None, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Half of the users have left. The update removes them, and its rollback tries to return them.

    The other half is removed between them. No missing user gets half a minute of its own.
    """
    instance = connect.instances[scene.INSTANCE_ID]
    users = [f"cccccccc-0001-4000-8000-{number:012}" for number in range(1000, 1020)]
    instance.users |= set(users)

    def group(ids: list[str]) -> Template:
        return {"Group": (GROUP, {"InstanceId": scene.INSTANCE_ID, "Name": "g", "UserIds": ids})}

    assert stack.deploy(group(users))
    (live,) = (each for each in connect.groups.values() if each["Name"] == "g")
    for user in users[::2]:
        instance.users.discard(user)
        live["users"].discard(user)
    clock.sleep(600)
    began = clock.passed
    assert stack.deploy(group([]), Weather(fails_at=fails_at)) is (fails_at is None)
    assert live["users"] == (set() if fails_at is None else set(users[1::2]))
    assert clock.passed - began < (60 if fails_at is None else 240)


@pytest.mark.parametrize("fails_at", [None, 120.0])
def test_many_missing_quick_connects_of_a_queue_cost_half_a_minute(
    fails_at: float | None, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Every other quick connect is deleted, and Connect still lists it."""
    connect.deletion_dissociates = False
    ids = [
        connect.add_quick_connect(connect.instances[scene.INSTANCE_ID], f"q{number}", FLOW, {})
        for number in range(20)
    ]

    def offer(quick_connects: list[str]) -> Template:
        bare = [arn.rpartition("/")[2] for arn in quick_connects]
        properties = {"InstanceId": scene.INSTANCE_ID, "QueueId": scene.QUEUE_ID}
        return {"Offer": (OFFER, {**properties, "QuickConnectIds": bare})}

    assert stack.deploy(offer(ids))
    for arn in ids[::2]:
        connect.quick_connects.pop(arn)
    clock.sleep(600)
    began = clock.passed
    weather = Weather(fails_at=fails_at)
    assert stack.deploy(offer(ids[-1:]), weather) is (fails_at is None)
    assert clock.passed - began < (60 if fails_at is None else 240)
