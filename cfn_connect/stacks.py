"""Reads a stack, and the template that a deployment would give it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError
from cfnlint.decode.cfn_yaml import CfnParseError, loads
from yaml import YAMLError

from cfn_connect.attributes import Attributes, unless
from cfn_connect.clients import Clients, CommandError, code_of
from cfn_connect.resolve import PREFIX, UNKNOWN, Deployment, Resource, resolve
from cfn_connect.rules._literals import text as as_text
from connect_provider import arn
from connect_provider.properties import INSTANCE_SPELLINGS

_GONE = ("DELETE_COMPLETE", "DELETE_SKIPPED")
_SUFFIXES = {
    "aws": "amazonaws.com",
    "aws-us-gov": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
}
_SSM = "AWS::SSM::Parameter::Value"
_SECTIONS = ("Parameters", "Mappings", "Conditions")
_NAME = r"[A-Za-z][A-Za-z0-9-]{0,127}"
_STACK = re.compile(rf"{_NAME}|arn:[\w-]+:cloudformation:[\w-]+:\d+:stack/{_NAME}/[\w-]+")


@dataclass(frozen=True)
class Source:
    """A template, and the parameters of its deployment.

    parameters: each value by name, or UNKNOWN. One of the Parameter Store has its resolved value.
    """

    template: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


class Stack:
    """A stack as CloudFormation shows it, or the one that a first deployment would create.

    Each part is read on first use, and only once.
    """

    def __init__(self, name: str, clients: Clients) -> None:
        if not _STACK.fullmatch(name):
            problem = f"{name!r} is no name or ARN of a stack"
            raise CommandError(f"{problem}: check --stack-name")
        self._clients = clients
        self._client = clients.client("cloudformation", arn.region(name))
        self._described = self._describe(name)
        self.exists = bool(self._described)
        self._name = name
        self._attributes = Attributes(clients, arn.region(name))

    def _describe(self, name: str) -> Mapping[str, Any]:
        """Return the description of the stack, or an empty one if it does not exist."""
        try:
            (described,) = self._client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise
            if name.startswith("arn:"):
                raise CommandError(f"{name} does not exist: check --stack-name") from None
            return {}
        status = str(described["StackStatus"])
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            raise CommandError(f"{name} is {status}: run the command again when that is done")
        if status == "DELETE_COMPLETE":
            raise CommandError(f"{name} is {status}: pass the name of a stack that exists")
        if status == "ROLLBACK_COMPLETE":
            raise CommandError(f"{name} is {status} and has no resources: delete the stack")
        found: Mapping[str, Any] = described
        return found

    @cached_property
    def id(self) -> str:
        """Return the ARN. That of a stack to create tells its account and Region."""
        if self.exists:
            return str(self._described["StackId"])
        caller = self._clients.client("sts").get_caller_identity()["Arn"]
        _, partition, _, _, account, *_ = caller.split(":")
        region = self._clients.region
        return f"arn:{partition}:cloudformation:{region}:{account}:stack/{self._name}/none"

    @property
    def has_template(self) -> bool:
        """Return whether something was deployed: a change set alone creates an empty stack."""
        return self.exists and self._described["StackStatus"] != "REVIEW_IN_PROGRESS"

    @property
    def creation(self) -> str:
        """Return a sentence about the creation of the stack, or "" if the stack exists."""
        if self.exists:
            return ""
        missing = f"The stack {self._name} does not exist in {self._clients.region}"
        return f"{missing}: a deployment would create it."

    def require_template(self, advice: str) -> None:
        """Raise CommandError if nothing was deployed."""
        if not self.has_template:
            missing = f"does not exist in {self._clients.region}"
            problem = "has no template" if self.exists else missing
            raise CommandError(f"the stack {self._name} {problem}: {advice}")

    # The stack's resources

    @cached_property
    def _resources(self) -> Mapping[str, Mapping[str, Any]]:
        """Return each resource that the stack has, by logical id (API: ListStackResources)."""
        if not self.has_template:
            return {}
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.id)
        listed = [each for page in pages for each in page["StackResourceSummaries"]]
        left = [each for each in listed if each["ResourceStatus"] not in _GONE]
        return {each["LogicalResourceId"]: each for each in left}

    @cached_property
    def physical_ids(self) -> Mapping[str, str]:
        """Return the physical id of each resource that has one, by logical id."""
        ids = {name: it.get("PhysicalResourceId") for name, it in self._resources.items()}
        return {name: physical_id for name, physical_id in ids.items() if physical_id}

    def count(self, prefix: str) -> int:
        """Return how many resources the stack has of some types."""
        types = [str(each["ResourceType"]) for each in self._resources.values()]
        return sum(each.startswith(prefix) for each in types)

    def type_of(self, logical_id: str) -> str:
        """Return the type of a resource, or "" if the stack does not have it."""
        return str(self._resources.get(logical_id, {}).get("ResourceType", ""))

    def failure_of(self, logical_id: str) -> str:
        """Return the status of a resource whose last operation failed, or ""."""
        status = str(self._resources.get(logical_id, {}).get("ResourceStatus", ""))
        return status if status.endswith("_FAILED") else ""

    def instance_arn(self, resource: Resource) -> str:
        """Return the ARN of the instance that a resource names."""
        names = (resource.properties.get(name) for name in INSTANCE_SPELLINGS.choices)
        instance = str(next(filter(None, names)))
        _, partition, _, region, account, _ = self.id.split(":")
        service = f"arn:{partition}:connect:{region}:{account}"
        return instance if arn.region(instance) else f"{service}:instance/{instance}"

    # Templates

    @cached_property
    def deployed(self) -> Source:
        """Return the deployed template after its transforms, with its parameters."""
        if not self.has_template:
            return Source()
        return self._processed(self._described, StackName=self.id)

    def in_change_set(self, name: str) -> Source:
        """Return the template of a change set, with its parameters."""
        names = {"StackName": self.id.split("/")[1], "ChangeSetName": name}
        described = self._client.describe_change_set(**names)
        if described["Status"] != "CREATE_COMPLETE":
            reason = described.get("StatusReason", "create it again")
            raise CommandError(f"the change set {name} is {described['Status']}: {reason}")
        return self._processed(described, **names)

    def to_deploy(self, text: str | None, overrides: Mapping[str, str]) -> Source:
        """Return the template and the parameters that `aws cloudformation deploy` would send.

        text: of the template, or None for the deployed one.
        overrides: the values to change. Other parameters keep their values, or have the default.
        """
        if text is None:
            self.require_template("pass --template-file, or check --stack-name")
        deployed = {"TemplateStage": "Original", "StackName": self.id}
        template = self._template(**deployed) if text is None else parsed(text)
        declared = template.get("Parameters", {})
        if unknown := sorted(overrides.keys() - declared.keys()):
            raise CommandError(f"the template has no parameter {unknown[0]}: correct its name")
        kept = self._described.get("Parameters", ())
        values = {name: it["Default"] for name, it in declared.items() if "Default" in it}
        values |= {each["ParameterKey"]: each["ParameterValue"] for each in kept}
        secrets = [name for name, it in self.deployed.parameters.items() if it is UNKNOWN]
        values |= dict.fromkeys(secrets, UNKNOWN)  # the new template may show them
        values |= overrides
        if missing := [name for name in declared if name not in values]:
            example = f"--parameter-overrides {missing[0]}=VALUE"
            raise CommandError(f"the parameter {missing[0]} has no value: pass {example}")
        for name, it in declared.items():
            _require_allowed(name, it, values[name])
        described = {name: {"ParameterValue": values[name]} for name in declared}
        return Source(template, self._parameters(template, described))

    def _processed(self, described: Mapping[str, Any], **names: str) -> Source:
        """Return a template after its transforms, so none of them is left."""
        template = self._template(TemplateStage="Processed", **names)
        template = {name: part for name, part in template.items() if name != "Transform"}
        parameters = {each["ParameterKey"]: each for each in described.get("Parameters", ())}
        return Source(template, self._parameters(template, parameters))

    def _template(self, **names: str) -> Mapping[str, Any]:
        body: str | Mapping[str, Any] = self._client.get_template(**names)["TemplateBody"]
        return parsed(body) if isinstance(body, str) else body

    def _parameters(
        self, template: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]]
    ) -> Mapping[str, Any]:
        """Return the value of each parameter. One with NoEcho is UNKNOWN."""
        declared = template.get("Parameters", {})
        return {
            name: self._parameter(declared.get(name, {}), each) for name, each in described.items()
        }

    def _parameter(self, declaration: Mapping[str, Any], described: Mapping[str, Any]) -> Any:
        if str(declaration.get("NoEcho", "")).lower() == "true":
            return UNKNOWN
        if "ResolvedValue" in described:
            return described["ResolvedValue"]
        value = described["ParameterValue"]
        is_stored = value is not UNKNOWN and str(declaration.get("Type")).startswith(_SSM)
        return self._stored(value) if is_stored else value

    def _stored(self, name: str) -> Any:
        """Return a value of the Parameter Store, or UNKNOWN if the identity may not read it."""
        client = self._clients.client("ssm", arn.region(self.id))
        return unless(
            ("AccessDeniedException", "ParameterNotFound"),
            lambda: client.get_parameter(Name=name)["Parameter"]["Value"],
        )

    # Resolving

    def resolved(
        self, source: Source, physical_ids: Mapping[str, Any], prefix: str = PREFIX
    ) -> dict[str, Resource]:
        """Return the resources of a template, by logical id.

        physical_ids: those of the resources that it refers to, or UNKNOWN.
        """
        deployment = Deployment(
            parameters=source.parameters,
            pseudo=self._pseudo,
            exports=self._exports if "Fn::ImportValue" in _keys(source.template) else {},
            physical_ids=physical_ids,
            attribute=lambda logical_id, name: self._attribute(logical_id, physical_ids, name),
        )
        return {it.logical_id: it for it in resolve(source.template, deployment, prefix)}

    @cached_property
    def _pseudo(self) -> Mapping[str, Any]:
        _, partition, _, region, account, path = self.id.split(":")
        pseudo = {
            "AWS::AccountId": account,
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::StackName": path.split("/")[1],
            "AWS::NotificationARNs": self._described.get("NotificationARNs", []),
        }
        if self.exists:
            pseudo["AWS::StackId"] = self.id
        if partition in _SUFFIXES:
            pseudo["AWS::URLSuffix"] = _SUFFIXES[partition]
        return pseudo

    @cached_property
    def _exports(self) -> Mapping[str, str]:
        pages = self._client.get_paginator("list_exports").paginate()
        return {each["Name"]: each["Value"] for page in pages for each in page["Exports"]}

    def _attribute(self, logical_id: str, physical_ids: Mapping[str, Any], name: str) -> Any:
        """Return an attribute of a resource, or UNKNOWN."""
        physical_id = physical_ids.get(logical_id, UNKNOWN)
        kind = self.type_of(logical_id) or PREFIX  # a new resource with an id is an adopted one
        return UNKNOWN if physical_id is UNKNOWN else self._attributes.of(kind, physical_id, name)


def parsed(text: str) -> Mapping[str, Any]:
    """Return a template from its text, in JSON or YAML."""
    try:
        template = json.loads(text) if text.lstrip().startswith("{") else loads(text)
    except (ValueError, YAMLError, CfnParseError) as error:
        problem = " ".join(str(error).split())
        raise CommandError(f"the template cannot be read: {problem}") from None
    if not isinstance(template, Mapping) or not isinstance(template.get("Resources"), Mapping):
        raise CommandError("the template has no Resources: pass a CloudFormation template")
    for name, resource in template["Resources"].items():
        is_loop = str(name).startswith("Fn::")
        if not is_loop and not (isinstance(resource, Mapping) and "Type" in resource):
            raise CommandError(f"the resource {name} of the template has no Type: add it")
    found = {name: part for name, part in template.items() if part is not None}
    properties = {
        f"Resources.{name}.Properties": it["Properties"]
        for name, it in found["Resources"].items()
        if isinstance(it, Mapping) and it.get("Properties") is not None
    }
    _require_maps({name: found[name] for name in _SECTIONS if name in found} | properties)
    _require_maps({f"Parameters.{name}": it for name, it in found.get("Parameters", {}).items()})
    return found


def _require_allowed(name: str, declaration: Mapping[str, Any], value: Any) -> None:
    """Raise CommandError unless CloudFormation allows the value. A list has each of its items."""
    kind = str(declaration.get("Type"))
    if value is UNKNOWN or "AllowedValues" not in declaration:
        return
    value = str(as_text(value))
    is_list = "List" in kind and not kind.startswith(_SSM)
    values = [each.strip() for each in value.split(",")] if is_list else [value]
    allowed = as_text(declaration["AllowedValues"])
    if isinstance(allowed, list) and not set(values) <= set(allowed):
        raise CommandError(f"the parameter {name} has a value that AllowedValues lacks: correct it")


def _require_maps(parts: Mapping[str, Any]) -> None:
    """Raise CommandError if a part of the template is no map. Its name is its path."""
    for name, part in parts.items():
        if not isinstance(part, Mapping):
            raise CommandError(f"{name} in the template is no map: correct it")


def _keys(node: Any) -> set[str]:
    """Return every key in a part of a template."""
    if isinstance(node, list):
        return {key for each in node for key in _keys(each)}
    if isinstance(node, Mapping):
        return {*node, *(key for each in node.values() for key in _keys(each))}
    return set()
