"""The rules give equal results with and without intrinsic functions.

Each case of the models' tests, good or bad, is written again with one value from a function.
cfn-lint knows the result of some functions, but not of others.
"""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.linting import lint
from tests.support.property_cases import CASES, resource

pytestmark = pytest.mark.no_cover

# Writes a value as a function; it may add parameters and mappings to the template.
Write = Callable[[dict[str, Any], str], Any]


def parameter(template: dict[str, Any], **said: Any) -> str:
    """Declare one more parameter; return its name."""
    name = f"P{len(template['Parameters'])}"
    template["Parameters"][name] = {"Type": "String", **said}
    return name


def mapping(template: dict[str, Any], value: str) -> list[str]:
    """Declare one more mapping; return the path of the value in it."""
    name = f"M{len(template['Mappings'])}"
    template["Mappings"][name] = {"first": {"second": value}}
    return [name, "first", "second"]


KNOWN: dict[str, Write] = {
    "Fn::If": lambda _, value: {"Fn::If": ["Either", value, value]},
    "Ref": lambda template, value: {"Ref": parameter(template, Default=value)},
    "Fn::FindInMap": lambda template, value: {"Fn::FindInMap": mapping(template, value)},
    "Fn::Join": lambda _, value: {"Fn::Join": ["", [value[:1], value[1:]]]},
    "Fn::Sub": lambda template, value: {"Fn::Sub": f"${{{parameter(template, Default=value)}}}"},
    "Fn::Select": lambda _, value: {"Fn::Select": [1, ["x", value]]},
}
OPEN: dict[str, Write] = {
    "Ref": lambda template, _: {"Ref": parameter(template)},
    "Fn::ImportValue": lambda *_: {"Fn::ImportValue": "x"},
    "Fn::GetAtt": lambda *_: {"Fn::GetAtt": ["Other", "x"]},
    "Fn::Sub": lambda template, value: {"Fn::Sub": f"{value}${{{parameter(template)}}}"},
    "a dynamic reference": lambda *_: "{{resolve:ssm:/x}}",
}


_ORIGIN = re.compile(r" \((?:Parameters|Mappings)/.*\)$")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every text."""
    members = enumerate(value) if isinstance(value, list) else value.items()
    for key, member in members:
        if isinstance(member, dict | list):
            yield from leaves(member, (*path, key))
        elif isinstance(member, str):
            yield (*path, key)


def rewritten(case: str, functions: dict[str, Write]) -> dict[str, Any]:
    """Return a template with the case, and a copy for each text, written as a function."""
    template: dict[str, Any] = {
        "Parameters": {"Which": {"Type": "String"}},
        "Mappings": {},
        "Conditions": {"Either": {"Fn::Equals": [{"Ref": "Which"}, "x"]}},
        "Resources": {"Other": {"Type": "Custom::Other"}, "It": resource(case)},
    }
    writers = list(functions.values())
    for index, path in enumerate(leaves(resource(case)["Properties"])):
        changed = json.loads(json.dumps(resource(case)))  # a copy: the tables must not change
        block = changed["Properties"]
        for key in path[:-1]:
            block = block[key]
        write = writers[(index + len(case)) % len(writers)]  # a different function for each case
        block[path[-1]] = write(template, block[path[-1]])
        template["Resources"][f"It{index}"] = changed
    return template


def messages(folder: Path, functions: dict[str, Write]) -> dict[str, dict[str, set[str]]]:
    """Return our rules' messages by case and resource, without the origin of the value."""
    paths = {case: folder / f"{index}.json" for index, case in enumerate(CASES)}
    said: dict[str, dict[str, set[str]]] = {}
    for case, path in paths.items():
        template = rewritten(case, functions)
        path.write_text(json.dumps(template))
        said[case] = {name: set() for name in template["Resources"]}
    found = lint(*paths.values(), only_ours=True)
    for case, path in paths.items():
        for match in found[path]:
            if match.rule.id[0] == "E" and match.rule.id != "E9607":  # the copies have one name
                said[case][match.path[1]].add(_ORIGIN.sub("", match.message))
    return said


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    return messages(tmp_path_factory.mktemp("known"), KNOWN)


@pytest.fixture(scope="module")
def left_open(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    return messages(tmp_path_factory.mktemp("open"), OPEN)


@pytest.mark.parametrize("case", CASES)
def test_a_known_result_changes_nothing(case: str, known: dict[str, dict[str, set[str]]]) -> None:
    """The messages equal those of the literal."""
    said = known[case]
    literal = said.pop("It")
    said.pop("Other")
    assert said == dict.fromkeys(said, literal)


@pytest.mark.parametrize("case", CASES)
def test_an_unknown_result_adds_nothing(
    case: str, left_open: dict[str, dict[str, set[str]]]
) -> None:
    """The messages are a subset of the literal's, so a good case has none."""
    said = left_open[case]
    assert all(found <= said["It"] for found in said.values())
