"""Reads properties with a model when some of their values are open: not known before deployment."""

from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any, NamedTuple, NoReturn

from pydantic import BaseModel
from pydantic_core import (
    ErrorDetails,
    PydanticCustomError,
    SchemaValidator,
    ValidationError,
    core_schema,
)

_PARTS = {  # the parts of pydantic's core schema that read a value
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

_numbers = count()  # of the parts


def _site(value: Any) -> Any:
    return object.__getattribute__(value, "_site")


def _stop(value: Any, *_: object) -> NoReturn:
    raise PydanticCustomError("open", "is known at deployment only", {"site": _site(value)})


class Open:
    """The value of a site (an Fn::If or a function) that is not known yet.

    A check that looks at it stops. So a model's check of several properties reports an error only
    if the error does not depend on the value.
    """

    __slots__ = ("_site",)

    def __init__(self, site: Any) -> None:
        object.__setattr__(self, "_site", site)

    __getattribute__ = __hash__ = __eq__ = __bool__ = __len__ = __iter__ = _stop
    __contains__ = __getitem__ = __add__ = __radd__ = __lt__ = __gt__ = __format__ = _stop


class Touch(NamedTuple):
    """A part of the schema that met an open value."""

    part: int
    site: Any


def open_site(value: object) -> Any:
    """Return the site of an open value; None for any other value."""
    return _site(value) if type(value) is Open else None


def optional_site(value: object) -> Any:
    """Return the site of an open value that may be missing; None for any other value."""
    return _site(value) if type(value) is Open and _site(value).optional else None


class _Watched:
    """A model that stops its checks at a property that may be missing, even at `is None`."""

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        return _stop(value) if optional_site(value) else value


def read(model: type[BaseModel], properties: object) -> tuple[list[ErrorDetails], set[Touch]]:
    """Return the errors that do not depend on an open value, and every touch of such a value."""
    touched: set[Touch] = set()
    try:
        _validator(model).validate_python(properties, context=touched)
    except ValidationError as error:
        return error.errors(include_url=False, include_input=False), touched
    return [], touched


@cache
def _validator(model: type[BaseModel]) -> SchemaValidator:
    return SchemaValidator(_tolerant(model.__pydantic_core_schema__))


def _tolerant(schema: Any, around: str = "") -> Any:
    """Return the core schema, changed so that open values pass every part of it.

    around: the type of the part that holds this one as its only part, if there is one.
    """
    if isinstance(schema, list | tuple):
        return [_tolerant(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kind = str(schema.get("type"))
    tolerant = {
        name: _tolerant(part, kind if name == "schema" else "") for name, part in schema.items()
    }
    if kind == "model":
        tolerant["cls"] = _watched(tolerant["cls"])
    if kind not in _PARTS or around == "nullable" or around.startswith("function-"):
        return tolerant  # for the latter, the part around it passes open values already
    ref = tolerant.pop("ref", None)
    return core_schema.with_info_wrap_validator_function(_passing(), tolerant, ref=ref)


@cache
def _watched(model: type) -> type:
    """Return a watched model. It stays incomplete, so that pydantic uses our schema."""
    body = {"__module__": model.__module__}
    watched = type(model)(model.__name__, (_Watched, model), body)
    watched.__pydantic_complete__ = False  # type: ignore[attr-defined]
    return watched


def _passing() -> core_schema.WithInfoWrapValidatorFunction:
    """Return a function that passes an open value, and creates one for a check that stopped."""
    part = next(_numbers)

    def wrap(value: object, inner: Callable[[object], object], info: Any) -> object:
        if type(value) is Open:
            info.context.add(Touch(part, _site(value)))
            return value
        try:
            return inner(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_input=False):
                if detail["type"] == "open":
                    site = detail["ctx"]["site"]
                    items = value if type(value) is list else ()
                    # The check of a list stops at its first open item, and looks at each by itself.
                    sites = {site, *(_site(item) for item in items if type(item) is Open)}
                    info.context.update(Touch(part, it) for it in sites)
                    return Open(site)
            raise

    return wrap
