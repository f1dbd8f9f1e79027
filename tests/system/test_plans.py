"""A deployment does what its plan says, for every template of the documents."""

from pathlib import Path

import pytest

from cfn_connect.resolve import PREFIX
from sandbox import stacks
from sandbox.aws import Sandbox
from tests.support.commands import json_of, states_of
from tests.support.templates import parameters, templates

TEMPLATES = {
    name: text.replace("Policy: Retain", "Policy: Delete")
    for name, text in templates().items()
    if PREFIX in text
}


@pytest.fixture(autouse=True)
def _in_the_sandbox(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command talk to the sandbox."""
    for key, value in sandbox.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_CLOUDFORMATION")  # that of the other tests


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_deployment_makes_the_calls_of_its_plan(
    name: str, sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then nothing has drifted, and a second deployment would change nothing."""
    stack, text = f"planned-{[*TEMPLATES].index(name)}", TEMPLATES[name]
    template, values = tmp_path / "template.yaml", parameters(sandbox.connect, text)
    template.write_text(text)
    overrides = [f"{key}={value}" for key, value in values.items()]
    options = ["--parameter-overrides", *overrides] if overrides else []

    planned = json_of(
        capsys, "plan", *options, "--stack-name", stack, "--template-file", str(template)
    )
    sandbox.connect.journal.clear()
    stacks.deploy(sandbox, stack, text, values, lambda _: None)
    assert planned["calls"] == len(sandbox.connect.journal), sandbox.connect.calls()
    assert states_of(json_of(capsys, "drift", "--stack-name", stack, "--all")) == {"in sync"}
    assert states_of(json_of(capsys, "plan", "--stack-name", stack)) == {"nothing"}
    stacks.delete(sandbox, stack, lambda _: None)


def test_a_change_set_has_the_plan_of_its_template(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack does not exist before, and has no template until the change set is executed."""
    text = TEMPLATES["examples/transfer-desk.yaml"]
    template, values = tmp_path / "template.yaml", parameters(sandbox.connect, text)
    template.write_text(text)
    overrides = [f"{key}={value}" for key, value in values.items()]
    options = ["--stack-name", "reviewed", "--parameter-overrides", *overrides]
    planned = json_of(capsys, "plan", *options, "--template-file", str(template))
    sandbox.client("cloudformation").create_change_set(
        StackName="reviewed",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=text,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
    )
    of_set = json_of(capsys, "plan", "--stack-name", "reviewed", "--change-set-name", "first")
    assert (planned.pop("stackExists"), of_set.pop("stackExists")) == (False, True)
    assert {**of_set, "stackId": ""} == {**planned, "stackId": ""}
