"""What every resource type's properties share, and how a wrong one is explained.

The fields are spelled as in a template. CloudFormation sends every scalar as text, and pydantic's
lax mode reads "50" and "true"; nothing here converts.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args

from aws_lambda_powertools.utilities.parser import ValidationError, parse
from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from connect_provider import ownership
from connect_provider.arn import resource_id
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
        if not isinstance(tag["Key"], str):
            raise ValueError(f"item {index}: its Key should be text")
        if tag["Key"] in tags:
            raise ValueError(f"item {index}: its Key is that of an item before it")
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


class Tag(Properties):
    """A tag, as the native types' templates write it."""

    Key: TagKey = Field(description="the key, which AWS and this provider have not reserved")
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
        default="", description="the ARN of the provider's function, which its stack exports"
    )
    ServiceTimeout: int = Field(
        default=3600,
        ge=1,
        le=3600,
        description="for how many seconds CloudFormation waits for an answer",
    )


class OwnedResourceProperties(ResourceProperties):
    """The properties of a resource that the provider creates, owns and deletes."""

    Tags: TagMap = Field(
        default={}, description="the tags: letters, digits, spaces and _.:/=+-@ in each key"
    )
    ExistingResourcePolicy: Literal["Fail", "Adopt"] = Field(
        default="Fail",
        description="what to do when the Name is taken. `Fail` names the ARN of what has it. "
        "`Adopt` takes that over, makes it what the template says, and never deletes it",
    )


# API: CreateTrafficDistributionGroup and others: a bare id or the instance's ARN.
_INSTANCE = r"(?:arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{12}:instance/)?[A-Za-z0-9_-]+"
InstanceArnOrId = Annotated[str, Field(pattern=f"^{_INSTANCE}$")]
INSTANCE = "the id or ARN of a Connect instance"
INSTANCE_SPELLINGS = AliasChoices("InstanceId", "InstanceArn")


def within_instance(kind: str) -> str:
    """Return the pattern of a bare id, or of an ARN, of what an instance holds."""
    arn = rf"arn:[a-z-]+:connect:[a-z0-9-]+:[0-9]{{12}}:instance/[A-Za-z0-9_-]+/{kind}/"
    return rf"^(?:{arn})?[A-Za-z0-9_-]+(?::[$A-Za-z0-9_-]+)?$"


def refuse_foreign(name: str, arn_or_id: str, instance: str) -> None:
    """Raise ValueError for an ARN that names another instance's resource."""
    if "/" in arn_or_id and f":instance/{resource_id(instance)}/" not in arn_or_id:
        raise ValueError(f"{name}: belongs to another instance than InstanceId")


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
        details.sort(key=lambda detail: detail["type"] != "extra_forbidden")  # slips explain more
        raise InvalidRequest("; ".join(explain(model, d) for d in details)) from None


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


# What pydantic says, in a template author's words.
_WORDS = {
    "missing": "is required",
    "string_type": "should be text",
    "dict_type": "should be a map",
    "model_type": "should be a map",
    "model_attributes_type": "should be a map",
    "list_type": "should be a list",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "bool_parsing": "should be true or false",
    "literal_error": "should be {expected}",
    "string_too_short": "should have {min_length} or more characters",
    "string_too_long": "should have {max_length} or fewer characters",
    "too_short": "should have {min_length} or more entries",
    "too_long": "should have {max_length} or fewer entries",
    "greater_than_equal": "should be {ge} or more",
    "less_than_equal": "should be {le} or less",
    "multiple_of": "should be in steps of {multiple_of}",
}


# CloudFormation: "Resource attribute reference".
_BESIDE_PROPERTIES = {
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "UpdatePolicy",
    "UpdateReplacePolicy",
}


def explain(model: type[BaseModel], detail: ErrorDetails) -> str:
    """Return one line such as "Descripton: unknown property; did you mean Description?"."""
    loc = list(detail["loc"])
    if loc[:1] == ["Tags"] and loc[-1] == "[key]":
        loc.pop()  # pydantic's word for the key itself
    path = ".".join(map(str, loc))
    if detail["type"] == "extra_forbidden":
        return f"{path}: {_unknown(_model_at(model, loc[:-1]), str(loc[-1]))}"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in _WORDS:
        message = _WORDS[detail["type"]].format(**detail.get("ctx", {}))
    elif detail["type"] == "string_pattern_mismatch":
        described = _description_at(model, loc) or "as its API page says"
        message = f"should be {described.rpartition(': ')[2]}"  # "the name: one line of text"
    return f"{path}: {message}" if path else message


def _unknown(model: type[BaseModel], name: str) -> str:
    known = {
        spelling: field
        for field, info in model.model_fields.items()
        for spelling in _spellings(field, info.validation_alias)
    }
    if name in known:
        return f"means the same as {known[name]}; give one of them"
    if name in _BESIDE_PROPERTIES:
        return "unknown property; it belongs beside Properties"
    lowered = {spelling.lower(): spelling for spelling in known}
    near = get_close_matches(name.lower(), lowered, n=1)
    return f"unknown property; did you mean {lowered[near[0]]}?" if near else "unknown property"


def _spellings(field: str, alias: object) -> list[str]:
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias or field)]


def _field_at(model: type[BaseModel], spelling: object) -> FieldInfo | None:
    for field, info in model.model_fields.items():
        if spelling in _spellings(field, info.validation_alias):
            return info
    return None


def _model_at(model: type[BaseModel], loc: list[Any]) -> type[BaseModel]:
    """Return the model of the nested block that `loc` leads to."""
    for part in loc:
        info = _field_at(model, part)
        if info is not None:  # an index in a list is not a field
            model = next(filter(_is_model, _types_in(info.annotation)), model)
    return model


def _types_in(annotation: Any) -> list[Any]:
    """Return the types that an annotation such as "list[X] | None" is made of."""
    return [annotation, *(found for arg in get_args(annotation) for found in _types_in(arg))]


def _description_at(model: type[BaseModel], loc: list[Any]) -> str | None:
    """Return what the field at `loc`, or the field that holds it, is described as."""
    while loc:
        info = _field_at(_model_at(model, loc[:-1]), loc[-1])
        if info is not None:
            return info.description
        loc = loc[:-1]
    return None


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
