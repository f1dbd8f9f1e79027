"""The gaps in docs/reliability.md, shown in the emulator.

If a change closes a gap, its test fails. Then delete the test and the row of the page.
"""

from typing import Any

import pytest

from connect_provider.errors import Throttling
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.cloudformation import Declared, RollbackFailed, Stack, Template, Weather
from tests.support.harness import (
    Context,
    FakeTime,
    Sink,
    created,
    handler_of,
    load_event,
    response_to,
    reversed_update,
)
from tests.support.histories import DESK, FLOW, OFFER
from tests.support.requests import deliver, respond
from tests.support.scenarios import scenario_of
from tests.support.timeline import Timeline
from tests.support.traffic import by_hand, live, percentages, template

GROUP = "traffic_distribution_group"


def desk(sink: Sink, **properties: Any) -> Template:
    """Return a template with one quick connect."""
    declared = load_event("quick_connect_create", sink)["ResourceProperties"]
    return {"Desk": ("Custom::ConnectQuickConnect", {**declared, **properties})}


def test_a_delete_misses_a_resource_that_connect_hides_for_longer_than_the_lag(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Describe does not show the new quick connect for 40 seconds."""
    arn = created(load_event("quick_connect_create", sink), sink)
    connect.fault("DescribeQuickConnect", "ResourceNotFoundException", seconds=40)
    assert respond("quick_connect_delete", sink, PhysicalResourceId=arn)["Status"] == "SUCCESS"
    assert arn in connect.quick_connects


def test_two_deletes_of_one_resource_leave_it_while_both_services_lag(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Each leaves the resource to the other one: the lags are 15 and 25 seconds."""
    stack = Stack(sink, stacks)
    old, new = desk(sink), desk(sink, ExistingResourcePolicy="Adopt")
    assert stack.deploy(old)
    clock.sleep(600)
    assert stack.deploy({"Line": new["Desk"], **old})
    clock.sleep(600)
    connect.delay_visibility(Lag(15, least=15, missing=0))
    stack.delete(Weather(spacing=12.0, status_lag=25.0))
    assert len(connect.quick_connects) == 1


def named(sink: Sink, name: str, policy: str = "Fail") -> Template:
    """Return a template with one group."""
    declared = load_event("traffic_distribution_group_create", sink)["ResourceProperties"]
    properties = {**declared, "Name": name, "ExistingResourcePolicy": policy}
    return {"Group": ("Custom::ConnectTrafficDistributionGroup", properties)}


@pytest.fixture
def half_updated(connect: ConnectEmulator, sink: Sink, stacks: Stacks) -> Stack:
    """A stack whose group "new" replaces "old". A sibling failed, so no cleanup has come yet."""
    stack = Stack(sink, stacks)
    assert stack.deploy(named(sink, "old"))
    assert not stack.deploy(named(sink, "new"), Weather(fails_at=60.0), disable_rollback=True)
    return stack


def test_a_replaced_resource_keeps_its_name_until_an_update_is_complete(
    connect: ConnectEmulator, sink: Sink, half_updated: Stack
) -> None:
    """The next update returns to the old Name."""
    (old,) = half_updated.replaced
    assert not half_updated.deploy(named(sink, "old"))
    assert connect.groups[half_updated.ids["Group"]]["Name"] == "new"
    refusal = next(r["Reason"] for r in sink.responses if r["Status"] == "FAILED")
    assert refusal.startswith(f"AlreadyExists: {old.physical_id} ")
    assert "unless CloudFormation still has to delete it" in refusal


def test_the_cleanup_releases_a_replaced_resource_that_an_update_adopts(
    connect: ConnectEmulator, sink: Sink, half_updated: Stack
) -> None:
    """CloudFormation still deletes it, although it is the stack's resource again."""
    (old,) = half_updated.replaced
    assert half_updated.deploy(named(sink, "old", policy="Adopt"))
    assert half_updated.ids["Group"] == old.physical_id
    assert "cfn:stack-id" not in connect.groups[old.physical_id]["Tags"]


def test_a_delete_that_is_refused_in_its_second_run_loses_the_users(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The first run dissociated them, and its time ran out before the deletion."""
    create = load_event(f"{GROUP}_create_with_users", sink)
    arn = created(create, sink)
    assert connect.groups[arn]["users"]
    properties = {"ResourceProperties": create["ResourceProperties"]}
    delete = load_event(f"{GROUP}_delete", sink, PhysicalResourceId=arn, **properties)
    connect.fault("DeleteTrafficDistributionGroup", "ThrottlingException", times=10_000)
    with pytest.raises(Throttling):
        handler_of(delete)(delete, Context())
    connect.faults.clear()
    connect.fault("DeleteTrafficDistributionGroup", "ResourceInUseException", times=10_000)
    clock.sleep(60)
    assert response_to(handler_of(delete), delete, sink)["Status"] == "FAILED"
    assert connect.groups[arn]["users"] == set()


def test_a_rename_loses_the_resource_if_connect_shows_the_old_owner_after_the_lag(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Describe of the cleanup shows the tags of half a minute ago."""
    stack = Stack(sink, stacks)
    (declared,) = desk(sink, ExistingResourcePolicy="Adopt").values()
    assert stack.deploy({"Old": declared})
    describe = connect._describe_quick_connect
    old = dict(connect.quick_connects[stack.ids["Old"]]["Tags"])

    def shown(region: str, p: Any) -> Any:
        output = describe(region, p)
        cleanup = stack.sent[-1]["RequestType"] == "Delete"
        tags = {"Tags": old} if cleanup else {}
        return {"QuickConnect": {**output["QuickConnect"], **tags}}

    monkeypatch.setattr(connect, "_describe_quick_connect", shown)
    assert stack.deploy({"New": declared})
    assert connect.quick_connects == {}


def test_a_rolled_back_replacement_loses_a_resource_without_tags(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Somebody removed all tags. Nothing tells the resource from one that somebody made by hand."""
    stack = Stack(sink, stacks)
    assert stack.deploy(desk(sink))
    connect.quick_connects[stack.ids["Desk"]]["Tags"].clear()
    moved = desk(sink, InstanceId=scene.OTHER_INSTANCE_ID)
    assert not stack.deploy(moved, Weather(fails_at=5.0))
    (left,) = connect.quick_connects
    assert scene.OTHER_INSTANCE_ID in left


@pytest.mark.parametrize("taken", [True, False])
def test_a_rolled_back_replacement_loses_a_quick_connect_that_somebody_renamed(
    taken: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    clock: FakeTime,
) -> None:
    """The rollback looks for the old Name. Nothing has it, or another quick connect took it."""
    stack, other = Stack(sink, stacks), Stack(sink, stacks)
    assert stack.deploy(desk(sink))
    old = stack.ids["Desk"]
    connect.quick_connects[old]["Name"] = "Renamed by hand"
    if taken:
        assert other.deploy(desk(sink))
    clock.sleep(600)
    moved = desk(sink, InstanceId=scene.OTHER_INSTANCE_ID)
    assert not stack.deploy(moved, Weather(fails_at=60.0))
    assert {*connect.quick_connects} == {stack.ids["Desk"], *other.ids.values()}
    assert old not in connect.quick_connects
    assert (scene.OTHER_INSTANCE_ID in stack.ids["Desk"]) is taken


def test_a_rollback_keeps_what_an_update_adopted_in_place_of_a_missing_resource(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Somebody deleted the resource, and another stack took its Name."""
    stack, other = Stack(sink, stacks), Stack(sink, stacks)
    assert stack.deploy(desk(sink))
    connect.quick_connects.clear()
    assert other.deploy(desk(sink))
    adopt = desk(sink, Description="new", ExistingResourcePolicy="Adopt")
    assert not stack.deploy(adopt, Weather(fails_at=120.0))
    assert stack.ids == other.ids
    (live,) = connect.quick_connects.values()
    assert live["Tags"]["cfn:stack-id"] == stack.id
    stack.delete()
    assert [*connect.quick_connects.values()] == [live]
    assert "cfn:stack-id" not in live["Tags"]


def test_a_throttled_create_outlives_its_delete_if_both_lags_add_up(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """CloudFormation lags 15 seconds, and Connect 20. The Delete looks for half a minute."""
    stack = Stack(sink, stacks)
    connect.delay_visibility(Lag(20, least=20, missing=0))
    connect.fault("CreateQuickConnect", "ThrottlingException", seconds=15)
    assert not stack.deploy(desk(sink), Weather(fails_at=3.0, status_lag=15.0))
    assert len(connect.quick_connects) == 1


def test_an_update_writes_if_its_rollback_begins_within_half_a_minute(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Connect throttles the update. Its rollback finds nothing to undo, and no event shows it."""
    update = scenario_of("update a quick connect").prepare(connect, sink)
    arn = update["PhysicalResourceId"]
    before = connect.quick_connects[arn]["Name"]

    def roll_back() -> None:
        clock.advance(20)
        stacks.status, stacks.since = "UPDATE_ROLLBACK_IN_PROGRESS", clock.time()
        stacks.resource_status = "UPDATE_IN_PROGRESS"
        stacks.events = [("", "UPDATE_IN_PROGRESS", clock.time() - 20)]
        reverse = reversed_update(update, sink)
        assert response_to(handler_of(reverse), reverse, sink)["Status"] == "SUCCESS"
        assert connect.quick_connects[arn]["Name"] == before

    connect.fault("UpdateQuickConnectName", "ThrottlingException")
    clock.meanwhile = roll_back
    handler_of(update)(update, Context())
    assert connect.quick_connects[arn]["Name"] == update["ResourceProperties"]["Name"] != before


def test_an_adoption_counts_as_a_move_if_the_former_logical_id_takes_another_resource(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """`Retain` kept the resources of two logical ids. In one update, each adopts the other's."""
    adopts = {"ExistingResourcePolicy": "Adopt"}

    def pair(desk: str, line: str, **properties: str) -> Template:
        common = {"InstanceId": scene.INSTANCE_ID, "QuickConnectConfig": FLOW, **properties}
        names = {"Desk": desk, "Line": line}
        return {key: (DESK, {**common, "Name": name}) for key, name in names.items()}

    assert stack.deploy(pair("a", "b"))
    kept = set(stack.ids.values())
    retains = frozenset(stack.ids)
    elsewhere = pair("a", "b", InstanceId=scene.OTHER_INSTANCE_ID)
    assert stack.deploy(elsewhere, retains=retains)
    clock.sleep(60)
    assert stack.deploy(pair("b", "a", **adopts), Weather(spacing=40.0))
    stack.delete()
    assert len(kept & connect.quick_connects.keys()) == 1


def test_the_rollback_of_a_repeated_rename_leaves_the_tags_of_the_new_logical_id(
    connect: ConnectEmulator, stack: Stack, sink: Sink, clock: FakeTime
) -> None:
    """The next update of the old logical id repairs that."""
    assert stack.deploy(desk(sink))
    (new,) = desk(sink, ExistingResourcePolicy="Adopt").values()
    clock.sleep(600)
    assert not stack.deploy({"New": new}, Weather(fails_at=60.0, status_lag=28.0))
    assert not stack.deploy({"New": new}, Weather(fails_at=4.0, status_lag=28.0))
    (live_one,) = connect.quick_connects.values()
    assert live_one["Tags"]["cfn:logical-id"] == "New"
    clock.sleep(600)
    assert stack.deploy(desk(sink, Description="repaired"))
    assert live_one["Tags"]["cfn:logical-id"] == "Desk"


def test_two_quick_connects_get_one_name_while_connect_hides_the_first(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """Each update looks for the Name, and Connect accepts a taken Name in a rename."""
    stack = Stack(sink, stacks)
    connect.refuses_taken_rename = False
    assert stack.deploy({**desk(sink, Name="one"), "Line": desk(sink, Name="two")["Desk"]})
    connect.delay_visibility(Lag(20, least=20, missing=0))
    both = dict.fromkeys(["Desk", "Line"], desk(sink, Name="three")["Desk"])
    assert stack.deploy(both, Weather(spacing=5.0))
    assert [live["Name"] for live in connect.quick_connects.values()] == ["three", "three"]


def test_a_rolled_back_rename_of_a_logical_id_keeps_the_values_of_the_failed_template(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """The rollback sends no Update to the old logical id. The new one hands the resource back."""
    stack = Stack(sink, stacks)
    (old,) = desk(sink).values()
    (new,) = desk(sink, Description="new", ExistingResourcePolicy="Adopt").values()
    assert stack.deploy({"Old": old})
    clock.sleep(600)
    assert not stack.deploy({"New": new}, Weather(fails_at=60.0))
    (live,) = connect.quick_connects.values()
    assert live["Tags"]["cfn:logical-id"] == "Old"
    assert live["Description"] == "new"


def test_a_create_that_cloudformation_says_nothing_about_outlives_its_delete(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Connect throttles the Create for a minute, and CloudFormation's API is down."""
    create = load_event("quick_connect_create", sink)

    def cancel() -> None:
        clock.advance(10)
        delete = load_event("quick_connect_delete_after_cancelled_create", sink)
        assert response_to(handler_of(delete), delete, sink)["Status"] == "SUCCESS"

    connect.fault("CreateQuickConnect", "ThrottlingException")
    clock.meanwhile = cancel
    stacks.status = 503
    handler_of(create)(create, Context())
    assert len(connect.quick_connects) == 1


def test_a_second_delivery_associates_after_an_early_delete(
    connect: ConnectEmulator, sink: Sink, clock: FakeTime
) -> None:
    """The stack deletes the resource within two seconds. A run that early does not ask it."""
    create = scenario_of("offer quick connects").prepare(connect, sink)
    queue = created(create, sink)

    def delete() -> None:
        response = respond(
            "queue_quick_connects_delete",
            sink,
            PhysicalResourceId=queue,
            ResourceProperties=create["ResourceProperties"],
        )
        assert response["Status"] == "SUCCESS"
        assert connect.queue_quick_connects[queue] == set()

    connect.fault("AssociateQueueQuickConnects", "ThrottlingException")
    clock.meanwhile = delete
    handler_of(create)(create, Context())
    assert connect.queue_quick_connects[queue]


def test_the_rollback_of_an_update_that_records_a_manual_change_undoes_it(
    stack: Stack, group: dict[str, Any], clock: FakeTime
) -> None:
    """The change came right before the update. The rollback takes it for the update's own."""
    assert stack.deploy(template(100))
    clock.sleep(600)
    by_hand(group, 0, 100)
    clock.sleep(3)
    assert not stack.deploy(template(0), Weather(fails_at=60.0))
    assert live(group) == (100, 0)


def test_a_throttled_delete_takes_the_resource_that_another_stack_adopted(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, clock: FakeTime
) -> None:
    """Its Delete has read the tags before the adoption, and Connect throttles it for a minute."""
    one, other = Stack(sink, stacks), Stack(sink, stacks)
    assert one.deploy(desk(sink))
    clock.sleep(600)
    connect.fault("DeleteQuickConnect", "ThrottlingException", seconds=60)
    one.timeline = other.timeline = timeline = Timeline()
    timeline.start(one.delete)
    adopts = desk(sink, ExistingResourcePolicy="Adopt")
    timeline.start(lambda: other.deploy(adopts), after=5.0)
    timeline.run()
    assert other.ids["Desk"] not in connect.quick_connects


def test_a_throttled_update_is_written_while_cloudformation_does_not_show_its_rollback(
    connect: ConnectEmulator, stack: Stack, sink: Sink, clock: FakeTime
) -> None:
    """Connect throttles the update and its rollback for 106 seconds."""
    assert stack.deploy(desk(sink, Description="old"))
    clock.sleep(600)
    connect.fault("UpdateQuickConnectName", "ThrottlingException", seconds=106)
    stack.heal = lambda: None
    weather = Weather(fails_at=100.0, status_lag=10.0)
    assert not stack.deploy(desk(sink, Description="new"), weather)
    assert [each["Description"] for each in connect.quick_connects.values()] == ["new"]


def test_the_cleanup_of_a_replaced_queue_dissociates_what_a_later_update_offers_there(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """`--disable-rollback` keeps an update that names another queue. The next one returns."""
    scene.add_quick_connects(connect)
    ids = [scene.QUICK_CONNECT_IDS[0]]

    def offered(queue: str) -> Template:
        properties = {"InstanceId": scene.INSTANCE_ID, "QueueId": queue, "QuickConnectIds": ids}
        return {"Offer": (OFFER, properties)}

    assert stack.deploy(offered(scene.QUEUE_ID))
    failing = Weather(fails_at=60.0)
    assert not stack.deploy(offered(scene.OTHER_QUEUE_ID), failing, disable_rollback=True)
    clock.sleep(600)
    assert stack.deploy(offered(scene.QUEUE_ID))
    assert not any(connect.queue_quick_connects.values())


@pytest.mark.parametrize(
    ("seconds", "after", "weather"),
    [
        pytest.param(200, 100.0, Weather(fails_at=600.0), id="it waited"),
        pytest.param(60, 66.0, Weather(fails_at=6.0, rollback_after=300.0), id="it was canceled"),
    ],
)
def test_the_rollback_of_a_throttled_update_undoes_a_manual_change(
    seconds: int,
    after: float,
    weather: Weather,
    connect: ConnectEmulator,
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """Operators make the same change. The update finds it, or was canceled a minute before."""
    assert stack.deploy(template(100))
    clock.sleep(600)
    connect.fault("UpdateTrafficDistribution", "ThrottlingException", seconds=seconds)
    stack.timeline = timeline = Timeline()
    timeline.start(lambda: by_hand(group, 0, 100), after=after)
    timeline.start(lambda: stack.deploy(template(0), weather))
    timeline.run()
    assert live(group) == (100, 0)


def test_an_update_that_is_canceled_at_once_moves_the_traffic_a_minute_later(
    connect: ConnectEmulator, stack: Stack, group: dict[str, Any]
) -> None:
    """Another stack moves agents for a minute. The rollback waits for that, too."""
    other, shown = Stack(stack.sink, stack.stacks), []
    assert stack.deploy(template(100))
    connect.shift_seconds = 60
    timeline = stack.timeline = other.timeline = Timeline()
    timeline.start(lambda: other.deploy(template(100, AgentConfig=percentages(50, 50))))
    timeline.start(
        lambda: stack.deploy(template(0), Weather(fails_at=0.0, rollback_after=0.5)), after=5.0
    )
    timeline.start(lambda: shown.append(live(group)), after=200.0)
    timeline.run()
    assert (shown, live(group)) == ([(0, 100)], (100, 0))


def test_a_rollback_of_traffic_does_not_fit_into_three_minutes_if_a_change_takes_one(
    connect: ConnectEmulator, stack: Stack
) -> None:
    """It waits for the failed update's change, for half a minute, and for its own change."""
    connect.shift_seconds = 60
    assert stack.deploy(template(100, ServiceTimeout="180"))
    with pytest.raises(RollbackFailed, match="NotStabilized"):
        stack.deploy(template(0, ServiceTimeout="180"), Weather(fails_at=3.0))


def test_a_rollback_that_keeps_the_live_split_responds_without_its_attributes(
    connect: ConnectEmulator, stack: Stack, sink: Sink
) -> None:
    """Connect refuses the previous split."""
    refused = ("UpdateTrafficDistribution", "InvalidRequestException")
    stack.heal = lambda: connect.fault(*refused, seconds=600)
    assert stack.deploy(template(100))
    assert not stack.deploy(template(0), Weather(fails_at=60.0))
    assert sink.responses[-1]["Data"].keys() == {"Arn", "Id"}


def test_an_added_revision_without_a_text_overwrites_a_manual_change(
    stack: Stack, group: dict[str, Any]
) -> None:
    """The template already had the split, and did not have the property."""
    assert stack.deploy(template(100, OutOfBandTraffic="Fail"))
    by_hand(group, 0, 100)
    assert stack.deploy(template(100, OutOfBandTraffic="Fail", Revision=""))
    assert live(group) == (100, 0)


def create_with_fail(sink: Sink, group: dict[str, Any]) -> dict[str, Any]:
    """Return the Create of a split of 60/40 that refuses to overwrite a manual change."""
    return load_event(
        "traffic_distribution_create",
        sink,
        Properties={
            "TrafficDistributionGroupId": group["Arn"],
            "OutOfBandTraffic": "Fail",
            "AgentConfig": None,
        },
    )


def test_fail_takes_the_initial_split_for_an_untouched_one_on_create(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """An operator moved all calls back to the home Region. Nothing tells this from a new group."""
    group = connect.default_group(scene.INSTANCE_ID)
    by_hand(group, 0, 100)
    by_hand(group, 100, 0)
    assert deliver(create_with_fail(sink, group), sink)["Status"] == "SUCCESS"
    assert live(group) == (60, 40)


def test_a_renamed_logical_id_of_a_queues_quick_connects_dissociates_them(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation creates the new resource, and then deletes the old one."""
    scene.add_quick_connects(connect)
    create = load_event("queue_quick_connects_create", sink)
    queue = created(create, sink)
    renamed = load_event(
        "queue_quick_connects_create", sink, LogicalResourceId="Renamed", RequestId="renamed"
    )
    assert created(renamed, sink) == queue
    delete = load_event(
        "queue_quick_connects_delete",
        sink,
        PhysicalResourceId=queue,
        ResourceProperties=create["ResourceProperties"],
    )
    assert deliver(delete, sink)["Status"] == "SUCCESS"
    assert connect.queue_quick_connects[queue] == set()


def test_a_rollback_removes_a_tag_that_somebody_set_to_the_same_value(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The failed update never set it. Key and value are equal by coincidence."""
    create = load_event("quick_connect_create", sink)
    arn = created(create, sink)
    update = load_event(
        "quick_connect_update",
        sink,
        PhysicalResourceId=arn,
        ResourceProperties={**create["ResourceProperties"], "Tags": {"team": "red"}},
        OldResourceProperties=create["ResourceProperties"],
    )
    connect.quick_connects[arn]["Tags"]["team"] = "red"
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert deliver(reversed_update(update, sink), sink)["Status"] == "SUCCESS"
    assert connect.quick_connects[arn]["Tags"].get("team") != "red"


@pytest.mark.parametrize("rolls_back", [False, True])
def test_queues_that_move_by_one_in_a_list_lose_their_quick_connects(
    rolls_back: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    stack: Stack,
    clock: FakeTime,
) -> None:
    """The logical ids are positions. The Deletes of the old queues come last."""
    instance = connect.instances[scene.INSTANCE_ID]
    made = [connect.add_quick_connect(instance, name, FLOW, {}) for name in "ab"]
    a, b = (arn.rpartition("/")[2] for arn in made)
    first, second, third = (f"{instance.arn}/queue/{queue}" for queue in scene.QUEUE_IDS[:3])

    def offer(queue: str, quick_connect: str) -> Declared:
        declared = {"QueueId": queue.rpartition("/")[2], "QuickConnectIds": [quick_connect]}
        return OFFER, {"InstanceId": scene.INSTANCE_ID, **declared}

    assert stack.deploy({"D0": offer(first, a), "D1": offer(second, b)})
    clock.sleep(60)
    after = {"D0": offer(third, a), "D1": offer(first, a), "D2": offer(second, b)}
    stack.deploy(after, Weather(fails_at=200.0 if rolls_back else None))
    offered = connect.queue_quick_connects
    assert offered[first] == set() == offered[second]


@pytest.mark.parametrize("moves_agents", [False, True])
def test_a_rollback_undoes_an_evacuation_if_the_update_moved_agents(
    moves_agents: bool,  # noqa: FBT001
    stack: Stack,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """Operators have moved the calls. LastFailoverTime is that of the update."""
    assert stack.deploy(template(100, AgentConfig=percentages(100, 0)))
    by_hand(group, 0, 100)
    clock.sleep(6000)
    agents = percentages(0, 100) if moves_agents else percentages(100, 0)
    assert not stack.deploy(template(0, AgentConfig=agents), Weather(fails_at=60.0))
    assert live(group) == ((100, 0) if moves_agents else (0, 100))


def test_a_failover_that_is_repeated_at_once_moves_nothing_while_cloudformation_is_silent(
    connect: ConnectEmulator, stack: Stack, stacks: Stacks, group: dict[str, Any], clock: FakeTime
) -> None:
    """The first one was refused. The repeat has only seen the rollback of that one."""
    assert stack.deploy(template(100))
    by_hand(group, 100, 0)
    clock.sleep(6000)
    connect.fault("UpdateTrafficDistribution", "AccessDeniedException", times=1)
    weather = Weather(status_lag=15.0)
    assert not stack.deploy(template(0), weather)
    began = clock.passed
    stacks.throttles = lambda _: began + 5 < clock.passed < began + 90
    assert stack.deploy(template(0), weather)
    assert live(group) == (100, 0)


def test_a_rollback_does_not_outwait_a_slow_replacement_of_a_group(
    connect: ConnectEmulator, stack: Stack, clock: FakeTime
) -> None:
    """The group takes 85 seconds to be created, and as long to be deleted."""

    def lines(name: str) -> Template:
        declared = {"InstanceId": scene.INSTANCE_ID, "Name": name, "ServiceTimeout": "180"}
        return {"Lines": ("Custom::ConnectTrafficDistributionGroup", declared)}

    assert stack.deploy(lines("g"))
    old = stack.ids["Lines"]
    connect.settle_seconds = 85
    with pytest.raises(RollbackFailed):
        stack.deploy(lines("h"), Weather(fails_at=10.0))
    clock.sleep(300)
    connect._settle()
    assert [arn for arn, group in connect.groups.items() if not group["IsDefault"]] == [old]


def test_a_replacement_of_a_deleted_resource_outlives_a_rollback_that_comes_at_once(
    connect: ConnectEmulator, stack: Stack, sink: Sink, clock: FakeTime
) -> None:
    """The update looks for the old quick connect for half a minute. Connect lags 20 seconds."""
    assert stack.deploy(desk(sink))
    clock.sleep(600)
    connect.quick_connects.pop(stack.ids["Desk"])
    clock.sleep(600)
    connect.delay_visibility(Lag(20, seed=0))
    weather = Weather(fails_at=0.0, rollback_after=0.5, status_lag=3.0)
    assert not stack.deploy(desk(sink, InstanceId=scene.OTHER_INSTANCE_ID), weather)
    clock.sleep(600)
    assert connect.quick_connects.keys() > {stack.ids["Desk"]}
