"""Resolves a template to the properties that Lambda gets, as far as they can be known.

A value is UNKNOWN if only the deployment knows it: a secret, a macro, an attribute that nobody can
read, or a function that CloudFormation would refuse. A value that depends on it is UNKNOWN, too.
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from cfn_connect.rules._literals import text


class _Sentinel(Enum):
    UNKNOWN = "unknown"
    NOTHING = "AWS::NoValue"


UNKNOWN: Final = _Sentinel.UNKNOWN
_NOTHING: Final = _Sentinel.NOTHING

PREFIX = "Custom::Connect"
_CONDITIONS = {"Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Condition"}
_KNOWN_TRANSFORMS = {"AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"}
_KEYS_OF_A_MAPPING = 3
_LOOP = "Fn::ForEach::"
_VARIABLE = re.compile(r"\$\{(!?)\s*([^}]*?)\s*\}")


@dataclass(frozen=True)
class Deployment:
    """The facts of a deployment that a template refers to.

    parameters: the values by name. A list is a text with commas, or a list. A parameter of the
    Parameter Store has its resolved value.
    pseudo: the pseudo parameters by name, such as AWS::Region.
    exports: the exported values by name.
    physical_ids: those of the stack's resources, by logical id, or UNKNOWN.
    attribute: returns an attribute of a resource, or UNKNOWN; takes the logical id and the name.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    pseudo: Mapping[str, Any] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    physical_ids: Mapping[str, Any] = field(default_factory=dict)
    attribute: Callable[[str, str], Any] = lambda _logical_id, _name: UNKNOWN


@dataclass(frozen=True)
class Resource:
    """A resource of a template.

    properties: those that Lambda gets, every scalar as text. UNKNOWN if a macro may change them,
    or if nobody knows whether the resource exists.
    """

    logical_id: str
    resource_type: str
    properties: Any


def resolve(
    template: Mapping[str, Any], deployment: Deployment, prefix: str = PREFIX
) -> list[Resource]:
    """Return each resource whose condition holds, in the template's order.

    prefix: of the resources' types. By default, they are the Custom::Connect* ones.
    """
    return [*_Resolver(template, deployment).resources(prefix)]


def contains_unknown(value: Any) -> bool:
    """Return whether the value, or a value within it, is UNKNOWN."""
    if isinstance(value, dict):
        return any(map(contains_unknown, value.values()))
    if isinstance(value, list):
        return any(map(contains_unknown, value))
    return value is UNKNOWN


class _Resolver:
    """The resolver of one template."""

    def __init__(self, template: Mapping[str, Any], deployment: Deployment) -> None:
        transforms = template.get("Transform", [])
        transforms = transforms if isinstance(transforms, list) else [transforms]
        self._has_macro = any(it not in _KNOWN_TRANSFORMS for it in map(str, transforms))
        self._deployment = deployment
        self._mappings = template.get("Mappings", {})
        self._declared = template.get("Parameters", {})
        self._functions: Mapping[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::If": self._if,
            "Fn::ImportValue": self._import_value,
            "Fn::Base64": self._base64,
            "Fn::Length": self._length,
        }
        self._open: list[str] = []  # the conditions that are being evaluated
        self._conditions: Mapping[str, Any] = {}  # the loops over conditions use none of them
        self._conditions = self._unrolled(template.get("Conditions", {}))
        self._resources = self._unrolled(template.get("Resources", {}))

    def resources(self, prefix: str) -> Iterator[Resource]:
        """Yield each resource of some types that exists, or may exist."""
        for logical_id, resource in self._resources.items():
            if logical_id.startswith(_LOOP):
                yield from _in_unknown_loop(resource, prefix)
                continue
            resource_type = str(resource.get("Type", ""))
            exists = self._holds(resource.get("Condition"))
            if resource_type.startswith(prefix) and exists is not False:
                properties: Any = UNKNOWN
                if exists and not self._has_macro:
                    properties = self._value(resource.get("Properties") or {})
                known = isinstance(properties, dict)
                yield Resource(logical_id, resource_type, properties if known else UNKNOWN)

    # Loops

    def _unrolled(self, node: Any) -> Any:
        """Return a part of the template with a copy for each turn of each Fn::ForEach."""
        if isinstance(node, list):
            return [self._unrolled(item) for item in node]
        if not isinstance(node, dict):
            return node
        found: dict[str, Any] = {}
        for key, value in node.items():
            if not str(key).startswith(_LOOP):
                found[key] = self._unrolled(value)
                continue
            match value:
                case [str(variable), collection, dict(body)]:
                    turns = self._value(collection)
                case _:
                    turns = UNKNOWN
            if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
                found[key] = value  # an unknown collection makes the whole map unknown
                continue
            for turn in turns:
                found |= self._unrolled(_filled(body, variable, turn))
        return found

    # Values

    def _value(self, node: Any) -> Any:
        """Return a part of the template as Lambda gets it."""
        if isinstance(node, list):
            values = [self._value(item) for item in node]
            return [value for value in values if value is not _NOTHING]
        if isinstance(node, dict):
            return self._of_map(node)
        return _known(text(node))

    def _of_map(self, node: Mapping[Any, Any]) -> Any:
        """Return a map, or the result of the function in it."""
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in self._functions:
                return self._functions[name](argument)
        if any(str(key).startswith("Fn::") or key in _CONDITIONS for key in node):
            return UNKNOWN  # a macro, or a function that the deployment must call
        values = {str(text(key)): self._value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not _NOTHING}

    def _ref(self, name: Any) -> Any:
        name = self._value(name)
        if name == "AWS::NoValue":
            return _NOTHING
        if isinstance(name, str) and name in self._declared:
            return self._parameter(name)
        pseudo = _entry(self._deployment.pseudo, name)
        return _entry(self._deployment.physical_ids, name) if pseudo is UNKNOWN else pseudo

    def _parameter(self, name: str) -> Any:
        """Return a parameter's value: a list for the types of lists."""
        declared = self._declared[name]
        kind = str(declared.get("Type", "String"))
        if name in self._deployment.parameters:
            value = text(self._deployment.parameters[name])
        elif kind.startswith("AWS::SSM::Parameter::Value") or "Default" not in declared:
            return UNKNOWN
        else:
            value = text(declared["Default"])
        value = _known(value)
        if isinstance(value, str) and ("List<" in kind or "CommaDelimitedList" in kind):
            return [item.strip() for item in value.split(",")]
        return value

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else self._value(argument)
        match parts:
            case [str(logical_id), str(name)]:
                return text(self._deployment.attribute(logical_id, name))
        return UNKNOWN

    def _sub(self, argument: Any) -> Any:
        match argument:
            case str(template):
                variables: Mapping[str, Any] = {}
            case [str(template), dict(variables)]:
                pass
            case _:
                return UNKNOWN
        unknown = False

        def replacement(match: re.Match[str]) -> str:
            nonlocal unknown
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            value = self._variable(name, variables)
            unknown = unknown or not isinstance(value, str)
            return str(value)

        filled = _VARIABLE.sub(replacement, template)
        return UNKNOWN if unknown else _known(filled)

    def _variable(self, name: str, variables: Mapping[str, Any]) -> Any:
        """Return the value of a variable of Fn::Sub."""
        if name in variables:
            return self._value(variables[name])
        return self._get_att(name) if "." in name else self._ref(name)

    def _join(self, argument: Any) -> Any:
        match self._value(argument):
            case [str(delimiter), list(items)] if all(isinstance(it, str) for it in items):
                return _known(delimiter.join(items))
        return UNKNOWN

    def _select(self, argument: Any) -> Any:
        match self._value(argument):
            case [str(index), list(items)] if index.isdecimal() and int(index) < len(items):
                return items[int(index)]
        return UNKNOWN

    def _split(self, argument: Any) -> Any:
        match self._value(argument):
            case [str(delimiter), str(whole)] if delimiter:
                return whole.split(delimiter)
        return UNKNOWN

    def _find_in_map(self, argument: Any) -> Any:
        match argument:
            case [*keys, {"DefaultValue": value}]:
                default = self._value(value)
            case [*keys]:
                default = UNKNOWN
            case _:
                return UNKNOWN
        keys = self._value(keys)
        if len(keys) != _KEYS_OF_A_MAPPING or not all(isinstance(key, str) for key in keys):
            return UNKNOWN
        found: Any = self._mappings
        for key in keys:
            found = _entry(found, key)
        return default if found is UNKNOWN else self._value(found)

    def _import_value(self, argument: Any) -> Any:
        return _entry(self._deployment.exports, self._value(argument))

    def _base64(self, argument: Any) -> Any:
        value = self._value(argument)
        return base64.b64encode(value.encode()).decode() if isinstance(value, str) else UNKNOWN

    def _length(self, argument: Any) -> Any:
        value = self._value(argument)
        return str(len(value)) if isinstance(value, list) else UNKNOWN

    # Conditions: True, False, or None if nobody knows

    def _if(self, argument: Any) -> Any:
        match argument:
            case [str(condition), if_true, if_false]:
                holds = self._holds(condition)
                return UNKNOWN if holds is None else self._value(if_true if holds else if_false)
        return UNKNOWN

    def _holds(self, name: Any) -> bool | None:
        """Return whether a named condition holds. Without a name, it does."""
        if name is None:
            return True
        name = text(name)  # YAML reads No as a boolean
        if name in self._open:
            return None  # CloudFormation refuses a condition that refers to itself
        self._open.append(name)
        result = self._is_true(_entry(self._conditions, name))
        self._open.remove(name)
        return result

    def _is_true(self, condition: Any) -> bool | None:
        match condition:
            case {"Condition": name}:
                return self._holds(name)
            case {"Fn::Equals": [left, right]}:
                sides = [self._value(left), self._value(right)]
                return None if contains_unknown(sides) else bool(sides[0] == sides[1])
            case {"Fn::Not": [negated]}:
                result = self._is_true(negated)
                return None if result is None else not result
            case {"Fn::And": list(parts)}:
                return self._combined(parts, decisive=False)
            case {"Fn::Or": list(parts)}:
                return self._combined(parts, decisive=True)
        return None

    def _combined(self, parts: list[Any], *, decisive: bool) -> bool | None:
        """Return the decisive result if a part has it, or None if a part is unknown."""
        results = [self._is_true(part) for part in parts]
        if decisive in results:
            return decisive
        return None if None in results else not decisive


def _known(value: Any) -> Any:
    """Return a value, or UNKNOWN if the deployment replaces a dynamic reference in its text."""
    return UNKNOWN if isinstance(value, str) and "{{resolve:" in value else value


def _entry(table: Any, key: Any) -> Any:
    """Return the value of a key as text, or UNKNOWN if a malformed template has no such value."""
    if not isinstance(table, Mapping) or not isinstance(key, str):
        return UNKNOWN
    return {text(name): value for name, value in table.items()}.get(key, UNKNOWN)


def _in_unknown_loop(loop: Any, prefix: str) -> Iterator[Resource]:
    """Yield the resources of a loop if nobody knows its turns. Their names keep the variable."""
    match loop:
        case [_, _, dict(body)]:
            for name, resource in body.items():
                if str(name).startswith(_LOOP):
                    yield from _in_unknown_loop(resource, prefix)
                elif isinstance(resource, dict):
                    resource_type = str(resource.get("Type", ""))
                    if resource_type.startswith(prefix):
                        yield Resource(str(name), resource_type, UNKNOWN)


def _filled(node: Any, variable: str, turn: str) -> Any:
    """Return the body of a loop with the variable's value of one turn."""
    if isinstance(node, list):
        return [_filled(item, variable, turn) for item in node]
    if isinstance(node, dict):
        if node == {"Ref": variable}:
            return turn
        return {
            _filled(key, variable, turn): _filled(value, variable, turn)
            for key, value in node.items()
        }
    if not isinstance(node, str):
        return node
    letters = re.sub(r"[^A-Za-z0-9]", "", turn)
    return node.replace(f"${{{variable}}}", turn).replace(f"&{{{variable}}}", letters)
