"""Every template that users are shown is deployed, and the steps of docs/migration.md are taken."""

import re
from collections.abc import Iterator

import pytest

from sandbox import demo, scene, stacks
from sandbox.aws import Sandbox
from tests.templates import parsed, templates

TEMPLATES = templates()
ADOPTED = TEMPLATES["examples/migration/adopted.yaml"]
RELEASED = TEMPLATES["examples/migration/released.yaml"]
NATIVE = ["examples/migration/native.yaml"]  # nothing emulates AWS::Connect::*
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


def test_only_native_types_are_not_deployed() -> None:
    """The templates that have some are named here."""
    assert [name for name, text in TEMPLATES.items() if "Type: AWS::Connect::" in text] == NATIVE


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name not in NATIVE])
def test_a_template_that_users_are_shown_can_be_deployed(name: str, sandbox: Sandbox) -> None:
    """With all its outputs, and nothing is left when it is deleted."""
    before = {*sandbox.connect.quick_connects, *sandbox.connect.groups}
    text, stack = TEMPLATES[name], re.sub(r"\W+", "-", name)
    outputs = stacks.deploy(sandbox, stack, text, parameters(sandbox, text), lambda _: None)
    assert outputs.keys() == parsed(text).get("Outputs", {}).keys()
    stacks.delete(sandbox, stack, lambda _: None)
    assert {*sandbox.connect.quick_connects, *sandbox.connect.groups} == before


@pytest.fixture
def retained(sandbox: Sandbox, request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """What a stack made and retained; the ARNs of the quick connect and the group."""
    stack = request.node.name.replace("_", "-")
    kept = ADOPTED.replace("    Properties:", "    DeletionPolicy: Retain\n    Properties:")
    values = parameters(sandbox, ADOPTED)
    outputs = stacks.deploy(sandbox, stack, kept, values, lambda _: None)
    stacks.deploy(sandbox, stack, RELEASED, {}, lambda _: None)
    stacks.delete(sandbox, stack, lambda _: None)
    yield [outputs["SalesArn"], outputs["SalesLinesArn"]]
    del sandbox.connect.quick_connects[outputs["SalesArn"]]
    del sandbox.connect.groups[outputs["SalesLinesArn"]]


def test_what_was_created_stays_with_a_deletion_policy(
    sandbox: Sandbox, retained: list[str]
) -> None:
    """CloudFormation then sends no Delete, and the marks of ownership stay, too."""
    live = {**sandbox.connect.quick_connects, **sandbox.connect.groups}
    assert all("cfn:created-at" in live[arn]["Tags"] for arn in retained)


def test_the_migration_keeps_every_resource(sandbox: Sandbox, retained: list[str]) -> None:
    """Adopted with the same ARNs, and released without a mark but when it was adopted."""
    live = {**sandbox.connect.quick_connects, **sandbox.connect.groups}
    native = {"team": "sales", "aws:cloudformation:logical-id": "Sales"}
    for arn in retained:
        live[arn]["Tags"] = dict(native)
    values = parameters(sandbox, ADOPTED)
    outputs = stacks.deploy(sandbox, "moving", ADOPTED, values, lambda _: None)
    assert list(outputs.values()) == retained
    assert all("cfn:stack-id" in live[arn]["Tags"] for arn in retained)
    stacks.deploy(sandbox, "moving", RELEASED, {}, lambda _: None)
    stacks.delete(sandbox, "moving", lambda _: None)
    for arn in retained:
        left = live[arn]["Tags"].keys() - native.keys()
        assert left == {"cfn:adopted-at"}
    assert set(retained) <= {*sandbox.connect.quick_connects, *sandbox.connect.groups}
