"""Whole requests for Custom::ConnectTrafficDistribution: the response, and the calls' Regions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connect_provider.errors import NotStabilized
from connect_provider.traffic_distribution_group.app import lambda_handler
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.consistency import Lag
from tests.support.harness import (
    Context,
    FakeTime,
    Sink,
    load_event,
    response_to,
    reversed_update,
)
from tests.support.traffic import EAST, WEST, by_hand, live, percentages


@pytest.fixture
def group(connect: ConnectEmulator, sink: Sink, clock: FakeTime) -> dict[str, Any]:
    """A group that is not the default one. Its home Region has all traffic."""
    event = load_event("traffic_distribution_group_create", sink)
    arn = response_to(lambda_handler, event, sink)["PhysicalResourceId"]
    sink.reset()
    connect.journal.clear()
    clock.sleeps.clear()
    return connect.groups[arn]


def time_of(group: dict[str, Any]) -> str:
    """Return the time of the latest change of the traffic."""
    return datetime.fromtimestamp(group["failed_over"], UTC).isoformat(timespec="seconds")


def run(name: str, sink: Sink, group: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Send a request of events/ for the group; return the response."""
    event = load_event(f"traffic_distribution_{name}", sink, **changes)
    for key in ("ResourceProperties", "OldResourceProperties"):
        if event.get(key, {}).get("TrafficDistributionGroupId", "").startswith("arn:"):
            event[key]["TrafficDistributionGroupId"] = group["Arn"]
    if "PhysicalResourceId" in event and "PhysicalResourceId" not in changes:
        event["PhysicalResourceId"] = group["Arn"]
    return response_to(lambda_handler, event, sink)


def test_create_splits_the_traffic(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], clock: FakeTime
) -> None:
    """It updates once, waits, and reads the split back. Ref returns the group's ARN."""
    connect.shift_seconds = 5
    response = run("create", sink, group)
    assert response["PhysicalResourceId"] == group["Arn"]
    assert response["Data"] == {
        "Arn": group["Arn"],
        "Id": group["Id"],
        "Status": "ACTIVE",
        "IsDefault": "false",
        "InstanceArn": group["InstanceArn"],
        "TelephonyDistribution": "us-east-1=60,us-west-2=40",
        "AgentDistribution": "us-east-1=60,us-west-2=40",
        "CrossRegionRouting": "",
        "LastFailoverTime": time_of(group),
    }
    assert live(group) == live(group, "AgentConfig") == (60, 40)
    calls = connect.calls()
    assert calls.count("UpdateTrafficDistribution") == 1
    assert calls.count("GetTrafficDistribution") == 2
    assert calls.count("DescribeTrafficDistributionGroup") == 1 + len(clock.sleeps)


def test_the_instance_alone_names_its_default_group(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """Only the default group can have a SignInConfig."""
    response = run("create_default_group", sink, group)
    default = connect.groups[response["PhysicalResourceId"]]
    assert response["Data"]["IsDefault"] == "true"
    assert default["InstanceArn"].endswith(scene.INSTANCE_ID)
    assert live(default) == (80, 20)
    assert live(default, "SignInConfig") == (True, False)


def test_a_repeated_request_writes_once(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The second run finds the split in place."""
    first = run("create", sink, group)
    assert run("create", sink, group)["Data"] == first["Data"]
    assert connect.calls().count("UpdateTrafficDistribution") == 1


def test_a_second_run_continues_a_long_traffic_change(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], clock: FakeTime
) -> None:
    """The second run waits for the change that the first one made."""
    connect.shift_seconds = 1200
    event = load_event("traffic_distribution_create", sink)
    event["ResourceProperties"]["TrafficDistributionGroupId"] = group["Arn"]
    with pytest.raises(NotStabilized):
        lambda_handler(event, Context(900))
    clock.sleep(60)
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert connect.calls().count("UpdateTrafficDistribution") == 1


def test_a_failover_needs_only_the_region_that_takes_the_traffic(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every endpoint of the home Region is down. The function runs in the other Region."""
    monkeypatch.setenv("AWS_REGION", WEST)
    connect.regions_off = {EAST}
    response = run("update", sink, group)
    assert response["Status"] == "SUCCESS"
    assert live(group) == live(group, "AgentConfig") == (0, 100)
    assert {entry.region for entry in connect.journal} == {WEST}


def test_a_region_that_is_down_does_not_delay_a_failover_that_the_lag_delays(
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
    clock: FakeTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The Region that takes the traffic does not show the group for five seconds."""
    monkeypatch.setenv("AWS_REGION", WEST)
    connect.regions_off = {EAST}
    connect.fault("DescribeTrafficDistributionGroup", "ResourceNotFoundException", seconds=5)
    began = clock.passed
    assert run("update", sink, group)["Status"] == "SUCCESS"
    assert clock.passed - began < 15


def test_a_failover_of_the_default_group_needs_only_the_other_region(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica has its instance's id, so the other Region also lists the groups."""
    monkeypatch.setenv("AWS_REGION", WEST)
    connect.regions_off = {EAST}
    configs = {"TelephonyConfig": percentages(0, 100), "AgentConfig": percentages(0, 100)}
    response = run("create_default_group", sink, group, Properties=configs)
    assert response["Data"]["TelephonyDistribution"] == "us-east-1=0,us-west-2=100"


def test_on_a_tie_the_update_goes_to_the_functions_region(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither Region takes more traffic than the other."""
    monkeypatch.setenv("AWS_REGION", WEST)
    run("create", sink, group, Properties={"TelephonyConfig": percentages(50, 50)})
    assert {entry.region for entry in connect.journal} == {WEST}


def test_a_bare_id_outside_the_home_region_is_refused(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Reason asks for the ARN."""
    properties = {"TrafficDistributionGroupId": group["Id"]}
    assert run("create", sink, group, Properties=properties)["Status"] == "SUCCESS"
    monkeypatch.setenv("AWS_REGION", WEST)
    response = run("create", sink, group, Properties=properties)
    assert response["Reason"].startswith("InvalidRequest: TrafficDistributionGroupId: ")
    assert "ARN" in response["Reason"]


def test_a_manual_traffic_change_survives_an_unrelated_update(
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An update leaves a config alone if its template does not change it, and logs this."""
    by_hand(group, 0, 100)
    caplog.set_level("INFO")
    response = run("update_unchanged", sink, group)
    assert response["Status"] == "SUCCESS"
    assert live(group) == (0, 100)
    assert response["Data"]["TelephonyDistribution"] == "us-east-1=0,us-west-2=100"
    assert "UpdateTrafficDistribution" not in connect.calls()
    assert "TelephonyConfig stays" in caplog.text


def test_an_unchanged_config_is_sent_with_its_live_split(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """Connect requires telephony in each call. The template moves agents only."""
    by_hand(group, 20, 80)
    old = load_event("traffic_distribution_update_unchanged", sink)["ResourceProperties"]
    changed = {**old, "AgentConfig": percentages(0, 100)}
    run("update_unchanged", sink, group, ResourceProperties=changed)
    assert (live(group), live(group, "AgentConfig")) == ((20, 80), (0, 100))
    update = next(e for e in connect.journal if e.operation == "UpdateTrafficDistribution")
    assert update.region == WEST, "the Region with the larger share of what is sent"
    assert "SignInConfig" not in update.parameters


@pytest.mark.parametrize("request_type", ["create", "update"])
@pytest.mark.parametrize(
    ("policy", "status", "agents"),
    [("Overwrite", "SUCCESS", (100, 0)), ("Fail", "FAILED", (0, 100))],
)
def test_out_of_band_traffic_decides_about_a_config_that_the_template_adds(
    policy: str,
    status: str,
    agents: tuple[int, int],
    request_type: str,
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
) -> None:
    """An operator has moved the agents, and the previous template did not have them."""
    by_hand(group, 0, 100, "AgentConfig")
    old = load_event("traffic_distribution_update_unchanged", sink)["OldResourceProperties"]
    old = {key: value for key, value in old.items() if key != "AgentConfig"}
    old["TelephonyConfig"] = percentages(100, 0)
    new = {**old, "AgentConfig": percentages(100, 0), "OutOfBandTraffic": policy}
    name = {"create": "create", "update": "update_unchanged"}[request_type]
    earlier = {"OldResourceProperties": old} if request_type == "update" else {}
    response = run(name, sink, group, ResourceProperties=new, **earlier)
    assert (response["Status"], live(group, "AgentConfig")) == (status, agents)
    assert live(group) == (100, 0)
    if policy == "Fail":
        assert response["Reason"].startswith("ResourceConflict: AgentConfig: ")


@pytest.mark.parametrize(
    ("policy", "status", "expected"),
    [("Overwrite", "SUCCESS", (0, 100)), ("Fail", "FAILED", (50, 50))],
)
def test_out_of_band_traffic_decides_about_a_manual_change(
    policy: str,
    status: str,
    expected: tuple[int, int],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    group: dict[str, Any],
) -> None:
    """The template changed the config, and so did an operator."""
    by_hand(group, 50, 50)
    group["failed_over"] = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
    response = run("update", sink, group, Properties={"OutOfBandTraffic": policy})
    assert (response["Status"], live(group)) == (status, expected)
    if policy == "Fail":
        assert response["Reason"].startswith("ResourceConflict: TelephonyConfig: ")
        assert "us-east-1=100,us-west-2=0" in response["Reason"], "what the previous template said"
        assert "us-east-1=50,us-west-2=50" in response["Reason"], "what it is"
        assert "2026-01-01T12:00:00+00:00" in response["Reason"], "when it was changed"
        assert "UpdateTrafficDistribution" not in connect.calls()


@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
@pytest.mark.parametrize(
    ("before", "revision", "expected"),
    [
        pytest.param(None, "1", (100, 0), id="new"),
        pytest.param("1", "2", (100, 0), id="changed"),
        pytest.param("1", "1", (0, 100), id="same"),
        pytest.param("1", None, (0, 100), id="removed"),
        pytest.param(None, None, (0, 100), id="absent"),
    ],
)
def test_a_new_revision_puts_the_split_back(
    before: str | None,
    revision: str | None,
    expected: tuple[int, int],
    policy: str,
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
) -> None:
    """The template's split did not change, and an operator has changed the traffic."""
    by_hand(group, 0, 100)
    event = load_event("traffic_distribution_update_unchanged", sink)
    old = {**event["OldResourceProperties"], **({"Revision": before} if before else {})}
    properties = {"OutOfBandTraffic": policy, **({"Revision": revision} if revision else {})}
    response = run(
        "update_unchanged", sink, group, Properties=properties, OldResourceProperties=old
    )
    assert (response["Status"], live(group)) == ("SUCCESS", expected)


@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
def test_a_new_revision_applies_a_contested_split(
    policy: str, connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The template changed the split and the Revision."""
    by_hand(group, 50, 50)
    properties = {"OutOfBandTraffic": policy, "Revision": "1"}
    assert run("update", sink, group, Properties=properties)["Status"] == "SUCCESS"
    assert live(group) == (0, 100)


def test_the_rollback_of_a_new_revision_changes_no_traffic(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """The failed update changed only the Revision. An operator has changed the split since."""
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    by_hand(group, 50, 50)
    old = load_event("traffic_distribution_update_unchanged", sink)["OldResourceProperties"]
    failed = {**old, "Revision": "2"}
    reversed_properties = {"Revision": "1"}
    response = run(
        "update_unchanged",
        sink,
        group,
        Properties=reversed_properties,
        OldResourceProperties=failed,
    )
    assert (response["Status"], live(group)) == ("SUCCESS", (50, 50))


@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
def test_a_rollback_leaves_a_manual_traffic_change(
    policy: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """The failed split is not live, so the rollback has nothing to undo."""
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    by_hand(group, 50, 50)
    response = run("update_rollback", sink, group, Properties={"OutOfBandTraffic": policy})
    assert (response["Status"], live(group)) == ("SUCCESS", (50, 50))
    assert "UpdateTrafficDistribution" not in connect.calls()


def test_a_rollback_restores_the_split_before_the_failed_update(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """The reversed Update changes it back."""
    run("update", sink, group)
    assert live(group) == (0, 100)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert run("update_rollback", sink, group)["Status"] == "SUCCESS"
    assert live(group) == live(group, "AgentConfig") == (100, 0)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("UPDATE_ROLLBACK_IN_PROGRESS", (50, 50)), ("UPDATE_IN_PROGRESS", (100, 0))],
)
def test_a_previous_template_that_is_not_valid_was_never_applied(
    status: str,
    expected: tuple[int, int],
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    group: dict[str, Any],
) -> None:
    """Its rollback leaves a manual change. An update after it applies the template."""
    stacks.status = status
    by_hand(group, 50, 50)
    event = load_event("traffic_distribution_update_rollback", sink)
    invalid = {**event["OldResourceProperties"], "TelephonyConfig": percentages(60, 30)}
    response = run("update_rollback", sink, group, OldResourceProperties=invalid)
    assert (response["Status"], live(group)) == ("SUCCESS", expected)


@pytest.mark.parametrize("stack_status", [403, 500])
def test_a_failover_does_not_depend_on_cloudformation(
    stack_status: int,
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    group: dict[str, Any],
) -> None:
    """If the stack's status cannot be read, the request counts as an ordinary update."""
    stacks.status = stack_status
    by_hand(group, 50, 50)
    assert run("update", sink, group)["Status"] == "SUCCESS"
    assert live(group) == (0, 100)


def test_another_group_is_a_replacement(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The id is the other group's ARN. The first group keeps its split."""
    by_hand(group, 30, 70)
    response = run("update_replacement", sink, group)
    assert response["PhysicalResourceId"] != group["Arn"]
    assert response["Data"]["IsDefault"] == "true"
    run("delete", sink, group)
    assert live(group) == (30, 70)


def test_delete_leaves_the_traffic_without_a_call(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """A Region that is down cannot make it fail."""
    connect.regions_off = {EAST, WEST}
    assert run("delete", sink, group)["Status"] == "SUCCESS"
    assert connect.calls() == []


def test_a_split_that_connect_does_not_apply_is_not_stabilized(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The Reason shows both splits."""
    connect.lost_configs = {"TelephonyConfig"}
    response = run("create", sink, group)
    assert response["Reason"].startswith("NotStabilized: TelephonyConfig: ")
    assert "us-east-1=60,us-west-2=40" in response["Reason"]
    assert "us-east-1=100,us-west-2=0" in response["Reason"]
    assert "AgentConfig" not in response["Reason"], "it did come true"


@pytest.mark.parametrize("error", ["InternalServiceException", "drop", "ThrottlingException"])
def test_a_traffic_change_that_lost_its_response_succeeds(
    error: str, connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The next try meets the change of the first. The split that is read back decides."""
    connect.shift_seconds = 5
    connect.fault("UpdateTrafficDistribution", error, after=error != "ThrottlingException")
    assert run("update", sink, group)["Status"] == "SUCCESS"
    assert live(group) == (0, 100)


def test_a_traffic_change_waits_for_a_concurrent_one(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """Somebody changed the traffic between the provider's read and its write."""
    connect.fault("UpdateTrafficDistribution", "ResourceConflictException")
    assert run("update", sink, group)["Status"] == "SUCCESS"
    assert live(group) == (0, 100)


def test_a_traffic_change_may_show_late(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], clock: FakeTime
) -> None:
    """Describe says ACTIVE, and Get the old split, for some seconds more."""
    connect.delay_visibility(Lag(4, least=4, missing=0))
    assert run("update", sink, group)["Status"] == "SUCCESS"
    assert connect.calls().count("UpdateTrafficDistribution") == 1


def test_a_new_group_may_show_late(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The Region that takes the traffic is not the group's home Region."""
    connect.fault("DescribeTrafficDistributionGroup", "ResourceNotFoundException", times=5)
    assert run("update", sink, group)["Status"] == "SUCCESS"


@pytest.mark.parametrize("agents", [(100, 0), (0, 100)], ids=["no change", "agents change"])
def test_an_update_in_the_surviving_region_needs_no_other_region(
    agents: tuple[int, int],
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The template still names the home Region, which is down. An operator moved the traffic."""
    monkeypatch.setenv("AWS_REGION", WEST)
    by_hand(group, 0, 100)
    connect.regions_off = {EAST}
    changes = {"AgentConfig": percentages(*agents)}
    response = run("update_unchanged", sink, group, Properties=changes)
    assert response["Status"] == "SUCCESS"
    assert (live(group), live(group, "AgentConfig")) == ((0, 100), agents)


@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
def test_the_group_can_be_respelled_together_with_its_split(
    policy: str, connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The instance and the ARN of its default group name the same group."""
    default = connect.default_group(scene.INSTANCE_ID)
    old = load_event("traffic_distribution_update_unchanged", sink)["ResourceProperties"]
    new = {**old, "TelephonyConfig": percentages(0, 100), "OutOfBandTraffic": policy}
    by_instance = {**old, "InstanceId": scene.INSTANCE_ID}
    del by_instance["TrafficDistributionGroupId"]
    event = load_event(
        "traffic_distribution_update",
        sink,
        PhysicalResourceId=default["Arn"],
        ResourceProperties={**new, "TrafficDistributionGroupId": default["Arn"]},
        OldResourceProperties=by_instance,
    )
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert live(default) == (0, 100)


def test_a_rollback_of_a_refused_update_leaves_every_config(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """The update was refused because of one config, so it wrote none of them."""
    by_hand(group, 0, 100)
    half = [{"Region": EAST, "Percentage": 50}, {"Region": WEST, "Percentage": 50}]
    group["traffic"]["AgentConfig"] = {"Distributions": half}
    refused = run("update", sink, group, Properties={"OutOfBandTraffic": "Fail"})
    assert refused["Reason"].startswith("ResourceConflict: AgentConfig: ")
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    assert run("update_rollback", sink, group)["Status"] == "SUCCESS"
    assert (live(group), live(group, "AgentConfig")) == ((0, 100), (50, 50))


def test_a_rollback_leaves_a_group_that_the_failed_update_did_not_name(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """An operator has changed this group's traffic."""
    by_hand(group, 0, 100)
    replaced = run("update_replacement", sink, group)["PhysicalResourceId"]
    event = load_event("traffic_distribution_update_replacement", sink)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    response = run(
        "update",
        sink,
        group,
        PhysicalResourceId=replaced,
        ResourceProperties=event["OldResourceProperties"],
        OldResourceProperties=event["ResourceProperties"],
    )
    assert (response["Status"], response["PhysicalResourceId"]) == ("SUCCESS", group["Arn"])
    assert live(group) == (0, 100)


@pytest.mark.parametrize(
    "status", ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
)
def test_a_late_delivery_changes_no_traffic(
    status: str, connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """The stack has finished, and may have rolled this update back."""
    stacks.status = status
    late = sink.url(age=timedelta(seconds=60))
    assert run("update", sink, group, ResponseURL=late)["Status"] == "FAILED"
    assert live(group) == (100, 0)


def test_a_canceled_create_changes_no_traffic(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """A sibling failed, and the stack is rolling back."""
    stacks.status = "ROLLBACK_IN_PROGRESS"
    assert run("create", sink, group)["Status"] == "FAILED"
    assert live(group) == (100, 0)


@pytest.mark.parametrize("error", ["ResourceConflictException", "ThrottlingException"])
@pytest.mark.parametrize("policy", ["Overwrite", "Fail"])
def test_a_manual_change_between_read_and_write_is_kept(
    policy: str,
    error: str,
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The template moves agents only. Each write reads the telephony split again."""
    connect.fault("UpdateTrafficDistribution", error, times=3)
    clock.meanwhile = lambda: by_hand(group, 0, 100)
    changes = {"AgentConfig": percentages(0, 100), "OutOfBandTraffic": policy}
    assert run("update_unchanged", sink, group, Properties=changes)["Status"] == "SUCCESS"
    assert (live(group), live(group, "AgentConfig")) == ((0, 100), (0, 100))


def test_fail_refuses_a_manual_change_between_read_and_write(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any], clock: FakeTime
) -> None:
    """Each new plan makes the same checks."""
    connect.fault("UpdateTrafficDistribution", "ResourceConflictException")
    clock.meanwhile = lambda: by_hand(group, 50, 50)
    response = run("update", sink, group, Properties={"OutOfBandTraffic": "Fail"})
    assert response["Reason"].startswith("ResourceConflict: TelephonyConfig: ")
    assert live(group) == (50, 50)


def test_a_rollback_leaves_a_manual_change_between_read_and_write(
    connect: ConnectEmulator,
    sink: Sink,
    stacks: Stacks,
    group: dict[str, Any],
    clock: FakeTime,
) -> None:
    """The failed update did not make this change."""
    run("update", sink, group)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    connect.fault("UpdateTrafficDistribution", "ResourceConflictException")
    clock.meanwhile = lambda: by_hand(group, 30, 70)
    assert run("update_rollback", sink, group)["Status"] == "SUCCESS"
    assert live(group) == (30, 70)


def test_a_throttled_traffic_change_ends_with_the_stack_operation(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any], clock: FakeTime
) -> None:
    """The provider asks for the stack's status before each write."""

    def finish() -> None:
        clock.advance(60)
        stacks.status = "UPDATE_ROLLBACK_COMPLETE"

    connect.fault("UpdateTrafficDistribution", "ThrottlingException", times=5)
    clock.meanwhile = finish
    assert run("update", sink, group)["Status"] == "FAILED"
    assert live(group) == (100, 0)


def test_a_rollback_leaves_a_config_that_the_failed_template_did_not_have(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, group: dict[str, Any]
) -> None:
    """Removing a config changes nothing. An operator has changed the traffic since."""
    half = [{"Region": EAST, "Percentage": 50}, {"Region": WEST, "Percentage": 50}]
    group["traffic"]["AgentConfig"] = {"Distributions": half}
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    event = load_event("traffic_distribution_update_rollback", sink)
    failed = {**event["ResourceProperties"]}
    del failed["AgentConfig"]
    run("update_rollback", sink, group, OldResourceProperties=failed)
    assert live(group, "AgentConfig") == (50, 50)


def test_a_long_traffic_change_may_show_late(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The time for that begins when the group is ACTIVE again."""
    connect.shift_seconds = 30
    lag = Lag(4, least=4, missing=0, operations=("GetTrafficDistribution",))
    connect.delay_visibility(lag)
    assert run("update", sink, group)["Status"] == "SUCCESS"
    assert connect.calls().count("UpdateTrafficDistribution") == 1


@pytest.mark.parametrize("error", ["AccessDeniedException", "ThrottlingException"])
def test_a_region_that_refuses_reads_is_skipped(
    error: str, connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """Another Region knows the group."""
    connect.fault("DescribeTrafficDistributionGroup", error)
    assert run("update_unchanged", sink, group)["Status"] == "SUCCESS"
    assert [entry.region for entry in connect.journal][:2] == [EAST, WEST]


def test_a_mistyped_region_is_named(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The group's home Region says which Regions the group has."""
    shares = [{"Region": "us-east-2", "Percentage": "100"}, {"Region": WEST, "Percentage": "0"}]
    changes = {"TelephonyConfig": {"Distributions": shares}, "AgentConfig": None}
    response = run("create", sink, group, Properties=changes)
    assert "the Regions should be those of the group: us-east-1, us-west-2" in response["Reason"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {
                "SignInConfig": {
                    "Distributions": [{"Region": r, "Enabled": "true"} for r in (EAST, WEST)]
                }
            },
            "InvalidRequest: SignInConfig: only an instance's default group",
            id="sign-ins of a group that is not the default",
        ),
        pytest.param(
            {
                "TelephonyConfig": {"Distributions": [{"Region": EAST, "Percentage": "100"}]},
                "AgentConfig": None,
            },
            "InvalidRequest: TelephonyConfig: the Regions should be those of the group: us-east-1",
            id="not all Regions of the group",
        ),
    ],
)
def test_the_live_group_is_checked_before_any_write(
    changes: dict[str, Any],
    reason: str,
    connect: ConnectEmulator,
    sink: Sink,
    group: dict[str, Any],
) -> None:
    """A refused update changes nothing."""
    response = run("create", sink, group, Properties=changes)
    assert response["Reason"].startswith(reason)
    assert "UpdateTrafficDistribution" not in connect.calls()


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("CREATION_FAILED", "ResourceConflict: "),
        ("PENDING_DELETION", "ResourceConflict: "),
    ],
)
def test_a_group_that_is_not_active_is_refused(
    status: str, reason: str, connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """Connect cannot change its traffic."""
    group["Status"] = status
    assert run("create", sink, group)["Reason"].startswith(reason)


def test_an_unknown_group_is_not_found(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """The update fails, because it cannot create a group."""
    connect.groups.clear()
    assert run("update", sink, group)["Reason"].startswith("NotFound: ")


ROUTING = ["GetCrossRegionRouting", "UpdateCrossRegionRouting"]


def isolation(connect: ConnectEmulator) -> bool:
    """Return whether the instance's Regions are isolated."""
    return connect.instances[scene.INSTANCE_ID].isolated


def routed(
    sink: Sink, before: str | None, now: str | None, *, split: tuple[int, int] = (0, 100)
) -> dict[str, Any]:
    """Return an Update of the default group from 100/0, with a routing before and now."""
    event = load_event("traffic_distribution_update_end_isolation", sink)
    for key, routing, shares in (
        ("OldResourceProperties", before, (100, 0)),
        ("ResourceProperties", now, split),
    ):
        config = percentages(*shares)
        event[key] |= {"TelephonyConfig": config, "AgentConfig": config}
        event[key]["CrossRegionRouting"] = routing
        if routing is None:
            del event[key]["CrossRegionRouting"]
    return event


@pytest.mark.parametrize(
    ("now", "order"),
    [
        ("Isolated", ["UpdateCrossRegionRouting", "UpdateTrafficDistribution"]),
        ("Enabled", ["UpdateTrafficDistribution", "UpdateCrossRegionRouting"]),
    ],
)
def test_the_regions_are_isolated_before_and_connected_after_a_traffic_change(
    now: str, order: list[str], connect: ConnectEmulator, sink: Sink
) -> None:
    """The calls go to the Region that takes the traffic. The other Region may be down."""
    connect.instances[scene.INSTANCE_ID].isolated = now == "Enabled"
    connect.regions_off = {EAST}
    before = "Enabled" if now == "Isolated" else "Isolated"
    response = response_to(lambda_handler, routed(sink, before, now), sink)
    assert response["Data"]["CrossRegionRouting"] == now
    assert isolation(connect) == (now == "Isolated")
    assert [call for call in connect.calls() if call.startswith("Update")] == order
    assert {entry.region for entry in connect.journal} == {WEST}


@pytest.mark.parametrize(
    ("before", "now", "live", "expected"),
    [
        pytest.param(None, None, True, True, id="absent"),
        pytest.param("Enabled", None, True, True, id="removed"),
        pytest.param(None, "Enabled", True, False, id="added"),
        pytest.param("Enabled", "Enabled", True, True, id="same, changed manually"),
        pytest.param("Isolated", "Isolated", False, False, id="same, ended manually"),
        pytest.param("Isolated", "Enabled", True, False, id="changed"),
        pytest.param("Isolated", "Enabled", False, False, id="changed, and done already"),
    ],
)
def test_the_routing_changes_only_where_the_template_does(
    before: str | None,
    now: str | None,
    live: bool,  # noqa: FBT001
    expected: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """Without the property, no call about the routing is made."""
    connect.instances[scene.INSTANCE_ID].isolated = live
    response = response_to(lambda_handler, routed(sink, before, now, split=(100, 0)), sink)
    assert response["Status"] == "SUCCESS"
    assert isolation(connect) == expected
    assert now is not None or not {*connect.calls()} & {*ROUTING}


def test_a_rollback_restores_the_routing(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The failed update isolated the Regions."""
    update = routed(sink, "Enabled", "Isolated")
    response_to(lambda_handler, update, sink)
    assert isolation(connect)
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    back = reversed_update(update, sink)
    assert response_to(lambda_handler, back, sink)["Status"] == "SUCCESS"
    assert not isolation(connect)


def test_a_rollback_leaves_a_routing_that_the_failed_template_did_not_have(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """An operator has isolated the Regions."""
    connect.instances[scene.INSTANCE_ID].isolated = True
    stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    event = routed(sink, None, "Enabled")
    assert response_to(lambda_handler, event, sink)["Status"] == "SUCCESS"
    assert isolation(connect)


def test_a_refused_traffic_change_does_not_isolate(connect: ConnectEmulator, sink: Sink) -> None:
    """With Fail, the check for a manual change comes before the first write."""
    by_hand(connect.default_group(scene.INSTANCE_ID), 50, 50)
    event = routed(sink, "Enabled", "Isolated")
    event["ResourceProperties"]["OutOfBandTraffic"] = "Fail"
    response = response_to(lambda_handler, event, sink)
    assert response["Reason"].startswith("ResourceConflict: TelephonyConfig: ")
    assert not isolation(connect)


@pytest.mark.parametrize("creates", [True, False])
def test_an_instance_without_global_routing_is_named(
    creates: bool,  # noqa: FBT001
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """The Reason says what to remove. The instance may have lost its global routing."""
    connect.instances[scene.INSTANCE_ID].global_routing = False
    event = load_event("traffic_distribution_create_isolated", sink)
    event = event if creates else routed(sink, "Enabled", "Isolated")
    response = response_to(lambda_handler, event, sink)
    expected = "InvalidRequest: CrossRegionRouting: remove it, if the instance has no global"
    assert response["Reason"].startswith(expected)
    assert "UpdateTrafficDistribution" not in connect.calls()


def test_the_routing_needs_the_default_group(
    connect: ConnectEmulator, sink: Sink, group: dict[str, Any]
) -> None:
    """It belongs to the instance, not to any other group."""
    response = run("create", sink, group, Properties={"CrossRegionRouting": "Isolated"})
    assert response["Reason"].startswith("InvalidRequest: CrossRegionRouting: only an instance's")


def test_a_reason_names_another_region(connect: ConnectEmulator, sink: Sink) -> None:
    """Without the Region, the reader would look for the fault in the function's own one."""
    event = routed(sink, "Enabled", "Isolated")
    connect.fault("UpdateCrossRegionRouting", "AccessDeniedException")
    reason = response_to(lambda_handler, event, sink)["Reason"]
    assert reason.startswith(f"AccessDenied: UpdateCrossRegionRouting in {WEST}: AccessDenied")
