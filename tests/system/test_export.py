"""An exported template adopts a contact center that was made by hand, and changes nothing."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from cfn_connect import cli
from connect_provider.ownership import MARKERS
from sandbox import scene, stacks
from sandbox.aws import Sandbox
from sandbox.connect_emulator import ConnectEmulator
from tests.support import contact_center
from tests.support.commands import json_of, states_of

_READS = ("Describe", "Get", "List", "Search")


def exported(folder: Path) -> str:
    """Return the template that the command writes."""
    path = folder / "connect.yaml"
    assert cli.main(["export", "--instance-id", scene.INSTANCE_ID, "--output", str(path)]) == 0
    return path.read_text()


def without_markers(connect: ConnectEmulator) -> dict[str, Any]:
    """Return everything in Connect, without the provider's marker tags."""
    state = deepcopy([connect.quick_connects, connect.groups, connect.queue_quick_connects])
    for table in state[:2]:
        for each in table.values():
            each["Tags"] = {k: v for k, v in each["Tags"].items() if k not in MARKERS}
    return dict(zip(("quick connects", "groups", "queues"), state, strict=True))


def test_a_deployment_of_the_export_changes_marker_tags_only(
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The journal shows no other change. A second export gives the same text.

    The plan knows each adoption and the number of calls. After the deployment, nothing has drifted,
    and a second deployment would change nothing.

    The association of a quick connect that a queue offers already is repeated, without effect. If
    Connect refuses it, the provider first waits out the lag: half a minute for each queue.
    """
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL_CLOUDFORMATION")  # that of the other tests
    connect = sandbox.connect
    contact_center.seed(connect)
    template, before = exported(tmp_path), without_markers(connect)
    connect.repeats_fail = False
    path = str(tmp_path / "connect.yaml")
    stack = ["--stack-name", "contact-center"]
    planned = json_of(capsys, "plan", *stack, "--template-file", path)
    connect.journal.clear()

    stacks.deploy(sandbox, "contact-center", template, {}, lambda _: None)

    assert len(planned["resources"]) > contact_center.QUICK_CONNECTS
    assert states_of(planned) == {"adopt", "update", "nothing"}
    assert planned["calls"] == len(connect.journal)
    done = [e for e in connect.journal if not e.error and not e.operation.startswith(_READS)]
    tagged = [entry.parameters["tags"] for entry in done if entry.operation == "TagResource"]
    assert {entry.operation for entry in done} == {"TagResource", "AssociateQueueQuickConnects"}
    assert all(tags.keys() <= MARKERS for tags in tagged)
    assert without_markers(connect) == before
    owned = [*connect.quick_connects.values(), *connect.groups.values()]
    assert all("cfn:adopted-at" in each["Tags"] for each in owned)
    assert exported(tmp_path) == template
    connect.journal.clear()
    assert states_of(json_of(capsys, "drift", *stack, "--all")) == {"in sync"}
    assert len(connect.journal) <= 2 * len(planned["resources"]) + 2
    connect.journal.clear()
    assert states_of(json_of(capsys, "plan", *stack, "--template-file", path)) == {"nothing"}
    assert connect.calls() == []


def test_an_import_of_the_native_export_changes_nothing(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change set takes both files. No call writes to Connect."""
    for name, value in sandbox.environment.items():
        monkeypatch.setenv(name, value)
    connect = sandbox.connect
    contact_center.seed(connect, 40)
    before = without_markers(connect)
    path = tmp_path / "native.yaml"
    line = ["export", "--instance-id", scene.INSTANCE_ID, "--native", "--output", str(path)]
    assert cli.main(line) == 0
    connect.journal.clear()

    cloudformation = sandbox.client("cloudformation")
    change_set = {"StackName": "imported", "ChangeSetName": "import"}
    cloudformation.create_change_set(
        **change_set,
        ChangeSetType="IMPORT",
        TemplateBody=path.read_text(),
        ResourcesToImport=json.loads(path.with_suffix(".import.json").read_text()),
    )
    made = cloudformation.describe_change_set(**change_set)
    assert made["Status"] == "CREATE_COMPLETE", made
    cloudformation.execute_change_set(**change_set)
    waiter = cloudformation.get_waiter("stack_import_complete")
    waiter.wait(StackName="imported", WaiterConfig={"Delay": 1})

    assert {name for name in connect.calls() if not name.startswith(_READS)} == set()
    assert without_markers(connect) == before
    held = cloudformation.describe_stack_resources(StackName="imported")["StackResources"]
    assert {each["PhysicalResourceId"] for each in held} == {
        *connect.quick_connects,
        *(arn for arn, group in connect.groups.items() if not group["IsDefault"]),
    }
