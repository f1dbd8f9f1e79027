"""The emulator shows changes late, as Connect documents, and only if a test asks for it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from connect_provider.connect import client
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.harness import FakeTime

INSTANCE = {"InstanceId": scene.INSTANCE_ID}
FLOW = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}
FIVE_SECONDS = Lag(5, least=5, missing=0)


def create(**changes: Any) -> dict[str, str]:
    parameters = {**INSTANCE, "Name": "n", "QuickConnectConfig": FLOW, **changes}
    made = client(scene.REGION, 20).create_quick_connect(**parameters)
    return {**INSTANCE, "QuickConnectId": made["QuickConnectId"]}


def described(desk: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = client(scene.REGION, 20).describe_quick_connect(**desk)
    return found["QuickConnect"]


def listed() -> list[str]:
    found = client(scene.REGION, 20).list_quick_connects(**INSTANCE)["QuickConnectSummaryList"]
    return [desk["Name"] for desk in found]


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    code: str = raised.value.response["Error"]["Code"]
    return code


def test_a_new_resource_is_found_only_after_the_lag(
    connect: ConnectEmulator, clock: FakeTime
) -> None:
    """Describe answers ResourceNotFoundException, and List leaves the resource out."""
    connect.delay_visibility(FIVE_SECONDS)
    desk = create()
    clock.sleep(4.9)
    assert code_of(lambda: described(desk)) == "ResourceNotFoundException"
    assert listed() == []
    clock.sleep(0.1)
    assert described(desk)["Name"] == "n"
    assert listed() == ["n"]


def test_a_change_shows_the_old_state_during_the_lag(
    connect: ConnectEmulator, clock: FakeTime
) -> None:
    """An update and a deletion become visible in the same way."""
    desk = create()
    connect.delay_visibility(FIVE_SECONDS)
    client(scene.REGION, 20).update_quick_connect_name(**desk, Name="new", Description="")
    assert described(desk)["Name"] == "n"
    clock.sleep(5)
    assert described(desk)["Name"] == "new"
    client(scene.REGION, 20).delete_quick_connect(**desk)
    assert listed() == ["new"]
    clock.sleep(5)
    assert listed() == []


def test_a_change_by_hand_is_late_too(connect: ConnectEmulator, clock: FakeTime) -> None:
    """A test that changes the emulator's state stands for the console."""
    desk = create()
    connect.delay_visibility(FIVE_SECONDS)
    next(iter(connect.quick_connects.values()))["Name"] = "by hand"
    assert described(desk)["Name"] == "n"
    clock.sleep(5)
    assert described(desk)["Name"] == "by hand"


def test_the_states_since_a_moment_include_those_that_ended_later(
    connect: ConnectEmulator, clock: FakeTime
) -> None:
    """A renamed resource has its old Name until the rename, and a deleted one has no state."""
    connect.delay_visibility(FIVE_SECONDS)
    desk = create()
    clock.sleep(10)
    client(scene.REGION, 20).update_quick_connect_name(**desk, Name="new", Description="")
    clock.sleep(10)
    client(scene.REGION, 20).delete_quick_connect(**desk)
    moments = (5, 15, 25)
    states = [[s for _, s in connect.states_since(m, "quick_connects")] for m in moments]
    assert [[state["Name"] for state in each] for each in states] == [["n", "new"], ["new"], []]


@pytest.mark.parametrize("kind", ["queue", "user", "flow"])
def test_a_call_that_refers_to_something_new_is_refused_during_the_lag(
    kind: str, connect: ConnectEmulator, clock: FakeTime
) -> None:
    """Both documented errors come, and none of the calls takes effect."""
    queue = {"QueueId": "new", "ContactFlowId": scene.CONTACT_FLOW_ID}
    user = {"UserId": "new", "ContactFlowId": scene.CONTACT_FLOW_ID}
    config = {
        "queue": {"QuickConnectType": "QUEUE", "QueueConfig": queue},
        "user": {"QuickConnectType": "USER", "UserConfig": user},
        "flow": {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": "new"}},
    }[kind]
    instance = connect.instances[scene.INSTANCE_ID]
    known = {"queue": instance.queues, "user": instance.users, "flow": instance.contact_flows}[kind]
    codes = set()
    for seed in range(8):
        known.discard("new")
        connect.delay_visibility(Lag(5, least=5, seed=seed))
        known.add("new")
        codes.add(code_of(lambda: create(QuickConnectConfig=config)))
    assert codes == {"ResourceNotFoundException", "InvalidRequestException"}
    assert connect.quick_connects == {}
    clock.sleep(5)
    create(QuickConnectConfig=config)


def test_a_call_on_a_resource_just_made_is_refused_during_the_lag(
    connect: ConnectEmulator, clock: FakeTime
) -> None:
    """Tagging by ARN is such a call, like a change by id."""
    connect.delay_visibility(FIVE_SECONDS)
    desk = create()
    (arn,) = connect.quick_connects
    calls = client(scene.REGION, 20)
    refused = {"ResourceNotFoundException", "InvalidRequestException"}
    assert code_of(lambda: calls.tag_resource(resourceArn=arn, tags={"a": "b"})) in refused
    assert code_of(lambda: calls.delete_quick_connect(**desk)) in refused
    clock.sleep(5)
    calls.delete_quick_connect(**desk)


def test_a_change_may_hide_the_old_state_too(connect: ConnectEmulator, clock: FakeTime) -> None:
    """Connect documents ResourceNotFoundException after a change, not only after a creation."""
    desk = create()
    connect.delay_visibility(Lag(5, least=5, missing=1))
    client(scene.REGION, 20).update_quick_connect_name(**desk, Name="new", Description="")
    assert code_of(lambda: described(desk)) == "ResourceNotFoundException"
    clock.sleep(5)
    assert described(desk)["Name"] == "new"


def test_each_operation_has_a_lag_of_its_own(connect: ConnectEmulator, clock: FakeTime) -> None:
    """The resource is in the list before Describe finds it, or the other way round."""
    orders = set()
    for seed in range(8):
        connect.quick_connects.clear()
        connect.delay_visibility(Lag(20, seed=seed))
        create()
        while not listed():
            clock.sleep(0.5)
        (arn,) = connect.quick_connects
        desk = {**INSTANCE, "QuickConnectId": arn.rpartition("/")[2]}
        try:
            orders.add(described(desk)["Name"])
        except client(scene.REGION, 20).exceptions.ResourceNotFoundException:
            orders.add("not yet")
    assert orders == {"n", "not yet"}


def test_a_lag_can_be_limited_to_an_operation(connect: ConnectEmulator) -> None:
    """The list is late, and Describe is not."""
    connect.delay_visibility(Lag(5, least=5, operations=("ListQuickConnects",)))
    desk = create()
    assert described(desk)["Name"] == "n"
    assert listed() == []


def test_equal_seeds_give_equal_lags() -> None:
    """A failure can be repeated."""
    lags = [[Lag(20, seed=seed).seconds(n, "o") for n in range(9)] for seed in (1, 1, 2)]
    assert lags[0] == lags[1] != lags[2]
    assert all(0 <= seconds <= 20 for seconds in lags[0])
