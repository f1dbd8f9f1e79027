"""Every template in bad/ is caught where it says so, and none in good/ is."""

import re
from pathlib import Path

import pytest

from tests.linting import Findings, lint

FOLDER = Path(__file__).parent
BAD = sorted((FOLDER / "bad").glob("*.yaml"))
GOOD = sorted((FOLDER / "good").glob("*.yaml"))


@pytest.fixture(scope="module")
def findings() -> Findings:
    """What cfn-lint finds in all of them, with all of its own rules, too."""
    return lint([*BAD, *GOOD])


def expected(path: Path) -> list[tuple[int, str]]:
    """Return the line and id of every rule that a line names at its end."""
    lines = enumerate(path.read_text().splitlines(), start=1)
    marks = [(number, re.search(r" #((?: E\d{4})+)$", line)) for number, line in lines]
    return [(number, rule) for number, mark in marks if mark for rule in mark[1].split()]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_broken_template_is_caught_where_it_is_broken(path: Path, findings: Findings) -> None:
    """With the right rule, on the right line, and nothing else is said."""
    assert expected(path)
    assert sorted(findings[path]) == expected(path)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_right_template_raises_nothing(path: Path, findings: Findings) -> None:
    """Whatever intrinsic functions it is written with."""
    assert findings[path] == []
