"""Reduce botocore's data to the services and operations that the functions call.

When botocore builds a client, it parses a description of 400 operations and of the endpoints of 400
services. The functions call two services. The parsing is a third of their work before the first
request.
"""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVICES = ("connect", "cloudformation")
_SHARED = ("_retry.json", "endpoints.json", "partitions.json", "sdk-default-configuration.json")
_PER_SERVICE = ("service-2", "endpoint-rule-set-1")  # no examples, paginators and waiters


def prune(data: Path, sources: str) -> None:
    """Remove the files in botocore's data folder that the functions never read.

    sources: the source code of the functions. Connect's model keeps the operations that it names.
    """
    keep_services(data)
    for path in data.glob("*/*/*"):
        if not path.name.startswith(_PER_SERVICE):
            path.unlink()
    (packed,) = data.glob("connect/*/service-2.json.gz")
    packed.with_suffix("").write_text(_dump(called_only(load_model(packed), sources)))
    packed.unlink()
    endpoints = data / "endpoints.json"
    endpoints.write_text(_dump(_own_endpoints(json.loads(endpoints.read_text()))))


def keep_services(data: Path) -> None:
    """Remove the services that the functions do not call from botocore's data folder."""
    for path in data.iterdir():
        if path.is_dir() and path.name not in SERVICES:
            shutil.rmtree(path)
        elif path.is_file() and path.name not in _SHARED:
            path.unlink()


def load_model(packed: Path) -> dict[str, Any]:
    """Return a packed service model without its documentation."""
    model: dict[str, Any] = _undocumented(json.loads(gzip.decompress(packed.read_bytes())))
    return model


def called_only(model: dict[str, Any], sources: str) -> dict[str, Any]:
    """Return a service model with only the operations that the sources name, and their shapes."""
    operations = {
        name: operation for name, operation in model["operations"].items() if f'"{name}"' in sources
    }
    shapes: dict[str, Any] = {}
    wanted = list(_references(operations))
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            wanted += _references(shapes[name])
    return {**model, "operations": operations, "shapes": shapes}


def _references(node: object) -> Iterator[str]:
    """Yield the names of the shapes to which a part of a service model refers."""
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _undocumented(node: Any) -> Any:
    """Return a service model without its documentation. A map is a member: keep it."""
    if isinstance(node, dict):
        return {
            key: _undocumented(value)
            for key, value in node.items()
            if not (key in ("documentation", "documentationUrl") and isinstance(value, str))
        }
    return [_undocumented(value) for value in node] if isinstance(node, list) else node


def _own_endpoints(endpoints: dict[str, Any]) -> dict[str, Any]:
    """Return the endpoints of the called services in every partition and Region."""
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in SERVICES if name in services}
    return endpoints


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
