"""Every case of the models' tables as a resource of a template."""

from importlib import import_module
from typing import Any

from cfn_connect.resource_types import RESOURCE_TYPES
from tests.support.harness import read_event

# "package: case" -> the package of the type, and the changes to the properties of its Create.
CASES: dict[str, tuple[str, dict[str, Any]]] = {}
for _type in RESOURCE_TYPES.values():
    _tables = import_module(f"tests.support.cases.{_type.package}")
    _changes = {**_tables.GOOD, **{name: changes for name, (changes, _) in _tables.BAD.items()}}
    CASES |= {f"{_type.package}: {name}": (_type.package, c) for name, c in _changes.items()}


def resource(case: str) -> dict[str, Any]:
    """Return the resource of a Create with the case's changes; None removes a property."""
    package, changes = CASES[case]
    event = read_event(f"{package}_create")
    changed = {**event["ResourceProperties"], **changes}
    properties = {name: value for name, value in changed.items() if value is not None}
    return {"Type": event["ResourceType"], "Properties": properties}
