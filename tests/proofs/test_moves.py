"""A resource moves within its stack, and the stack's status is late, or `Retain` keeps it."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sandbox import cloudformation, scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from sandbox.http_server import DropConnection
from tests.support.cloudformation import Declared, Stack, Template, Weather
from tests.support.harness import FakeTime, Sink
from tests.support.histories import DESK, FLOW, GROUP
from tests.support.requests import deliver
from tests.support.timeline import Timeline

pytestmark = pytest.mark.no_cover

ADOPT = {"ExistingResourcePolicy": "Adopt"}


def desk(name: str = "n", **properties: Any) -> Declared:
    """Return a quick connect in a template."""
    base = {"InstanceId": scene.INSTANCE_ID, "Name": name, "QuickConnectConfig": FLOW, "Tags": {}}
    return DESK, {**base, **properties}


def group(name: str = "g", **properties: Any) -> Declared:
    """Return a traffic distribution group in a template."""
    return GROUP, {"InstanceId": scene.INSTANCE_ID, "Name": name, "Tags": {}, **properties}


def adopting(declared: Declared) -> Declared:
    """Return the same with `Adopt`."""
    kind, properties = declared
    return kind, {**properties, **ADOPT}


def owners(connect: ConnectEmulator, stack: Stack) -> dict[str, str]:
    """Return the logical id of each resource that the stack owns, by its ARN."""
    connect._settle()
    return {
        arn: resource["Tags"]["cfn:logical-id"]
        for arn, resource in {**connect.quick_connects, **connect.groups}.items()
        if resource["Tags"].get("cfn:stack-id") == stack.id
    }


KINDS = [pytest.param(group(), id="group"), pytest.param(desk(), id="quick connect")]

ELSEWHERE = {"InstanceId": scene.OTHER_INSTANCE_ID}

# Old gives up its Name, and New takes it in the same update.
MOVES: dict[str, tuple[Template, Template]] = {
    "a replaced group": ({"Old": group()}, {"New": group(**ADOPT), "Old": group("h")}),
    "a replaced quick connect": (
        {"Old": desk()},
        {"New": desk(**ADOPT), "Old": desk(**ELSEWHERE)},
    ),
    "a renamed quick connect": ({"Old": desk()}, {"New": desk(**ADOPT), "Old": desk("m")}),
}
REPLACED = ["a replaced group", "a replaced quick connect"]
# New gives up another resource for it.
SHIFTS: dict[str, tuple[Template, Template]] = {
    "two replaced groups": (
        {"Old": group(), "New": group("f")},
        {"New": group(**ADOPT), "Old": group("h")},
    ),
    "two replaced quick connects": (
        {"Old": desk(), "New": desk("o", **ELSEWHERE)},
        {"New": desk(**ADOPT), "Old": desk("p", **ELSEWHERE)},
    ),
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(("spacing", "status_lag"), [(2.0, 0.0), (2.0, 3.0), (4.0, 15.0)])
def test_two_logical_ids_never_have_one_resource_while_the_status_lags(
    spacing: float,
    status_lag: float,
    move: str,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """New adopts first, and the stack does not show it yet. Old must not take the resource back."""
    before, after = MOVES[move]
    assert stack.deploy(before)
    ids = dict(stack.ids)
    clock.sleep(600)
    complete = stack.deploy(after, Weather(spacing=spacing, status_lag=status_lag))
    assert owners(connect, stack) == {arn: name for name, arn in stack.ids.items()}
    assert complete or stack.ids == ids


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("spacing", [0.0, 1.0])
@pytest.mark.parametrize("lag", [5, 20])
def test_two_logical_ids_never_have_one_resource_while_connect_lags(
    lag: int, spacing: float, move: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """New adopts first. Connect still shows Old its own tags, so Old may rename the resource.

    New then fails, and the rollback returns the resource and its Name to Old.
    """
    before, after = MOVES[move]
    assert stack.deploy(before)
    ids = dict(stack.ids)
    clock.sleep(600)
    connect.delay_visibility(Lag(lag, seed=0))
    complete = stack.deploy(after, Weather(spacing=spacing))
    assert {name: arn for arn, name in owners(connect, stack).items()} == stack.ids
    assert complete or stack.ids == ids
    live = {**connect.quick_connects, **connect.groups}[stack.ids["Old"]]
    assert live["Name"] == (after if complete else before)["Old"][1]["Name"]


def test_a_logical_id_that_comes_back_keeps_the_name_that_it_takes_while_the_status_lags(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The stack still shows New as deleted by an earlier update."""
    assert stack.deploy({"Old": desk(), "New": desk("x")})
    clock.sleep(600)
    assert stack.deploy({"Old": desk()})
    before = dict(stack.ids)
    clock.sleep(600)
    weather = Weather(spacing=2.0, status_lag=15.0)
    assert not stack.deploy({"New": desk(**ADOPT), "Old": desk("m")}, weather)
    assert stack.ids == before
    assert owners(connect, stack) == {arn: name for name, arn in stack.ids.items()}


def roll_back(stack: Stack, move: str, weather: Weather, clock: FakeTime) -> dict[str, str]:
    """Deploy a move, Old first, which rolls back; return the ids of before."""
    before, after = (MOVES | SHIFTS)[move]
    assert stack.deploy(before)
    ids = dict(stack.ids)
    clock.sleep(600)
    assert not stack.deploy({name: after[name] for name in ("Old", "New")}, weather)
    return ids


@pytest.mark.parametrize("move", REPLACED)
@pytest.mark.parametrize("status_lag", [0.0, 3.0, 15.0])
def test_a_rollback_keeps_the_resource_that_it_returned_to_while_the_status_lags(
    status_lag: float, move: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Old is replaced first, New adopts the old resource, and both go back.

    The stack still shows the replacement of Old when the Delete of New asks.
    """
    weather = Weather(spacing=2.0, fails_at=100.0, status_lag=status_lag)
    before = roll_back(stack, move, weather, clock)
    assert stack.ids == before
    assert owners(connect, stack) == {before["Old"]: "Old"}


@pytest.mark.parametrize("spacing", [0.0, 2.0, 10.0])
@pytest.mark.parametrize("move", REPLACED)
def test_a_rollback_deletes_a_replacement_that_another_logical_id_adopted(
    move: str, spacing: float, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """By mistake, New has the Name of Old's replacement. Old has gone back when New is deleted."""
    before, after = MOVES[move]
    assert stack.deploy(before)
    ids, held = dict(stack.ids), connect.holdings
    clock.sleep(600)
    mistaken = {"Old": after["Old"], "New": adopting(after["Old"])}
    assert not stack.deploy(mistaken, Weather(spacing=spacing, fails_at=70.0))
    assert stack.ids == ids
    assert owners(connect, stack) == {ids["Old"]: "Old"}
    assert connect.holdings == held


@pytest.mark.parametrize("comes_back", [False, True])
@pytest.mark.parametrize("move", REPLACED)
def test_a_moved_resource_is_deleted_although_the_update_changes_its_earlier_logical_id(
    move: str, *, comes_back: bool, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Old has another resource since: it was replaced, or left the template and came back.

    The last update adds a tag to Old and removes New.
    """
    before, after = MOVES[move]
    renamed = {"New": after["New"]}
    for each in [before, renamed, after] if comes_back else [before, after]:
        in_order = {name: each[name] for name in ("Old", "New") if name in each}
        assert stack.deploy(in_order, Weather(spacing=5.0))
        clock.sleep(600)
    moved = stack.ids["New"]
    kind, properties = after["Old"]
    assert stack.deploy({"Old": (kind, {**properties, "Tags": {"a": "1"}})})
    assert owners(connect, stack) == {stack.ids["Old"]: "Old"}
    assert moved not in connect.holdings


@pytest.mark.parametrize("move", [*REPLACED, *SHIFTS])
@pytest.mark.parametrize("fails_at", [12.0, 25.0])
def test_a_rollback_returns_to_a_resource_that_is_about_to_move(
    fails_at: float, move: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """New is canceled in its half minute, and still runs. Old returns to its resource."""
    before = roll_back(stack, move, Weather(spacing=2.0, fails_at=fails_at), clock)
    assert stack.ids == before
    assert owners(connect, stack) == {arn: name for name, arn in before.items()}


@pytest.mark.parametrize("move", SHIFTS)
@pytest.mark.parametrize("fails_at", [1.0, 2.5])
def test_an_update_that_is_canceled_at_once_takes_nothing_from_another_logical_id(
    fails_at: float, move: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Old is replaced first, and New still waits when both go back. Old keeps its marker tags."""
    before, after = (MOVES | SHIFTS)[move]
    assert stack.deploy(before)
    ids = dict(stack.ids)
    clock.sleep(8000)
    replacing = {name: adopting(after[name]) for name in ("Old", "New")}
    weather = Weather(spacing=3.0, fails_at=3.0 + fails_at, rollback_after=0.0)
    assert not stack.deploy(replacing, weather)
    assert stack.ids == ids
    assert owners(connect, stack) == {arn: name for name, arn in ids.items()}


@pytest.mark.parametrize("status_lag", [3.0, 15.0])
@pytest.mark.parametrize(
    ("move", "weather"),
    [
        ("two replaced groups", Weather(unanswered=frozenset(["New"]))),
        ("two replaced quick connects", Weather(unanswered=frozenset(["New"]))),
        ("two replaced quick connects", Weather(fails_at=1.0)),
    ],
    ids=["a lost group", "a lost quick connect", "a canceled quick connect"],
)
def test_a_rollback_does_not_delete_what_a_lost_move_took_while_the_status_lags(
    move: str,
    weather: Weather,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """The Update of New removes its lost replacement. That may be the resource of Old."""
    before = roll_back(stack, move, replace(weather, status_lag=status_lag), clock)
    assert stack.ids == before
    assert owners(connect, stack) == {arn: name for name, arn in before.items()}


def with_two_logical_ids(stack: Stack, declared: Declared, clock: FakeTime) -> str:
    """Deploy one resource as Old and as New, the present owner; return its ARN."""
    assert stack.deploy({"Old": declared})
    clock.sleep(600)
    assert stack.deploy({"Old": declared, "New": adopting(declared)})
    clock.sleep(600)
    assert stack.ids["Old"] == stack.ids["New"]
    return stack.ids["Old"]


@pytest.mark.parametrize("kept", ["Old", "New"])
@pytest.mark.parametrize("declared", KINDS)
def test_a_deletion_leaves_what_retain_keeps_under_another_logical_id(
    declared: Declared, kept: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """CloudFormation skips one of two logical ids, and deletes the other."""
    arn = with_two_logical_ids(stack, declared, clock)
    stack.delete(retains=frozenset([kept]))
    assert owners(connect, stack) == {arn: kept}


@pytest.mark.parametrize(("spacing", "status_lag"), [(1.0, 3.0), (1.0, 15.0), (10.0, 25.0)])
@pytest.mark.parametrize("declared", KINDS)
def test_two_deletes_leave_nothing_while_the_status_lags(
    declared: Declared,
    spacing: float,
    status_lag: float,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """The Delete of Old leaves the resource to New. New then hands it back, and looks once more."""
    with_two_logical_ids(stack, declared, clock)
    stack.delete(Weather(spacing=spacing, status_lag=status_lag))
    assert owners(connect, stack) == {}


@pytest.mark.parametrize("declared", KINDS)
def test_a_renamed_logical_id_deletes_its_resource_although_retain_kept_the_old_one(
    declared: Declared, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The clean-up of the rename skipped Old. The stack is deleted in a later operation."""
    assert stack.deploy({"Old": declared})
    clock.sleep(600)
    assert stack.deploy({"New": adopting(declared)}, retains=frozenset(["Old"]))
    clock.sleep(600)
    stack.delete()
    assert owners(connect, stack) == {}


@pytest.mark.parametrize("then", ["is deleted", "no longer has it", "New", "Third"])
@pytest.mark.parametrize("declared", KINDS)
def test_a_rolled_back_rename_to_a_retained_logical_id_leaves_nothing(
    declared: Declared, then: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The rollback sends no Delete to New, so New does not hand the resource back.

    The next update may rename Old again, to New or to Third.
    """
    other = desk("x")
    assert stack.deploy({"Old": declared, "Other": other})
    before = dict(stack.ids)
    clock.sleep(600)
    renamed = {"New": adopting(declared), "Other": other}
    assert not stack.deploy(renamed, Weather(fails_at=60.0), retains=frozenset(["New"]))
    assert stack.ids == before
    clock.sleep(600)
    if then != "is deleted":
        again = {} if then == "no longer has it" else {then: adopting(declared)}
        assert stack.deploy({"Other": other, **again})
        assert owners(connect, stack) == {arn: name for name, arn in stack.ids.items()}
        clock.sleep(600)
    stack.delete()
    assert owners(connect, stack) == {}
    assert before["Old"] not in connect.holdings


@pytest.mark.parametrize("declared", KINDS)
def test_the_delete_of_a_renamed_logical_id_leaves_what_retain_keeps_if_it_runs_again(
    declared: Declared, connect: ConnectEmulator, sink: Sink, stack: Stack, clock: FakeTime
) -> None:
    """New has left the stack since, with `Retain`, and a later operation is complete."""
    other = desk("x")
    assert stack.deploy({"Old": declared, "Other": other})
    clock.sleep(600)
    assert stack.deploy({"New": adopting(declared), "Other": other})
    arn, delete = stack.ids["New"], stack.sent[-1]
    assert (delete["RequestType"], delete["LogicalResourceId"]) == ("Delete", "Old")
    clock.sleep(60)
    assert stack.deploy({"Other": other}, retains=frozenset(["New"]))
    clock.sleep(60)
    assert stack.deploy({"Other": desk("y")})
    assert deliver(delete, sink)["Status"] == "SUCCESS"
    assert owners(connect, stack)[arn] == "New"


# `Retain` keeps the resource of Old, which leaves the template or is replaced.
LEFT: dict[str, tuple[Declared, Template]] = {
    "a removed group": (group(), {}),
    "a removed quick connect": (desk(), {}),
    "a replaced group": (group(), {"Old": group("h")}),
    "a replaced quick connect": (desk(), {"Old": desk(**ELSEWHERE)}),
}


def retained(stack: Stack, left: str, clock: FakeTime) -> str:
    """Let an operation of hours ago leave the resource of Old behind; return its ARN."""
    declared, after = LEFT[left]
    assert stack.deploy({"Old": declared, "Other": desk("x")})
    arn = stack.ids["Old"]
    clock.sleep(20_000)
    assert stack.deploy({**after, "Other": desk("x")}, retains=frozenset(["Old"]))
    clock.sleep(20_000)
    return arn


@pytest.mark.parametrize("left", LEFT)
@pytest.mark.parametrize(
    ("weather", "events_lag"),
    [
        pytest.param(Weather(fails_at=60.0, status_lag=3.0), 0.0, id="rollback, late status"),
        pytest.param(Weather(fails_at=60.0), 3.0, id="rollback, late events"),
        pytest.param(Weather(status_lag=3.0), 0.0, id="deletion, late status"),
    ],
)
def test_a_new_logical_id_adopts_what_retain_kept_while_the_status_lags(
    weather: Weather,
    events_lag: float,
    left: str,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """An earlier operation left the resource behind, so it does not move.

    The rollback, or the deletion of the stack, releases it.
    """
    arn = retained(stack, left, clock)
    stack.stacks.events_lag = events_lag
    adopted = {**stack.template, "New": adopting(LEFT[left][0])}
    complete = stack.deploy(adopted, weather)
    assert complete == (weather.fails_at is None)
    if complete:
        clock.sleep(600)
        stack.delete()
    live = {**connect.quick_connects, **connect.groups}
    assert arn in live
    assert "cfn:stack-id" not in live[arn]["Tags"]


@pytest.mark.parametrize("left", ["a replaced group", "a replaced quick connect"])
@pytest.mark.parametrize("fails_at", [80.0, None], ids=["rollback", "deletion"])
def test_a_new_logical_id_adopts_what_retain_kept_while_its_earlier_one_changes(
    fails_at: float | None, left: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The same update changes a tag of Old, which has its replacement since hours ago."""
    arn = retained(stack, left, clock)
    kind, properties = stack.template["Old"]
    changed = {"Old": (kind, {**properties, "Tags": {"a": "1"}})}
    adopted = {**stack.template, "New": adopting(LEFT[left][0]), **changed}
    assert stack.deploy(adopted, Weather(fails_at=fails_at)) == (fails_at is None)
    clock.sleep(600)
    if fails_at is None:
        stack.delete()
    assert arn in {**connect.quick_connects, **connect.groups}


@pytest.mark.parametrize(
    "error", ["AccessDeniedException", "InvalidRequestException", "ThrottlingException"]
)
@pytest.mark.parametrize("left", LEFT)
def test_the_rollback_of_a_refused_adoption_leaves_what_retain_kept(
    error: str, left: str, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Connect refuses the tags of the adoption. The resource still has those of hours ago."""
    arn = retained(stack, left, clock)
    before = dict(stack.ids)
    connect.fault("TagResource", error, times=10_000)
    assert not stack.deploy({**stack.template, "Old": adopting(LEFT[left][0])})
    assert stack.ids == before
    assert (arn, "Old") in owners(connect, stack).items()


def test_the_rollback_of_a_refused_adoption_leaves_a_retained_group_in_deletion_failed(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Somebody tried to delete it. A group in this status cannot be adopted."""
    arn = retained(stack, "a removed group", clock)
    connect.keep_in(connect.groups[arn], "DELETION_FAILED")
    assert not stack.deploy({**stack.template, "Old": group(**ADOPT)})
    assert (arn, "Old") in owners(connect, stack).items()


@pytest.mark.parametrize("declared", KINDS)
@pytest.mark.parametrize(
    ("taken_at", "fails_at"), [(5.0, 8.0), (5.0, 25.0), (20.0, 25.0), (5.0, None)]
)
def test_a_move_leaves_the_resource_to_a_stack_that_adopted_it_since(
    taken_at: float,
    fails_at: float | None,
    declared: Declared,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """New still waits its half minute when another stack adopts. Then it fails, or is canceled."""
    other = Stack(stack.sink, stack.stacks)
    assert stack.deploy({"Old": declared})
    arn = stack.ids["Old"]
    clock.sleep(600)
    stack.timeline = other.timeline = timeline = Timeline()
    weather = Weather(fails_at=fails_at)
    timeline.start(lambda: stack.deploy({"New": adopting(declared)}, weather))
    timeline.start(lambda: other.deploy({"Taker": adopting(declared)}), after=taken_at)
    timeline.run()
    assert (stack.ids, other.ids) == ({"Old": arn}, {"Taker": arn})
    assert owners(connect, other) == {arn: "Taker"}


@pytest.mark.parametrize("declared", KINDS)
def test_a_rollback_hands_a_resource_back_although_cloudformation_fails_three_times(
    declared: Declared,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lambda has three runs. Three lost connections must not fail all of them."""
    assert stack.deploy({"Old": declared})
    before = dict(stack.ids)
    clock.sleep(600)
    asked_before = itertools.count()
    describe = Stacks._stack_resource

    def fail_first(stacks: Stacks, asked: Mapping[str, str]) -> str | None:
        if next(asked_before) < 3:
            raise DropConnection
        return describe(stacks, asked)

    results = cloudformation._RESULTS
    stack.heal = lambda: monkeypatch.setitem(results, "DescribeStackResource", fail_first)
    renamed = {"New": adopting(declared)}
    assert not stack.deploy(renamed, Weather(fails_at=60.0))
    assert stack.ids == before
    assert owners(connect, stack) == {before["Old"]: "Old"}


@pytest.mark.parametrize("kind", ["quick connect", "group"])
@pytest.mark.parametrize("ahead", [3.0, 1.0, 0.0])
def test_an_adoption_fails_if_the_former_stack_deletes_the_resource_meanwhile(
    ahead: float,
    kind: str,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """A pipeline deploys both stacks at the same time. No stack has the ARN of a lost resource."""
    connect.settle_seconds = 5
    former, new = Stack(sink, stacks), Stack(sink, stacks)
    make = {"quick connect": desk, "group": group}[kind]
    assert former.deploy({"It": make(), "Other": desk("other")})
    clock.sleep(600)
    connect.delay_visibility(Lag(20, least=15, missing=0))
    former.timeline = new.timeline = timeline = Timeline()
    complete: list[bool] = []
    timeline.start(lambda: complete.append(new.deploy({"It": make(**ADOPT)})), after=3.0 - ahead)
    timeline.start(lambda: former.delete(), after=3.0)
    timeline.run()
    connect._settle()
    assert not complete[0] or new.ids["It"] in {*connect.quick_connects, *connect.groups}


@pytest.mark.parametrize("lag", [0, 20])
def test_a_rename_waits_for_a_name_that_another_stack_has_just_given_up(
    lag: int, connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Two nested stacks, one after the other: the first renames m to k, the second n to m."""
    first, second = Stack(sink, stacks), Stack(sink, stacks)
    assert first.deploy({"It": desk("m")})
    assert second.deploy({"It": desk("n")})
    clock.sleep(600)
    connect.delay_visibility(Lag(lag, least=15 if lag else 0, missing=0))
    assert first.deploy({"It": desk("k")})
    clock.sleep(5)
    assert second.deploy({"It": desk("m")})


def test_nested_stacks_roll_a_chain_of_names_back(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Their parent fails. The first one rolls back while the second one still has its Name."""
    first, second = Stack(sink, stacks), Stack(sink, stacks)
    assert first.deploy({"It": desk("n")})
    assert second.deploy({"It": desk("m")})
    clock.sleep(600)
    first.timeline = second.timeline = timeline = Timeline()
    later = Weather(parent_fails_after=60.0)
    timeline.start(lambda: first.deploy({"It": desk("t")}, later) and None)
    timeline.start(lambda: second.deploy({"It": desk("n")}, later) and None, after=3.0)
    timeline.run()
    names = [connect.quick_connects[each.ids["It"]]["Name"] for each in (first, second)]
    assert names == ["n", "m"]


@pytest.mark.parametrize("declared", KINDS)
@pytest.mark.parametrize("stays", [False, True], ids=["", "Old stays"])
@pytest.mark.parametrize("spacing", [0.0, 10.0, 40.0])
def test_two_logical_ids_that_adopt_one_resource_in_one_update_hand_it_back(
    spacing: float,
    declared: Declared,
    *,
    stays: bool,
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """The rollback deletes both, and the first owner still has the resource."""
    assert stack.deploy({"Old": declared})
    clock.sleep(600)
    template = {"New": adopting(declared), "Newer": adopting(declared)}
    template |= {"Old": declared} if stays else {}
    assert not stack.deploy(template, Weather(spacing=spacing, fails_at=150.0))
    assert owners(connect, stack) == {stack.ids["Old"]: "Old"}


@pytest.mark.parametrize("declared", KINDS)
def test_a_stack_returns_to_the_first_logical_id_after_two_failed_renames(
    declared: Declared, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """With --disable-rollback, no request tells the first one. The clean-up deletes the others."""
    other = {"Other": desk("x")}
    assert stack.deploy({"Old": declared, **other})
    for name in ("New", "Newer"):
        clock.sleep(600)
        renamed = {name: adopting(declared), **other}
        assert not stack.deploy(renamed, Weather(fails_at=60.0), disable_rollback=True)
    clock.sleep(600)
    assert stack.deploy({"Old": declared, **other})
    assert owners(connect, stack)[stack.ids["Old"]] == "Old"


@pytest.mark.parametrize("declared", KINDS)
def test_a_rolled_back_rename_of_a_second_logical_id_returns_to_the_first(
    declared: Declared, connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """Two logical ids have one resource. Then the second one leaves the template."""
    first, adopts = {"First": adopting(declared)}, adopting(declared)
    assert stack.deploy({"First": declared})
    clock.sleep(600)
    assert stack.deploy({"First": declared, "Second": adopts})
    clock.sleep(600)
    assert not stack.deploy({"First": declared, "Renamed": adopts}, Weather(fails_at=60.0))
    clock.sleep(600)
    assert stack.deploy(first)
    assert stack.ids["First"] in owners(connect, stack)
