"""An editor's language server checks templates with docs/schemas/template.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.harness import ROOT
from tests.support.language_server import LanguageServer
from tests.support.templates import EXAMPLES, blocks, parsed

CORRECT = [*EXAMPLES, *sorted((ROOT / "tests/unit/cfn_connect/rules/good").glob("*.yaml"))]
PHONE = 'PhoneConfig: { PhoneNumber: "+12065550100" }'
MODELINE = f"# yaml-language-server: $schema={(ROOT / 'docs/schemas/template.json').as_uri()}\n"


def settings() -> dict[str, Any]:
    """Return the settings in docs/linting.md, by their section."""
    (text,) = [text for kind, text in blocks(ROOT / "docs/linting.md") if "customTags" in text]
    return {"yaml": {"customTags": parsed(text)["yaml.customTags"], "schemaStore": {}}}


SLIPS = {
    "a name that is too long": ("Name: Sales", f"Name: {'x' * 128}"),
    "an unknown property": ("Name: Sales", "Name: Sales\n      Nmae: x"),
    "an unknown type": ("Type: QUEUE", "Type: QUEUES"),
    "null": ("Name: Sales", "Name: null"),
    "a reserved tag": ("team: sales", "aws:team: sales"),
    "two blocks": ("      QuickConnectConfig:", f"      QuickConnectConfig:\n        {PHONE}"),
    "a list of properties": ("    Properties:", "    Properties: [x]\n    Metadata:"),
}


def documents() -> dict[str, str]:
    """Return each correct template in both forms, and a template with each slip."""
    found = {f"short/{path.name}": path.read_text() for path in CORRECT}
    for path in CORRECT:
        found[f"long/{path.name}"] = json.dumps(parsed(path.read_text()), indent=2, default=str)
    text = (ROOT / "examples/reference/quick-connect.yaml").read_text()
    for number, (right, wrong) in enumerate(SLIPS.values()):
        assert right in text
        found[f"slip/{number}.yaml"] = text.replace(right, wrong, 1)
    return {name: MODELINE + template for name, template in found.items()}


@pytest.fixture(scope="module")
def problems() -> dict[str, list[str]]:
    """The problems that the language server finds in each document."""
    with LanguageServer(settings()) as server:
        return server.problems(documents())


@pytest.mark.parametrize("path", CORRECT, ids=lambda path: path.stem)
def test_the_editor_is_silent_on_a_correct_template(
    path: Path, problems: dict[str, list[str]]
) -> None:
    """The functions have the short form, such as !Ref, or the long form."""
    assert problems[f"short/{path.name}"] == []
    assert problems[f"long/{path.name}"] == []


@pytest.mark.parametrize("number", range(len(SLIPS)), ids=list(SLIPS))
def test_the_editor_reports_a_mistake_beside_short_functions(
    number: int, problems: dict[str, list[str]]
) -> None:
    """Only the value of a function is unknown."""
    assert problems[f"slip/{number}.yaml"]
