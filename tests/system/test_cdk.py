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

EXAMPLE = ROOT / "examples/cdk"
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of an environment with the CDK."""
    if NODE is None:
        pytest.skip("NOT TESTED: examples/cdk needs Node, and there is none on the PATH")
    return environment.make("cdk") / "bin/python"


def run(python: Path, *arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run Python in the example's folder, with its output in another."""
    quiet = {"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1", "CDK_OUTDIR": str(folder)}
    return subprocess.run(
        [str(python), *arguments],
        cwd=EXAMPLE,
        env={**os.environ, **quiet, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def template(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template that examples/cdk/app.py synthesizes."""
    folder = tmp_path_factory.mktemp("cdk")
    done = run(python, "app.py", folder=folder)
    assert done.returncode == 0, done.stderr
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


def test_a_wrong_share_is_found_at_synth(python: Path, tmp_path: Path) -> None:
    """The construct names its path in the app."""
    code = """from aws_cdk import App, Stack
from connect import TrafficDistribution, TrafficDistributionGroup
group = TrafficDistributionGroup.from_arn("arn:aws:connect:us-east-1:1:group/x")
shares = {"us-east-1": 60, "us-west-2": 50}
TrafficDistribution(Stack(App(), "orders"), "Traffic", group=group, calls=shares)"""
    done = run(python, "-c", code, folder=tmp_path)
    message = "orders/Traffic: TelephonyConfig: the percentages should sum to 100, not 110"
    assert message in done.stderr


def test_the_synthesized_template_can_be_deployed(template: Path, sandbox: Sandbox) -> None:
    """Every construct makes its resource, and only the retained one outlives the stack."""
    connect = sandbox.connect
    default = connect.default_group(scene.INSTANCE_ID)
    parameters = {
        "InstanceId": scene.INSTANCE_ID,
        "QueueId": scene.QUEUE_ID,
        "UserId": scene.USER_ID,
        "ContactFlowId": scene.CONTACT_FLOW_ID,
        "DefaultGroupArn": default["Arn"],
    }
    outputs = stacks.deploy(sandbox, "cdk", template.read_text(), parameters, lambda _: None)
    made = {it["Name"]: it for it in connect.quick_connects.values()}
    types = {name: it["QuickConnectConfig"]["QuickConnectType"] for name, it in made.items()}
    assert types == {
        "Orders": "QUEUE",
        "Alice": "USER",
        "Courier": "PHONE_NUMBER",
        "Survey": "FLOW",
    }
    (lines,) = (group for group in connect.groups.values() if group["Name"] == "Orders")
    assert {it["Tags"]["team"] for it in (*made.values(), lines)} == {"orders"}
    (offered,) = connect.queue_quick_connects.values()
    assert offered == {made["Orders"]["QuickConnectId"], made["Alice"]["QuickConnectId"]}
    assert outputs == {
        "OrdersArn": made["Orders"]["QuickConnectARN"],
        "OrdersId": made["Orders"]["QuickConnectId"],
        "OfferedCount": "2",
        "LinesId": lines["Id"],
        "Telephony": "us-east-1=60,us-west-2=40",
    }
    stacks.delete(sandbox, "cdk", lambda _: None)
    assert [it["Name"] for it in connect.quick_connects.values()] == ["Courier"]
    assert "Orders" not in {group["Name"] for group in connect.groups.values()}
