"""The rules. cfn-lint finds them as the classes of this module, so it imports no other rule.

Given a folder, cfn-lint loads each file whose name does not begin with an underscore.
"""

import json
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import reduce
from operator import getitem
from typing import Any

from cfnlint.helpers import REGEX_SUB_PARAMETERS
from cfnlint.template import Template

from cfn_connect.resource_types import EXPORTED, EXPORTS, RESOURCE_TYPES
from cfn_connect.rules import _findings, _rule
from cfn_connect.rules._choices import State, choices_of
from cfn_connect.rules._literals import text
from cfn_connect.rules._loops import (
    Path,
    as_written,
    is_open,
    loop_variables,
    unrolled,
    written_id,
)
from cfn_connect.rules._rule import Finding


class KnownProperties(_findings.PropertyRule):
    """Check that the resource type has every property, and that each has one spelling."""

    id = "E9601"
    shortdesc = "The resource type has each property of a Custom::Connect* resource"
    description = "The Lambda function refuses unknown properties and properties in two spellings"


class RequiredProperties(_findings.PropertyRule):
    """Check that no condition removes a required property."""

    id = "E9602"
    shortdesc = "A Custom::Connect* resource has every required property"
    description = "The Lambda function refuses a request without a required property"


class ValidProperties(_findings.PropertyRule):
    """Check that every property has a valid value."""

    id = "E9603"
    shortdesc = "Each property of a Custom::Connect* resource is valid"
    description = "The Lambda function checks the same types, patterns, limits and allowed values"


class FittingProperties(_findings.PropertyRule):
    """Check that properties agree with each other."""

    id = "E9604"
    shortdesc = "The properties of a Custom::Connect* resource agree with each other"
    description = "A type has its block, percentages sum to 100, ARNs name the same instance"


class ExistingRegions(_findings.PropertyRule):
    """Check that cfn-lint knows each Region of a traffic distribution."""

    id = "W9609"
    shortdesc = "The Regions of a Custom::ConnectTrafficDistribution exist"
    description = "Connect refuses Regions that it does not know; cfn-lint may not know new ones"


class DistinctNames(_rule.Rule):
    """Check that no two resources of a type have one name in one instance."""

    id = "E9607"
    shortdesc = "A Custom::Connect* resource has a name of its own"
    description = "A name is unique in an instance, so the second resource fails"

    def findings(self, cfn: Template) -> Iterator[Finding]:
        """Yield each resource with the type, name and instance of an earlier one."""
        first = dict[str, str]()
        resources = cfn.get_resources()
        for name, resource in resources.items():
            key = _name_of(cfn, name, resource)
            other = first.setdefault(key, name) if key else name
            conditions = (resources[it].get("Condition") for it in (name, other))
            both = State(frozenset((it, True) for it in conditions if isinstance(it, str)))
            if other != name and choices_of(cfn).possible(both):
                message = f"Name: {other} has the same name in the same instance; give another"
                yield Finding(("Resources", name, "Properties", "Name"), message)


def _name_of(cfn: Template, logical_id: str, resource: Any) -> str:
    """Return the type, name and instance of a resource as text; "" if one is missing."""
    properties = as_written(cfn, logical_id, resource.get("Properties"))
    if resource.get("Type") not in RESOURCE_TYPES or not isinstance(properties, dict):
        return ""
    instance = properties.get("InstanceId", properties.get("InstanceArn"))
    parts = (resource["Type"], text(properties.get("Name")), text(instance))
    written = json.dumps(parts, sort_keys=True, default=str)
    is_vague = None in parts or is_open(cfn, str(parts[1])) or "Fn::Transform" in written
    return "" if is_vague else written


class MappingKeys(_rule.Rule):
    """Check that a mapping has the keys that Fn::FindInMap names."""

    id = "E9608"
    shortdesc = "Fn::FindInMap names a mapping, a row and a column that exist"
    description = "CloudFormation refuses a template whose mapping lacks a key"

    def findings(self, cfn: Template) -> Iterator[Finding]:
        """Yield each Fn::FindInMap with a key that is missing."""
        if is_open(cfn, cfn.template.get("Mappings")):
            return
        resources = cfn.get_resources()
        for *written, keys in cfn.transform_pre["Fn::FindInMap"]:
            is_literal = isinstance(keys, list) and not any(is_open(cfn, key) for key in keys)
            for path, filled in unrolled(cfn, tuple(written), keys):
                kind = str(resources.get(str(path[1]), {}).get("Type"))
                if not isinstance(keys, list) or (is_literal and kind.startswith("AWS::")):
                    continue  # cfn-lint checks it
                for index, message in _missing_key(cfn, filled):
                    yield Finding(path, f"Fn::FindInMap: {message}", node=keys[index])


def _missing_key(cfn: Template, keys: list[Any]) -> Iterator[tuple[int, str]]:
    """Yield the first key that is missing, as a literal or in a Ref, and the message."""
    names = {*cfn.get_valid_refs(), *loop_variables(cfn)}
    members = [cfn.template.get("Mappings", {})]
    for index, key in enumerate(keys[:3]):
        members = [member for member in members if isinstance(member, dict)]
        known = {str(name) for member in members for name in member}
        match key:
            case {"Ref": str(name)} if name not in names:
                yield index, f"the template has no parameter {name}; {_hint(name, names)}"
                return
        if is_open(cfn, key):
            members = [value for member in members for value in member.values()]
        else:
            members = [member[key] for member in members if key in member]
        if any(is_open(cfn, member) for member in members):
            return
        if not members:
            if index == 0 or len(keys) == 3:  # else there is a DefaultValue
                mapping = keys[0] if isinstance(keys[0], str) else "the mapping"
                lack = (
                    f"the template has no mapping {key}",
                    f"{mapping} has no row {key}",
                    f"{mapping} has no column {key}",
                )
                yield index, f"{lack[index]}; {_hint(str(key), known)}"
            return


def _hint(name: str, known: Iterable[str], otherwise: str = "add it or use another") -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else otherwise


class Attributes(_rule.Rule):
    """Check that Fn::GetAtt, and ${Name.Attribute} in Fn::Sub, name an existing attribute."""

    id = "E9605"
    shortdesc = "An attribute of a Custom::Connect* resource exists"
    description = (
        "CloudFormation reports an unknown attribute only after it has created the resource"
    )

    def findings(self, cfn: Template) -> Iterator[Finding]:
        """Yield every reference to an unknown attribute."""
        resources = cfn.get_resources()
        for path, name, attribute in _references(cfn):
            kind = str(resources.get(name, {}).get("Type"))
            if kind not in RESOURCE_TYPES or is_open(cfn, attribute):
                continue
            known = RESOURCE_TYPES[kind].model.attributes
            if attribute not in known:
                reference = f"{written_id(cfn, name)}.{attribute}"
                message = f"{reference}: unknown attribute; {kind} has {', '.join(known)}"
                yield Finding(path, message, node=reduce(getitem, path[:-1], cfn.template))


def _references(cfn: Template) -> Iterator[tuple[Path, str, str]]:
    """Yield the path, logical id and attribute of every reference to an attribute."""
    for *path, value in cfn.search_deep_keys("Fn::GetAtt"):
        match value.split(".", 1) if isinstance(value, str) else value:
            case [str(name), str(attribute)]:
                yield tuple(path), name, attribute
    for *path, value in cfn.search_deep_keys("Fn::Sub"):
        match value if isinstance(value, list) else [value, {}]:
            case [str(written), dict(variables)]:
                for reference in set(REGEX_SUB_PARAMETERS.findall(written)) - variables.keys():
                    name, _, attribute = reference.strip().partition(".")
                    if attribute:
                        yield tuple(path), name, attribute


class ServiceTokens(_rule.Rule):
    """Check that the function of each ServiceToken serves the resource type."""

    id = "E9606"
    shortdesc = "The function of a ServiceToken serves the type of the resource"
    description = "A function refuses other types, and CloudFormation refuses unknown exports"

    def findings(self, cfn: Template) -> Iterator[Finding]:
        """Yield every resource with the wrong function, and every unknown export."""
        resources = cfn.get_resources()
        for path, export, is_imported in _tokens(cfn):
            kind = resources.get(str(path[1]), {}).get("Type")
            if export not in EXPORTS:
                hint = _hint(export, EXPORTS, f"use one of {', '.join(EXPORTS)}")
                yield Finding(path, f"ServiceToken: the provider does not export {export}; {hint}")
            elif not is_imported:
                message = f"the name of an export needs a function: !ImportValue {export}"
                yield Finding(path, f"ServiceToken: {message}")
            elif kind is not None and kind not in (served := _served(export)):
                own = next((it for it, served in EXPORTS.items() if served == kind), None)
                hint = (
                    f"import {own}"
                    if own
                    else _hint(kind, served, f"it serves {', '.join(served)}")
                )
                yield Finding((*path[:2], "Type"), f"Type: {export} does not serve {kind}; {hint}")


def _served(export: str) -> list[str]:
    """Return the types that the function of an exported token serves."""
    function = RESOURCE_TYPES[EXPORTS[export]].function
    return [kind for kind, made in RESOURCE_TYPES.items() if made.function == function]


def _is_ours(export: str) -> bool:
    """Return whether a name means an export of the provider, perhaps with a slip in it."""
    return export.startswith(EXPORTED) or bool(get_close_matches(export, EXPORTS, n=1, cutoff=0.95))


def _tokens(cfn: Template) -> Iterator[tuple[Path, str, bool]]:
    """Yield the path and export name of every ServiceToken, and whether it is imported."""
    for *path, value in cfn.search_deep_keys("ServiceToken"):
        match path, value.get("Fn::ImportValue", value) if isinstance(value, dict) else value:
            case ["Resources", _, "Properties", "ServiceToken"], {"Fn::Sub": str(export)}:
                pass
            case ["Resources", _, "Properties", "ServiceToken"], str(export):
                pass
            case _:
                continue
        if _is_ours(export) and not is_open(cfn, export):
            imported = isinstance(value, dict)
            yield (*path, *(["Fn::ImportValue"] if imported else [])), export, imported
