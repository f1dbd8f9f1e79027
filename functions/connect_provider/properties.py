"""What every resource type's properties share, and how a wrong one is explained.

The fields are spelled as in a template. CloudFormation sends every scalar as text, and pydantic's
lax mode reads "50" and "true"; nothing here converts.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar, get_args

from aws_lambda_powertools.utilities.parser import ValidationError, parse
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import ErrorDetails

from connect_provider import ownership
from connect_provider.errors import InvalidRequest
from connect_provider.request import Request, UpdateRequest

TAG_LIMIT = 50  # for each Connect resource, of which our markers take some


class Properties(BaseModel):
    """Properties: only known ones, shown in no error, not changed once read."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


PropertiesT = TypeVar("PropertiesT", bound="ResourceProperties")


def _tag_map(value: object) -> object:
    """Return tags given as a list of Key and Value (the native types' form) as a map."""
    if not isinstance(value, list):
        return value
    tags: dict[str, object] = {}
    for index, tag in enumerate(value):
        if not isinstance(tag, Mapping) or set(tag) != {"Key", "Value"}:
            raise ValueError(f"item {index} should have a Key and a Value, and nothing else")
        if not isinstance(tag["Key"], str) or tag["Key"] in tags:
            raise ValueError(f"item {index} should have a Key of its own")
        tags[tag["Key"]] = tag["Value"]
    return tags


def _free_key(key: str) -> str:
    """Refuse the keys that AWS and this provider keep for themselves."""
    if key.lower().startswith("aws:") or key in ownership.MARKERS:
        raise ValueError("the key is reserved")
    return key


# API: TagResource. Letters, digits and spaces of any script.
_TAG_CHARACTERS = r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$"
TagKey = Annotated[
    str, Field(min_length=1, max_length=128, pattern=_TAG_CHARACTERS), BeforeValidator(_free_key)
]
TagValue = Annotated[str, Field(max_length=256)]
TagMap = Annotated[
    dict[TagKey, TagValue],
    Field(max_length=TAG_LIMIT - ownership.MARKERS_PER_RESOURCE),
    BeforeValidator(_tag_map),
]


class ResourceProperties(Properties):
    """The properties that every Custom::Connect* resource has."""

    ServiceToken: str = ""
    ServiceTimeout: int = Field(default=3600, ge=1, le=3600)


class OwnedResourceProperties(ResourceProperties):
    """The properties of a resource that the provider creates, owns and deletes."""

    Tags: TagMap = {}
    ExistingResourcePolicy: Literal["Fail", "Adopt"] = "Fail"


# API: CreateTrafficDistributionGroup and others: a bare id or the instance's ARN.
_INSTANCE = r"(?:arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}:instance/)?[A-Za-z0-9_-]+"
InstanceArnOrId = Annotated[str, Field(pattern=f"^{_INSTANCE}$")]
INSTANCE_SPELLINGS = AliasChoices("InstanceId", "InstanceArn")


def within_instance(kind: str) -> str:
    """Return the pattern of a bare id, or of an ARN, of what an instance holds."""
    arn = rf"arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{{12}}:instance/[A-Za-z0-9_-]+/{kind}/"
    return rf"^(?:{arn})?[A-Za-z0-9_-]+(?::[$A-Za-z0-9_-]+)?$"


UserArnOrId = Annotated[str, Field(pattern=within_instance("agent"))]


def parse_properties(model: type[PropertiesT], properties: object) -> PropertiesT:
    """Return the properties as `model` reads them.

    Raise InvalidRequest with every wrong property in one line, and without their values.
    """
    if not isinstance(properties, Mapping):
        raise InvalidRequest("ResourceProperties: should be a map")
    try:
        return parse(dict(properties), model=model)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise InvalidRequest("; ".join(_explain(model, d) for d in details)) from None


def previous_properties(model: type[PropertiesT], request: Request) -> PropertiesT | None:
    """Return what the previous template said, as far as it was ever applied; None on a Create.

    On a rollback the previous properties are those that failed. When they do not even parse, no
    call was made for them.
    """
    if not isinstance(request, UpdateRequest):
        return None
    try:
        return parse_properties(model, request.old_resource_properties)
    except InvalidRequest:
        return None


def _explain(model: type[BaseModel], detail: ErrorDetails) -> str:
    """Return one line such as "Descripton: unknown property; did you mean Description?"."""
    loc = [part for part in detail["loc"] if part != "[key]"]
    path = ".".join(map(str, loc))
    if detail["type"] == "extra_forbidden":
        return f"{path}: {_unknown(_model_at(model, loc[:-1]), str(loc[-1]))}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{path}: {message}" if path else message


def _unknown(model: type[BaseModel], name: str) -> str:
    spellings = {
        spelling: field
        for field, info in model.model_fields.items()
        for spelling in _spellings(field, info.validation_alias)
    }
    if name in spellings:
        return f"the same as {spellings[name]}, which is given too"
    lowered = {spelling.lower(): spelling for spelling in spellings}
    near = get_close_matches(name.lower(), lowered, n=1)
    return f"unknown property; did you mean {lowered[near[0]]}?" if near else "unknown property"


def _spellings(field: str, alias: object) -> list[str]:
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias or field)]


def _model_at(model: type[BaseModel], loc: list[Any]) -> type[BaseModel]:
    """Return the model of the nested block that `loc` leads to."""
    for part in loc:
        annotation: Any = next(
            info.annotation
            for field, info in model.model_fields.items()
            if part in _spellings(field, info.validation_alias)
        )
        model = next(t for t in (annotation, *get_args(annotation)) if _is_model(t))
    return model


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
