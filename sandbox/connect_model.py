"""Connect's HTTP API from the server's side, read from botocore's service model.

The model has the routes, the place of each input, the required inputs, and every limit. The
emulator checks them like the service; botocore ignores enums, patterns and maximum lengths.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from sandbox.http_server import HttpRequest, HttpResponse


class ServiceError(Exception):
    """An error of Connect, by its code in the model."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.members = code, message, members


@dataclass(frozen=True)
class ConnectCall:
    """One call: the operation by its API name, and its input."""

    region: str
    operation: str
    parameters: Mapping[str, Any]


_REGION = re.compile(r"Credential=[^/]+/\d{8}/([^/]+)/")
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "integer": int,
    "boolean": bool,
}


class ConnectModel:
    """The service model, for a server."""

    def __init__(self) -> None:
        self.service = ServiceModel(Loader().load_service_model("connect", "service-2"), "connect")

    @cached_property
    def _routes(self) -> Mapping[tuple[str, str], list[tuple[re.Pattern[str], str]]]:
        """The path and the name of each operation, by its method and the first part of its path."""
        routes = defaultdict(list)
        for name in self.service.operation_names:
            http = self.service.operation_model(name).http
            path = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"].split("?")[0])
            routes[http["method"], _first(path)].append((re.compile(path), name))
        return routes

    def parse(self, request: HttpRequest) -> ConnectCall:
        """Return the call of an HTTP request; raise ServiceError if it is not valid."""
        url = urlsplit(request.path)
        region = _REGION.search(request.headers.get("Authorization", ""))
        if region is None:
            raise ServiceError("AccessDeniedException", "the request is not signed")
        for path, name in self._routes.get((request.method, _first(url.path)), ()):
            # An ARN in a path is percent-encoded, so the route must match the raw path.
            if match := path.fullmatch(url.path):
                operation = self.service.operation_model(name)
                parameters = _input(operation, match.groupdict(), url.query, request.body)
                problems = list(_problems(operation.input_shape, parameters, ""))
                if problems:
                    raise ServiceError(_invalid(operation), "; ".join(problems))
                return ConnectCall(region[1], name, parameters)
        raise ServiceError("UnknownOperationException", f"{request.method} {url.path}")

    def error_response(self, error: ServiceError) -> HttpResponse:
        """Return the HTTP response for an error, with the status that the model declares."""
        status = 404 if error.code == "UnknownOperationException" else 400
        for shape in self.service.error_shapes:
            if shape.name == error.code:
                status = shape.metadata.get("error", {}).get("httpStatusCode", 400)
        body = json.dumps({"Message": error.message, **error.members}).encode()
        return HttpResponse(status, body, {"x-amzn-ErrorType": error.code})


def _first(path: str) -> str:
    """Return the first part of a path. No operation has an input there."""
    return path.lstrip("/").partition("/")[0]


def _input(
    operation: OperationModel, labels: Mapping[str, str], query: str, body: bytes
) -> dict[str, Any]:
    """Return the operation's input; the model has the place of each member."""
    values = parse_qs(query, keep_blank_values=True)
    try:
        parameters: dict[str, Any] = json.loads(body) if body else {}
    except ValueError:
        raise ServiceError(_invalid(operation), "the body is not JSON") from None
    members = operation.input_shape.members if operation.input_shape else {}
    for name, shape in members.items():
        place, key = shape.serialization.get("location"), shape.serialization.get("name", name)
        if place == "uri":
            parameters[name] = unquote(labels[key])
        elif place == "querystring" and key in values:
            value: Any = values[key] if shape.type_name == "list" else values[key][0]
            parameters[name] = int(value) if shape.type_name == "integer" else value
    return parameters


def _invalid(operation: OperationModel) -> str:
    declared = {shape.name for shape in operation.error_shapes}
    specific = "InvalidParameterException"
    return specific if specific in declared else "InvalidRequestException"


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield the problems of a value, with its path."""
    expected = _TYPES.get(shape.type_name)
    if expected and (not isinstance(value, expected) or (expected is int and value is True)):
        yield f"{path}: should be a {shape.type_name}"
        return
    yield from _limits(shape, value, path)
    if shape.type_name == "structure":
        yield from _structure_problems(shape, value, path)
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield from _problems(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _problems(shape.key, key, f"{path} key")
            yield from _problems(shape.value, item, f"{path}.{key}")


def _structure_problems(shape: Any, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name in shape.required_members:
        if name not in value:
            yield f"{path}.{name}: is required".lstrip(".")
    for name, item in value.items():
        if name in shape.members:
            yield from _problems(shape.members[name], item, f"{path}.{name}".lstrip("."))


def _limits(shape: Any, value: Any, path: str) -> Iterator[str]:
    size = value if shape.type_name == "integer" else None
    size = len(value) if isinstance(value, str | list | dict) else size
    limits = shape.metadata
    if size is not None and not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{path}: should be within {limits.get('min', 0)} and {limits.get('max')}"
    if limits.get("enum") and value not in limits["enum"]:
        yield f"{path}: should be one of {', '.join(limits['enum'])}"
    pattern = limits.get("pattern", "")
    # The model escapes some patterns twice.
    if pattern and "\\\\" not in pattern:
        pattern = pattern.replace(r"\p{L}\p{Z}\p{N}_", r"\w\s")
        if not re.search(pattern, value):
            yield f"{path}: should match {pattern}"
