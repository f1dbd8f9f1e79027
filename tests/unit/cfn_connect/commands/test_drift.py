"""`cfn-connect drift` reports each manual change by property, until an update undoes it."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from unittest.mock import ANY

import pytest

from cfn_connect.clients import CommandError
from cfn_connect.commands import drift
from cfn_connect.report import Form
from sandbox import scene
from sandbox.cloudformation import StackResource, Stacks, Template
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands
from tests.support.cloudformation import Stack
from tests.support.commands import Done
from tests.support.deployed import CONFIGS, RESOURCES, Resources, deploy, shares
from tests.support.harness import FakeTime, Sink

FLOW, OTHER_FLOW = ({"ContactFlowId": flow} for flow in scene.CONTACT_FLOW_IDS[:2])
NUMBER, OTHER_NUMBER = "+12065550100", "+12065550199"
OFFERED, OTHER_OFFERED, THEIRS = scene.QUICK_CONNECT_IDS


@pytest.fixture
def stack(connect: ConnectEmulator, sink: Sink, stacks: Stacks) -> Stack:
    """A stack without resources. Somebody else has made three quick connects by hand."""
    scene.add_quick_connects(connect)
    connect.repeats_fail = False
    return Stack(sink, stacks)


def found(stack: Stack, **options: Any) -> Done:
    """Run the command for JSON."""
    return commands.run(drift.run, drift.Arguments(stack.id, form=Form.JSON, **options))


def shown(done: Done) -> dict[str, tuple[object, object]]:
    """Return each difference in the JSON: the template's value, then Connect's."""
    return {
        each["property"]: (each["template"], each["connect"])
        for resource in json.loads(done.text)["resources"]
        for each in resource["differences"]
    }


def with_properties(name: str, **changes: Any) -> Resources:
    """Return a template with the one resource, changed."""
    kind, properties = RESOURCES[name]
    return {name: (kind, {**properties, **changes})}


def update(stack: Stack, name: str) -> None:
    """Let CloudFormation send an Update that changes nothing in Connect."""
    deploy(stack, with_properties(name, ServiceTimeout="300"))


def revise(stack: Stack, name: str) -> None:
    """Apply the split again."""
    deploy(stack, with_properties(name, Revision="2"))


def isolate_again(stack: Stack, name: str) -> None:
    """Change the routing, and change it back."""
    deploy(stack, with_properties(name, CrossRegionRouting="Enabled"))
    deploy(stack, with_properties(name))


def offer_again(stack: Stack, name: str) -> None:
    """Remove the quick connects from the template, and add them again."""
    deploy(stack, with_properties(name, QuickConnectIds=[]))
    deploy(stack, with_properties(name))


Live = dict[str, Any]


@dataclass(frozen=True)
class ByHand:
    """A manual change of a resource.

    change: takes the live resource.
    differences: each property with the template's value and Connect's.
    """

    what: str
    name: str
    change: Callable[[Live], None]
    differences: dict[str, tuple[object, object]]
    undo: Callable[[Stack, str], None] = update


def to(**values: Any) -> Callable[[Live], None]:
    """Return a change of values of a resource."""
    return lambda live: live.update(deepcopy(values))


def block(name: str, **values: Any) -> Callable[[Live], None]:
    """Return a change in a block of a quick connect's config."""
    return lambda live: live["QuickConnectConfig"][name].update(values)


def tags(**values: str) -> Callable[[Live], None]:
    return lambda live: live["Tags"].update(values)


def untagged(key: str) -> Callable[[Live], None]:
    return lambda live: live["Tags"].pop(key)


def split(name: str, config: dict[str, Any]) -> Callable[[Live], None]:
    return lambda live: live["traffic"].update({name: config})


def users(*ids: str) -> Callable[[Live], None]:
    return lambda live: (live["users"].clear(), live["users"].update(ids))[0]


FLOW_IDS = (scene.CONTACT_FLOW_ID, scene.OTHER_CONTACT_FLOW_ID)
USERS, QUEUES = (scene.USER_ID, scene.OTHER_USER_ID), (scene.QUEUE_ID, scene.OTHER_QUEUE_ID)
CONFIG = "QuickConnectConfig"
HIDDEN = "(hidden)"
BOTH_SIGN_IN = shares(first=True, second=True, key="Enabled")
FIRST, SECOND = scene.REGION, scene.REPLICA_REGION


def marker(key: str) -> dict[str, tuple[object, object]]:
    """Return the difference of a missing marker tag."""
    made_up = not key.endswith("-id") or key == "cfn:request-id"
    return {f"Tags.{key}": ("(new)" if made_up else ANY, None)}


BY_HAND = [
    ByHand("another name", "User", to(Name="New"), {"Name": ("User", "New")}),
    ByHand("another description", "User", to(Description="x"), {"Description": (HIDDEN, HIDDEN)}),
    ByHand("no description", "Queue", to(Description=""), {"Description": (HIDDEN, "")}),
    ByHand(
        "another user",
        "User",
        block("UserConfig", UserId=USERS[1]),
        {f"{CONFIG}.UserConfig.UserId": USERS},
    ),
    ByHand(
        "another flow for a user",
        "User",
        block("UserConfig", **OTHER_FLOW),
        {f"{CONFIG}.UserConfig.ContactFlowId": FLOW_IDS},
    ),
    ByHand(
        "another queue",
        "Queue",
        block("QueueConfig", QueueId=QUEUES[1]),
        {f"{CONFIG}.QueueConfig.QueueId": QUEUES},
    ),
    ByHand(
        "another flow for a queue",
        "Queue",
        block("QueueConfig", **OTHER_FLOW),
        {f"{CONFIG}.QueueConfig.ContactFlowId": FLOW_IDS},
    ),
    ByHand(
        "another phone number",
        "Phone",
        block("PhoneConfig", PhoneNumber=OTHER_NUMBER),
        {f"{CONFIG}.PhoneConfig.PhoneNumber": (HIDDEN, HIDDEN)},
    ),
    ByHand(
        "another flow",
        "Flow",
        block("FlowConfig", **OTHER_FLOW),
        {f"{CONFIG}.FlowConfig.ContactFlowId": FLOW_IDS},
    ),
    ByHand(
        "another type",
        "Flow",
        to(QuickConnectConfig=CONFIGS["Phone"]),
        {
            f"{CONFIG}.QuickConnectType": ("FLOW", "PHONE_NUMBER"),
            f"{CONFIG}.FlowConfig.ContactFlowId": (scene.CONTACT_FLOW_ID, None),
            f"{CONFIG}.PhoneConfig.PhoneNumber": (None, HIDDEN),
        },
    ),
    ByHand("another value of a tag", "Flow", tags(team="b"), {"Tags.team": ("a", "b")}),
    ByHand("no tag", "Flow", untagged("tier"), {"Tags.tier": ("1", None)}),
    ByHand("another tag of a group", "Group", tags(tier="2"), {"Tags.tier": ("1", "2")}),
    ByHand("no tag of a group", "Group", untagged("team"), {"Tags.team": ("a", None)}),
    ByHand("no users", "Group", users(), {"UserIds": ([*USERS], [])}),
    ByHand("one user less", "Group", users(USERS[0]), {"UserIds": ([USERS[1]], [])}),
    ByHand("other users", "Group", users(*scene.USER_IDS[1:3]), {"UserIds": ([USERS[0]], [])}),
    ByHand("no stack id", "User", untagged("cfn:stack-id"), marker("cfn:stack-id")),
    ByHand("no logical id", "User", untagged("cfn:logical-id"), marker("cfn:logical-id")),
    ByHand("no request id", "User", untagged("cfn:request-id"), marker("cfn:request-id")),
    ByHand("no time", "User", untagged("cfn:created-at"), marker("cfn:adopted-at")),
    ByHand("no stack id of a group", "Group", untagged("cfn:stack-id"), marker("cfn:stack-id")),
    ByHand(
        "calls",
        "Split",
        split("TelephonyConfig", shares(0, 100)),
        {f"TelephonyConfig.{FIRST}": (60, 0), f"TelephonyConfig.{SECOND}": (40, 100)},
        revise,
    ),
    ByHand(
        "agents",
        "Split",
        split("AgentConfig", shares(50, 50)),
        {f"AgentConfig.{FIRST}": (60, 50), f"AgentConfig.{SECOND}": (40, 50)},
        revise,
    ),
    ByHand(
        "sign-ins",
        "Split",
        split("SignInConfig", BOTH_SIGN_IN),
        {f"SignInConfig.{SECOND}": (False, True)},
        revise,
    ),
]


def live(connect: ConnectEmulator, stack: Stack, name: str) -> Live:
    """Return a resource as Connect has it."""
    arn = stack.ids[name]
    found: Live = connect.quick_connects.get(arn) or connect.groups[arn]
    return found


@pytest.mark.parametrize("case", BY_HAND, ids=lambda case: case.what)
def test_a_manual_change_is_reported_by_property_until_an_update_undoes_it(
    case: ByHand, stack: Stack, connect: ConnectEmulator
) -> None:
    """Exit code 1, then 0. No output holds a phone number or a description."""
    deploy(stack, with_properties(case.name))
    before = found(stack)
    assert (before.code, shown(before)) == (0, {})
    case.change(live(connect, stack, case.name))

    changed = found(stack)
    assert changed.code == 1
    assert shown(changed) == case.differences
    (resource,) = json.loads(changed.text)["resources"]
    assert (resource["logicalId"], resource["state"]) == (case.name, "changed")
    assert not {NUMBER, OTHER_NUMBER, "The first one"} & {*changed.text.split('"')}

    case.undo(stack, case.name)
    assert found(stack).code == 0


@pytest.mark.parametrize("name", ["User", "Group"])
def test_a_deleted_resource_is_reported_until_an_update_makes_it_again(
    name: str, stack: Stack, connect: ConnectEmulator
) -> None:
    """The new one has another ARN."""
    deploy(stack, with_properties(name))
    before = stack.ids[name]
    for table in (connect.quick_connects, connect.groups):
        table.pop(before, None)
    done = found(stack)
    assert done.code == 1
    assert state_of(done) == "deleted"
    assert before in done.text
    assert before in text(stack)
    update(stack, name)
    assert stack.ids[name] != before
    assert found(stack).code == 0


def state_of(done: Done) -> str:
    """Return the state of the one resource in the JSON."""
    (resource,) = json.loads(done.text)["resources"]
    state: str = resource["state"]
    return state


@pytest.mark.parametrize(
    ("left", "missing"),
    [({OTHER_OFFERED}, [OFFERED]), (set(), [OFFERED, OTHER_OFFERED])],
    ids=["one is missing", "all are missing"],
)
def test_a_queue_that_offers_less_is_reported(
    left: set[str], missing: list[str], stack: Stack, connect: ConnectEmulator
) -> None:
    """An update writes only what the template changes, so it takes two updates to undo it."""
    deploy(stack, with_properties("Offers"))
    connect.queue_quick_connects[stack.ids["Offers"]] = left
    assert found(stack).code == 1
    assert shown(found(stack)) == {"QuickConnectIds": (missing, [])}
    offer_again(stack, "Offers")
    assert found(stack).code == 0


def test_an_ended_isolation_is_reported(stack: Stack, connect: ConnectEmulator) -> None:
    """An update writes only what the template changes, so it takes two updates to undo it."""
    deploy(stack, with_properties("Split"))
    connect.instances[scene.INSTANCE_ID].isolated = False
    assert found(stack).code == 1
    assert shown(found(stack)) == {"CrossRegionRouting": ("Isolated", "Enabled")}
    isolate_again(stack, "Split")
    assert found(stack).code == 0


def test_a_user_who_is_gone_is_reported(stack: Stack, connect: ConnectEmulator) -> None:
    """The quick connect itself is as the template says. Another user in the template cures it."""
    deploy(stack, with_properties("User"))
    connect.instances[scene.INSTANCE_ID].users.remove(scene.USER_ID)
    done = found(stack)
    assert done.code == 1
    assert state_of(done) == "changed"
    assert f"UserConfig.UserId: Connect has no user {scene.USER_ID}" in done.text
    config = {**CONFIGS["User"], "UserConfig": {"UserId": scene.OTHER_USER_ID, **FLOW}}
    deploy(stack, with_properties("User", QuickConnectConfig=config))
    assert found(stack).code == 0


# Conflicts: an update alone cannot undo them


def adopted(connect: ConnectEmulator, stack: Stack) -> None:
    """Let another stack adopt the resource."""
    other = stack.id.replace("stack/s/", "stack/other/")
    live(connect, stack, "User")["Tags"] |= {"cfn:stack-id": other, "cfn:logical-id": "Theirs"}


def taken(connect: ConnectEmulator, stack: Stack) -> None:
    """Rename the resource, and give its Name to another one."""
    live(connect, stack, "User")["Name"] = "Renamed"
    instance = connect.instances[scene.INSTANCE_ID]
    connect.add_quick_connect(instance, "User", CONFIGS["Flow"], {})


def failed(connect: ConnectEmulator, stack: Stack) -> None:
    """Let the deletion of the group fail."""
    connect.keep_in(live(connect, stack, "Group"), "DELETION_FAILED")


def closed(connect: ConnectEmulator, stack: Stack) -> None:
    """Delete the queue."""
    connect.instances[scene.INSTANCE_ID].queues.clear()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("User", adopted, "was adopted, owned by Theirs of arn:"),
        ("User", taken, "has this Name"),
        ("Group", failed, "is DELETION_FAILED. Delete it"),
        ("Offers", closed, "NotFound: ListQueueQuickConnects: "),
    ],
    ids=["another stack has adopted it", "its name is taken", "it has failed", "no queue"],
)
def test_a_change_that_an_update_cannot_undo_has_the_reason_of_lambda(
    name: str,
    change: Callable[[ConnectEmulator, Stack], None],
    reason: str,
    stack: Stack,
    connect: ConnectEmulator,
) -> None:
    """Exit code 1. The next update would fail with it."""
    deploy(stack, with_properties(name))
    change(connect, stack)
    done = found(stack)
    assert done.code == 1
    assert state_of(done) == "conflict"
    assert reason in json.loads(done.text)["resources"][0]["reason"]


# No drift


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("User", tags(other="1")),
        ("User", tags(**{"aws:servicecatalog:x": "1"})),
        ("User", tags(**{"cfn:moved-from": "Old"})),
        ("Group", users(*scene.USER_IDS[:5])),
        ("Group", tags(other="1")),
    ],
    ids=["a tag", "a tag of AWS", "a move", "more users", "a tag of a group"],
)
def test_what_belongs_to_others_is_no_drift(
    name: str, change: Callable[[Live], None], stack: Stack, connect: ConnectEmulator
) -> None:
    """The template does not name it."""
    deploy(stack, with_properties(name))
    change(live(connect, stack, name))
    assert found(stack).code == 0


def test_more_quick_connects_in_a_queue_are_no_drift(
    stack: Stack, connect: ConnectEmulator
) -> None:
    """Somebody else has associated them."""
    deploy(stack, with_properties("Offers"))
    connect.queue_quick_connects[stack.ids["Offers"]].add(THEIRS)
    assert found(stack).code == 0


# Calls, output and exit codes


def test_a_resource_takes_two_calls_at_most(stack: Stack) -> None:
    """The users of an instance are listed once. The default group has to be found in a list."""
    deploy(stack, RESOURCES)
    done = found(stack)
    assert done.code == 0
    assert done.calls.total() <= 2 * len(RESOURCES) + 2, done.calls
    assert done.calls["ListUsers"] == 1


def test_a_throttled_connect_makes_the_command_wait(
    stack: Stack, connect: ConnectEmulator, clock: FakeTime
) -> None:
    """Connect accepts two reads a second, and the command has its result not much later."""
    kind, properties = RESOURCES["Flow"]
    names = [f"Desk{number}" for number in range(60)]
    deploy(stack, {name: (kind, {**properties, "Name": name}) for name in names})
    connect.rate = 2.0
    began = clock.passed
    done = found(stack)
    assert done.code == 0
    assert 25 < clock.passed - began < 40


def text(stack: Stack, form: Form = Form.TEXT, **options: Any) -> str:
    """Return the output for people."""
    return commands.run(drift.run, drift.Arguments(stack.id, form=form, **options)).text


def test_the_text_has_a_line_for_each_difference(stack: Stack, connect: ConnectEmulator) -> None:
    """Resources in sync are only counted, unless --all shows them."""
    deploy(stack, {**with_properties("User"), **with_properties("Flow")})
    live(connect, stack, "User").update(Name="New", Description="")
    assert text(stack) == (
        "changed  User  Name: template User, Connect New\n"
        "changed  User  Description: template (hidden), Connect nothing\n"
        "1 in sync, 1 changed.\n"
    )
    assert f"in sync  Flow  {stack.ids['Flow']}\n" in text(stack, all=True)
    assert "template The first one, Connect nothing" in text(stack, show_values=True)


def test_markdown_shows_any_text_as_it_is(stack: Stack, connect: ConnectEmulator) -> None:
    """A name with a bar or a link breaks no table and calls nobody."""
    deploy(stack, with_properties("User"))
    live(connect, stack, "User")["Name"] = "a|b\n@you <i>"
    assert text(stack, Form.MARKDOWN).splitlines() == [
        "### s",
        "",
        "1 changed.",
        "",
        "| resource | state | property | template | Connect |",
        "|---|---|---|---|---|",
        "| User | changed | Name | User | a&#124;b&#92;n&#64;you &#60;i&#62; |",
    ]


def test_the_output_keeps_any_name(stack: Stack, connect: ConnectEmulator) -> None:
    """Text and Markdown show an escape for a code that controls a terminal or its direction."""
    deploy(stack, with_properties("User"))
    name = ":phone: [red]\t\x1b[31m\n\x9b\u202eサポート"
    live(connect, stack, "User")["Name"] = name
    assert shown(found(stack)) == {"Name": ("User", name)}
    assert r"Connect :phone: [red]\t\x1b[31m\n\x9b\u202eサポート" in text(stack)
    assert not {*"\t\x1b\x9b\u202e"} & {*text(stack), *text(stack, Form.MARKDOWN)}


def test_the_progress_on_a_terminal_is_no_part_of_the_output(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script can read the JSON."""
    deploy(stack, with_properties("User"))
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")  # a dumb terminal shows no progress
    assert json.loads(found(stack).text)["summary"]["in sync"] == 1
    assert "Reading Connect" in capsys.readouterr().err


def with_secret(stack: Stack) -> None:
    """Let the description of the quick connect be a secret of the deployment."""
    held = json.loads(stack.stacks.templates[stack.id].text)
    held["Parameters"] = {"Secret": {"NoEcho": "true", "Type": "String"}}
    held["Resources"]["User"]["Properties"]["Description"] = {"Ref": "Secret"}
    stack.stacks.templates[stack.id] = Template(json.dumps(held), {"Secret": "****"})


def test_what_only_the_deployment_knows_is_unknown(stack: Stack) -> None:
    """Exit code 2: never equal."""
    deploy(stack, {**with_properties("User"), **with_properties("Flow")})
    with_secret(stack)
    done = found(stack)
    assert done.code == 2
    assert state_of(done) == "unknown"
    assert "known only at deployment: Description" in done.text


def test_a_difference_beside_an_unknown_property_is_reported(
    stack: Stack, connect: ConnectEmulator
) -> None:
    """The reason names the property that is not known."""
    deploy(stack, with_properties("User"))
    with_secret(stack)
    live(connect, stack, "User")["Name"] = "New"
    done = found(stack)
    assert done.code == 1
    assert shown(done) == {"Name": ("User", "New")}
    assert "(known only at deployment: Description)" in done.text


def test_a_resource_that_failed_is_unknown(stack: Stack, stacks: Stacks) -> None:
    """CloudFormation does not show the properties that it has."""
    deploy(stack, with_properties("User"))
    shown_as = StackResource("UPDATE_FAILED", stack.ids["User"], None, RESOURCES["User"][0])
    stacks.show(stack.id, "UPDATE_FAILED", {"User": shown_as})
    done = found(stack)
    assert done.code == 2
    assert "it is UPDATE_FAILED" in done.text


def test_a_missing_permission_is_unknown(stack: Stack, connect: ConnectEmulator) -> None:
    """The identity of the command lacks it."""
    deploy(stack, with_properties("User"))
    connect.fault("DescribeQuickConnect", "AccessDeniedException")
    done = found(stack)
    assert done.code == 2
    assert "AccessDenied: DescribeQuickConnect" in done.text


@pytest.mark.parametrize(
    ("status", "resources", "problem"),
    [
        ("UPDATE_IN_PROGRESS", {}, "is UPDATE_IN_PROGRESS: run the command again"),
        ("REVIEW_IN_PROGRESS", {}, "has no template: check --stack-name"),
        ("UPDATE_COMPLETE", {}, r"has no Custom::Connect\* resource"),
    ],
)
def test_a_stack_without_anything_to_compare_is_an_error(
    status: str, resources: dict[str, StackResource], problem: str, stacks: Stacks
) -> None:
    """A misspelled name must not look like a stack in sync."""
    stack_id = "arn:aws:cloudformation:us-east-1:123456789012:stack/desk/1"
    stacks.show(stack_id, status, resources)
    stacks.templates[stack_id] = Template('{"Resources": {}}')
    with pytest.raises(CommandError, match=problem):
        commands.run(drift.run, drift.Arguments("desk"))


def test_a_stack_that_does_not_exist_is_an_error(stacks: Stacks) -> None:
    """The message says what to check."""
    with pytest.raises(CommandError, match="does not exist in us-east-1: check --stack-name"):
        commands.run(drift.run, drift.Arguments("desk"))
