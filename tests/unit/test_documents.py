"""Every template in examples/ and in the documents passes cfn-lint, and every link works."""

import re
from pathlib import Path

import pytest

from tests.support.harness import ROOT
from tests.support.linting import lint
from tests.support.templates import DOCUMENTS, FRAGMENT, blocks, parsed, templates

TEMPLATES = templates()
LINKING = sorted({*DOCUMENTS, *ROOT.glob("*.md")})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each template in a file of its own."""
    folder = tmp_path_factory.mktemp("templates")
    found = {name: folder / f"{index}.yaml" for index, name in enumerate(TEMPLATES)}
    for name, path in found.items():
        path.write_text(TEMPLATES[name])
    return found


@pytest.fixture(scope="module")
def messages(files: dict[str, Path]) -> dict[Path, list[str]]:
    """The findings of cfn-lint in each."""
    found = lint(*files.values())
    return {path: [str(match) for match in found[path]] for path in files.values()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_documented_template_passes_cfn_lint(
    name: str, files: dict[str, Path], messages: dict[Path, list[str]]
) -> None:
    """It passes all of cfn-lint's rules, and ours."""
    assert parsed(TEMPLATES[name])["Resources"]
    assert messages[files[name]] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_only_a_fragment_is_called_a_fragment(path: Path) -> None:
    """Every other block is a whole template."""
    for kind, text in blocks(path):
        assert kind in ("yaml", FRAGMENT)
        assert ("Resources" in parsed(text)) == (kind == "yaml")


@pytest.mark.parametrize("path", LINKING, ids=lambda path: path.name)
def test_a_link_has_a_target(path: Path) -> None:
    """The file exists, and it has the heading that the link names."""
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", path.read_text()):
        target = path.parent / link if link else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


def anchors(path: Path) -> list[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
