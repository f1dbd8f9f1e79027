"""Every template that users are shown is deployed, and the steps of docs/migration.md are taken."""

import json
import re
from collections.abc import Iterator, MutableMapping

import pytest

from sandbox import demo, scene, stacks
from sandbox.aws import Sandbox
from tests.harness import ROOT
from tests.templates import parsed, templates

TEMPLATES = templates()
ADOPTED = TEMPLATES["examples/migration/adopted.yaml"]
NATIVE = TEMPLATES["examples/migration/native.yaml"]
RELEASED = TEMPLATES["examples/migration/released.yaml"]
MIGRATION = (ROOT / "docs/migration.md").read_text()
INSTANCE_ARN = f"arn:aws:connect:us-east-1:123456789012:instance/{scene.INSTANCE_ID}"
VALUES = {
    **demo.PARAMETERS,
    "InstanceArn": INSTANCE_ARN,
    "QueueArn": f"{INSTANCE_ARN}/queue/{scene.QUEUE_ID}",
    "ContactFlowArn": f"{INSTANCE_ARN}/contact-flow/{scene.CONTACT_FLOW_ID}",
}


def parameters(sandbox: Sandbox, template: str) -> dict[str, str]:
    """Return a value for every parameter of the template that has no default."""
    group = sandbox.connect.default_group(scene.INSTANCE_ID)
    values = {**VALUES, "TrafficDistributionGroupArn": group["Arn"]}
    declared = parsed(template).get("Parameters", {})
    return {name: values[name] for name, said in declared.items() if "Default" not in said}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_that_users_are_shown_can_be_deployed(name: str, sandbox: Sandbox) -> None:
    """With all its outputs, and nothing is left when it is deleted."""
    before = {*sandbox.connect.quick_connects, *sandbox.connect.groups}
    text, stack = TEMPLATES[name].replace("Policy: Retain", "Policy: Delete"), name_of_stack(name)
    outputs = stacks.deploy(sandbox, stack, text, parameters(sandbox, text), lambda _: None)
    assert outputs.keys() == parsed(text).get("Outputs", {}).keys()
    stacks.delete(sandbox, stack, lambda _: None)
    assert {*sandbox.connect.quick_connects, *sandbox.connect.groups} == before


def name_of_stack(name: str) -> str:
    """Return what of a name a stack's name may hold."""
    return re.sub(r"\W+|_", "-", name)


class Migration:
    """A stack that moves, and what of Connect has come since it began."""

    def __init__(self, sandbox: Sandbox, stack: str) -> None:
        self._sandbox, self._stack = sandbox, stack
        self._cloudformation = sandbox.client("cloudformation")
        self._before = {*sandbox.connect.quick_connects, *sandbox.connect.groups}

    def deploy(self, template: str) -> dict[str, str]:
        """Update the stack, or create it; return its outputs."""
        values = parameters(self._sandbox, template)
        return stacks.deploy(self._sandbox, self._stack, template, values, lambda _: None)

    def run_import(self, sales: str, sales_lines: str) -> str:
        """Import by the change set of docs/migration.md; return the stack's status after it."""
        documented = re.search(r"--resources-to-import '(\[.*?\])'", MIGRATION, re.DOTALL)
        assert documented
        text = documented[1].replace('"\'"$SALES_ARN"\'"', f'"{sales}"')
        text = text.replace('"\'"$SALES_LINES_ARN"\'"', f'"{sales_lines}"')
        values = parameters(self._sandbox, NATIVE)
        of = {"StackName": self._stack, "ChangeSetName": "import"}
        self._cloudformation.create_change_set(
            **of,
            ChangeSetType="IMPORT",
            TemplateBody=NATIVE,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
            ResourcesToImport=json.loads(text),
        )
        self._cloudformation.get_waiter("change_set_create_complete").wait(**of)
        self._cloudformation.execute_change_set(**of)
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

    def live(self) -> dict[str, MutableMapping[str, str]]:
        """Return the tags of what there is in Connect by ARN, but for what was there before."""
        connect = self._sandbox.connect
        every = {**connect.quick_connects, **connect.groups}
        return {arn: what["Tags"] for arn, what in every.items() if arn not in self._before}

    def delete(self) -> None:
        """Delete the stack."""
        stacks.delete(self._sandbox, self._stack, lambda _: None)


@pytest.fixture
def migration(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[Migration]:
    """A stack to move, of which nothing is left in Connect afterwards."""
    moving = Migration(sandbox, name_of_stack(request.node.name))
    yield moving
    for arn in moving.live():
        sandbox.connect.quick_connects.pop(arn, None)
        sandbox.connect.groups.pop(arn, None)


def test_the_migration_there_and_back_keeps_every_resource(migration: Migration) -> None:
    """In one stack, as docs/migration.md says it."""
    migration.deploy(NATIVE)
    native = migration.holds()
    assert native.keys() == {"Sales", "SalesLines"}
    for arn in native.values():
        migration.live()[arn]["aws:cloudformation:logical-id"] = "as CloudFormation tags it"
    tags = {arn: dict(now) for arn, now in migration.live().items()}

    outputs = migration.deploy(ADOPTED)
    assert [*outputs.values()] == [*native.values()]
    assert migration.holds().keys() == {"AdoptedSales", "AdoptedSalesLines"}
    assert all("cfn:stack-id" in now for now in migration.live().values())

    migration.deploy(RELEASED)
    assert migration.holds() == {}
    for arn, now in migration.live().items():
        assert now.keys() - tags[arn].keys() == {"cfn:adopted-at"}

    assert migration.run_import(*native.values()) == "IMPORT_COMPLETE"
    assert migration.holds() == native

    migration.delete()
    assert {*migration.live()} == {*native.values()} == {*tags}


def test_a_migration_that_fails_leaves_the_native_resources_in_the_stack(
    migration: Migration,
) -> None:
    """What was adopted until then is released."""
    migration.deploy(NATIVE)
    native, live = migration.holds(), migration.live()
    before = {arn: dict(tags) for arn, tags in live.items()}
    other = ADOPTED.replace("Where the sales lines go", "Nobody can change a group's Description")
    with pytest.raises(stacks.StackFailed, match="UPDATE_ROLLBACK_COMPLETE"):
        migration.deploy(other)
    assert migration.holds() == native
    after = migration.live()
    assert after.keys() == before.keys()
    for arn, tags in before.items():
        assert after[arn].keys() - tags.keys() <= {"cfn:adopted-at"}
    assert "cfn:adopted-at" in after[native["Sales"]]


def test_what_was_created_stays_with_a_deletion_policy(migration: Migration) -> None:
    """CloudFormation then sends no Delete; the marks of ownership stay, and hinder no import."""
    migration.deploy(ADOPTED)
    created = migration.holds()
    kept = ADOPTED.replace("    Properties:", "    DeletionPolicy: Retain\n    Properties:")
    migration.deploy(kept)
    migration.deploy(RELEASED)
    assert migration.live().keys() == {*created.values()}
    assert all("cfn:created-at" in tags for tags in migration.live().values())
    assert migration.run_import(*created.values()) == "IMPORT_COMPLETE"
