"""The rules. cfn-lint finds them as classes of this module.

Given a folder, it loads every file of it but those that begin with an underscore.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from cfnlint.helpers import REGEX_SUB_PARAMETERS
from cfnlint.jsonschema import ValidationError, ValidationResult, Validator
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from cfn_connect.resource_types import EXPORTED, EXPORTS, RESOURCE_TYPES
from cfn_connect.rules._conditions import are_defaults_possible
from cfn_connect.rules._scenarios import Node, Path, is_open, scenarios_of
from cfn_connect.rules._unresolved import errors
from connect_provider.explain import explain

# Where the limits are from.
_SOURCE = "https://docs.aws.amazon.com/connect/latest/APIReference/Welcome.html"


class ValidProperties(CloudFormationLintRule):
    """A property's value is what its model takes. The rules below share its one look."""

    id = "E9603"
    shortdesc = "A property of a Custom::Connect* resource is valid"
    description = "Types, patterns, limits and allowed values are those that Lambda checks"
    source_url = _SOURCE
    tags = ("resources", "connect")

    def __init__(self) -> None:
        """Ask cfn-lint for every resource, and for the rules that the findings belong to."""
        super().__init__()
        self.keywords = ["Resources/*"]
        self.parent_rules = ["E1101"]
        self.child_rules = {"E9601": None, "E9602": None, "E9604": None}

    def validate(
        self, validator: Validator, _keyword: Any, resource: Any, _schema: Any
    ) -> ValidationResult:
        """Yield what is wrong with a resource's properties, each once."""
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or kind not in RESOURCE_TYPES or "Fn::Transform" in resource:
            return
        model, seen = RESOURCE_TYPES[kind].model, set()
        for node, branch in scenarios_of(validator, resource):
            for path, rule, message in _findings(model, node or Node((), {}), branch):
                if (path, message) not in seen:
                    seen.add((path, message))
                    yield from self._error(path, rule, message)

    def _error(self, path: Path, rule_id: str, message: str) -> Iterator[ValidationError]:
        rule = self if rule_id == self.id else self.child_rules.get(rule_id)
        if rule is not None:
            yield ValidationError(message, path=deque(["Properties", *path]), rule=rule)


def _findings(
    model: type[BaseModel], node: Node, validator: Validator
) -> Iterator[tuple[Path, str, str]]:
    """Yield path, rule and message of what is wrong in one scenario.

    First with the functions left open, then each function's every value by itself, and then all of
    them with the values that they have unless the deployment says otherwise.
    """
    for detail in errors(model, node.plain({})):
        yield _finding(model, node, detail)
    functions = list(node.functions())
    for function in functions:
        for value, origin in function.resolved(validator, pseudo=True):
            for detail in errors(model, node.plain({function.path: value})):
                path, rule, message = _finding(model, node, detail)
                if path == function.path:
                    yield path, rule, f"{message} ({origin})" if origin else message
    settled = {function.path: function.settled(validator) for function in functions}
    found = [d for d in errors(model, node.plain(settled)) if d["type"] == "value_error"]
    if found and are_defaults_possible(validator):
        yield from (_finding(model, node, detail) for detail in found)


def _finding(model: type[BaseModel], node: Node, detail: ErrorDetails) -> tuple[Path, str, str]:
    message = explain(model, detail)
    location = detail["loc"] or tuple(
        int(part) if part.isdigit() else part for part in message.partition(": ")[0].split(".")
    )
    rules = {"extra_forbidden": "E9601", "missing": "E9602", "value_error": "E9604"}
    return node.path_of(location), rules.get(detail["type"], "E9603"), message


class KnownProperties(CloudFormationLintRule):
    """A property is one that the resource type has, and is given in one spelling."""

    id = "E9601"
    shortdesc = "A property of a Custom::Connect* resource is known"
    description = "Unknown properties, and those given in both spellings, are refused by Lambda"
    source_url = _SOURCE
    tags = ("resources", "connect")


class RequiredProperties(CloudFormationLintRule):
    """Every required property is there, however the conditions go."""

    id = "E9602"
    shortdesc = "A required property of a Custom::Connect* resource is there"
    description = "What Lambda refuses without"
    source_url = _SOURCE
    tags = ("resources", "connect")


class FittingProperties(CloudFormationLintRule):
    """The properties fit together."""

    id = "E9604"
    shortdesc = "The properties of a Custom::Connect* resource fit together"
    description = "Types have their blocks, percentages sum to 100, ARNs are of one instance"
    source_url = _SOURCE
    tags = ("resources", "connect")


class Attributes(CloudFormationLintRule):
    """Fn::GetAtt, and ${Name.Attribute} in Fn::Sub, name an attribute that there is."""

    id = "E9605"
    shortdesc = "An attribute of a Custom::Connect* resource exists"
    description = "CloudFormation finds out only when the resource has been made"
    source_url = _SOURCE
    tags = ("functions", "getatt", "connect")

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return every Fn::GetAtt and Fn::Sub that names an attribute that there is not."""
        types = {name: str(r.get("Type")) for name, r in cfn.get_resources().items()}
        matches = []
        for path, name, attribute in _references(cfn):
            kind = types.get(name, "")
            if kind not in RESOURCE_TYPES or is_open(cfn, attribute):
                continue
            if attribute in RESOURCE_TYPES[kind].model.attributes:
                continue
            known = ", ".join(RESOURCE_TYPES[kind].model.attributes)
            matches.append(RuleMatch(path, f"{name}.{attribute}: {kind} has {known}"))
        return matches


def _references(cfn: Template) -> Iterator[tuple[list[Any], str, str]]:
    """Yield path, logical id and attribute of every reference to an attribute."""
    for *path, value in cfn.search_deep_keys("Fn::GetAtt"):
        match value.split(".", 1) if isinstance(value, str) else value:
            case [str(name), str(attribute)]:
                yield path, name, attribute
    for *path, value in cfn.search_deep_keys("Fn::Sub"):
        match value if isinstance(value, list) else [value, {}]:
            case [str(text), dict(variables)]:
                for reference in set(REGEX_SUB_PARAMETERS.findall(text)) - variables.keys():
                    name, _, attribute = reference.strip().partition(".")
                    if attribute:
                        yield path, name, attribute


class ServiceTokens(CloudFormationLintRule):
    """A ServiceToken that this provider exports is of the function that serves the type."""

    id = "E9606"
    shortdesc = "A resource's type is one that the function of its ServiceToken serves"
    description = "A function refuses types of others, and CloudFormation names that do not exist"
    source_url = _SOURCE
    tags = ("resources", "connect")

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return every resource of a type that its function does not serve, and unknown exports."""
        matches = []
        for path, export in _imported_tokens(cfn):
            if export not in EXPORTS:
                known = ", ".join(EXPORTS)
                matches.append(RuleMatch(path, f"{export} is not exported; these are: {known}"))
                continue
            function = RESOURCE_TYPES[EXPORTS[export]].function
            served = [kind for kind, made in RESOURCE_TYPES.items() if made.function == function]
            kind = cfn.get_resources().get(path[1], {}).get("Type")
            if kind is not None and kind not in served:
                message = f"{kind}: {export} is the token of {' and '.join(served)}"
                matches.append(RuleMatch([*path[:2], "Type"], message))
        return matches


def _imported_tokens(cfn: Template) -> Iterator[tuple[list[Any], str]]:
    """Yield path and name of every ServiceToken that is imported from this provider."""
    for *path, value in cfn.search_deep_keys("Fn::ImportValue"):
        export = value.get("Fn::Sub") if isinstance(value, dict) else value
        match path:
            case ["Resources", _, "Properties", "ServiceToken", *_]:
                if (
                    isinstance(export, str)
                    and export.startswith(EXPORTED)
                    and not is_open(cfn, export)
                ):
                    yield path, export
