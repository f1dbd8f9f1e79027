"""The properties that all resource types share, and the parsing of properties.

Fields are spelled as in a template. CloudFormation sends every scalar as text, and pydantic's lax
mode reads "50" and "true". Nothing here converts values.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from aws_lambda_powertools.utilities.parser import ValidationError, parse
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from connect_provider import ownership
from connect_provider.arn import resource_id
from connect_provider.errors import InvalidRequest
from connect_provider.explain import explain, spellings
from connect_provider.request import Request, UpdateRequest

TAG_LIMIT = 50  # for each Connect resource, our markers included


class Properties(BaseModel):
    """Properties of a resource or a block: unknown ones are refused, and errors show no values."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


PropertiesT = TypeVar("PropertiesT", bound="ResourceProperties")


def _tag_map(value: object) -> object:
    """Return tags as a map. The native types write them as a list of Key and Value."""
    if not isinstance(value, list):
        return value
    tags: dict[str, object] = {}
    for index, tag in enumerate(value):
        if not isinstance(tag, Mapping) or set(tag) != {"Key", "Value"}:
            raise ValueError(f"item {index} should have a Key and a Value, and nothing else")
        if not isinstance(tag["Key"], str):
            raise ValueError(f"item {index}: its Key should be text")
        if tag["Key"] in tags:
            raise ValueError(f"item {index}: its Key appears in an earlier item")
        tags[tag["Key"]] = tag["Value"]
    return tags


def _free_key(key: str) -> str:
    """Refuse the keys that AWS and this provider reserve."""
    if key.lower().startswith("aws:") or key in ownership.MARKERS:
        raise ValueError("the key is reserved; use another")
    return key


# API: TagResource. Letters, digits and spaces of any script.
_TAG_CHARACTERS = r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$"
TagKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=_TAG_CHARACTERS,
        json_schema_extra={"not": {"pattern": "^[Aa][Ww][Ss]:"}},
    ),
    BeforeValidator(_free_key),
]
TagValue = Annotated[str, Field(max_length=256)]


class Tag(Properties):
    """A tag, in the form of the native types."""

    Key: TagKey = Field(description="the key; `aws:` keys and the provider's own keys are reserved")
    Value: TagValue = Field(description="the value")


_TAGS = Field(max_length=TAG_LIMIT - ownership.MARKERS_PER_RESOURCE)
_TagMap = Annotated[dict[TagKey, TagValue], _TAGS]
TagMap = Annotated[
    _TagMap,
    BeforeValidator(_tag_map, json_schema_input_type=_TagMap | Annotated[list[Tag], _TAGS]),
]


class ResourceProperties(Properties):
    """The properties that every Custom::Connect* resource has.

    create_only: the names of the properties whose change requires replacement.
    attributes: each Fn::GetAtt attribute, and its description.
    """

    create_only: ClassVar[frozenset[str]]
    attributes: ClassVar[Mapping[str, str]]

    ServiceToken: str = Field(
        default="",
        description="the ARN of the provider's function, exported by the provider's stack",
    )
    ServiceTimeout: int = Field(
        default=3600,
        ge=180,  # a rollback waits for up to 90 s, and needs 30 s to respond
        le=3600,
        description="how many seconds CloudFormation waits for a response",
    )


class OwnedResourceProperties(ResourceProperties):
    """The properties of a resource that the provider creates, owns and deletes.

    state: the properties that are compared with the live resource, ids as bare ids.
    """

    Tags: TagMap = Field(
        default={},
        description="the tags. Each key: made of letters, digits, spaces and _.:/=+-@",
    )
    ExistingResourcePolicy: Literal["Fail", "Adopt"] = Field(
        default="Fail",
        description="how to react when another resource has the Name. `Fail` reports its ARN. "
        "`Adopt` takes it over and updates it to match the template. The provider never deletes a "
        "resource that it adopted from another owner",
    )

    @property
    def state(self) -> Mapping[str, Any]:
        """Return the desired state, in the form of Observation.state."""
        raise NotImplementedError


# API: CreateTrafficDistributionGroup and others take a bare id or the ARN of the instance.
_INSTANCE = r"(?:arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}:instance/)?[A-Za-z0-9_-]+"
InstanceArnOrId = Annotated[str, Field(pattern=f"^{_INSTANCE}$")]
INSTANCE = "the id or ARN of a Connect instance"
INSTANCE_SPELLINGS = AliasChoices("InstanceId", "InstanceArn")


def within_instance(kind: str) -> str:
    """Return the pattern of the bare id or ARN of a resource in an instance."""
    arn = rf"arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{{12}}:instance/[A-Za-z0-9_-]+/{kind}/"
    return rf"^(?:{arn})?[A-Za-z0-9_-]+(?::[$A-Za-z0-9_-]+)?$"


def refuse_foreign(name: str, arn_or_id: str, instance: str) -> None:
    """Raise ValueError for the ARN of a resource in another instance."""
    if "/" in arn_or_id and f":instance/{resource_id(instance)}/" not in arn_or_id:
        raise ValueError(f"{name}: belongs to another instance than InstanceId")


UserArnOrId = Annotated[str, Field(pattern=within_instance("agent"))]


def parse_properties(model: type[PropertiesT], properties: object) -> PropertiesT:
    """Return the parsed properties.

    Raise InvalidRequest with one line that names every wrong property and shows no value.
    """
    if not isinstance(properties, Mapping):
        raise InvalidRequest("ResourceProperties: should be a map")
    try:
        return parse(dict(properties), model=model)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        # A misspelled name explains the rest, so it comes first.
        details.sort(key=lambda detail: detail["type"] != "extra_forbidden")
        raise InvalidRequest("; ".join(explain(model, d) for d in details)) from None


def desired_properties(model: type[PropertiesT], request: Request) -> PropertiesT:
    """Return the parsed properties of the template. Raise InvalidRequest as parse_properties()."""
    return _parse_of_stack(model, request.resource_properties, request)


def previous_properties(model: type[PropertiesT], request: Request) -> PropertiesT | None:
    """Return the properties of the previous template, or None if it was never applied.

    On a rollback, the previous properties are the ones that failed. If they do not parse, no call
    was made for them.
    """
    if not isinstance(request, UpdateRequest):
        return None
    try:
        return _parse_of_stack(model, request.old_resource_properties, request)
    except InvalidRequest:
        return None


def replaced_properties(
    model: type[OwnedResourceProperties], request: Request
) -> OwnedResourceProperties | None:
    """Return the properties of an Update that changes a create-only one, or None if it does not.

    Another spelling is no change. If other properties than these and the Name are invalid, the
    previous ones take their place. The result then only says where the resource is.

    Raise InvalidRequest if these are invalid, or do not fit the previous ones.
    """
    previous = previous_properties(model, request)
    if not isinstance(request, UpdateRequest) or previous is None:
        return None
    try:
        target = desired_properties(model, request)
    except InvalidRequest as error:
        target = _located(model, request, error)
    changed = any(target.state[name] != previous.state[name] for name in model.create_only)
    return target if changed else None


def _located(
    model: type[OwnedResourceProperties], request: UpdateRequest, refusal: InvalidRequest
) -> OwnedResourceProperties:
    """Return the previous properties with the template's create-only ones and its Name."""
    kept = model.create_only | {"Name"}
    aliases = {name: model.model_fields[name].validation_alias for name in kept}
    names = {spelling for item in aliases.items() for spelling in spellings(*item)}
    before, after = request.old_resource_properties, request.resource_properties
    merged = {name: value for name, value in before.items() if name not in names}
    merged |= {name: value for name, value in after.items() if name in names}
    try:
        return _parse_of_stack(model, merged, request)
    except InvalidRequest:
        raise refusal from None


def _parse_of_stack(model: type[PropertiesT], properties: Any, request: Request) -> PropertiesT:
    """Return the parsed properties. Raise InvalidRequest also for the ARN of another account.

    Connect takes mostly bare ids, so it would look for the resource in the account of the stack.
    """
    parsed = parse_properties(model, properties)
    _, partition, _, _, account, *_ = request.stack_id.split(":")
    for path, arn in _arns(properties):
        if arn.split(":")[1:5:3] != [partition, account]:
            raise InvalidRequest(
                f"{path}: should be an ARN of the stack's partition and account, {partition} and "
                f"{account}"
            )
    return parsed


def _arns(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path and the ARN in each property that names a resource."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name != "Tags":
                yield from _arns(value, f"{path}.{name}".lstrip("."))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _arns(value, f"{path}.{index}")
    elif isinstance(node, str) and node.startswith("arn:"):
        name = path.rstrip("0123456789.").rpartition(".")[2]
        if name.endswith(("Id", "Ids", "Arn", "Arns")):
            yield path, node
