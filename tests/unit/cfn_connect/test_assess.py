"""Assessments: the effect of a request on Connect, told without a change."""

import copy
import subprocess
import sys
from collections.abc import Callable
from functools import reduce
from typing import Any

import pytest

from cfn_connect.assess import Action, Assessment, Change
from cfn_connect.clients import CommandError
from cfn_connect.resolve import UNKNOWN
from connect_provider.ownership import MARKERS
from sandbox import scene
from sandbox.cloudformation import StackResource, Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support.assessment import assess, assessor, deploy, planned
from tests.support.harness import ROOT, FakeTime, Sink, created, load_event
from tests.support.scenarios import OTHER_STACK, SCENARIOS, Scenario

ACTIONS = {
    "create a quick connect": Action.CREATE,
    "adopt a quick connect": Action.ADOPT,
    "update a quick connect": Action.UPDATE,
    "replace a quick connect": Action.REPLACE,
    "delete a quick connect": Action.DELETE,
    "offer quick connects": Action.UPDATE,
    "offer other quick connects": Action.UPDATE,
    "move an offer": Action.REPLACE,
    "withdraw quick connects": Action.DISSOCIATE,
    "create a group": Action.CREATE,
    "adopt the default group": Action.ADOPT,
    "update a group": Action.UPDATE,
    "replace a group": Action.REPLACE,
    "delete a group": Action.DELETE,
    "split traffic": Action.UPDATE,
    "shift traffic": Action.UPDATE,
    "put the split back": Action.UPDATE,
    "isolate the Regions": Action.UPDATE,
    "end the isolation": Action.UPDATE,
    "leave the traffic": Action.NONE,
}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_deployment_makes_the_calls_of_its_assessment(
    scenario: Scenario, connect: ConnectEmulator, sink: Sink
) -> None:
    """The action is as expected, and a replacement includes the Delete of the old resource."""
    event = scenario.prepare(connect, sink)
    (assessment,) = assess(connect, event)
    assert assessment.action is ACTIONS[scenario.name]
    assert assessment.reason == ""
    assert deploy(event, sink)["Status"] == "SUCCESS"
    assert assessment.calls == len(connect.journal), connect.calls()


# Changes


def owned(connect: ConnectEmulator, sink: Sink, name: str = "quick_connect") -> dict[str, Any]:
    """Create a resource; return the Update to its own properties, which shows drift."""
    create = load_event(f"{name}_create", sink)
    return unchanged(create, created(create, sink))


def unchanged(create: dict[str, Any], physical_id: str) -> dict[str, Any]:
    """Return the Update to the properties of a Create."""
    return {
        **create,
        "RequestType": "Update",
        "PhysicalResourceId": physical_id,
        "OldResourceProperties": create["ResourceProperties"],
    }


def test_an_update_tells_each_property_with_both_values(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The value before is that of Connect, not of the previous template."""
    update = owned(connect, sink)
    live = connect.quick_connects[update["PhysicalResourceId"]]
    live["Description"] = "by hand"
    properties = {
        **update["ResourceProperties"],
        "Name": "Orders",
        "Tags": {"team": "support", "tier": "1"},
    }
    update["ResourceProperties"] = properties
    (assessment,) = assess(connect, update)
    assert assessment.arn == update["PhysicalResourceId"]
    assert assessment.changes == (
        Change("Name", "Sales", "Orders"),
        Change("Description", "by hand", properties["Description"]),
        Change("Tags.team", "sales", "support"),
        Change("Tags.tier", None, "1"),
    )


def test_a_group_tells_its_users(connect: ConnectEmulator, sink: Sink) -> None:
    """Users of other owners stay on both sides."""
    update = owned(connect, sink, "traffic_distribution_group")
    connect.groups[update["PhysicalResourceId"]]["users"] |= {scene.USER_IDS[2]}
    update["ResourceProperties"] = {
        **update["ResourceProperties"],
        "UserIds": [scene.USER_ID],
    }
    (assessment,) = assess(connect, update)
    both = sorted([scene.USER_ID, scene.USER_IDS[2]])
    assert assessment.changes == (Change("UserIds", [scene.USER_IDS[2]], both),)


def test_a_replacement_tells_its_reason(connect: ConnectEmulator, sink: Sink) -> None:
    """The live resource is the one to be replaced."""
    update = owned(connect, sink)
    properties = {**update["ResourceProperties"], "InstanceId": scene.OTHER_INSTANCE_ID}
    update["ResourceProperties"] = properties
    (assessment,) = assess(connect, update)
    assert assessment.arn == update["PhysicalResourceId"]
    before, after = (f"{scene.REGION}/{i}" for i in (scene.INSTANCE_ID, scene.OTHER_INSTANCE_ID))
    assert assessment.changes == (Change("InstanceId", before, after),)


def test_a_replacement_tells_why_the_old_resource_stays(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation gives the Delete up, and completes the update."""
    create = load_event("traffic_distribution_group_create_with_users", sink)
    update = unchanged(create, created(create, sink))
    number = connect.claim_phone_number(update["PhysicalResourceId"])
    update["ResourceProperties"] = {**update["ResourceProperties"], "Name": "Other"}
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.REPLACE
    assert assessment.reason.startswith("ResourceConflict: ")
    assert number in assessment.reason


def test_an_adoption_names_the_resource(connect: ConnectEmulator, sink: Sink) -> None:
    """The new owner in its marker tags is no change."""
    create = load_event("quick_connect_create", sink, StackId=OTHER_STACK)
    arn = created(create, sink)
    connect.quick_connects[arn]["Description"] = "theirs"
    adopt = {**create, "StackId": OTHER_STACK + "0"}
    adopt["ResourceProperties"] |= {"ExistingResourcePolicy": "Adopt"}
    (assessment,) = assess(connect, adopt)
    assert assessment.action is Action.ADOPT
    assert assessment.arn == arn
    description = adopt["ResourceProperties"]["Description"]
    assert assessment.changes == (Change("Description", "theirs", description),)


# Drift


def test_what_the_template_says_is_no_drift(connect: ConnectEmulator, sink: Sink) -> None:
    """A quick connect takes one read, and a group with users two."""
    for name in ("quick_connect", "traffic_distribution_group"):
        update = owned(connect, sink, name)
        (assessment,) = assess(connect, update)
        assert assessment.action is Action.NONE
        assert assessment.changes == ()
        assert assessment.calls <= 2


@pytest.mark.parametrize("key", sorted(MARKERS - {"cfn:moved-from", "cfn:adopted-at"}))
def test_a_missing_marker_is_drift(key: str, connect: ConnectEmulator, sink: Sink) -> None:
    """The next update restores it."""
    update = owned(connect, sink)
    del connect.quick_connects[update["PhysicalResourceId"]]["Tags"][key]
    (assessment,) = assess(connect, update)
    restored = "cfn:adopted-at" if key == "cfn:created-at" else key
    assert [change.path for change in assessment.changes] == [f"Tags.{restored}"]


def test_a_deleted_resource_is_made_again(connect: ConnectEmulator, sink: Sink) -> None:
    """There is no live resource. The looks for it take no time."""
    update = owned(connect, sink)
    del connect.quick_connects[update["PhysicalResourceId"]]
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.CREATE
    assert assessment.arn == ""
    assert FakeTime.current.sleeps == []


def test_the_drift_of_a_queue_is_what_it_no_longer_offers(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """The offers of others are no drift. No update restores ours, unless the template changes."""
    scene.add_quick_connects(connect)
    update = owned(connect, sink, "queue_quick_connects")
    (in_sync,) = assess(connect, update)
    assert (in_sync.action, in_sync.changes) == (Action.NONE, ())
    offered = connect.queue_quick_connects[update["PhysicalResourceId"]]
    ours = sorted(offered)
    offered -= {ours[0]}
    offered |= {scene.QUICK_CONNECT_IDS[2]}
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.NONE
    assert assessment.changes == (Change("QuickConnectIds", ours[1:], ours),)


def test_a_deleted_queue_is_a_refusal(connect: ConnectEmulator, sink: Sink) -> None:
    """Its drift needs a look at the queue."""
    scene.add_quick_connects(connect)
    update = owned(connect, sink, "queue_quick_connects")
    connect.instances[scene.INSTANCE_ID].queues.clear()
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.REFUSED
    assert assessment.reason.startswith("NotFound: ListQueueQuickConnects: ")


def test_the_drift_of_traffic_is_each_config_that_somebody_moved(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """An update leaves it, so the action is nothing."""
    create = load_event("traffic_distribution_create_isolated", sink)
    update = unchanged(create, created(create, sink))
    (in_sync,) = assess(connect, update)
    assert (in_sync.action, in_sync.changes) == (Action.NONE, ())
    connect.instances[scene.INSTANCE_ID].isolated = False
    traffic = connect.default_group(scene.INSTANCE_ID)["traffic"]
    shares = ((scene.REGION, 50), (scene.REPLICA_REGION, 50))
    telephony = [{"Region": region, "Percentage": share} for region, share in shares]
    before = {each["Region"]: each["Percentage"] for each in _telephony(traffic)}
    traffic["TelephonyConfig"] = {"Distributions": telephony}
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.NONE
    assert assessment.changes == (
        Change("TelephonyConfig", dict(shares), before),
        Change("CrossRegionRouting", "Enabled", "Isolated"),
    )


def _telephony(traffic: dict[str, Any]) -> list[dict[str, Any]]:
    distributions: list[dict[str, Any]] = traffic["TelephonyConfig"]["Distributions"]
    return distributions


# Deletes


def deletion(update: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the Delete of a resource."""
    return {**update, "RequestType": "Delete", **changes}


def gone(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """Somebody has deleted the resource, so Lambda looks for it in vain."""
    update = owned(connect, sink)
    connect.quick_connects.clear()
    return deletion(update)


def another_owner(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """Another stack has adopted the resource."""
    return deletion(adopted(connect, sink))


def default_group(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """An adopted group keeps nothing of ours."""
    create = load_event("traffic_distribution_group_create_adopt_default", sink)
    return deletion(unchanged(create, created(create, sink)))


def with_users(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """The users of a group leave it first."""
    create = load_event("traffic_distribution_group_create_with_users", sink)
    return deletion(unchanged(create, created(create, sink)))


def with_numbers(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """Phone numbers are claimed to the group."""
    delete = with_users(connect, sink)
    connect.claim_phone_number(delete["PhysicalResourceId"])
    return delete


def never_created(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """The Create was refused."""
    return deletion(owned(connect, sink), PhysicalResourceId="never-created-request")


def unconfirmed(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """The Create had an effect, and its response never arrived."""
    update = owned(connect, sink)
    return deletion(update, PhysicalResourceId=f"unconfirmed-{update['RequestId']}")


DELETIONS = {
    gone: Action.NONE,
    another_owner: Action.NONE,
    default_group: Action.RELEASE,
    with_users: Action.DELETE,
    with_numbers: Action.REFUSED,
    never_created: Action.NONE,
    unconfirmed: Action.DELETE,
}


def assessed_at_once(connect: ConnectEmulator, event: dict[str, Any]) -> Assessment:
    """Return the assessment of a request. No wait takes time, and the journal is empty after it."""
    connect.journal.clear()
    passed = FakeTime.current.passed
    (assessment,) = assess(connect, event)
    assert FakeTime.current.passed == passed
    return assessment


@pytest.mark.parametrize("arrange", DELETIONS, ids=lambda arrange: str(arrange.__doc__))
def test_a_delete_does_what_its_assessment_told(
    arrange: Callable[[ConnectEmulator, Sink], dict[str, Any]],
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """The looks for a missing resource count, and take no time."""
    event = arrange(connect, sink)
    assessment = assessed_at_once(connect, event)
    assert assessment.action is DELETIONS[arrange]
    assert assessment.reason == deploy(event, sink)["Reason"]
    assert assessment.calls == len(connect.journal), connect.calls()


def test_a_delete_without_a_physical_id_does_nothing(connect: ConnectEmulator, sink: Sink) -> None:
    """The stack never had the resource."""
    create = deletion(load_event("quick_connect_create", sink))
    (assessment,) = assess(connect, create)
    assert (assessment.action, assessment.calls) == (Action.NONE, 0)


# Refusals


def taken(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """Another stack has the Name."""
    created(load_event("quick_connect_create", sink, StackId=OTHER_STACK), sink)
    return load_event("quick_connect_create", sink)


def renamed_to_a_sibling(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """Another resource of the stack has the Name, and Lambda waits for its rename in vain."""
    others = {"LogicalResourceId": "Other", "Properties": {"Name": "Other"}}
    created(load_event("quick_connect_create", sink, **others), sink)
    update = owned(connect, sink)
    properties = {**update["ResourceProperties"], "Name": "Other"}
    return {**update, "ResourceProperties": properties}


def wrong(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """A property is not valid."""
    return load_event("quick_connect_create", sink, Properties={"Name": ""})


def nowhere(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """The instance does not exist."""
    return load_event("quick_connect_create", sink, Properties={"InstanceId": "nowhere"})


def adopted(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """Another stack has adopted the resource."""
    return {**owned(connect, sink), "StackId": OTHER_STACK}


def described(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """A group needs a replacement under its own Name."""
    update = owned(connect, sink, "traffic_distribution_group")
    properties = {**update["ResourceProperties"], "Description": "Another"}
    return {**update, "ResourceProperties": properties}


def signed_in(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """A group that is not a default group has no sign-ins."""
    group = created(load_event("traffic_distribution_group_create", sink), sink)
    split = load_event("traffic_distribution_create_default_group", sink)["ResourceProperties"]
    properties = {"SignInConfig": split["SignInConfig"], "TrafficDistributionGroupId": group}
    return load_event("traffic_distribution_create", sink, Properties=properties)


def contested(connect: ConnectEmulator, sink: Sink) -> dict[str, Any]:
    """Somebody has moved the traffic, and the template respects that."""
    create = load_event("traffic_distribution_create_default_group", sink)
    update = unchanged(create, created(create, sink))
    moved = load_event("traffic_distribution_create", sink)["ResourceProperties"]
    configs = {name: moved[name] for name in ("TelephonyConfig", "AgentConfig")}
    connect.default_group(scene.INSTANCE_ID)["traffic"] |= {"AgentConfig": _half()}
    properties = {**create["ResourceProperties"], **configs, "OutOfBandTraffic": "Fail"}
    return {**update, "ResourceProperties": properties}


def _half() -> dict[str, Any]:
    regions = (scene.REGION, scene.REPLICA_REGION)
    return {"Distributions": [{"Region": region, "Percentage": 50} for region in regions]}


@pytest.mark.parametrize(
    "arrange",
    [taken, renamed_to_a_sibling, wrong, nowhere, adopted, described, signed_in, contested],
    ids=lambda arrange: str(arrange.__doc__),
)
def test_a_refusal_has_the_reason_of_lambda(
    arrange: Callable[[ConnectEmulator, Sink], dict[str, Any]],
    connect: ConnectEmulator,
    sink: Sink,
) -> None:
    """It makes the same number of calls, and no wait takes time."""
    event = arrange(connect, sink)
    assessment = assessed_at_once(connect, event)
    assert assessment.action is Action.REFUSED
    response = deploy(event, sink)
    assert response["Status"] == "FAILED"
    assert assessment.reason == response["Reason"]
    assert assessment.calls == len(connect.journal)


# Unknown


def secret(update: dict[str, Any], path: str) -> dict[str, Any]:
    """Return an event in which only the deployment knows a property, before and after."""

    def hidden(properties: dict[str, Any]) -> dict[str, Any]:
        properties = copy.deepcopy(properties)
        *parents, name = path.split(".")
        reduce(dict.__getitem__, parents, properties)[name] = UNKNOWN
        return properties

    names = ("ResourceProperties", "OldResourceProperties")
    return {**update, **{name: hidden(update[name]) for name in names}}


FLOW_OF_A_QUEUE = "QuickConnectConfig.QueueConfig.ContactFlowId"


@pytest.mark.parametrize(
    "path", ["Name", "Description", "Tags", "Tags.team", "InstanceId", FLOW_OF_A_QUEUE]
)
def test_a_property_that_only_the_deployment_knows_is_never_equal(
    path: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Everything else is in sync, so nobody knows what the request does."""
    (assessment,) = assess(connect, secret(owned(connect, sink), path))
    assert assessment.action is Action.UNKNOWN
    assert assessment.changes == (Change(path, UNKNOWN, UNKNOWN),)
    assert assessment.reason


@pytest.mark.parametrize("path", ["Name", "Tags", FLOW_OF_A_QUEUE])
def test_a_known_difference_beside_an_unknown_property_is_told(
    path: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The request certainly is an update."""
    update = owned(connect, sink)
    live = connect.quick_connects[update["PhysicalResourceId"]]
    live["Description"] = "by hand"
    (assessment,) = assess(connect, secret(update, path))
    assert assessment.action is Action.UPDATE
    known = Change("Description", "by hand", update["ResourceProperties"]["Description"])
    assert assessment.changes == (known, Change(path, UNKNOWN, UNKNOWN))
    assert assessment.reason == f"(known only at deployment: {path})"


def test_an_empty_tag_beside_an_unknown_one_is_compared(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """An empty text is a value, too."""
    create = load_event("quick_connect_create", sink, Properties={"Tags": {"a": "", "b": "1"}})
    update = unchanged(create, created(create, sink))
    connect.quick_connects[update["PhysicalResourceId"]]["Tags"]["a"] = "by hand"
    (assessment,) = assess(connect, secret(update, "Tags.b"))
    assert assessment.changes == (
        Change("Tags.a", "by hand", ""),
        Change("Tags.b", UNKNOWN, UNKNOWN),
    )


def test_a_group_with_an_unknown_user_tells_its_tags(connect: ConnectEmulator, sink: Sink) -> None:
    """Its users are not compared."""
    create = load_event("traffic_distribution_group_create_with_users", sink)
    update = unchanged(create, created(create, sink))
    for name in ("ResourceProperties", "OldResourceProperties"):
        update[name] = {**update[name], "UserIds": [scene.USER_ID, UNKNOWN]}
    (in_sync,) = assess(connect, update)
    assert in_sync.action is Action.UNKNOWN
    connect.groups[update["PhysicalResourceId"]]["Tags"]["team"] = "by hand"
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.UPDATE
    paths = [change.path for change in assessment.changes]
    assert paths == ["Tags.team", "UserIds.1"]


def test_a_refusal_beside_an_unknown_property_is_told(connect: ConnectEmulator, sink: Sink) -> None:
    """Another stack has adopted the resource, whatever its Name."""
    (assessment,) = assess(connect, secret(adopted(connect, sink), "Name"))
    assert assessment.action is Action.REFUSED
    assert assessment.reason.startswith("ResourceConflict: ")
    assert assessment.reason.endswith(" (known only at deployment: Name)")


def test_an_unknown_queue_of_another_type_is_unknown(connect: ConnectEmulator, sink: Sink) -> None:
    """Connect has no queue that could stand in, because the live quick connect has a flow."""
    create = load_event("quick_connect_create_flow", sink)
    update = unchanged(create, created(create, sink))
    queue = {"QueueId": UNKNOWN, "ContactFlowId": scene.CONTACT_FLOW_ID}
    config = {"QuickConnectType": "QUEUE", "QueueConfig": queue}
    properties = {**update["ResourceProperties"], "QuickConnectConfig": config}
    (assessment,) = assess(connect, {**update, "ResourceProperties": properties})
    assert assessment.action is Action.UNKNOWN


@pytest.mark.parametrize("name", ["quick_connect", "queue_quick_connects"])
def test_a_create_with_an_unknown_property_is_unknown(
    name: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """Connect has nothing to compare it with, so nothing is read."""
    create = load_event(f"{name}_create", sink)
    properties = {**create["ResourceProperties"], "InstanceId": UNKNOWN}
    (assessment,) = assess(connect, {**create, "ResourceProperties": properties})
    assert assessment.action is Action.UNKNOWN
    assert assessment.changes == (Change("InstanceId", UNKNOWN, UNKNOWN),)


def test_a_deleted_resource_with_an_unknown_property_is_unknown(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Nobody knows whether Connect would accept it."""
    update = owned(connect, sink)
    connect.quick_connects.clear()
    (assessment,) = assess(connect, secret(update, "Name"))
    assert assessment.action is Action.UNKNOWN


def test_an_unknown_type_is_unknown(connect: ConnectEmulator, sink: Sink) -> None:
    """The provider of the stack may be newer than the command."""
    event = load_event("quick_connect_create", sink, ResourceType="Custom::ConnectView")
    (assessment,) = assess(connect, event)
    assert assessment.action is Action.UNKNOWN


def test_a_missing_permission_is_no_refusal(connect: ConnectEmulator, sink: Sink) -> None:
    """The identity of the command lacks it, and that of Lambda may have it."""
    update = owned(connect, sink)
    connect.fault("DescribeQuickConnect", "AccessDeniedException")
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.UNKNOWN
    assert assessment.reason.startswith("AccessDenied: DescribeQuickConnect: ")


def test_a_lookup_without_a_permission_is_named(connect: ConnectEmulator, sink: Sink) -> None:
    """The rehearsal of a Create looks for the Name, and throttling repeats the lookup."""
    event = load_event("quick_connect_create", sink)
    connect.fault("ListQuickConnects", "AccessDeniedException")
    (assessment,) = assess(connect, event)
    assert assessment.action is Action.UNKNOWN
    assert assessment.reason.startswith("AccessDenied: ListQuickConnects: ")
    connect.fault("ListQuickConnects", "ThrottlingException", times=2)
    (assessment,) = assess(connect, event)
    assert (assessment.action, assessment.calls) == (Action.CREATE, 1)


def test_throttling_pauses_and_does_not_count(connect: ConnectEmulator, sink: Sink) -> None:
    """The read is repeated until it succeeds."""
    update = owned(connect, sink)
    connect.fault("DescribeQuickConnect", "ThrottlingException", times=3)
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.NONE
    assert assessment.calls == 1
    assert len(FakeTime.current.sleeps) == 3


def test_a_failing_connect_ends_an_assessment_after_two_minutes(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Its result is unknown then."""
    update = owned(connect, sink)
    connect.fault("DescribeQuickConnect", "InternalServiceException", times=1_000)
    (assessment,) = assess(connect, update)
    assert assessment.action is Action.UNKNOWN
    assert "try later" in assessment.reason
    assert 90 < sum(FakeTime.current.sleeps) <= 120


def test_an_unreachable_connect_ends_the_command(connect: ConnectEmulator, sink: Sink) -> None:
    """The next resource would take two minutes, too."""
    update = owned(connect, sink)
    connect.regions_off.add(scene.REGION)
    with pytest.raises(CommandError, match="does not respond: check --region and the network"):
        assess(connect, update)
    assert 90 < sum(FakeTime.current.sleeps) <= 120


# One deployment


def test_a_renamed_logical_id_moves_the_resource(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks
) -> None:
    """The Delete of the old logical id meets the new owner."""
    create = load_event("quick_connect_create", sink)
    arn = created(create, sink)
    shown = {create["LogicalResourceId"]: StackResource("CREATE_COMPLETE", arn)}
    stacks.show(create["StackId"], "UPDATE_COMPLETE", shown)
    adopt = {"ExistingResourcePolicy": "Adopt"}
    move = load_event("quick_connect_create", sink, LogicalResourceId="New", Properties=adopt)
    delete = {**create, "RequestType": "Delete", "PhysicalResourceId": arn}
    moved, deleted = assess(connect, move, delete)
    assert (moved.action, moved.arn) == (Action.ADOPT, arn)
    assert deleted.action is Action.NONE


def test_a_name_that_an_earlier_request_gives_up_is_free(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """A name that it takes is not."""
    update = owned(connect, sink)
    update["ResourceProperties"] = {**update["ResourceProperties"], "Name": "Renamed"}
    other = {"LogicalResourceId": "Other"}
    create = load_event("quick_connect_create", sink, **other)
    conflict = load_event(
        "quick_connect_create", sink, LogicalResourceId="Third", Properties={"Name": "Renamed"}
    )
    actions = [each.action for each in assess(connect, update, create, conflict)]
    assert actions == [Action.UPDATE, Action.CREATE, Action.REFUSED]


def test_a_refused_rename_succeeds_after_the_one_that_frees_its_name(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """Lambda waits for the sibling. An assessment is repeated after the sibling's."""
    rename = renamed_to_a_sibling(connect, sink)
    other = next(q for q in connect.quick_connects.values() if q["Name"] == "Other")
    create = load_event("quick_connect_create", sink, LogicalResourceId="Other")
    sibling = unchanged(create, other["QuickConnectARN"])
    sibling["ResourceProperties"] = {**create["ResourceProperties"], "Name": "Freed"}
    actions = [each.action for each in assess(connect, rename, sibling, rename)]
    assert actions == [Action.REFUSED, Action.UPDATE, Action.UPDATE]


def test_a_replaced_resource_keeps_its_name_until_the_end(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """CloudFormation deletes it after every other request."""
    update = owned(connect, sink)
    properties = {**update["ResourceProperties"], "InstanceId": scene.OTHER_INSTANCE_ID}
    replace = {**update, "ResourceProperties": properties}
    create = load_event("quick_connect_create", sink, LogicalResourceId="Other")
    replaced, refused = assess(connect, replace, create)
    assert replaced.action is Action.REPLACE
    assert refused.action is Action.REFUSED


def test_a_refused_request_leaves_no_effects(connect: ConnectEmulator, sink: Sink) -> None:
    """It has taken its resource back before Connect refuses the rename."""
    update = renamed_to_a_sibling(connect, sink)
    tags = connect.quick_connects[update["PhysicalResourceId"]]["Tags"]
    tags |= {"cfn:moved-from": update["LogicalResourceId"], "cfn:logical-id": "Gone"}
    first, second = assess(connect, update, update)
    assert first.action is Action.REFUSED
    assert first == second


def test_a_lookup_is_made_once(connect: ConnectEmulator, sink: Sink) -> None:
    """Each of many Creates needs the list of all names."""
    creates = [
        load_event("quick_connect_create", sink, LogicalResourceId=name, Properties={"Name": name})
        for name in ("First", "Second", "Third")
    ]
    assess(connect)
    for create in creates:
        assert assessor().assess(planned(create)).calls == 1
    assert connect.calls() == ["ListQuickConnects"]


def test_a_bare_id_belongs_to_the_region_of_the_stack(
    connect: ConnectEmulator, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The functions run there, wherever the command runs."""
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    create = load_event("quick_connect_create", sink)
    (assessment,) = assess(connect, create)
    assert assessment.action is Action.CREATE
    elsewhere = {**create, "StackId": create["StackId"].replace(scene.REGION, "eu-west-2")}
    (assessment,) = assess(connect, elsewhere)
    assert assessment.reason.startswith("NotFound: CreateQuickConnect: ")


def test_the_assessor_needs_no_package_of_lambda() -> None:
    """The wheel does not install crhelper."""
    code = "import sys, cfn_connect.assess; assert 'crhelper' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
