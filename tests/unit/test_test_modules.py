"""The test modules: each one runs alone."""

import ast
from pathlib import Path

import pytest

from tests.support.harness import ROOT

TESTS = ROOT / "tests"
MODULES = sorted(TESTS.rglob("test_*.py"))


def imported(path: Path) -> set[str]:
    """Return the names of the modules that a file imports, and of the members it takes of them."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_module_imports_no_other(path: Path) -> None:
    """Shared code lives in tests/support, so that any file runs alone."""
    own = [name for name in imported(path) if name.startswith("tests.")]
    assert all(name.startswith("tests.support") for name in own)


def test_pytest_collects_nothing_in_support() -> None:
    """Each test is in unit, proofs or system."""
    assert {path.relative_to(TESTS).parts[0] for path in MODULES} == {"unit", "proofs", "system"}


def test_the_unit_tests_mirror_the_code() -> None:
    """Each folder of tests/unit has the path of a package or folder of the repository."""
    folders = {path.relative_to(TESTS / "unit").parent for path in MODULES if "unit" in path.parts}
    assert all((ROOT / f).is_dir() or (ROOT / "functions" / f).is_dir() for f in folders)
