"""Reads properties with a model when some of their values are known at deployment only."""

from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

from pydantic import BaseModel
from pydantic_core import (
    ErrorDetails,
    PydanticCustomError,
    SchemaValidator,
    ValidationError,
    core_schema,
)

_SCHEMAS = {  # the parts of pydantic's core schema that a value is read by
    "bool",
    "dict",
    "function-after",
    "function-before",
    "int",
    "list",
    "literal",
    "model",
    "nullable",
    "str",
}


def _stop(*_: object) -> NoReturn:
    raise PydanticCustomError("unresolved", "is known at deployment only")


class Unresolved:
    """A value that only the deployment decides. It stops every validator that looks at it.

    So a model's own checks of several properties say something where they can, and nothing where
    the answer depends on the value.
    """

    __getattribute__ = __hash__ = __eq__ = __bool__ = __len__ = __iter__ = _stop
    __contains__ = __getitem__ = __add__ = __radd__ = __lt__ = __gt__ = __format__ = _stop


UNRESOLVED = object.__new__(Unresolved)


def errors(model: type[BaseModel], properties: object) -> list[ErrorDetails]:
    """Return what is wrong with the properties, whatever the UNRESOLVED ones turn out to be."""
    try:
        _validator(model).validate_python(properties)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [detail for detail in found if detail["type"] != "unresolved"]
    return []


@cache
def _validator(model: type[BaseModel]) -> SchemaValidator:
    # The prebuilt validators are those of the models, which let nothing through.
    return SchemaValidator(_tolerant(model.__pydantic_core_schema__), _use_prebuilt=False)


def _tolerant(schema: Any) -> Any:
    """Return the core schema with every part of it letting UNRESOLVED through."""
    if isinstance(schema, list | tuple):
        return [_tolerant(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tolerant = {name: _tolerant(part) for name, part in schema.items()}
    if tolerant.get("type") not in _SCHEMAS:
        return tolerant
    ref = tolerant.pop("ref", None)
    return core_schema.no_info_wrap_validator_function(_let_through, tolerant, ref=ref)


def _let_through(value: object, read: Callable[[object], object]) -> object:
    return value if value is UNRESOLVED else read(value)
