"""The templates in examples/ and in the documents pass cfn-lint, and no block is passed over."""

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
    """What cfn-lint says of each."""
    found = lint(*files.values())
    return {path: [str(match) for match in found[path]] for path in files.values()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_that_users_are_shown_is_right(
    name: str, files: dict[str, Path], messages: dict[Path, list[str]]
) -> None:
    """With all of cfn-lint's rules, and ours."""
    assert parsed(TEMPLATES[name])["Resources"]
    assert messages[files[name]] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_is_called_a_fragment_is_none_but_a_fragment(path: Path) -> None:
    """A block is a whole template unless it says otherwise, and then it is not one."""
    for kind, text in blocks(path):
        assert kind in ("yaml", FRAGMENT)
        assert ("Resources" in parsed(text)) == (kind == "yaml")


@pytest.mark.parametrize("path", LINKING, ids=lambda path: path.name)
def test_a_link_leads_somewhere(path: Path) -> None:
    """To a file of the repository, and to a heading if it names one."""
    for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", path.read_text()):
        target = path.parent / link if link else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), f"{link}#{anchor}"


def anchors(path: Path) -> list[str]:
    """Return what a page's headings are linked by."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_the_shares_of_the_failover_template_sum_to_100() -> None:
    """For every allowed value of SecondShare."""
    template = parsed((ROOT / "examples/failover.yaml").read_text())
    shares = template["Mappings"]["FirstShare"]
    allowed = template["Parameters"]["SecondShare"]["AllowedValues"]
    assert {value: int(shares[value]["Percentage"]) for value in allowed} == {
        str(second): 100 - second for second in range(0, 101, 10)
    }
