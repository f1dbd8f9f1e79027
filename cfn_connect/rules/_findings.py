"""The errors in a resource's properties, for every choice of the deployment.

Only the choices that a check looks at count. At first every Fn::If and function is open. A check
that meets one is repeated for each way of that choice, and so on.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from cfnlint.template import Template
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from cfn_connect.resource_types import RESOURCE_TYPES
from cfn_connect.rules._choices import Choices, State, choices_of
from cfn_connect.rules._loops import Path, as_written
from cfn_connect.rules._open import Touch, open_site, optional_site, read
from cfn_connect.rules._rule import Finding, Rule
from cfn_connect.rules._slips import closed_tags, regions, slips
from cfn_connect.rules._view import View
from connect_provider.explain import explain

_STATES = 128  # so many are tried for one resource
_RULES = {
    "extra_forbidden": "E9601",
    "missing": "E9602",
    "value_error": "E9604",
    "region": "W9609",
}


@lru_cache(maxsize=2)
def _findings(cfn: Template) -> Mapping[str, list[Finding]]:
    """Return the errors in the properties of every resource, by their rule."""
    found = defaultdict[str, list[Finding]](list)
    for logical_id, resource in cfn.get_resources().items():
        kind = resource["Type"]
        if not isinstance(kind, str) or kind not in RESOURCE_TYPES or "Fn::Transform" in resource:
            continue
        properties = as_written(cfn, logical_id, resource.get("Properties", {}))
        condition, start = resource.get("Condition"), State()
        if isinstance(condition, str):
            start = start.decide(condition, holds=True)
        checked = _Resource(choices_of(cfn), RESOURCE_TYPES[kind].model, properties)
        for rule, it in checked.findings(start):
            path = ("Resources", logical_id, "Properties", *it.path)
            found[rule].append(it._replace(path=path))
    return found


class PropertyRule(Rule):
    """A rule for properties. One pass over them finds the mistakes of each of these rules."""

    def findings(self, cfn: Template) -> list[Finding]:
        """Return the mistakes that this rule reports."""
        return _findings(cfn)[self.id]


class _Resource:
    """A resource, while its properties are checked."""

    def __init__(self, choices: Choices, model: type[BaseModel], properties: Any) -> None:
        self._choices, self._model, self._properties = choices, model, properties

    def findings(self, start: State) -> Iterator[tuple[str, Finding]]:
        """Yield each error with its rule, at its path in the properties."""
        checked: set[Path] = set()
        for view, details in self._explored(start):
            origin = ", ".join(
                f"Parameters/{name} = {'another value' if it is None else it}"
                for name, it in view.state.parameters
            )
            yield from (self._finding(view, detail, origin) for detail in details)
            yield from self._values(view, checked)
        if checked:
            for view, details in self._explored(start._replace(parameters=self._choices.defaults)):
                found = [detail for detail in details if detail["type"] == "value_error"]
                yield from (self._finding(view, detail) for detail in found)

    def _explored(self, start: State) -> Iterator[tuple[View, list[ErrorDetails]]]:
        """Yield every state that a check asks for, and the errors in it."""
        queue = deque([(start, frozenset[Touch]())] if self._choices.possible(start) else [])
        seen, deep = {start}, False
        while queue:
            state, known = queue.pop() if deep else queue.popleft()
            deep = (
                not deep
            )  # so that neither many choices nor choices within choices use all states
            view, details, touched = self._read(state)
            yield view, details
            for way in self._ways(state, touched - known):
                if way not in seen and len(seen) < _STATES:
                    seen.add(way)
                    queue.append((way, known | touched))

    def _ways(self, state: State, touches: Iterable[Touch]) -> Iterator[State]:
        """Yield the ways of each choice that a check has met."""
        for touch in sorted(touches, key=lambda touch: (touch.part, str(touch.site.path))):
            yield from filter(
                self._choices.possible,
                self._choices.ways(state, touch.site.condition, touch.site.value),
            )

    def _read(self, state: State) -> tuple[View, list[ErrorDetails], set[Touch]]:
        """Return the errors that depend on no open choice, and the touches of open values."""
        view = View(self._choices, state, self._properties)
        details, touched = self._errors(view)
        certain = []
        for detail in details:
            there = view.at(detail["loc"])
            if detail["type"] == "extra_forbidden" and (site := optional_site(there)):
                touched.add(Touch(-1, site))
            elif not (detail["type"] in ("too_short", "too_long") and _is_partly_open(there)):
                certain.append(detail)
        return view, certain, touched

    def _errors(self, view: View) -> tuple[list[ErrorDetails], set[Touch]]:
        """Return the model's errors, slips elsewhere, and the touches of open values."""
        details, touched = read(self._model, view.plain)
        if tags := closed_tags(view):
            of_tags = read(self._model, {"Tags": tags})[0]
            details += [detail for detail in of_tags if detail["loc"][0] == "Tags"]
        # The model's check stops at the first open Region.
        sites = filter(None, (open_site(region) for _, region in regions(view)))
        touched |= {Touch(-1, site) for site in sites}
        found = list(slips(view))
        nulls = {it["loc"] for it in found if it["type"] == "null"}
        details = [detail for detail in details if detail["loc"] not in nulls]
        known = {(detail["loc"], detail["type"] == "value_error") for detail in details}
        found = [it for it in found if (it["loc"], it["type"] == "value_error") not in known]
        return details + found, touched

    def _values(self, view: View, checked: set[Path]) -> Iterator[tuple[str, Finding]]:
        """Yield the errors in each value that a function can have, without its surroundings."""
        new = [path for path in view.functions if path not in checked]
        checked.update(new)
        results = [self._choices.values(view.state, view.functions[path]) for path in new]
        for row in zip_longest(*results):
            known = {path: found for path, found in zip(new, row, strict=True) if found}
            tried = View(self._choices, view.state, self._properties, known)
            for detail in self._errors(tried)[0]:
                rule, finding = self._finding(tried, detail)
                if finding.path in known and detail["type"] != "value_error":
                    yield rule, finding

    def _finding(self, view: View, detail: ErrorDetails, assumed: str = "") -> tuple[str, Finding]:
        message = explain(self._model, detail)
        if detail["type"] == "value_error":
            message = _respelled(message, view)
        location = _location(detail["loc"], message)
        path = view.path_of(location)
        if detail["type"] == "extra_forbidden":  # the key is wrong, not its value
            path = (*view.path_of(location[:-1]), location[-1])
        rule = _RULES.get(detail["type"], "E9603")
        return rule, Finding(path, message, view.origins.get(path) or assumed)


def _location(found: Path, message: str) -> Path:
    """Return where an error is. A check of several values names the place in its message."""
    place, _, rest = message.partition(": ")
    parts = [*(found or place.split(".")), *re.findall(r"^item (\d+)\b", rest)]
    return tuple(int(part) if str(part).isdigit() else part for part in parts)


def _respelled(message: str, view: View) -> str:
    """Return the message with the template's spelling of each id, such as QueueArn for QueueId."""

    def respelled(name: re.Match[str]) -> str:
        other = f"{name[1]}Arn"
        return other if other in view.keys and name[0] not in view.keys else name[0]

    return re.sub(r"\b(\w+)Id\b", respelled, message)


def _is_partly_open(block: Any) -> bool:
    """Return whether a map or list has members that may be missing."""
    members = block.values() if isinstance(block, dict) else block
    return isinstance(block, dict | list) and any(map(optional_site, members))
