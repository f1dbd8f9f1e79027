"""Terraform applies examples/terraform to the sandbox, and destroys it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import scene
from sandbox.aws import Sandbox
from tests.support.harness import ROOT

TERRAFORM = shutil.which("terraform")
VARIABLES = {
    "TF_VAR_instance_id": scene.INSTANCE_ID,
    "TF_VAR_queue_id": scene.QUEUE_ID,
    "TF_VAR_contact_flow_id": scene.CONTACT_FLOW_ID,
}


@pytest.fixture
def terraform(sandbox: Sandbox, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs terraform in a copy of the example and returns its output."""
    if TERRAFORM is None:
        pytest.skip("NOT TESTED: examples/terraform needs terraform, which is not on the PATH")
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    folder = tmp_path / "examples/terraform"
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment = {**inherited, **sandbox.environment, **VARIABLES, "TF_IN_AUTOMATION": "1"}

    def run(*arguments: str) -> str:
        command = [str(TERRAFORM), *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if "Failed to query available provider packages" in done.stderr:
            pytest.skip("NOT TESTED: terraform finds no hashicorp/aws for examples/terraform")
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("init", "-input=false", "-no-color")
    return run


def test_terraform_applies_and_destroys_the_example(
    terraform: Callable[..., str], sandbox: Sandbox
) -> None:
    """A second plan finds no change, and the end leaves nothing."""
    terraform("apply", "-input=false", "-auto-approve")
    outputs = json.loads(terraform("output", "-json"))
    made = {it["Name"]: it["QuickConnectARN"] for it in sandbox.connect.quick_connects.values()}
    assert made.keys() == {"Sales", "Escalation"}
    assert outputs["sales_arn"]["value"] == made["Sales"]
    assert outputs["offered_count"]["value"] == "1"
    terraform("plan", "-input=false", "-detailed-exitcode")
    terraform("destroy", "-input=false", "-auto-approve")
    assert not sandbox.connect.quick_connects
