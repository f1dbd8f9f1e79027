"""The template that examples/cdk synthesizes passes cfn-lint and can be deployed."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox import scene, stacks
from sandbox.aws import Sandbox
from tests.support.harness import ROOT
from tests.support.linting import lint
from tools import environment

NODE = shutil.which("node")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template that examples/cdk/app.py synthesizes, in an environment of its own."""
    if NODE is None:
        pytest.skip("NOT TESTED: examples/cdk needs Node, and there is none on the PATH")
    python = environment.make("cdk") / "bin/python"
    folder = tmp_path_factory.mktemp("cdk")
    quiet = {"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    subprocess.run(
        [str(python), str(ROOT / "examples/cdk/app.py")],
        env={**os.environ, **quiet, "CDK_OUTDIR": str(folder)},
        check=True,
    )
    return folder / "orders.template.json"


def test_the_synthesized_template_passes_cfn_lint(template: Path) -> None:
    """It passes all of cfn-lint's rules, and ours."""
    assert [str(match) for match in lint(template)[template]] == []


def test_a_wrong_share_is_found_in_the_synthesized_template(template: Path, tmp_path: Path) -> None:
    """The rules check the resources of the constructs."""
    broken = tmp_path / template.name
    broken.write_text(template.read_text().replace('"Percentage": 60', '"Percentage": 50'))
    found = lint(broken)[broken]
    assert [match.rule.id for match in found] == ["E9604", "E9604"]


def test_the_synthesized_template_can_be_deployed(template: Path, sandbox: Sandbox) -> None:
    """The stack returns the attributes of the constructs, and its deletion leaves nothing."""
    parameters = {
        "InstanceId": scene.INSTANCE_ID,
        "QueueId": scene.QUEUE_ID,
        "ContactFlowId": scene.CONTACT_FLOW_ID,
        "TrafficDistributionGroupArn": sandbox.connect.default_group(scene.INSTANCE_ID)["Arn"],
    }
    outputs = stacks.deploy(sandbox, "cdk", template.read_text(), parameters, lambda _: None)
    (made,) = sandbox.connect.quick_connects.values()
    assert (made["Name"], made["Tags"]["team"]) == ("Orders", "orders")
    assert outputs == {
        "OrdersArn": made["QuickConnectARN"],
        "OrdersId": made["QuickConnectId"],
        "Telephony": "us-east-1=60,us-west-2=40",
    }
    stacks.delete(sandbox, "cdk", lambda _: None)
    assert not sandbox.connect.quick_connects
