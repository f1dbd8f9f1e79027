"""Restores what cfn-lint has replaced for AWS::LanguageExtensions."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache, reduce
from operator import getitem
from typing import Any, NamedTuple

from cfnlint.decode import decode
from cfnlint.helpers import is_function
from cfnlint.template import Template

_EXTENSIONS = "AWS::LanguageExtensions"
_SECTIONS = ("Outputs", "Resources")

Path = tuple[str | int, ...]


class Iteration(NamedTuple):
    """An iteration of Fn::ForEach: the path that it was written at, and its variables' values."""

    path: Path
    values: Mapping[str, Any]


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


@lru_cache(maxsize=2)
def iterations(cfn: Template) -> Mapping[Path, Iteration]:
    """Return the iteration that makes each resource or output of a loop.

    If only the deployment knows a loop's values, cfn-lint makes up names, other ones each time.
    They have no values here, but the place of a name in the text tells the path.
    """
    if not cfn.has_language_extensions_transform():
        return {}
    probe: dict[str, Any] = {"Transform": _EXTENSIONS, **{name: {} for name in _SECTIONS}}
    probe |= {k: cfn.template[k] for k in ("Mappings", "Parameters") if k in cfn.template}
    for *path, loop in cfn.transform_pre["Fn::ForEach"]:
        if len(path) == 2 and path[0] in _SECTIONS:
            probe[path[0]][path[1]] = _probed(loop, tuple(path), ())
    copy = Template(None, probe)
    copy.transform()
    made = {
        (section, name): it for section in _SECTIONS for name, it in copy.template[section].items()
    }
    made_up = {_place(path[1]): {**it, "Values": {}} for path, it in made.items()}
    made_up.pop(None, None)
    names = [
        (section, str(name), _place(name))
        for section in _SECTIONS
        for name in cfn.template.get(section) or ()
    ]
    found = [
        ((section, name), made.get((section, name)) or made_up.get(place))
        for section, name, place in names
    ]
    return {path: Iteration(tuple(it["Path"]), it["Values"]) for path, it in found if it}


def _place(name: Any) -> tuple[int, int] | None:
    """Return the place of a name in the text; None if it is not from the text."""
    mark = getattr(name, "start_mark", None)
    return (mark.line, mark.column) if mark else None


def _probed(loop: Any, path: Path, variables: tuple[str, ...]) -> Any:
    """Return a loop that makes an iteration's path and values in place of each of its members."""
    variable, values, body = loop
    variables = (*variables, variable)
    probes = {
        key: _probed(member, (*path, 2, key), variables)
        if str(key).startswith("Fn::ForEach")
        else {"Path": [*path, 2, key], "Values": {name: {"Ref": name} for name in variables}}
        for key, member in body.items()
    }
    return [variable, values, probes]


def name_of(cfn: Template, path: Path) -> str:
    """Return the logical id of a loop's resource, with variables if only the deployment has it."""
    it = iterations(cfn).get(path[:2])
    if it is None:
        return ""
    is_known = it.values and all(isinstance(value, str) for value in it.values.values())
    return str(path[1] if is_known else it.path[-1])


def unrolled(cfn: Template, path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value in each iteration; only the value itself outside of loops."""
    made = [(it, name) for name, it in iterations(cfn).items() if path[: len(it.path)] == it.path]
    for it, name in made:
        yield (*name, *path[len(it.path) :]), _filled(value, it.values)
    if not made:
        yield path, value


def written_id(cfn: Template, logical_id: str) -> str:
    """Return a logical id as the template has it, with the variables of loops."""
    iteration = iterations(cfn).get(("Resources", logical_id))
    return str(iteration.path[-1]) if iteration else logical_id


def as_written(cfn: Template, logical_id: str, properties: Any) -> Any:
    """Return a resource's properties with each Fn::FindInMap and null as the template has it.

    For AWS::LanguageExtensions, cfn-lint replaces each Fn::FindInMap with one of the mapping's
    values, even where the deployment chooses, and drops null. A loop's variables have the values of
    the current iteration.
    """
    if not cfn.has_language_extensions_transform():
        return properties
    path: Path = ("Resources", logical_id)
    iteration = iterations(cfn).get(path, Iteration(path, {}))
    written = deepcopy(properties)
    for (*inner, last), value in _replaced(cfn).get(iteration.path, ()):
        try:
            parent = reduce(getitem, inner, written)
            if value is None or parent[last] is not None:
                parent[last] = _filled(value, iteration.values)
        except (KeyError, IndexError, TypeError):
            continue  # a loop within the properties has moved it
    return written


@lru_cache(maxsize=2)
def _replaced(cfn: Template) -> Mapping[Path, list[tuple[Path, Any]]]:
    """Return what cfn-lint has replaced in each resource's properties: the place and the value.

    cfn-lint has kept no null. If the template has a file, it is read again.
    """
    functions = [(path, {name: keys}) for *path, name, keys in cfn.transform_pre["Fn::FindInMap"]]
    nulls = [(path, None) for path in _nulls(decode(cfn.filename)[0] if cfn.filename else {}, [])]
    replaced = defaultdict[Path, list[tuple[Path, Any]]](list)
    for path, value in [*functions, *nulls]:
        if "Properties" in path and "Fn::FindInMap" not in path:
            at = path.index("Properties")
            replaced[tuple(path[:at])].append((tuple(path[at + 1 :]), value))
    return replaced


def _nulls(value: Any, path: list[Any]) -> Iterator[list[Any]]:
    """Yield the path of each null."""
    if value is None:
        yield path
    elif isinstance(value, dict | list):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _nulls(member, [*path, key])


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return a value with the variables of its loop replaced."""
    match value:
        case {"Ref": str(name)} if name in variables:
            return variables[name]
        case dict():
            return {key: _filled(member, variables) for key, member in value.items()}
        case list():
            return [_filled(member, variables) for member in value]
        case str():
            texts = {f"${{{name}}}": it for name, it in variables.items() if isinstance(it, str)}
            return re.sub(r"\$\{\w+}", lambda it: texts.get(it[0], it[0]), value)
    return value
