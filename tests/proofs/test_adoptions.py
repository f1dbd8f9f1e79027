"""An adoption meets what its own stack, another one or an earlier release has just done.

Connect shows that up to 20 seconds late.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Declared, Stack, Template, Weather
from tests.support.harness import FakeTime, Sink
from tests.support.histories import DESK, FLOW, GROUP, USERS
from tests.support.timeline import Timeline

pytestmark = pytest.mark.no_cover

LATE = Lag(20, least=20, missing=0)
ADOPT = {"ExistingResourcePolicy": "Adopt"}


def desk(**properties: Any) -> Declared:
    named = {"InstanceId": scene.INSTANCE_ID, "Name": "n", "QuickConnectConfig": FLOW}
    return DESK, {**named, **properties}


def lines(**properties: Any) -> Declared:
    return GROUP, {"InstanceId": scene.INSTANCE_ID, "Name": "n", **properties}


def together(
    stacks: tuple[Stack, Stack],
    first: Callable[[], object],
    second: Callable[[], object],
    after: float,
) -> None:
    """Run two jobs of the stacks; the second one begins some seconds later."""
    timeline = Timeline()
    for stack in stacks:
        stack.timeline = timeline
    timeline.start(lambda: first() and None)
    timeline.start(lambda: second() and None, after=after)
    timeline.run()
    for stack in stacks:
        stack.timeline = None
    FakeTime.current.sleep(600)


def resource(connect: ConnectEmulator, arn: str) -> dict[str, Any]:
    return {**connect.quick_connects, **connect.groups}[arn]


def owner(connect: ConnectEmulator, arn: str) -> tuple[str, str]:
    """Return the stack and the logical id that the tags name."""
    shown: Mapping[str, str] = resource(connect, arn)["Tags"]
    return shown["cfn:stack-id"], shown["cfn:logical-id"]


@pytest.mark.parametrize("make", [desk, lines])
@pytest.mark.parametrize("after", [8.0, 20.0, 30.0])
def test_a_rollback_does_not_hand_back_what_another_stack_has_adopted_meanwhile(
    make: Callable[..., Declared],
    after: float,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """A rename of the logical id rolls back, and its Delete waits for half a minute."""
    one, other = Stack(sink, stacks), Stack(sink, stacks)
    assert one.deploy({"Old": make()})
    arn = one.ids["Old"]
    clock.sleep(600)
    renamed, adopting = {"New": make(**ADOPT)}, {"Theirs": make(**ADOPT)}
    together(
        (one, other),
        lambda: one.deploy(renamed, Weather(fails_at=5.0)),
        lambda: other.deploy(adopting),
        after,
    )
    assert owner(connect, arn) == (other.id, "Theirs")
    assert other.ids == {"Theirs": arn}


@pytest.mark.parametrize("make", [desk, lines])
def test_an_update_does_not_take_back_what_another_stack_has_adopted_meanwhile(
    make: Callable[..., Declared],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """`Retain` kept the target of a rename that rolled back hours ago."""
    one, other = Stack(sink, stacks), Stack(sink, stacks)
    assert one.deploy({"Old": make()})
    arn = one.ids["Old"]
    clock.sleep(600)
    renamed = {"New": make(**ADOPT)}
    assert not one.deploy(renamed, Weather(fails_at=60.0), retains=frozenset(["New"]))
    clock.sleep(7200)
    together(
        (one, other),
        lambda: one.deploy({"Old": make(Tags={"a": "1"})}),
        lambda: other.deploy({"Theirs": make(**ADOPT)}),
        10.0,
    )
    assert owner(connect, arn) == (other.id, "Theirs")
    assert other.ids == {"Theirs": arn}


def test_a_delete_does_not_take_back_what_another_stack_has_adopted_meanwhile(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """As above, with the deletion of the stack."""
    one, other = Stack(sink, stacks), Stack(sink, stacks)
    assert one.deploy({"Old": desk()})
    arn = one.ids["Old"]
    clock.sleep(600)
    renamed = {"New": desk(**ADOPT)}
    assert not one.deploy(renamed, Weather(fails_at=60.0), retains=frozenset(["New"]))
    clock.sleep(7200)
    together((one, other), one.delete, lambda: other.deploy({"Theirs": desk(**ADOPT)}), 0.0)
    assert owner(connect, arn) == (other.id, "Theirs")


@pytest.mark.parametrize("make", [desk, lines])
@pytest.mark.parametrize("after", [5.0, 15.0])
def test_two_adoptions_never_mix_their_tags(
    make: Callable[..., Declared],
    after: float,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """A stack renames its logical id, and does not see yet that another one has the resource."""
    one, other = Stack(sink, stacks), Stack(sink, stacks)
    assert one.deploy({"Old": make()})
    arn = one.ids["Old"]
    clock.sleep(600)
    connect.delay_visibility(LATE)
    together(
        (one, other),
        lambda: other.deploy({"Theirs": make(**ADOPT)}),
        lambda: one.deploy({"New": make(**ADOPT)}),
        after,
    )
    owners = {(one.id, "Old"), (one.id, "New"), (other.id, "Theirs")}
    assert owner(connect, arn) in owners


@pytest.mark.parametrize("gap", [1.0, 15.0])
def test_a_rename_associates_a_user_that_an_update_has_just_removed(
    gap: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Connect still lists the user."""
    assert stack.deploy({"Old": lines(UserIds=USERS)})
    clock.sleep(600)
    connect.delay_visibility(LATE)
    assert stack.deploy({"Old": lines(UserIds=USERS[1:])})
    clock.sleep(gap)
    assert stack.deploy({"New": lines(UserIds=USERS, **ADOPT)})
    assert connect.groups[stack.ids["New"]]["users"] == set(USERS)


@pytest.mark.parametrize("gap", [1.0, 15.0])
def test_a_rename_restores_a_description_that_an_update_has_just_changed(
    gap: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Connect still shows the right one."""
    assert stack.deploy({"Old": desk(Description="right")})
    clock.sleep(600)
    connect.delay_visibility(LATE)
    assert stack.deploy({"Old": desk(Description="wrong")})
    clock.sleep(gap)
    assert stack.deploy({"New": desk(Description="right", **ADOPT)})
    assert connect.quick_connects[stack.ids["New"]]["Description"] == "right"


def default_group(connect: ConnectEmulator) -> tuple[dict[str, Any], Template]:
    """Return the default group, and a template that adopts it with users."""
    group = connect.default_group(scene.INSTANCE_ID)
    return group, {"Group": lines(Name=group["Name"], UserIds=USERS, **ADOPT)}


@pytest.mark.parametrize("gap", [1.0, 5.0, 15.0])
@pytest.mark.parametrize("by", ["the same stack", "another stack"])
def test_a_group_that_was_just_released_gets_its_users_again(
    by: str, gap: float, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Connect still lists the users of before."""
    group, adopting = default_group(connect)
    stack = Stack(sink, stacks)
    connect.delay_visibility(LATE)
    assert stack.deploy(adopting)
    clock.sleep(600)
    if by == "the same stack":
        assert stack.deploy({})
    else:
        stack.delete()
        stack = Stack(sink, stacks)
    assert group["users"] == set()
    clock.sleep(gap)
    assert stack.deploy(adopting)
    assert group["users"] == set(USERS)


@pytest.mark.parametrize("gap", [2.0, 10.0])
@pytest.mark.parametrize("seed", range(10))
def test_a_stack_whose_first_creation_failed_is_created_again(
    seed: int, gap: float, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Its rollback has just released a group. A stack in ROLLBACK_COMPLETE has to be deleted."""
    group, adopting = default_group(connect)
    connect.delay_visibility(Lag(20, seed=seed))
    assert not Stack(sink, stacks).deploy(adopting, Weather(fails_at=60.0))
    clock.sleep(gap)
    assert Stack(sink, stacks).deploy(adopting)
    assert group["users"] == set(USERS)
