"""What is wrong with a resource's properties, for every way that the deployment can choose.

Only the choices count that a check looks at. At first every Fn::If and function is open. A check
that meets one is repeated for each way of that choice, and so on.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import NamedTuple

from cfnlint.jsonschema import Validator
from pydantic import BaseModel
from pydantic_core import ErrorDetails

from cfn_connect.rules._choices import Assumed, Choices, State, choices_of, decide
from cfn_connect.rules._loops import Path, as_written
from cfn_connect.rules._open import Touch, read
from cfn_connect.rules._values import Block, Choice, Node, Nothing, node_of
from connect_provider.properties import explain

_STATES = 64  # of one resource: as many states are looked at before each choice is made once
_RULES = {"extra_forbidden": "E9601", "missing": "E9602", "value_error": "E9604"}

_COUNTED = {"too_short", "too_long"}  # errors about the number of members
_UNREAD = -1  # the part of the schema that a key without a place in the model touches


class Finding(NamedTuple):
    """An error: its path in the template, its rule, its message and where its value is from."""

    path: Path
    rule: str
    message: str
    origin: str = ""


def findings(
    validator: Validator, model: type[BaseModel], resource: dict[str, object]
) -> Iterator[Finding]:
    """Yield what is wrong with a resource's properties."""
    logical_id = str(validator.context.path.path[1])
    properties = as_written(validator.cfn, logical_id, resource.get("Properties", {}))
    node = node_of(validator.cfn, properties)
    condition = resource.get("Condition")
    start = decide(State(), condition, True) if isinstance(condition, str) else State()  # noqa: FBT003
    yield from _Resource(choices_of(validator.cfn), model, node, start).findings()


class _Resource:
    """A resource that is looked at."""

    def __init__(self, choices: Choices, model: type[BaseModel], node: Node, start: State) -> None:
        self._choices, self._model, self._node, self._start = choices, model, node, start

    def findings(self) -> Iterator[Finding]:
        """Yield the errors of values, then those of values that do not fit together."""
        checked: set[Path] = set()
        for view, details in self._explored(self._start, values=True):
            for detail in details:
                yield self._finding(view, detail, _assumed(view.state))
            yield from self._values(view, checked)
        defaults = self._start._replace(parameters=self._choices.defaults)
        if checked and defaults.parameters:
            for view, details in self._explored(defaults, values=False):
                found = [detail for detail in details if detail["type"] == "value_error"]
                yield from (self._finding(view, detail) for detail in found)

    def _explored(
        self, start: State, *, values: bool
    ) -> Iterator[tuple[Assumed, list[ErrorDetails]]]:
        """Yield each state that a check asks for, and the errors in it.

        values: for the checks of single values, too.
        """
        if not self._choices.possible(start):
            return
        queue: deque[tuple[State, frozenset[Touch]]] = deque([(start, frozenset())])
        seen = {start}
        while queue and len(seen) <= _STATES:
            state, known = queue.popleft()
            view = Assumed(self._choices, state)
            details, touched = self._read(view)
            yield view, details
            new = sorted(touched - known, key=_order)
            for way in self._ways(state, [t for t in new if values or t.stopped]):
                if way not in seen:
                    seen.add(way)
                    queue.append((way, known | touched))
        for state in self._completed(start) if queue else ():
            if state not in seen:
                seen.add(state)
                view = Assumed(self._choices, state)
                yield view, self._read(view)[0]

    def _ways(self, state: State, touches: Iterable[Touch]) -> Iterator[State]:
        for touch in touches:
            if touch.stopped or isinstance(touch.site, Choice):
                yield from filter(self._choices.possible, self._choices.ways(state, touch.site))

    def _completed(self, start: State) -> Iterator[State]:
        """Yield a state for each branch, with every other condition one way, and the other."""
        branches = list(self._node.branches())
        conditions = dict.fromkeys(condition for branch in branches for condition, _ in branch)
        for branch in branches:
            for preferred in (True, False):
                state = start._replace(conditions=start.conditions | set(branch))
                if not self._choices.possible(state):
                    break
                for condition in conditions:
                    if self._choices.holds(state, condition) is None:
                        state = decide(state, condition, preferred)
                yield state

    def _read(self, view: Assumed) -> tuple[list[ErrorDetails], set[Touch]]:
        """Return the errors that depend on no open choice, and the touches of open values."""
        node = self._node.seen(view)
        plain = {} if isinstance(node, Nothing) else node.plain(view)
        details, touched = read(self._model, plain)
        certain = []
        for detail in details:
            node = self._node.at(view, detail["loc"])
            if detail["type"] == "extra_forbidden" and node.optional:
                touched.add(Touch(_UNREAD, node, stopped=True))  # it may not be there
            elif not (detail["type"] in _COUNTED and _is_partly_open(node, view)):
                certain.append(detail)
        return certain, touched

    def _values(self, view: Assumed, checked: set[Path]) -> Iterator[Finding]:
        """Yield what is wrong with each value that a function can have by itself."""
        new = [it for it in self._node.functions(view) if it.path not in checked]
        checked.update(function.path for function in new)
        results = [self._choices.local_results(view.state, function) for function in new]
        for row in zip_longest(*results):
            known = {f.path: found for f, found in zip(new, row, strict=True) if found is not None}
            values = {path: result.value for path, result in known.items()}
            tried = Assumed(view.choices, view.state, values)
            for detail in self._read(tried)[0] if values else ():
                finding = self._finding(tried, detail)
                if finding.path in known and detail["type"] != "value_error":
                    yield finding._replace(origin=known[finding.path].origin)

    def _finding(self, view: Assumed, detail: ErrorDetails, origin: str = "") -> Finding:
        message = explain(self._model, detail)
        location = _location(detail, message)
        path = self._node.at(view, location).path
        if detail["type"] == "extra_forbidden":  # it is the key that is wrong
            path = (*self._node.at(view, location[:-1]).path, location[-1])
        return Finding(path, _RULES.get(detail["type"], "E9603"), message, origin)


def _is_partly_open(node: Node, view: Assumed) -> bool:
    """Tell whether a block has members that may not be there."""
    return isinstance(node, Block) and any(it.optional for it in node.members(view).values())


def _location(detail: ErrorDetails, message: str) -> Path:
    """Return where an error is; a check of several properties begins its message with that."""
    return detail["loc"] or tuple(
        int(part) if part.isdigit() else part for part in message.partition(": ")[0].split(".")
    )


def _assumed(state: State) -> str:
    return ", ".join(f"Parameters/{name} = {value}" for name, value in state.parameters)


def _order(touch: Touch) -> tuple[str, int]:
    return str(touch.site.path), touch.part
