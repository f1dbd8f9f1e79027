"""The values and conditions that the deployment of a template chooses."""

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

from cfnlint.helpers import is_function
from cfnlint.jsonschema import CfnTemplateValidator
from cfnlint.template import Template

from cfn_connect.rules._conditions import Conditions, variable
from cfn_connect.rules._literals import text
from cfn_connect.rules._loops import is_open, written_id

Settings = frozenset[tuple[str, Any]]  # names, and the assumed value of each


class State(NamedTuple):
    """Assumptions: whether some conditions hold, and the values of some parameters."""

    conditions: Settings = frozenset()
    parameters: Settings = frozenset()

    def decide(self, condition: str, holds: bool) -> "State":  # noqa: FBT001
        """Return the state with a condition decided."""
        return self._replace(conditions=self.conditions | {(condition, holds)})


class Result(NamedTuple):
    """A value that a function can have, the path that it comes from, and the state it needs."""

    value: object
    origin: str
    state: State


class Choices:
    """The choices of one template. Their results are cached, because resources share them.

    resources: the written logical id and the type of each resource, by its logical id.
    """

    def __init__(self, cfn: Template) -> None:
        self._cfn = cfn
        self.resources = {
            name: (written_id(cfn, name), str(it["Type"]))
            for name, it in cfn.get_resources().items()
        }
        # The values of an SSM parameter are names of other values.
        known = {k: p for k, p in cfn.context.parameters.items() if not p.is_ssm_parameter()}
        self._allowed = {k: [_flat(v) for v in p.allowed_values or ()] for k, p in known.items()}
        self.defaults: Settings = frozenset(
            (name, _flat(p.default)) for name, p in known.items() if p.default is not None
        )
        self._conditions = Conditions(
            cfn.template.get("Conditions"),
            cfn.template.get("Rules"),
            {variable({"Ref": name}): values for name, values in self._allowed.items() if values},
        )
        self.possible = cache(self._possible)
        self.holds = cache(self._holds)
        self._results: dict[tuple[str, bool], list[Result]] = {}

    def is_open(self, value: object) -> bool:
        """Return whether a function, a macro, a loop or the deployment must fill something in."""
        return is_open(self._cfn, value)

    def _possible(self, state: State) -> bool:
        """Return whether a deployment can be in this state."""
        values = {variable({"Ref": name}): value for name, value in state.parameters}
        return self._conditions.possible(dict(state.conditions), values)

    def _holds(self, state: State, condition: str) -> bool | None:
        """Return whether a condition holds in a state, or None if it can be either."""
        yes, no = (
            (condition, not holds) not in state.conditions
            and self.possible(state.decide(condition, holds))
            for holds in (True, False)
        )
        return None if yes and no else yes

    def settled(self, state: State, function: object) -> Result | None:
        """Return the value of a function in a state; None unless there is exactly one."""
        assumed = dict(state.parameters)
        found = [
            result
            for result in self._results_of(function, pseudo=False)
            if all(assumed.get(name, value) == value for name, value in result.state.parameters)
        ]
        is_settled = len(found) == 1 and all(map(frozenset.issubset, found[0].state, state))
        return found[0] if is_settled else None

    def values(self, state: State, function: object) -> list[Result]:
        """Return every known value that a function can have in a state, without its surroundings.

        A parameter's default counts only if the state is possible with all defaults.
        """
        found = []
        for result in self._results_of(function, pseudo=True):
            conditions, parameters = map(frozenset.union, state, result.state)
            if any(self._is_mere_default(pair) for pair in parameters):
                names = dict(parameters)
                parameters |= {pair for pair in self.defaults if pair[0] not in names}
            if self.possible(State(conditions, parameters)):
                found.append(result)
        return found

    def _is_mere_default(self, pair: tuple[str, object]) -> bool:
        return pair in self.defaults and not self._allowed[pair[0]]

    def ways(self, state: State, condition: str, function: object) -> Iterator[State]:
        """Yield a state for each outcome of a condition, or each value that a function depends on.

        A function depends on parameters with AllowedValues, or on those that select from a mapping.
        There is none if a parameter is assumed already: several are chosen together.
        """
        if condition:
            yield from (state.decide(condition, holds) for holds in (True, False))
        elif not state.parameters:
            results = self._results_of(function, pseudo=False)
            names = {name for result in results for name, _ in result.state.parameters}
            pairs = {(name, value) for name in names for value in self._allowed[name]}
            pairs |= {pair for _, pairs in self._selected(function) for pair in pairs}
            for pair in sorted(pairs, key=str):
                yield state._replace(parameters=frozenset({pair}))

    def _results_of(self, function: object, *, pseudo: bool) -> list[Result]:
        """Return every value that cfn-lint knows a function can have.

        pseudo: include the values that cfn-lint invents for pseudo parameters such as AWS::Region.
        """
        key = (variable(function), pseudo)
        if key not in self._results:
            self._results[key] = list(self._resolved(function, pseudo=pseudo))
        return self._results[key]

    def _resolved(self, function: object, *, pseudo: bool) -> Iterator[Result]:
        if is_function(function)[0] == "Fn::If":
            return  # it is malformed
        context = self._cfn.context.evolve(resolve_pseudo_parameters=pseudo)
        validator = CfnTemplateValidator({}, cfn=self._cfn, context=context)
        for selected, parameters in self._selected(function):
            for value, to, error in validator.resolve_value(selected):
                if error is None and not self.is_open(value):
                    used = to.context.ref_values.items()
                    chosen = parameters | {(k, _flat(v)) for k, v in used if k in self._allowed}
                    state = State(frozenset(to.context.conditions.status.items()), chosen)
                    path = "/".join(map(str, to.context.path.value_path)).removeprefix("4/")
                    origin = path or ("" if selected is function else "DefaultValue")
                    yield Result(text(value), origin, state)

    def _selected(self, function: object) -> Iterator[tuple[Any, Settings]]:
        """Yield a function. If parameters select from a mapping, yield one for each cell instead.

        The DefaultValue of Fn::FindInMap stands for each cell that is missing.
        """
        maps = self._cfn.context.mappings.maps
        match function:
            case {"Fn::FindInMap": [str(name), row_key, column_key, *default]} if name in maps:
                rows = {row: it.keys for row, it in maps[name].keys.items()}
                for row, by_row in self._keys(row_key, rows):
                    columns = rows.get(row, {}) if isinstance(row, str) else {}
                    for column, by_column in self._keys(column_key, columns):
                        if isinstance(row, dict) or isinstance(column, dict):
                            cell = [name, row, column, *default]
                            yield {"Fn::FindInMap": cell}, by_row | by_column
                        elif column in columns:
                            yield {"Fn::FindInMap": [name, row, column]}, by_row | by_column
                        elif default and "DefaultValue" in default[0]:
                            yield default[0]["DefaultValue"], by_row | by_column
            case _:
                yield function, frozenset()

    def _keys(self, key: Any, known: Iterable[str]) -> Iterator[tuple[Any, Settings]]:
        """Yield a key of a mapping, or each that its parameter can select. None is a missing one.

        A parameter can have any value unless it has AllowedValues.
        """
        match key:
            case {"Ref": str(name)} if name in self._allowed:
                for value in self._allowed[name] or [*known, None]:
                    yield value, frozenset({(name, value)})
            case _:
                yield key, frozenset()


def _flat(value: object) -> object:
    """Return a parameter's value as the template gives it: the text of a list has commas."""
    return ",".join(map(str, value)) if isinstance(value, list) else text(value)


@lru_cache(maxsize=2)
def choices_of(cfn: Template) -> Choices:
    """Return the choices of a template."""
    return Choices(cfn)
