"""The rules. cfn-lint finds them as the classes of this module.

Given a folder, cfn-lint loads each file whose name does not begin with an underscore.
"""

from collections import deque
from collections.abc import Iterator
from typing import Any

from cfnlint.helpers import REGEX_SUB_PARAMETERS
from cfnlint.jsonschema import ValidationError, ValidationResult, Validator
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

from cfn_connect.resource_types import EXPORTED, EXPORTS, RESOURCE_TYPES
from cfn_connect.rules._findings import Finding, findings
from cfn_connect.rules._loops import is_open

# Connect documents its limits here.
_SOURCE = "https://docs.aws.amazon.com/connect/latest/APIReference/Welcome.html"


class ValidProperties(CloudFormationLintRule):
    """Check that every property has a valid value.

    This rule also finds the errors that E9601, E9602 and E9604 report, in the same pass.
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
        self.child_rules = {"E9601": None, "E9602": None, "E9604": None}

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
            matches.append(
                RuleMatch(path, f"{name}.{attribute}: unknown attribute; {kind} has {known}")
            )
        return matches


def _references(cfn: Template) -> Iterator[tuple[list[Any], str, str]]:
    """Yield the path, logical id and attribute of every reference to an attribute."""
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
                known = ", ".join(EXPORTS)
                message = f"the provider does not export {export}; use one of {known}"
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
        if export.startswith(EXPORTED) and not is_open(cfn, export):
            imported = isinstance(value, dict)
            yield [*path, *(["Fn::ImportValue"] if imported else [])], export, imported
