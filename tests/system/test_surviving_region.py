"""A stack in the replica's Region fails over while the home Region is down.

It has a sandbox of its own. MiniStack gives the roles of both Regions one name, so the provider of
the second Region takes the permissions of the first.
"""

import pytest

from sandbox import demo, scene, stacks
from sandbox.aws import Sandbox


def test_the_surviving_region_fails_over_alone(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack and its functions are in the replica's Region; the home Region is down."""
    group = sandbox.connect.default_group(scene.OTHER_INSTANCE_ID)
    region = scene.REPLICA_REGION
    stacks.deploy_provider(sandbox, lambda _: None, region)
    parameters = {"TrafficDistributionGroupArn": group["Arn"], "SecondShare": "100"}
    template = demo.FAILOVER_TEMPLATE.read_text()
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(sandbox.connect, "regions_off", {scene.REGION})
        outputs = stacks.deploy(sandbox, "drill", template, parameters, lambda _: None, region)
        stacks.delete(sandbox, "drill", lambda _: None, region)
    assert outputs["Telephony"] == outputs["Agents"] == "us-east-1=0,us-west-2=100"
