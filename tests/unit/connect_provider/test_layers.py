"""Imports inside connect_provider point downward, and no resource type is imported from below."""

import ast
from graphlib import TopologicalSorter

from tests.support.harness import ROOT

PACKAGE = ROOT / "functions" / "connect_provider"
TYPES = {path.parent.name for path in PACKAGE.glob("*/model.py")}
# From the bottom to the top. A module may import its own package, and the layers below it.
LAYERS = [
    {"arn", "backoff", "errors", "explain"},
    {"request"},
    {"ownership", "run"},
    {"connect", "properties", "stack"},
    {"reconcile"},
    {"edge"},
    TYPES,
]
LEVELS = {name: level for level, names in enumerate(LAYERS) for name in names}


def imports() -> dict[str, set[str]]:
    """Return the modules of the package, each with the modules of the package that it imports."""
    names = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    found: dict[str, set[str]] = {name: set() for name in names}
    for name, path in names.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("connect_provider"):
                base = str(node.module).removeprefix("connect_provider").lstrip(".")
                for alias in node.names:
                    candidates = (f"{base}.{alias.name}".lstrip("."), base)
                    found[name].add(next(c for c in candidates if c in names))
    return found


def test_every_module_has_a_layer() -> None:
    """A new module must be placed before it can be imported."""
    assert {name.split(".")[0] for name in imports()} == LEVELS.keys()


def test_imports_point_downward() -> None:
    """Types import edge and reconcile; edge imports reconcile; nothing imports upward."""
    upward = [
        (name, imported)
        for name, found in imports().items()
        for imported in found
        if name.split(".")[0] != imported.split(".")[0]
        and LEVELS[imported.split(".")[0]] >= LEVELS[name.split(".")[0]]
        and not {name.split(".")[0], imported.split(".")[0]} <= TYPES
    ]
    assert upward == []


def test_there_is_no_import_cycle() -> None:
    """Not even the modules of one package form a cycle."""
    TopologicalSorter(imports()).prepare()
