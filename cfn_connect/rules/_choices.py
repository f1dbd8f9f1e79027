"""What the deployment of a template chooses: conditions, parameters and what follows from them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain
from typing import Any, NamedTuple

from cfnlint.helpers import is_function
from cfnlint.jsonschema import CfnTemplateValidator
from cfnlint.template import Template

from cfn_connect.rules._conditions import Conditions, variable
from cfn_connect.rules._literals import text
from cfn_connect.rules._loops import is_open
from cfn_connect.rules._open import Open
from cfn_connect.rules._values import Choice, Function, Node

Settings = frozenset[tuple[str, Any]]  # names, and the value that each is assumed to have


class State(NamedTuple):
    """What is assumed: some conditions, and the values of some parameters."""

    conditions: Settings = frozenset()
    parameters: Settings = frozenset()


class Result(NamedTuple):
    """A value that a function can have, the path that it comes from, and what it takes."""

    value: object
    origin: str
    takes: State


class Choices:
    """The choices of one template."""

    def __init__(self, cfn: Template) -> None:
        """Read the template. Results are kept, since its resources need the same ones."""
        self._cfn = cfn
        self._parameters = {
            name: parameter
            for name, parameter in cfn.context.parameters.items()
            if not parameter.is_ssm_parameter()  # its values are names
        }
        self.allowed = {
            name: [_flat(value) for value in parameter.allowed_values]
            for name, parameter in self._parameters.items()
            if parameter.allowed_values
        }
        self.defaults = frozenset(
            (name, _flat(parameter.default))
            for name, parameter in self._parameters.items()
            if parameter.default is not None
        )
        allowed = {variable({"Ref": name}): values for name, values in self.allowed.items()}
        self._conditions = Conditions(
            cfn.template.get("Conditions"), cfn.template.get("Rules"), allowed
        )
        self._possible: dict[State, bool] = {}
        self._holds: dict[tuple[State, str], bool | None] = {}
        self._results: dict[tuple[str, bool], list[Result]] = {}

    def possible(self, state: State) -> bool:
        """Tell whether a deployment can be so."""
        if state not in self._possible:
            values = {variable({"Ref": name}): value for name, value in state.parameters}
            self._possible[state] = self._conditions.possible(dict(state.conditions), values)
        return self._possible[state]

    def holds(self, state: State, condition: str) -> bool | None:
        """Tell whether a condition holds in a state; None if it can be either."""
        decided = {(condition, True), (condition, False)} & state.conditions
        if decided:
            return (condition, True) in decided
        if (state, condition) not in self._holds:
            yes, no = (self.possible(decide(state, condition, holds)) for holds in (True, False))
            self._holds[state, condition] = None if yes and no else yes
        return self._holds[state, condition]

    def results(self, function: Function, *, pseudo: bool) -> list[Result]:
        """Return every value that cfn-lint knows a function can have.

        pseudo: with the values that cfn-lint makes up for AWS::Region and other pseudo parameters.
        """
        key = (variable(function.value), pseudo)
        if key not in self._results:
            self._results[key] = list(self._resolved(function.value, pseudo=pseudo))
        return self._results[key]

    def _resolved(self, function: object, *, pseudo: bool) -> Iterator[Result]:
        context = self._cfn.context.evolve(resolve_pseudo_parameters=pseudo)
        validator = CfnTemplateValidator({}, cfn=self._cfn, context=context)
        if is_function(function)[0] == "Fn::If":
            return  # a malformed one
        for value, to, error in validator.resolve_value(function):
            if error is None and not is_open(self._cfn, value):
                chosen = to.context.ref_values.items()
                parameters = {(k, _flat(v)) for k, v in chosen if k in self._parameters}
                takes = State(
                    frozenset(to.context.conditions.status.items()), frozenset(parameters)
                )
                yield Result(text(value), "/".join(map(str, to.context.path.value_path)), takes)

    def value(self, state: State, function: Function) -> object:
        """Return what a function comes to in a state; Open unless there is one value for it."""
        assumed = dict(state.parameters)
        found = [
            result
            for result in self.results(function, pseudo=False)
            if all(assumed.get(name, value) == value for name, value in result.takes.parameters)
        ]
        if len(found) == 1 and all(map(frozenset.issubset, found[0].takes, state)):
            return found[0].value
        return Open(function)

    def local_results(self, state: State, function: Function) -> list[Result]:
        """Return the values that a function can have by itself in a state.

        A default counts if the state is possible with all defaults: nobody has to keep it.
        """
        return [
            result
            for result in self.results(function, pseudo=True)
            if self.possible(self._with(state, result))
        ]

    def _with(self, state: State, result: Result) -> State:
        taken = result.takes.parameters
        if any(pair in self.defaults and pair[0] not in self.allowed for pair in taken):
            others = {pair for pair in self.defaults if pair[0] not in dict(taken)}
            taken = taken | others
        return State(state.conditions | result.takes.conditions, taken)

    def ways(self, state: State, site: Node) -> Iterator[State]:
        """Yield the states in which one more choice is made, so that the site gets known.

        A parameter is tried with each of its AllowedValues, if it is the only one that is.
        """
        if isinstance(site, Choice):
            yield from (decide(state, site.value, holds) for holds in (True, False))
        elif isinstance(site, Function) and not state.parameters:
            takes = (result.takes.parameters for result in self.results(site, pseudo=False))
            for name in dict.fromkeys(name for name, _ in sorted(chain(*takes), key=str)):
                for value in self.allowed.get(name, ()):
                    yield state._replace(parameters=frozenset({(name, value)}))


def decide(state: State, condition: str, holds: bool) -> State:  # noqa: FBT001
    """Return the state with a condition decided."""
    return state._replace(conditions=state.conditions | {(condition, holds)})


def _flat(value: object) -> object:
    """Return a parameter's value as the template gives it: the text of a list has commas."""
    return ",".join(map(str, value)) if isinstance(value, list) else text(value)


@lru_cache(maxsize=2)
def choices_of(cfn: Template) -> Choices:
    """Return the choices of a template."""
    return Choices(cfn)


@dataclass(frozen=True)
class Assumed:
    """A template's choices in one state. values: what some functions come to, by their path."""

    choices: Choices
    state: State
    values: Mapping[Any, object] = field(default_factory=dict)

    @cached_property
    def _held(self) -> dict[str, bool | None]:
        return {}

    def holds(self, condition: str) -> bool | None:
        """Tell whether a condition holds; None if it can be either."""
        if condition not in self._held:
            self._held[condition] = self.choices.holds(self.state, condition)
        return self._held[condition]

    def value(self, function: Function) -> object:
        """Return what a function comes to; an Open if that is not known."""
        if function.path in self.values:
            return self.values[function.path]
        return Open(function) if self.values else self.choices.value(self.state, function)
