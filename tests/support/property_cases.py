"""The cases of every type's properties: good ones, and one mistake at a time."""

from importlib import import_module
from typing import Any, NamedTuple

from cfn_connect.resource_types import RESOURCE_TYPES
from tests.support.harness import read_event


class Case(NamedTuple):
    """A change to the properties of a type's Create.

    package: the package of the type under connect_provider.
    changes: the properties to set; None removes one.
    message: how the error begins, or "" if the properties are good.
    """

    package: str
    changes: dict[str, Any]
    message: str = ""


CASES: dict[str, Case] = {}
for _type in RESOURCE_TYPES.values():
    _tables = import_module(f"tests.support.cases.{_type.package}")
    _good = {name: (changes, "") for name, changes in _tables.GOOD.items()}
    for _name, _case in (_good | _tables.BAD).items():
        CASES[f"{_type.package}: {_name}"] = Case(_type.package, *_case)


def resource(case: str) -> dict[str, Any]:
    """Return the resource of a template with the case's properties."""
    event = read_event(f"{CASES[case].package}_create")
    changed = {**event["ResourceProperties"], **CASES[case].changes}
    properties = {name: value for name, value in changed.items() if value is not None}
    return {"Type": event["ResourceType"], "Properties": properties}
