"""What a template's properties come to: one scenario for each way its conditions can go.

cfn-lint resolves the intrinsic functions; what it cannot resolve is left to the deployment.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import reduce
from itertools import chain, islice, product
from operator import getitem
from typing import Any

from cfnlint.helpers import is_function
from cfnlint.jsonschema import Validator
from cfnlint.template import Template

from cfn_connect.rules._conditions import told_apart, under
from cfn_connect.rules._literals import text
from cfn_connect.rules._unresolved import UNRESOLVED

_COMBINATIONS = 128  # of one resource's conditions: as many as cfn-lint's own rules look at
_EACH = 2  # and so many with each condition one way, and the other

Path = tuple[str | int, ...]
Scenario = tuple["Node | None", Validator]  # None: AWS::NoValue


@dataclass(frozen=True)
class Node:
    """A value in a template. Its path is how the template's author gets to it, Fn::If included."""

    path: Path
    value: Any

    def plain(self, choices: Mapping[Path, object]) -> object:
        """Return the value as Lambda gets it; choices: what functions come to, by their path."""
        return self.value

    def path_of(self, location: Path) -> Path:
        """Return the path of what is at the location, or else of what is nearest to it."""
        return self.path

    def functions(self) -> Iterator["Function"]:
        """Yield the functions in the value."""
        yield from ()


class Function(Node):
    """An intrinsic function other than Fn::If."""

    def plain(self, choices: Mapping[Path, object]) -> object:
        """Return what was chosen for it; UNRESOLVED where nothing was."""
        return choices.get(self.path, UNRESOLVED)

    def functions(self) -> Iterator["Function"]:
        """Yield itself."""
        yield self

    def resolved(self, validator: Validator, *, pseudo: bool) -> list[tuple[object, str]]:
        """Return each value that cfn-lint knows it can have, and where in the template that stands.

        pseudo: with the values that cfn-lint makes up for AWS::Region and other pseudo parameters.
        """
        context = validator.context.evolve(resolve_pseudo_parameters=pseudo)
        found = validator.evolve(context=context).resolve_value(self.value)
        return [
            (text(value), "/".join(map(str, to.context.path.value_path)))
            for value, to, error in found
            if error is None and not is_open(validator.cfn, value)
        ]

    def settled(self, validator: Validator) -> object:
        """Return its value unless the deployment has a choice; of a parameter, the default."""
        found = [value for value, _ in self.resolved(validator, pseudo=False)]
        name, argument = is_function(self.value)
        if name == "Ref" and str(argument) in validator.context.parameters:
            default = text(validator.context.parameters[str(argument)].default)
            return default if default in found else UNRESOLVED
        return found[0] if len(found) == 1 else UNRESOLVED


class Block(Node):
    """A map or a list of nodes."""

    @property
    def _members(self) -> Mapping[str | int, Node]:
        return self.value if isinstance(self.value, dict) else dict(enumerate(self.value))

    def plain(self, choices: Mapping[Path, object]) -> object:
        """Return the map or list with the members' plain values."""
        if isinstance(self.value, dict):
            return {key: node.plain(choices) for key, node in self.value.items()}
        return [node.plain(choices) for node in self.value]

    def path_of(self, location: Path) -> Path:
        """Return the path of what is at the location, or else of what is nearest to it."""
        if location and location[0] in self._members:
            return self._members[location[0]].path_of(location[1:])
        return self.path

    def functions(self) -> Iterator[Function]:
        """Yield the functions of every member."""
        for node in self._members.values():
            yield from node.functions()


def scenarios_of(validator: Validator, resource: Mapping[str, Any]) -> Iterator[Scenario]:
    """Yield what a resource's properties come to: each condition each way, then combinations."""
    start = under(told_apart(validator), resource.get("Condition"), holds=True)
    if start is None:
        return
    properties = _as_written(validator, resource.get("Properties", {}))
    ways = product(dict.fromkeys(_conditions_in(properties)), (True, False))
    branches = (under(start, condition, holds) for condition, holds in ways)
    each = (islice(scenarios(branch, properties), _EACH) for branch in branches if branch)
    seen = set()
    for node, branch in chain(*each, islice(scenarios(start, properties), _COMBINATIONS)):
        status = frozenset(branch.context.conditions.status.items())
        if status not in seen:
            seen.add(status)
            yield node, branch


def _conditions_in(value: Any) -> Iterator[str]:
    match is_function(value):
        case ("Fn::If", [str(condition), *_]):
            yield condition
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _conditions_in(member)


def scenarios(validator: Validator, value: Any, path: Path = ()) -> Iterator[Scenario]:
    """Yield what the value comes to for each way that its conditions can go together."""
    name, argument = is_function(value)
    if name == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
        for index, holds in ((1, True), (2, False)):
            branch = under(validator, argument[0], holds)
            if branch is not None:
                yield from scenarios(branch, argument[index], (*path, name, index))
    elif (name, argument) == ("Ref", "AWS::NoValue"):
        yield None, validator
    elif is_open(validator.cfn, value):
        yield Function(path, value), validator
    elif isinstance(value, dict | list):
        members = list(value.items() if isinstance(value, dict) else enumerate(value))
        for nodes, branch in _together(validator, members, path):
            kept = {text(key): node for key, node in nodes.items() if node is not None}
            yield Block(path, kept if isinstance(value, dict) else list(kept.values())), branch
    else:
        yield Node(path, text(value)), validator


def _as_written(validator: Validator, properties: Any) -> Any:
    """Return a resource's properties with the Fn::FindInMap that stand there in the template.

    For AWS::LanguageExtensions cfn-lint puts one of the mapping's values in place of each, even
    where the deployment chooses.
    """
    if not validator.cfn.has_language_extensions_transform():
        return properties
    written = deepcopy(properties)
    for path, function in _mappings_read(validator.cfn, validator.context.path.path[1]):
        *inner, last = path
        try:
            parent = reduce(getitem, inner, written)
            _ = parent[last]
        except (KeyError, IndexError, TypeError):
            continue  # a loop within the properties has moved it
        parent[last] = function
    return written


def _mappings_read(cfn: Template, logical_id: str) -> Iterator[tuple[Path, Any]]:
    """Yield where in a resource a mapping is read by what the deployment chooses, and how."""
    variables = _loop_variables(cfn)
    for *path, name, argument in cfn.transform_pre["Fn::FindInMap"]:
        if path[0] != "Resources" or "Properties" not in path or not isinstance(argument, list):
            continue
        at = path.index("Properties")
        # In a loop it stands as Desk${Line}. What the loop chooses itself, cfn-lint has put in.
        parts = re.split(r"[$&]\{[^}]*\}", str(path[at - 1]))
        is_here = re.fullmatch(".+".join(map(re.escape, parts)), logical_id)
        keys = json.dumps(argument[:3], default=str)
        is_of_loop = any(f'"{it}"' in keys or f"{{{it}}}" in keys for it in variables)
        if is_here and not is_of_loop and not all(isinstance(key, str) for key in argument[:3]):
            yield tuple(path[at + 1 :]), {name: argument}


def _together(
    validator: Validator, members: list[tuple[Any, Any]], path: Path
) -> Iterator[tuple[dict[Any, Node | None], Validator]]:
    if not members:
        yield {}, validator
        return
    (key, value), *others = members
    for node, branch in scenarios(validator, value, (*path, key)):
        for nodes, last in _together(branch, others, path):
            yield {key: node, **nodes}, last


def is_open(cfn: Template, value: object) -> bool:
    """Tell whether something is still to be put in: by a function, a macro, or the deployment."""
    if isinstance(value, dict):
        macros = ("Fn::Transform", "Fn::ForEach")
        return is_function(value) != (None, None) or any(str(k).startswith(macros) for k in value)
    return isinstance(value, str) and ("{{resolve:" in value or _is_of_loop(cfn, value))


def _is_of_loop(cfn: Template, value: str) -> bool:
    """Tell whether a text has a loop's variable, which cfn-lint replaces in functions alone."""
    return any(re.search(rf"[$&]\{{{re.escape(name)}}}", value) for name in _loop_variables(cfn))


def _loop_variables(cfn: Template) -> set[str]:
    loops = (loop for *_, loop in cfn.transform_pre["Fn::ForEach"])
    return {loop[0] for loop in loops if isinstance(loop, list) and isinstance(loop[0], str)}
