"""Restores Fn::ForEach and Fn::FindInMap, which cfn-lint has replaced."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import lru_cache, reduce
from operator import getitem
from typing import Any

from cfnlint.helpers import is_function
from cfnlint.template import Template

Path = tuple[str | int, ...]


def is_open(cfn: Template, value: object) -> bool:
    """Return whether a function, a macro, a loop or the deployment must fill something in."""
    if isinstance(value, dict):
        macros = ("Fn::Transform", "Fn::ForEach")
        return is_function(value) != (None, None) or any(str(k).startswith(macros) for k in value)
    if not isinstance(value, str) or "{" not in value:
        return False
    return "{{resolve:" in value or any(
        re.search(rf"[$&]\{{{re.escape(name)}}}", value) for name in loop_variables(cfn)
    )


@lru_cache(maxsize=2)
def loop_variables(cfn: Template) -> frozenset[str]:
    """Return the variable of each Fn::ForEach."""
    loops = [loop for *_, loop in cfn.transform_pre["Fn::ForEach"]]
    return frozenset(
        loop[0] for loop in loops if isinstance(loop, list) and isinstance(loop[0], str)
    )


def as_written(cfn: Template, logical_id: str, properties: Any) -> Any:
    """Return a resource's properties with each Fn::FindInMap as the template has it.

    For AWS::LanguageExtensions, cfn-lint replaces each with one of the mapping's values, even where
    the deployment chooses. A loop's variables have the values of the current iteration.
    """
    if not cfn.has_language_extensions_transform():
        return properties
    written = deepcopy(properties)
    for path, function in _mappings_read(cfn, logical_id):
        *inner, last = path
        try:
            parent = reduce(getitem, inner, written)
            _ = parent[last]
        except (KeyError, IndexError, TypeError):
            continue  # a loop within the properties has moved it
        parent[last] = function
    return written


def _mappings_read(cfn: Template, logical_id: str) -> Iterator[tuple[Path, Any]]:
    """Yield the path of each Fn::FindInMap in a resource's properties, and the function."""
    for *path, name, keys in cfn.transform_pre["Fn::FindInMap"]:
        if path[0] != "Resources" or "Properties" not in path or not isinstance(keys, list):
            continue
        at = path.index("Properties")
        turn = _turn(str(path[at - 1]), logical_id)
        if turn is None:
            continue
        keys = [_filled(key, turn) for key in keys]
        written = json.dumps(keys[:3], default=str)
        if not any(f'"{it}"' in written or f"{{{it}}}" in written for it in loop_variables(cfn)):
            yield tuple(path[at + 1 :]), {name: keys}


def _turn(template_id: str, logical_id: str) -> dict[str, str] | None:
    """Return the values of the loop variables that give this logical id, or None."""
    parts = re.split(r"[$&]\{([^}]*)\}", template_id)
    found = re.fullmatch("(.+)".join(map(re.escape, parts[::2])), logical_id)
    return dict(zip(parts[1::2], found.groups(), strict=True)) if found else None


def _filled(key: Any, turn: dict[str, str]) -> Any:
    """Return a key of Fn::FindInMap with the loop variables replaced."""
    if isinstance(key, dict) and key.get("Ref") in turn:
        return turn[key["Ref"]]
    return key
