"""`cfn-connect orphans` finds what stacks left behind."""

import pytest

from cfn_connect.commands import orphans
from sandbox import scene
from sandbox.cloudformation import StackResource, Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands
from tests.support.commands import Done

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/desk/1"
GONE = "arn:aws:cloudformation:us-east-1:123456789012:stack/desk/0"
FOREIGN = "arn:aws:cloudformation:us-east-1:999999999999:stack/desk/2"
FLOW = {"QuickConnectType": "FLOW", "FlowConfig": {"ContactFlowId": scene.CONTACT_FLOW_ID}}


def marked(stack_id: str, logical_id: str) -> dict[str, str]:
    """Return the tags of an owner."""
    return {"cfn:stack-id": stack_id, "cfn:logical-id": logical_id, "cfn:created-at": "then"}


def add(connect: ConnectEmulator, name: str, tags: dict[str, str]) -> str:
    """Add a quick connect; return its ARN."""
    return connect.add_quick_connect(connect.instances[scene.INSTANCE_ID], name, FLOW, tags)


def found(instance_id: str = scene.INSTANCE_ID) -> Done:
    """Run the command."""
    return commands.run(orphans.run, orphans.Arguments(instance_id))


def test_what_a_stack_has_is_no_orphan(connect: ConnectEmulator, stacks: Stacks) -> None:
    """Neither is a resource without an owner, nor one that was released."""
    arn = add(connect, "Desk", marked(STACK, "Desk"))
    add(connect, "By hand", {"team": "sales"})
    add(connect, "Released", {"cfn:adopted-at": "then"})
    stacks.show(STACK, "UPDATE_COMPLETE", {"Desk": StackResource("CREATE_COMPLETE", arn)})
    done = found()
    assert done.code == 0
    assert done.text == "No stack left a resource behind.\n"


@pytest.mark.parametrize(
    ("owner", "shown", "reason"),
    [
        (GONE, {}, f"{GONE} does not exist"),
        (STACK, {}, f"{STACK} no longer has Desk"),
        (STACK, {"Desk": StackResource("DELETE_SKIPPED", "arn")}, "no longer has Desk"),
        (STACK, {"Desk": StackResource("DELETE_COMPLETE", "arn")}, "no longer has Desk"),
        (
            STACK,
            {"Desk": StackResource("UPDATE_COMPLETE", "other")},
            "has another resource as Desk",
        ),
        (STACK, {"Desk": StackResource("CREATE_FAILED", "")}, "has another resource as Desk"),
    ],
)
def test_a_resource_that_its_stack_lacks_is_an_orphan(
    owner: str,
    shown: dict[str, StackResource],
    reason: str,
    connect: ConnectEmulator,
    stacks: Stacks,
) -> None:
    """The line names the ARN and the reason. It shows no description and no number."""
    arn = add(connect, "Desk", marked(owner, "Desk"))
    stacks.show(STACK, "UPDATE_COMPLETE", shown)
    done = found()
    assert done.code == 1
    assert done.text.startswith(f"orphan  {arn} (")
    assert reason in done.text
    assert done.text.count("\n") == 1


def test_a_group_can_be_an_orphan(connect: ConnectEmulator) -> None:
    """Its ARN does not hold the instance, so the instance's list finds it."""
    instance = connect.instances[scene.INSTANCE_ID]
    other = connect.instances[scene.OTHER_INSTANCE_ID]
    ours = connect.add_group(instance, "Lines", "", marked(GONE, "Lines"))
    theirs = connect.add_group(other, "Lines", "", marked(GONE, "Lines"))
    done = found()
    assert ours["Arn"] in done.text
    assert theirs["Arn"] not in done.text


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        (marked(FOREIGN, "Desk"), "belongs to the account 999999999999: look there"),
        (marked("desk", "Desk"), "somebody changed its tags"),
        ({"cfn:logical-id": "Desk"}, "somebody changed its tags"),
        (marked(STACK, "Desk"), "is changing Desk: run the command again later"),
    ],
    ids=["another account", "another text", "a tag is missing", "an operation is under way"],
)
def test_an_owner_that_does_not_tell_has_its_own_exit_code(
    tags: dict[str, str], reason: str, connect: ConnectEmulator, stacks: Stacks
) -> None:
    """It is neither in order nor an orphan."""
    add(connect, "Desk", tags)
    stacks.show(STACK, "UPDATE_IN_PROGRESS", {"Desk": StackResource("UPDATE_IN_PROGRESS", "")})
    done = found()
    assert done.code == 2
    assert done.text.startswith("unknown ")
    assert reason in done.text


def test_a_hundred_quick_connects_take_one_call(connect: ConnectEmulator, stacks: Stacks) -> None:
    """Each group takes one more, because its ARN does not hold the instance."""
    arns = {f"Desk{n}": add(connect, f"Desk {n}", marked(STACK, f"Desk{n}")) for n in range(250)}
    shown = {name: StackResource("CREATE_COMPLETE", arn) for name, arn in arns.items()}
    stacks.show(STACK, "CREATE_COMPLETE", shown)
    done = found()
    assert done.code == 0
    assert done.calls == {
        "SearchQuickConnects": 3,
        "ListTrafficDistributionGroups": 1,
        "DescribeTrafficDistributionGroup": 1,
    }
