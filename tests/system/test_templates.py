"""Every template of the documents can be deployed, and the steps of docs/migration.md work."""

import json
import re
import shlex
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest

from sandbox import stacks
from sandbox.aws import Sandbox
from tests.support.harness import ROOT
from tests.support.templates import VALUES, parameters, parsed, templates

TEMPLATES = templates()
ADOPTED = TEMPLATES["examples/migration/adopted.yaml"]
NATIVE = TEMPLATES["examples/migration/native.yaml"]
RELEASED = TEMPLATES["examples/migration/released.yaml"]
MIGRATION = (ROOT / "docs/migration.md").read_text()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_documented_template_can_be_deployed(name: str, sandbox: Sandbox) -> None:
    """The stack has all outputs, and its deletion leaves nothing."""
    before = sandbox.connect.holdings
    text, stack = TEMPLATES[name].replace("Policy: Retain", "Policy: Delete"), name_of_stack(name)
    outputs = stacks.deploy(sandbox, stack, text, parameters(sandbox.connect, text), lambda _: None)
    assert outputs.keys() == parsed(text).get("Outputs", {}).keys()
    for name_of_output, value in outputs.items():
        assert value.startswith("arn:") == name_of_output.endswith("Arn")
    stacks.delete(sandbox, stack, lambda _: None)
    assert sandbox.connect.holdings == before


def test_no_two_documented_templates_share_a_name() -> None:
    """A user can deploy all of them in one sandbox."""
    names: Counter[tuple[str, str]] = Counter()
    for text in {*TEMPLATES.values()} - {ADOPTED}:
        for resource in resources_of(text):
            kind = resource["Type"].rpartition("::")[2].removeprefix("Connect")
            if "Name" in resource.get("Properties", {}):
                names[kind, str(resource["Properties"]["Name"])] += 1
    assert [name for name, times in names.items() if times > 1] == []


def resources_of(template: str) -> list[Any]:
    """Return the resources of a template; those of an Fn::ForEach once."""
    found = parsed(template)["Resources"].values()
    loops = [resource[2].values() for resource in found if isinstance(resource, list)]
    plain = [resource for resource in found if not isinstance(resource, list)]
    return [*plain, *(resource for loop in loops for resource in loop)]


def name_of_stack(name: str) -> str:
    """Return a name without the characters that a stack's name may not hold."""
    return re.sub(r"\W+|_", "-", name)


class Migration:
    """A stack that migrates, and the resources of Connect since its beginning."""

    def __init__(self, sandbox: Sandbox, stack: str) -> None:
        self._sandbox, self._stack = sandbox, stack
        self._cloudformation = sandbox.client("cloudformation")
        self._before = sandbox.connect.holdings

    def deploy(self, template: str) -> dict[str, str]:
        """Update the stack, or create it; return its outputs."""
        values = parameters(self._sandbox.connect, template)
        return stacks.deploy(self._sandbox, self._stack, template, values, lambda _: None)

    def run_import(self, claims: str, claims_lines: str) -> str:
        """Import with the change set of docs/migration.md; return its final status."""
        asked = documented_import({**VALUES, "CLAIMS": claims, "CLAIMS_LINES": claims_lines})
        change_set = {"StackName": self._stack, "ChangeSetName": asked.change_set_name}
        self._cloudformation.create_change_set(
            **change_set,
            ChangeSetType=asked.change_set_type,
            TemplateBody=(ROOT / asked.template_body.removeprefix("file://")).read_text(),
            Parameters=[dict(it.split("=") for it in pair.split(",")) for pair in asked.parameters],
            ResourcesToImport=json.loads(asked.resources_to_import),
        )
        made = self._cloudformation.describe_change_set(**change_set)
        if made["Status"] != "CREATE_COMPLETE":
            return str(made["StatusReason"])
        self._cloudformation.execute_change_set(**change_set)
        waiter = self._cloudformation.get_waiter("stack_import_complete")
        waiter.wait(StackName=self._stack, WaiterConfig={"Delay": 1})
        (stack,) = self._cloudformation.describe_stacks(StackName=self._stack)["Stacks"]
        return str(stack["StackStatus"])

    def holds(self) -> dict[str, str]:
        """Return the ARNs of the stack's resources by logical id."""
        found = self._cloudformation.describe_stack_resources(StackName=self._stack)
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in found["StackResources"]
            if ":connect:" in resource["PhysicalResourceId"]
        }

    def live(self) -> dict[str, dict[str, Any]]:
        """Return the resources in Connect since the beginning, by ARN."""
        connect = self._sandbox.connect
        every = {**connect.quick_connects, **connect.groups}
        shown = ("Name", "Description", "QuickConnectConfig", "Status", "Tags")
        return {
            arn: deepcopy({name: what[name] for name in shown if name in what})
            for arn, what in every.items()
            if arn not in self._before
        }

    def tag(self, arn: str, key: str) -> None:
        """Tag a resource, with a key that only AWS may use."""
        connect = self._sandbox.connect
        (connect.quick_connects.get(arn) or connect.groups[arn])["Tags"][key] = "x"

    def delete(self) -> None:
        """Delete the stack."""
        stacks.delete(self._sandbox, self._stack, lambda _: None)


def documented_import(values: Mapping[str, str]) -> Namespace:
    """Return the options of the change set in docs/migration.md, with values for its variables."""
    (block,) = re.findall(r"^```sh\n(aws \S+ create-change-set .*?)^aws ", MIGRATION, re.M | re.S)
    for variable, value in values.items():
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", variable.removesuffix("Arn")).upper()
        block = block.replace(f"${name}_ARN", value)
    parser = ArgumentParser()
    parser.add_argument("--parameters", nargs="+")
    for option in ("stack-name", "change-set-name", "change-set-type", "template-body"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--resources-to-import", required=True)
    return parser.parse_args(shlex.split(block.replace("\\\n", " "))[3:])


@pytest.fixture
def migration(
    sandbox: Sandbox, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Migration]:
    """A stack to migrate; its resources are removed at the end. A group takes one second."""
    monkeypatch.setattr(sandbox.connect, "settle_seconds", 1)
    moving = Migration(sandbox, name_of_stack(request.node.name))
    yield moving
    for arn in moving.live():
        sandbox.connect.quick_connects.pop(arn, None)
        sandbox.connect.groups.pop(arn, None)


def without_markers(live: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the resources without the provider's markers."""
    return {
        arn: {**it, "Tags": {k: v for k, v in it["Tags"].items() if not k.startswith("cfn:")}}
        for arn, it in live.items()
    }


def test_the_migration_there_and_back_keeps_every_resource(migration: Migration) -> None:
    """The steps of docs/migration.md change no resource, in one stack."""
    migration.deploy(NATIVE)
    native = migration.holds()
    assert native.keys() == {"Claims", "ClaimsLines"}
    for arn in native.values():
        migration.tag(arn, "aws:cloudformation:logical-id")
    before = migration.live()
    assert before[native["ClaimsLines"]]["Status"] == "ACTIVE"

    outputs = migration.deploy(ADOPTED)
    assert [*outputs.values()] == [*native.values()]
    assert migration.holds().keys() == {"AdoptedClaims", "AdoptedClaimsLines"}
    assert without_markers(migration.live()) == before
    assert all("cfn:stack-id" in it["Tags"] for it in migration.live().values())

    migration.deploy(RELEASED)
    assert migration.holds() == {}
    assert without_markers(migration.live()) == before
    for arn, it in migration.live().items():
        assert it["Tags"].keys() - before[arn]["Tags"].keys() == {"cfn:adopted-at"}

    assert migration.run_import(*native.values()) == "IMPORT_COMPLETE"
    assert migration.holds() == native

    migration.delete()
    assert without_markers(migration.live()) == before


def test_a_migration_that_fails_leaves_the_native_resources_in_the_stack(
    migration: Migration,
) -> None:
    """The rollback releases the adopted resources, and does not undo their changes."""
    migration.deploy(NATIVE)
    native, before = migration.holds(), migration.live()
    other = ADOPTED.replace("Where the claims lines go", "Nobody can change a group's Description")
    other = other.replace("Transfers to the claims queue", "Changed on the way")
    with pytest.raises(stacks.StackFailed, match="UPDATE_ROLLBACK_COMPLETE"):
        migration.deploy(other)
    assert migration.holds() == native
    after = migration.live()
    assert "cfn:adopted-at" in after[native["Claims"]]["Tags"]
    before[native["Claims"]]["Description"] = "Changed on the way"
    assert without_markers(after) == before


def test_a_created_resource_with_a_deletion_policy_stays(migration: Migration) -> None:
    """CloudFormation sends no Delete, so the markers stay. They do not prevent an import."""
    migration.deploy(ADOPTED)
    created = migration.holds()
    kept = ADOPTED.replace("    Properties:", "    DeletionPolicy: Retain\n    Properties:")
    migration.deploy(kept)
    migration.deploy(RELEASED)
    assert migration.live().keys() == {*created.values()}
    assert all("cfn:created-at" in it["Tags"] for it in migration.live().values())
    assert migration.run_import(*created.values()) == "IMPORT_COMPLETE"


def test_every_native_resource_of_the_migration_is_kept() -> None:
    """It stays if it leaves the template, and if CloudFormation replaces it."""
    for resource in parsed(NATIVE)["Resources"].values():
        if resource["Type"].startswith("AWS::Connect::"):
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain",) * 2


def test_a_missing_resource_cannot_be_imported(migration: Migration) -> None:
    """CloudFormation first looks the resource up."""
    migration.deploy(RELEASED)
    missing = f"{VALUES['InstanceArn']}/transfer-destination/00000000-0000-4000-8000-000000000000"
    assert "ResourceNotFoundException" in migration.run_import(missing, missing)


def test_the_sandbox_updates_no_native_resource(migration: Migration) -> None:
    """The update fails instead of creating another resource. Attributes work."""
    outputs = "Outputs: {Arn: {Value: !GetAtt Claims.QuickConnectArn}}"
    assert migration.deploy(f"{NATIVE}{outputs}")["Arn"] == migration.holds()["Claims"]
    with pytest.raises(stacks.StackFailed, match="UPDATE_ROLLBACK"):
        migration.deploy(NATIVE.replace("Name: Claims\n", "Name: Other\n"))
    assert {it["Name"] for it in migration.live().values()} == {"Claims", "Claims lines"}
