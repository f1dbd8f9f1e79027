"""Every template in examples/ and in the documents."""

import re
from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import loads

from tests.support.harness import ROOT

FRAGMENT = "yaml fragment"
_BLOCK = re.compile(r"^```(?P<kind>ya?ml\b.*)\n(?P<text>(?:.*\n)*?)```$", re.MULTILINE)
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
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
