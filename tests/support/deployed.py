"""Stacks that the commands plan and drift read."""

import json
from typing import Any

from sandbox.cloudformation import Template
from tests.support.cloudformation import Stack

Resources = dict[str, tuple[str, dict[str, Any]]]  # type and properties, by logical id


def deploy(stack: Stack, resources: Resources) -> None:
    """Deploy resources in the model of CloudFormation. The stack then has their template."""
    assert stack.deploy(resources)
    declared = {
        name: {"Type": kind, "Properties": properties}
        for name, (kind, properties) in resources.items()
    }
    stack.stacks.templates[stack.id] = Template(json.dumps({"Resources": declared}))
