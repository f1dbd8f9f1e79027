"""The policies of docs/bring.md allow each call of a command to Connect, and no other."""

from pathlib import Path

import pytest

from cfn_connect.commands import drift, export, orphans, plan
from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands, contact_center
from tests.support.cloudformation import Stack
from tests.support.deployed import RESOURCES, deploy, template_of
from tests.support.harness import Sink


@pytest.mark.parametrize(
    ("command", "run", "arguments"),
    [
        ("export", export.run, export.Arguments(scene.INSTANCE_ID)),
        ("orphans", orphans.run, orphans.Arguments(scene.INSTANCE_ID)),
    ],
)
def test_a_policy_allows_exactly_the_calls(
    command: str, run: commands.Command, arguments: object, connect: ConnectEmulator
) -> None:
    """An identity needs no other permission for Connect."""
    contact_center.seed(connect)
    calls = commands.run(run, arguments).calls
    assert {f"connect:{operation}" for operation in calls} == commands.connect_actions(command)


def test_the_policies_of_plan_and_drift_allow_exactly_the_calls(
    connect: ConnectEmulator, sink: Sink, stacks: Stacks, tmp_path: Path
) -> None:
    """A plan that changes everything, and the drift of a stack whose quick connect is gone."""
    scene.add_quick_connects(connect)
    stack = Stack(sink, stacks)
    deploy(stack, RESOURCES)
    del connect.quick_connects[stack.ids["Flow"]]
    later = {
        name: (kind, {**it, "ServiceTimeout": "300"}) for name, (kind, it) in RESOURCES.items()
    }
    template = tmp_path / "template.json"
    template.write_text(template_of(later))
    planned = commands.run(plan.run, plan.Arguments(stack.id, str(template))).calls
    drifted = commands.run(drift.run, drift.Arguments(stack.id)).calls
    for command, calls in (("plan", planned), ("drift", drifted)):
        assert {f"connect:{each}" for each in calls} == commands.connect_actions(command)
