"""Which ways a template's conditions can go together.

cfn-lint decides that; what it leaves out follows from what each Fn::Equals compares.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from typing import Any

from cfnlint.context.conditions import Conditions
from cfnlint.context.conditions.exceptions import Unsatisfiable
from cfnlint.helpers import is_function
from cfnlint.jsonschema import Validator

from cfn_connect_rules._literals import text


def under(validator: Validator, condition: object, holds: bool) -> Validator | None:  # noqa: FBT001
    """Return the validator where the condition holds, or does not; None where that cannot be."""
    if not isinstance(condition, str):
        return validator
    try:
        conditions = validator.context.conditions.evolve({condition: holds})
    except Unsatisfiable:
        return None
    return validator.evolve(context=validator.context.evolve(conditions=conditions))


def are_defaults_possible(validator: Validator) -> bool:
    """Tell whether the conditions can be as they are here when every parameter has its default."""
    defaults = {
        name: text(parameter.default)
        for name, parameter in validator.context.parameters.items()
        if parameter.default is not None
    }
    try:
        _equals_told(validator.cfn.context.conditions, defaults).evolve(
            validator.context.conditions.status
        )
    except Unsatisfiable:
        return False
    return True


def told_apart(validator: Validator) -> Validator:
    """Return the validator with what follows from each Fn::Equals."""
    conditions = _equals_told(validator.context.conditions, {})
    return validator.evolve(context=validator.context.evolve(conditions=conditions))


def _equals_told(conditions: Conditions, parameters: Mapping[str, object]) -> Conditions:
    """Return the conditions with what follows from each Fn::Equals, which cfn-lint leaves out.

    Whether two known values are equal, and that what is unknown equals no two values.
    """
    cnf = conditions.cnf.copy()
    compared: dict[str, list[tuple[object, Any]]] = defaultdict(list)
    every = {equal.hash: equal for c in conditions.conditions.values() for equal in c.equals}
    for equal in every.values():
        left, right = (_known(side.instance, parameters) for side in equal.parameters)
        if left is not None and right is not None:
            cnf.add_prop(equal.cnf if left == right else ~equal.cnf)
        elif left is not None:
            compared[equal.right.hash].append((left, equal.cnf))
        elif right is not None:
            compared[equal.left.hash].append((right, equal.cnf))
    for values in compared.values():
        for (one, is_one), (other, is_other) in combinations(values, 2):
            if one != other:
                cnf.add_prop(~(is_one & is_other))
    return replace(conditions, cnf=cnf)


def _known(side: object, parameters: Mapping[str, object]) -> object:
    name, argument = is_function(side)
    return parameters.get(argument) if name == "Ref" else side if isinstance(side, str) else None
