"""What a template's properties come to: one scenario for each way its conditions can go.

cfn-lint resolves the intrinsic functions; what it cannot resolve is left to the deployment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfnlint.context.conditions.exceptions import Unsatisfiable
from cfnlint.helpers import is_function
from cfnlint.jsonschema import Validator

from cfn_connect_rules._unresolved import UNRESOLVED

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
            if error is None and not _is_open(value)
        ]

    def settled(self, validator: Validator) -> object:
        """Return its value unless the deployment has a choice; of a parameter, the default."""
        found = [value for value, _ in self.resolved(validator, pseudo=False)]
        name, argument = is_function(self.value)
        if name == "Ref" and argument in validator.context.parameters:
            default = text(validator.context.parameters[argument].default)
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


def text(value: object) -> object:
    """Return a literal as CloudFormation sends it: every scalar as text."""
    if isinstance(value, list):
        return [text(item) for item in value]
    if isinstance(value, dict):
        return {str(key): text(item) for key, item in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else value


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
    elif _is_open(value):
        yield Function(path, value), validator
    elif isinstance(value, dict | list):
        members = list(value.items() if isinstance(value, dict) else enumerate(value))
        for nodes, branch in _together(validator, members, path):
            kept = {key: node for key, node in nodes.items() if node is not None}
            yield Block(path, kept if isinstance(value, dict) else list(kept.values())), branch
    else:
        yield Node(path, text(value)), validator


def under(validator: Validator, condition: object, holds: bool) -> Validator | None:  # noqa: FBT001
    """Return the validator where the condition holds, or does not; None where that cannot be."""
    if not isinstance(condition, str):
        return validator
    try:
        conditions = validator.context.conditions.evolve({condition: holds})
    except Unsatisfiable:
        return None
    return validator.evolve(context=validator.context.evolve(conditions=conditions))


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


def _is_open(value: object) -> bool:
    """Tell whether something is still to be put in: by a function, a macro, or the deployment."""
    if isinstance(value, dict):
        macros = ("Fn::Transform", "Fn::ForEach")
        return is_function(value) != (None, None) or any(str(k).startswith(macros) for k in value)
    return isinstance(value, str) and "{{resolve:" in value  # a dynamic reference
