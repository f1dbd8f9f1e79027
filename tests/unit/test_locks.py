"""The lock files: the functions get the newest versions, and the tests run on exactly these."""

import re
from pathlib import Path

import pytest

from tests.support.harness import ROOT

FUNCTIONS = ROOT / "functions/requirements.txt"
LOCKS = [FUNCTIONS, *sorted((ROOT / "requirements").glob("*.txt"))]
MAKEFILE = (ROOT / "Makefile").read_text()


def pins(lock: Path) -> set[str]:
    """Return the pins of a lock file, such as boto3==1.44.8."""
    return set(re.findall(r"^[\w.-]+==\S+", lock.read_text(), re.MULTILINE))


def test_the_tests_run_on_the_pins_of_the_functions() -> None:
    """No development tool holds back a dependency of the functions."""
    assert pins(FUNCTIONS) <= pins(ROOT / "requirements/dev.txt")
    assert pins(FUNCTIONS) <= pins(ROOT / "requirements/bench.txt")


def test_make_lock_resolves_the_functions_alone() -> None:
    """Neither a constraint nor another group takes part, and requirements.in pins crhelper only."""
    (command,) = re.findall(r"\$\(LOCK\) (.*) -o functions/requirements\.txt\n", MAKEFILE)
    assert command == "functions/requirements.in"
    wanted = (ROOT / "functions/requirements.in").read_text().split()
    assert [line for line in wanted if "==" in line] == ["crhelper==2.0.12"]


def test_make_lock_writes_every_lock_file() -> None:
    """No lock file is left behind, and every one is still used."""
    written = re.findall(r"^\t\$\(LOCK\) .*-o (\S+)$", MAKEFILE, re.MULTILINE)
    assert sorted(written) == sorted(str(lock.relative_to(ROOT)) for lock in LOCKS)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: str(lock.relative_to(ROOT)))
def test_a_lock_file_holds_hashes_and_no_address(lock: Path) -> None:
    """Any package index can serve the packages."""
    text = lock.read_text()
    assert "://" not in text
    requirements = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    assert all("--hash=sha256:" in requirement for requirement in requirements)
