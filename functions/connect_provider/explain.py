"""Explains a validation error of pydantic in a template author's words."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

# pydantic's error types, in a template author's words.
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
        loc.pop()  # pydantic means the key itself
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
        for spelling in spellings(field, info.validation_alias)
    }
    if name in known:
        return f"means the same as {known[name]}; give one of them"
    if name in _BESIDE_PROPERTIES:
        return "unknown property; it belongs beside Properties"
    lowered = {spelling.lower(): spelling for spelling in known}
    near = get_close_matches(name.lower(), lowered, n=1)
    return f"unknown property; did you mean {lowered[near[0]]}?" if near else "unknown property"


def spellings(field: str, alias: object) -> list[str]:
    """Return the names that a template may give a field. alias: its validation alias."""
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [str(alias or field)]


def _field_at(model: type[BaseModel], spelling: object) -> FieldInfo | None:
    for field, info in model.model_fields.items():
        if spelling in spellings(field, info.validation_alias):
            return info
    return None


def _model_at(model: type[BaseModel], loc: list[Any]) -> type[BaseModel]:
    """Return the model of the nested block at `loc`."""
    for part in loc:
        info = _field_at(model, part)
        if info is not None:  # an index in a list is not a field
            model = next(_models_in(info.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield every model in an annotation such as "list[Model] | None"."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _description_at(model: type[BaseModel], loc: list[Any]) -> str | None:
    """Return the description of the field at `loc`, or of the field that holds it."""
    while loc:
        info = _field_at(_model_at(model, loc[:-1]), loc[-1])
        if info is not None:
            return info.description
        loc = loc[:-1]
    return None
