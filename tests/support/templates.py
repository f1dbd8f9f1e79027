"""Every template in examples/ and in the documents."""

import re
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads

from sandbox import demo, scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import ROOT

FRAGMENT = "yaml fragment"
_BLOCK = re.compile(r"^```(?P<kind>ya?ml\b.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_INSTANCE_ARN = f"arn:aws:connect:us-east-1:123456789012:instance/{scene.INSTANCE_ID}"
VALUES = {
    **demo.PARAMETERS,
    **demo.DESK_PARAMETERS,
    "InstanceArn": _INSTANCE_ARN,
    "QueueArn": f"{_INSTANCE_ARN}/queue/{scene.QUEUE_ID}",
    "ContactFlowArn": f"{_INSTANCE_ARN}/contact-flow/{scene.CONTACT_FLOW_ID}",
}
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))


def blocks(path: Path) -> list[tuple[str, str]]:
    """Return the kind and the text of each YAML block of a document."""
    return [(block["kind"], block["text"]) for block in _BLOCK.finditer(path.read_text())]


def templates() -> dict[str, str]:
    """Return the text of every template, by the place where it first appears."""
    found = {str(path.relative_to(ROOT)): path.read_text() for path in EXAMPLES}
    for path in DOCUMENTS:
        for index, (kind, text) in enumerate(blocks(path)):
            if kind != FRAGMENT and text not in found.values():
                found[f"{path.relative_to(ROOT)} {index}"] = text
    return found


def parsed(text: str) -> dict[str, Any]:
    """Return a template, or a fragment of one."""
    return dict(loads(text))


def parameters(connect: ConnectEmulator, template: str) -> dict[str, str]:
    """Return a value for every parameter without a default."""
    group = connect.default_group(scene.INSTANCE_ID)
    values = {**VALUES, "TrafficDistributionGroupArn": group["Arn"]}
    declared = parsed(template).get("Parameters", {})
    return {name: values[name] for name, said in declared.items() if "Default" not in said}
