"""Which conditions of a template can hold together.

A condition is a formula over what its Fn::Equals compare. A value that only the deployment knows
is a variable. It is one of the literals that it is compared with, or something else.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from cfn_connect.rules._literals import text

Formula = Any  # a bool, or a tuple: an operator and its operands
Values = Mapping[str, object]  # variable -> the value that it is assumed to have

_ELSE = object()  # a value that no Fn::Equals names


def variable(function: object) -> str:
    """Return the name of the variable for what a function comes to."""
    return json.dumps(function, sort_keys=True, default=str)


class Conditions:
    """The conditions of a template, and the rules that its parameters have to keep.

    allowed: for some variables, every value that the deployment can choose.
    """

    def __init__(
        self, conditions: Any, rules: Any, allowed: Mapping[str, Iterable[object]]
    ) -> None:
        self._domains: dict[str, set[object]] = defaultdict(lambda: {_ELSE})
        self._domains.update({name: set(values) for name, values in allowed.items()})
        self._closed = frozenset(allowed)
        self._written = conditions if isinstance(conditions, dict) else {}
        self._formulas = {name: self._parsed(name, frozenset()) for name in self._written}
        self._rules = [
            (self._rule(rule), True) for rule in (rules.values() if isinstance(rules, dict) else ())
        ]

    def possible(self, wanted: Mapping[str, bool], values: Values) -> bool:
        """Tell whether the wanted conditions can be so when the variables have these values."""
        formulas = [
            (self._formulas.get(name, ("is", name, True)), holds) for name, holds in wanted.items()
        ]
        return self._search([*formulas, *self._rules], values)

    def _search(self, wanted: list[tuple[Formula, bool]], values: Values) -> bool:
        missing = ""
        for formula, holds in wanted:
            found = _evaluated(formula, values)
            if isinstance(found, str):
                missing = found
            elif found != holds:
                return False
        return not missing or any(
            self._search(wanted, {**values, missing: value}) for value in self._domains[missing]
        )

    def _parsed(self, name: str, above: frozenset[str]) -> Formula:
        """Return a condition's formula; a free variable for one that no formula says."""
        if name in above or name not in self._written:
            return self._free(name)
        return self._formula(self._written[name], above | {name})

    def _formula(self, written: Any, above: frozenset[str]) -> Formula:
        match written:
            case {"Condition": str(name)}:
                return self._parsed(name, above)
            case {"Fn::Not": [part]}:
                return ("not", self._formula(part, above))
            case {"Fn::And": [*parts]}:
                return ("and", *(self._formula(part, above) for part in parts))
            case {"Fn::Or": [*parts]}:
                return ("or", *(self._formula(part, above) for part in parts))
            case {"Fn::Equals": [left, right]}:
                return self._equal(left, right)
            case {"Fn::Contains": [[*values], value]}:
                return ("or", *(self._equal(value, one) for one in values))
        return self._free(variable(written))

    def _rule(self, rule: Any) -> Formula:
        match rule:
            case {"Assertions": [*assertions]}:
                asserted = [a.get("Assert") for a in assertions if isinstance(a, dict)]
                applies = rule.get("RuleCondition", {"Fn::Equals": ["", ""]})
                written = {"Fn::Or": [{"Fn::Not": [applies]}, {"Fn::And": asserted}]}
                return self._formula(written, frozenset())
        return True

    def _equal(self, left: object, right: object) -> Formula:
        match isinstance(left, dict | list), isinstance(right, dict | list):
            case False, False:
                return text(left) == text(right)
            case True, True:
                names = sorted((variable(left), variable(right)))
                self._domains[" = ".join(names)] = {True, False}
                return names[0] == names[1] or ("same", *names)
            case True, False:
                name, value = variable(left), text(right)
            case _:
                name, value = variable(right), text(left)
        if name not in self._closed:
            self._domains[name].add(value)
        return ("is", name, value)

    def _free(self, name: str) -> Formula:
        self._domains[name] = {True, False}
        return ("is", name, True)


def _evaluated(formula: Formula, values: Values) -> bool | str:
    """Return what a formula comes to, or the first variable that it needs for that."""
    match formula:
        case bool():
            return formula
        case ("is", name, value):
            return values[name] == value if name in values else str(name)
        case ("same", left, right):
            if left in values and right in values:
                return values[left] == values[right]
            return _evaluated(("is", f"{left} = {right}", True), values)
        case ("not", part):
            found = _evaluated(part, values)
            return found if isinstance(found, str) else not found
    operator, *parts = formula
    missing = ""
    for part in parts:
        found = _evaluated(part, values)
        if isinstance(found, str):
            missing = missing or found
        elif found == (operator == "or"):
            return found
    return missing or operator == "and"
