"""A group that Connect is changing, or whose number has just left, is awaited.

Connect may show the group, or the number, as it was before.
"""

import random
from functools import partial
from typing import Any

import pytest

from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import RollbackFailed, Stack, Template, Weather
from tests.support.harness import FakeTime
from tests.support.histories import GROUP, TRAFFIC
from tests.support.timeline import Timeline
from tests.support.traffic import live, move_in_the_console, percentages

LATE = Lag(10, least=5, missing=0)
VERY_LATE = Lag(20, least=15, missing=0)
BUSY_ERRORS = [
    "ResourceNotFoundException",
    "InvalidRequestException",
    "ResourceConflictException",
]


def group(name: str = "g", users: list[str] | None = None) -> Template:
    """Return a template with one group."""
    named = {"InstanceId": scene.INSTANCE_ID, "Name": name, "UserIds": users or []}
    return {"Group": (GROUP, named)}


@pytest.mark.parametrize("users", [[], [scene.USER_ID]], ids=["no users", "a user"])
def test_a_group_is_deleted_right_after_its_number_is_released(
    users: list[str], connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """CloudFormation deletes the number of the stack, and then the group."""
    assert stack.deploy(group(users=users))
    number = connect.claim_phone_number(stack.ids["Group"])
    clock.sleep(600)
    connect.delay_visibility(LATE)
    del connect.phone_numbers[number]
    connect.note_changes()
    connect.fault("DeleteTrafficDistributionGroup", "ResourceInUseException", seconds=8)
    clock.sleep(1)
    stack.delete()
    connect._settle()
    assert all(each["IsDefault"] for each in connect.groups.values())


@pytest.mark.parametrize("seed", range(10))
def test_a_canceled_create_and_its_delete_remove_one_group_together(
    seed: int, connect: ConnectEmulator, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connect throttles both for long. It refuses the second call, and still shows the group."""
    monkeypatch.setattr("connect_provider.run.Run.rng", random.Random(seed))
    stack.heal = lambda: None
    connect.settle_seconds = 5
    connect.refuses_repeated_delete = True
    connect.delay_visibility(Lag(20, seed=seed))
    connect.fault("DeleteTrafficDistributionGroup", "ThrottlingException", times=30)
    assert not stack.deploy(group(), Weather(fails_at=4.0, rollback_after=0.0))
    connect._settle()
    assert all(each["IsDefault"] for each in connect.groups.values())


@pytest.mark.parametrize("users", [[], [scene.USER_ID]], ids=["no users", "a user"])
def test_a_replaced_group_is_deleted_right_after_its_number_has_moved(
    users: list[str], connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The number moves to the new group when that one is complete. Then the clean-up comes."""
    assert stack.deploy(group(users=users))
    old = stack.ids["Group"]
    number = connect.claim_phone_number(old)
    clock.sleep(600)
    connect.delay_visibility(LATE)

    def move(_: str) -> None:
        new = stack.sink.responses[-1]["PhysicalResourceId"]
        if new == old:
            return  # the new group has not responded yet
        stack.sink.watch = None
        connect.phone_numbers[number]["TargetArn"] = new
        connect.note_changes()
        connect.fault("DeleteTrafficDistributionGroup", "ResourceInUseException", seconds=8)

    stack.sink.watch = move
    assert stack.deploy(group("h", users))
    connect._settle()
    assert old not in connect.groups
    assert not stack.abandoned


def test_a_number_that_stays_refuses_the_deletion(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The users stay in the group. The Reason names the number."""
    assert stack.deploy(group(users=[scene.USER_ID]))
    connect.claim_phone_number(stack.ids["Group"])
    clock.sleep(600)
    with pytest.raises(RollbackFailed):
        stack.delete()
    assert connect.groups[stack.ids["Group"]]["users"] == {scene.USER_ID}
    assert "Release or move the 1 phone number" in stack.sink.responses[-1]["Reason"]


@pytest.mark.parametrize("users", [[], [scene.USER_ID]], ids=["no users", "a user"])
@pytest.mark.parametrize("shift", [45, 60])
def test_a_group_is_deleted_after_a_change_of_its_traffic(
    shift: int, users: list[str], connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """A sibling of its traffic distribution fails, for example. The group still shows as ACTIVE."""
    connect.settle_seconds, connect.shift_seconds = 5, shift
    assert stack.deploy(group(users=users))
    clock.sleep(600)
    connect.delay_visibility(VERY_LATE)
    connect._settle()
    made = connect.groups[stack.ids["Group"]]
    move_in_the_console(connect, made, TelephonyConfig=(0, 100))
    clock.sleep(2)
    stack.delete()
    connect._settle()
    assert made["Arn"] not in connect.groups


@pytest.mark.parametrize(
    "error",
    ["ResourceNotFoundException", "ResourceConflictException", "InvalidRequestException"],
)
@pytest.mark.parametrize(("number", "lag"), [(40, 0), (1, 5)])
@pytest.mark.parametrize("adds", [True, False])
def test_users_change_in_the_update_that_moves_the_traffic(
    adds: bool,  # noqa: FBT001
    number: int,
    lag: int,
    error: str,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """Connect refuses both kinds of calls about users until the traffic has moved.

    Its documentation names the first of the errors.
    """
    connect.busy_error = error
    connect.settle_seconds, connect.shift_seconds, connect.rate = 5, 45, 2.0
    many = [f"cccccccc-0001-4000-8000-{each:012}" for each in range(1000, 1005 + number)]
    connect.instances[scene.INSTANCE_ID].users |= set(many)
    before, after = (many[:5], many) if adds else (many, many[:5])
    assert stack.deploy(group(users=before))
    arn = stack.ids["Group"]

    def split(east: int) -> tuple[str, dict[str, Any]]:
        return TRAFFIC, {
            "TrafficDistributionGroupId": arn,
            "TelephonyConfig": percentages(east, 100 - east),
        }

    assert stack.deploy({**group(users=before), "Traffic": split(100)})
    clock.sleep(600)
    if lag:
        connect.delay_visibility(Lag(lag, least=3, missing=0))
    users, traffic = group(users=after), {"Traffic": split(0)}
    assert stack.deploy(traffic | users if lag else users | traffic)
    connect._settle()
    assert connect.groups[arn]["users"] == set(after)
    assert live(connect.groups[arn]) == (0, 100)


def deployed(connect: ConnectEmulator, stack: Stack, users: list[str]) -> dict[str, Any]:
    """Deploy the group; return it when Connect shows that everywhere."""
    assert stack.deploy(group(users=users))
    FakeTime.current.sleep(600)
    return connect.groups[stack.ids["Group"]]


@pytest.mark.parametrize("shift", [35, 40, 45, 50, 55])
@pytest.mark.parametrize(("lag", "gap"), [(5, 0.5), (10, 2.0), (20, 5.0)])
def test_a_group_is_deleted_when_the_change_of_its_traffic_has_ended(
    lag: int, gap: float, shift: int, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Connect refuses the deletion for half a minute, and only then shows the change."""
    connect.settle_seconds, connect.shift_seconds = 5, shift
    moved = deployed(connect, stack, [])
    connect.delay_visibility(Lag(lag, seed=0, missing=0))
    move_in_the_console(connect, moved, TelephonyConfig=(0, 100))
    clock.sleep(gap)
    stack.delete()
    connect._settle()
    assert all(each["IsDefault"] for each in connect.groups.values())


@pytest.mark.parametrize("settle_seconds", [20, 45, 60])
@pytest.mark.parametrize("error", BUSY_ERRORS)
@pytest.mark.parametrize("lag", [0, 5, 20])
def test_a_stack_is_deleted_right_after_somebody_deleted_its_group(
    lag: int,
    error: str,
    settle_seconds: int,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """Connect refuses to dissociate the users of a group that is being deleted."""
    connect.settle_seconds, connect.busy_error = settle_seconds, error
    gone = deployed(connect, stack, [scene.USER_ID])
    if lag:
        connect.delay_visibility(Lag(lag, least=lag, missing=0))
    gone["Status"], gone["next"] = "PENDING_DELETION", ("gone", clock.passed + settle_seconds)
    connect.note_changes()
    clock.sleep(1)
    stack.delete()
    connect._settle()
    assert gone["Arn"] not in connect.groups


@pytest.mark.parametrize("error", BUSY_ERRORS)
@pytest.mark.parametrize("seed", range(6))
def test_a_canceled_create_and_its_delete_remove_a_group_with_many_users(
    seed: int,
    error: str,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Connect throttles the users. The Create undoes itself, and its Delete still sees a group."""
    monkeypatch.setattr("connect_provider.run.Run.rng", random.Random(seed))
    users = [f"cccccccc-0001-4000-8000-{number:012}" for number in range(1000, 1030)]
    connect.instances[scene.INSTANCE_ID].users |= set(users)
    connect.settle_seconds, connect.busy_error = 45, error
    connect.delay_visibility(Lag(10, seed=seed, missing=0))
    connect.rate = 2.0
    assert not stack.deploy(group(users=users), Weather(fails_at=53.0))
    connect.rate = None
    clock.sleep(300)
    connect._settle()
    assert all(each["IsDefault"] for each in connect.groups.values())


@pytest.mark.parametrize("error", BUSY_ERRORS)
@pytest.mark.parametrize(
    ("seed", "lag", "shift"), [(1, 5, 35), (1, 5, 40), (2, 10, 35), (2, 20, 40)]
)
def test_a_rollback_restores_every_user_after_a_change_of_the_traffic(
    seed: int,
    lag: int,
    shift: int,
    error: str,
    connect: ConnectEmulator,
    stack: Stack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end of the change hides the group for a moment."""
    monkeypatch.setattr("connect_provider.run.Run.rng", random.Random(seed))
    connect.settle_seconds, connect.shift_seconds, connect.busy_error = 5, shift, error
    moved = deployed(connect, stack, scene.USER_IDS[:2])
    connect.delay_visibility(Lag(lag, seed=seed))
    stack.timeline = timeline = Timeline()
    after, weather = group(users=scene.USER_IDS[2:5]), Weather(fails_at=60.0)
    timeline.start(lambda: stack.deploy(after, weather) and None)
    move = partial(move_in_the_console, connect, moved, TelephonyConfig=(0, 100))
    timeline.start(lambda: move() and None, after=58.0)
    timeline.run()
    assert moved["users"] == set(scene.USER_IDS[:2])
