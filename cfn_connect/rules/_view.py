"""A resource's properties as Lambda gets them, under some assumptions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cfnlint.helpers import is_function

from cfn_connect.rules._choices import Choices, Result, State
from cfn_connect.rules._literals import text
from cfn_connect.rules._loops import Path
from cfn_connect.rules._open import Open

_NOTHING = object()  # AWS::NoValue


@dataclass(frozen=True)
class Site:
    """The place of an unknown value in a template: an Fn::If, or another function.

    optional: whether it can become AWS::NoValue.
    """

    path: Path
    value: Any = field(compare=False)
    condition: str = ""
    optional: bool = False


class View:
    """The properties in one state. results: those to assume of some functions, by their path.

    plain: the properties, with an Open for each value that is not known.
    functions: every function that can be seen, by its path.
    origins: the path that the value of a function comes from, by the function's path.
    leaves: every scalar and every open value, by its location.
    """

    def __init__(
        self,
        choices: Choices,
        state: State,
        properties: Any,
        results: Mapping[Path, Result] | None = None,
    ) -> None:
        self.state = state
        self.functions: dict[Path, Any] = {}
        self.origins: dict[Path, str] = {}
        self.leaves: dict[Path, Any] = {}
        self.choices, self._results = choices, results
        self._paths: dict[Path, Path] = {}
        plain = self._plain(properties, (), ())
        self.plain = {} if plain is _NOTHING else plain

    @property
    def keys(self) -> set[str | int]:
        """Every key in the plain properties."""
        return {key for location in self._paths for key in location}

    def path_of(self, location: Path) -> Path:
        """Return the path in the template of a location in the plain properties.

        The path shows each Fn::If. If nothing is there, it is the path of the nearest value above.
        """
        while location not in self._paths:
            location = location[:-1]
        return self._paths[location]

    def at(self, location: Path) -> Any:
        """Return the plain value at a location, or None if nothing is there."""
        value = self.plain
        for key in location:
            members = dict(enumerate(value)) if type(value) is list else value
            value = members.get(key) if type(members) is dict else None
        return value

    def _plain(self, value: Any, path: Path, location: Path) -> Any:
        self._paths[location] = path
        if self.choices.is_open(value):
            return self._of_function(value, path, location)
        if isinstance(value, dict):
            return self._map(value, path, location)
        if isinstance(value, list):
            return self._list(value, path, location)
        self.leaves[location] = text(value)
        return self.leaves[location]

    def _map(self, value: dict[Any, Any], path: Path, location: Path) -> dict[str, Any]:
        found = {}
        for key, member in value.items():
            name = str(text(key))
            plain = self._plain(member, (*path, key), (*location, name))
            if plain is not _NOTHING:
                found[name] = plain
        return found

    def _list(self, value: list[Any], path: Path, location: Path) -> list[Any]:
        found: list[Any] = []
        for index, member in enumerate(value):
            plain = self._plain(member, (*path, index), (*location, len(found)))
            if plain is not _NOTHING:
                if type(plain) is dict and type(plain.get("Key")) is str:
                    self._paths[*location, plain["Key"]] = (*path, index)  # a tag
                found.append(plain)
        return found

    def _of_function(self, value: Any, path: Path, location: Path) -> Any:
        match is_function(value):
            case ("Ref", "AWS::NoValue"):
                del self._paths[location]
                return _NOTHING
            case ("Fn::If", [str(condition), *branches]) if len(branches) == 2:
                holds = self.choices.holds(self.state, condition)
                if holds is None:
                    return self._open(location, Site(path, value, condition, _is_optional(value)))
                index = 1 if holds else 2
                return self._plain(branches[index - 1], (*path, "Fn::If", index), location)
        self.functions[path] = value
        if self._results is None:
            result = self.choices.settled(self.state, value)
        else:
            result = self._results.get(path)
        if result is None:
            return self._open(location, Site(path, value))
        self.origins[path] = result.origin
        return result.value

    def _open(self, location: Path, site: Site) -> Open:
        self.leaves[location] = value = Open(site)
        return value


def _is_optional(value: Any) -> bool:
    match is_function(value):
        case ("Fn::If", [_, *branches]):
            return any(map(_is_optional, branches))
    return bool(value == {"Ref": "AWS::NoValue"})
