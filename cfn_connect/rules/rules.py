"""The rules. cfn-lint finds them as the classes of this module.

Given a folder, cfn-lint loads each file whose name does not begin with an underscore.
"""

import json
from collections import deque
from collections.abc import Iterator
from difflib import get_close_matches
from functools import reduce
from operator import getitem
from typing import Any

from cfnlint.helpers import REGEX_SUB_PARAMETERS
from cfnlint.jsonschema import ValidationError, ValidationResult, Validator
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

from cfn_connect.resource_types import EXPORTED, EXPORTS, RESOURCE_TYPES
from cfn_connect.rules._choices import State, choices_of
from cfn_connect.rules._findings import Finding, findings
from cfn_connect.rules._literals import text
from cfn_connect.rules._loops import as_written, is_open, loop_variables

# Connect documents its limits here.
_SOURCE = "https://docs.aws.amazon.com/connect/latest/APIReference/Welcome.html"


class ValidProperties(CloudFormationLintRule):
    """Check that every property has a valid value.

    This rule also finds what E9601, E9602, E9604 and W9609 report, in the same pass.
    """

    id = "E9603"
    shortdesc = "Each property of a Custom::Connect* resource is valid"
    description = "The Lambda function checks the same types, patterns, limits and allowed values"
    source_url = _SOURCE
    tags = ("resources", "connect")

    def __init__(self) -> None:
        """Ask cfn-lint for every resource, and for the rules that report the errors."""
        super().__init__()
        self.keywords = ["Resources/*"]
        self.parent_rules = ["E1101"]
        self.child_rules = {"E9601": None, "E9602": None, "E9604": None, "W9609": None}

    def validate(
        self, validator: Validator, _keyword: Any, resource: Any, _schema: Any
    ) -> ValidationResult:
        """Yield each error in a resource's properties once."""
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or kind not in RESOURCE_TYPES or "Fn::Transform" in resource:
            return
        seen = set()
        for finding in findings(validator, RESOURCE_TYPES[kind].model, resource):
            if finding[:3] not in seen:
                seen.add(finding[:3])
                yield from self._error(finding)

    def _error(self, finding: Finding) -> Iterator[ValidationError]:
        rule = self if finding.rule == self.id else self.child_rules.get(finding.rule)
        if rule is not None:
            message = f"{finding.message} ({finding.origin})" if finding.origin else finding.message
            yield ValidationError(message, path=deque(["Properties", *finding.path]), rule=rule)


class KnownProperties(CloudFormationLintRule):
    """Check that the resource type has every property, and that each has one spelling."""

    id = "E9601"
    shortdesc = "The resource type has each property of a Custom::Connect* resource"
    description = "The Lambda function refuses unknown properties and properties in two spellings"
    source_url = _SOURCE
    tags = ("resources", "connect")


class RequiredProperties(CloudFormationLintRule):
    """Check that no condition removes a required property."""

    id = "E9602"
    shortdesc = "A Custom::Connect* resource has every required property"
    description = "The Lambda function refuses a request without a required property"
    source_url = _SOURCE
    tags = ("resources", "connect")


class FittingProperties(CloudFormationLintRule):
    """Check that properties agree with each other."""

    id = "E9604"
    shortdesc = "The properties of a Custom::Connect* resource agree with each other"
    description = "A type has its block, percentages sum to 100, ARNs name the same instance"
    source_url = _SOURCE
    tags = ("resources", "connect")


class ExistingRegions(CloudFormationLintRule):
    """Check that AWS has each Region of a traffic distribution."""

    id = "W9609"
    shortdesc = "AWS has each Region of a Custom::ConnectTrafficDistribution"
    description = "Connect refuses Regions that it does not know; cfn-lint may not know new ones"
    source_url = _SOURCE
    tags = ("resources", "connect")


class DistinctNames(CloudFormationLintRule):
    """Check that no two resources of a type have one name in one instance."""

    id = "E9607"
    shortdesc = "A Custom::Connect* resource has a name of its own"
    description = "A name is unique in an instance, so the second resource fails"
    source_url = _SOURCE
    tags = ("resources", "connect")

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return each resource with the type, name and instance of an earlier one."""
        choices, first, matches = choices_of(cfn), dict[str, str](), []
        for name, resource in cfn.get_resources().items():
            key = _name_of(cfn, name, resource)
            other = first.setdefault(key, name) if key else name
            if other == name:
                continue
            conditions = (cfn.get_resources()[it].get("Condition") for it in (name, other))
            both = State(frozenset((it, True) for it in conditions if isinstance(it, str)))
            if choices.possible(both):
                message = f"Name: {other} has the same name in the same instance; give another"
                matches.append(RuleMatch(["Resources", name, "Properties", "Name"], message))
        return matches


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


class MappingKeys(CloudFormationLintRule):
    """Check that a mapping has the keys that Fn::FindInMap names.

    cfn-lint checks this only if no key comes from a function.
    """

    id = "E9608"
    shortdesc = "Fn::FindInMap names a mapping, a row and a column that exist"
    description = "CloudFormation refuses a template whose mapping lacks a key"
    source_url = _SOURCE
    tags = ("functions", "findinmap", "connect")

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return each Fn::FindInMap with a key from a function and a literal that is missing."""
        if is_open(cfn, cfn.template.get("Mappings")):
            return []
        before = cfn.transform_pre.get("Fn::FindInMap", [])
        found = {str(path): path for path in [*before, *cfn.search_deep_keys("Fn::FindInMap")]}
        matches = []
        for *path, keys in found.values():
            missing = _missing_key(cfn, keys) if isinstance(keys, list) else None
            if missing is not None:
                name = missing["Ref"] if isinstance(missing, dict) else missing
                message = f"Fn::FindInMap: nothing here is called {name}; use an existing key"
                matches.append(_match_at(missing, path, message))
        return matches


def _match_at(node: Any, path: list[Any], message: str) -> RuleMatch:
    """Return a match at a node of the template, or at the path if cfn-lint has made the node."""
    if not hasattr(node, "start_mark"):
        return RuleMatch(path, message)
    first, last = node.start_mark, node.end_mark
    place = (first.line, first.column, last.line, last.column)
    return RuleMatch(path, message, location=place)


def _missing_key(cfn: Template, keys: list[Any]) -> Any:
    """Return the first key that is missing, as a literal or in a Ref; None if there is none.

    With a DefaultValue, which is the fourth key, a literal may be missing.
    """
    if not any(is_open(cfn, key) for key in keys):
        return None
    optional = len(keys) != 3
    members = [cfn.template.get("Mappings", {})]
    names = {*cfn.get_valid_refs(), *loop_variables(cfn)}
    for key in keys[:3]:
        members = [member for member in members if isinstance(member, dict)]
        match key:
            case {"Ref": str(name)} if name not in names:
                return key
        if is_open(cfn, key):
            members = [value for member in members for value in member.values()]
        else:
            members = [member[key] for member in members if key in member]
        if any(is_open(cfn, member) for member in members):
            return None
        if not members and not optional:
            return key
    return None


class Attributes(CloudFormationLintRule):
    """Check that Fn::GetAtt, and ${Name.Attribute} in Fn::Sub, name an existing attribute."""

    id = "E9605"
    shortdesc = "An attribute of a Custom::Connect* resource exists"
    description = (
        "CloudFormation reports an unknown attribute only after it has created the resource"
    )
    source_url = _SOURCE
    tags = ("functions", "getatt", "connect")

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return every reference to an unknown attribute."""
        types = {name: str(r.get("Type")) for name, r in cfn.get_resources().items()}
        matches = []
        for path, name, attribute in _references(cfn):
            kind = types.get(name, "")
            if kind not in RESOURCE_TYPES or is_open(cfn, attribute):
                continue
            if attribute in RESOURCE_TYPES[kind].model.attributes:
                continue
            known = ", ".join(RESOURCE_TYPES[kind].model.attributes)
            message = f"{name}.{attribute}: unknown attribute; {kind} has {known}"
            function = reduce(getitem, path[:-1], cfn.template)
            matches.append(_match_at(function, path, message))
        return matches


def _references(cfn: Template) -> Iterator[tuple[list[Any], str, str]]:
    """Yield the path, logical id and attribute of every reference to an attribute."""
    for *path, value in cfn.search_deep_keys("Fn::GetAtt"):
        match value.split(".", 1) if isinstance(value, str) else value:
            case [str(name), str(attribute)]:
                yield path, name, attribute
    for *path, value in cfn.search_deep_keys("Fn::Sub"):
        match value if isinstance(value, list) else [value, {}]:
            case [str(written), dict(variables)]:
                for reference in set(REGEX_SUB_PARAMETERS.findall(written)) - variables.keys():
                    name, _, attribute = reference.strip().partition(".")
                    if attribute:
                        yield path, name, attribute


class ServiceTokens(CloudFormationLintRule):
    """Check that the function of each ServiceToken serves the resource type."""

    id = "E9606"
    shortdesc = "The function of a ServiceToken serves the type of the resource"
    description = "A function refuses other types, and CloudFormation refuses unknown exports"
    source_url = _SOURCE
    tags = ("resources", "connect")

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return every resource with the wrong function, and every unknown export."""
        matches = []
        for path, export, is_imported in _tokens(cfn):
            kind = cfn.get_resources().get(path[1], {}).get("Type")
            if export not in EXPORTS:
                near = get_close_matches(export, EXPORTS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(EXPORTS)}"
                message = f"the provider does not export {export}; {hint}"
                matches.append(RuleMatch(path, message))
            elif not is_imported:
                matches.append(RuleMatch(path, f"import the token: !ImportValue {export}"))
            elif kind is not None and kind not in (served := _served(export)):
                message = f"{export} serves {' and '.join(served)}, not {kind}"
                matches.append(RuleMatch([*path[:2], "Type"], message))
        return matches


def _served(export: str) -> list[str]:
    """Return the types that the function of an exported token serves."""
    function = RESOURCE_TYPES[EXPORTS[export]].function
    return [kind for kind, made in RESOURCE_TYPES.items() if made.function == function]


def _is_ours(export: str) -> bool:
    """Return whether a name means an export of the provider, perhaps with a slip in it."""
    return export.startswith(EXPORTED) or bool(get_close_matches(export, EXPORTS, n=1, cutoff=0.95))


def _tokens(cfn: Template) -> Iterator[tuple[list[Any], str, bool]]:
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
            yield [*path, *(["Fn::ImportValue"] if imported else [])], export, imported
