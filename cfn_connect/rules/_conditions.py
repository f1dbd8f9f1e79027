"""Which ways a template's conditions can go together.

cfn-lint decides that; what it leaves out follows from what each Fn::Equals compares.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, reduce
from itertools import combinations
from operator import or_
from typing import Any

from cfnlint.conditions._utils import get_hash
from cfnlint.context.conditions import Conditions
from cfnlint.context.conditions.exceptions import Unsatisfiable
from cfnlint.helpers import is_function
from cfnlint.jsonschema import Validator
from cfnlint.template import Template

from cfn_connect.rules._literals import text


def under(validator: Validator, condition: object, holds: bool) -> Validator | None:  # noqa: FBT001
    """Return the validator where the condition holds, or does not; None where that cannot be."""
    if not isinstance(condition, str):
        return validator
    try:
        conditions = validator.context.conditions.evolve({condition: holds})
    except Unsatisfiable:
        return None
    return validator.evolve(context=validator.context.evolve(conditions=conditions))


def told_apart(validator: Validator) -> Validator:
    """Return the validator of a resource, with what follows from each Fn::Equals."""
    conditions = _told(validator.cfn, with_defaults=False)
    return validator.evolve(context=validator.context.evolve(conditions=conditions))


def are_defaults_possible(validator: Validator) -> bool:
    """Tell whether the conditions can be as they are here when every parameter has its default."""
    try:
        _told(validator.cfn, with_defaults=True).evolve(validator.context.conditions.status)
    except Unsatisfiable:
        return False
    return True


@lru_cache(maxsize=2)
def _told(cfn: Template, *, with_defaults: bool) -> Conditions:
    """Return a template's conditions with what follows from each Fn::Equals.

    Whether two known values are equal, that what is unknown equals no two values, and that a
    parameter equals one of its AllowedValues. with_defaults: of a parameter, its default is known.
    """
    parameters = cfn.context.parameters
    defaults = {
        name: text(parameter.default)
        for name, parameter in parameters.items()
        if with_defaults and parameter.default is not None
    }
    allowed = {
        get_hash({"Ref": name}): {text(value) for value in parameter.allowed_values}
        for name, parameter in parameters.items()
        if parameter.allowed_values
    }
    conditions = cfn.context.conditions
    cnf = conditions.cnf.copy()
    compared: dict[str, dict[object, Any]] = defaultdict(dict)
    every = {equal.hash: equal for c in conditions.conditions.values() for equal in c.equals}
    for equal in every.values():
        left, right = (_known(side, defaults) for side in equal.instance)
        if left is not None and right is not None:
            cnf.add_prop(equal.cnf if left == right else ~equal.cnf)
            continue
        if left is None and right is None:
            continue
        unknown, value = (equal.right, left) if right is None else (equal.left, right)
        same = compared[unknown.hash].setdefault(value, equal.cnf)
        if same is not equal.cnf:
            cnf.add_prop((same & equal.cnf) | (~same & ~equal.cnf))
    for unknown, values in compared.items():
        for one, other in combinations(values.values(), 2):
            cnf.add_prop(~(one & other))
        if unknown in allowed:
            for value in values.keys() - allowed[unknown]:
                cnf.add_prop(~values[value])
            if allowed[unknown] <= values.keys():
                cnf.add_prop(reduce(or_, values.values()))
    return replace(conditions, cnf=cnf)


def _known(side: object, defaults: Mapping[str, object]) -> object:
    """Return what one side of Fn::Equals is, as text; None where only the deployment knows."""
    name, argument = is_function(side)
    if name == "Ref" and isinstance(argument, str):
        return defaults.get(argument)
    return text(side) if isinstance(side, str | bool | int | float) else None
