"""The policies of docs/bring.md allow each call of a command to Connect, and no other."""

import pytest

from cfn_connect.commands import export, orphans
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands, contact_center


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
