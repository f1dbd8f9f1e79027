"""Which conditions of a template can hold together.

A condition is a formula over the operands of its Fn::Equals. A value that only the deployment
knows is a variable. It is one of the literals that it is compared with, or something else.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cfn_connect.rules._literals import text

Values = Mapping[str, object]  # variable -> its assumed value
Formula = Callable[[Values], bool | str]  # whether it is true, or the variable that it needs

_ELSE = object()  # a value that no Fn::Equals names
_NO_FORMULAS = frozenset[str]()


def variable(function: object) -> str:
    """Return the name of the variable for the value of a function."""
    return json.dumps(function, sort_keys=True, default=str)


class Conditions:
    """The conditions of a template, and the rules for its parameters.

    allowed: for some variables, every value that the deployment can choose.
    """

    def __init__(
        self, conditions: Any, rules: Any, allowed: Mapping[str, Iterable[object]]
    ) -> None:
        self._domains = defaultdict(lambda: {_ELSE}, {k: set(v) for k, v in allowed.items()})
        self._closed = frozenset(allowed)
        self._written = conditions if isinstance(conditions, dict) else {}
        self._formulas = {name: self._named(name, _NO_FORMULAS) for name in self._written}
        written_rules = rules.values() if isinstance(rules, dict) else ()
        self._rules = [(self._rule(rule), True) for rule in written_rules]

    def possible(self, wanted: Mapping[str, bool], values: Values) -> bool:
        """Return whether the conditions can be as wanted when the variables have these values."""
        named = [(self._formulas.get(name) or self._free(name), wanted[name]) for name in wanted]
        return self._search([*named, *self._rules], values)

    def _search(self, wanted: list[tuple[Formula, bool]], values: Values) -> bool:
        missing = ""
        for formula, holds in wanted:
            found = formula(values)
            if isinstance(found, str):
                missing = found
            elif found != holds:
                return False
        return not missing or any(
            self._search(wanted, {**values, missing: value}) for value in self._domains[missing]
        )

    def _named(self, name: str, above: frozenset[str]) -> Formula:
        if name in above or name not in self._written:
            return self._free(name)
        return self._formula(self._written[name], above | {name})

    def _rule(self, rule: Any) -> Formula:
        match rule:
            case {"Assertions": [*assertions]}:
                asserted = [a.get("Assert") for a in assertions if isinstance(a, dict)]
                applies = rule.get("RuleCondition", {"Fn::Equals": ["", ""]})
                either = [{"Fn::Not": [applies]}, {"Fn::And": asserted}]
                return self._formula({"Fn::Or": either}, _NO_FORMULAS)
        return lambda _: True

    def _formula(self, written: Any, above: frozenset[str]) -> Formula:
        match written:
            case {"Condition": str(name)}:
                return self._named(name, above)
            case {"Fn::Not": [part]}:
                return _negated(self._formula(part, above))
            case {"Fn::And": [*parts]}:
                return _joined([self._formula(part, above) for part in parts], decisive=False)
            case {"Fn::Or": [*parts]}:
                return _joined([self._formula(part, above) for part in parts], decisive=True)
            case {"Fn::Equals": [left, right]}:
                return self._equal(left, right)
            case {"Fn::Contains": [[*values], value]}:
                return _joined([self._equal(value, one) for one in values], decisive=True)
        return self._free(variable(written))

    def _equal(self, left: object, right: object) -> Formula:
        functions = [side for side in (left, right) if isinstance(side, dict | list)]
        if not functions:
            return lambda _: text(left) == text(right)
        names = sorted(map(variable, functions))
        if len(names) == 2:
            return self._same(*names)
        (name,), value = names, text(left if functions == [right] else right)
        if name not in self._closed:
            self._domains[name].add(value)
        return lambda values: values[name] == value if name in values else name

    def _same(self, one: str, other: str) -> Formula:
        """Compare two variables. If their values are not assumed, the result is a variable."""
        free = self._free(f"{one} = {other}")

        def formula(values: Values) -> bool | str:
            known = one in values and other in values
            return one == other or (values[one] == values[other] if known else free(values))

        return formula

    def _free(self, name: str) -> Formula:
        self._domains[name] = {True, False}
        return lambda values: values[name] is True if name in values else name


def _negated(formula: Formula) -> Formula:
    def negated(values: Values) -> bool | str:
        found = formula(values)
        return found if isinstance(found, str) else not found

    return negated


def _joined(formulas: list[Formula], *, decisive: bool) -> Formula:
    """Return an Fn::And or Fn::Or; decisive: the value of one part that decides it."""

    def joined(values: Values) -> bool | str:
        found = [formula(values) for formula in formulas]
        if decisive in found:
            return decisive
        return next((it for it in found if isinstance(it, str)), not decisive)

    return joined
