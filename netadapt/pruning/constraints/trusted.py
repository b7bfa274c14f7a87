"""A constraint of a user's own, held to its protocol: members, a budget, costs that are numbers.

A search compares costs; one that is no number would be neither met nor missed, and it would go on
without end.
"""

from __future__ import annotations

import json
import math
from typing import Any

from netadapt.errors import InputError
from netadapt.graph import LayerGraph
from netadapt.pruning.constraints.amounts import budget_of
from netadapt.pruning.constraints.base import Constraint

MEMBERS = (
    *("name", "unit", "budget", "in_ms"),
    *("cost", "interval", "refined", "describe", "identity"),
)
"""What an object must have to be a constraint."""


def require_constraint(given: Any) -> Constraint:
    """`given` as a constraint.

    Raises InputError unless it is an object with the members of one, a budget that is a number
    above 0, and an identity that JSON can hold.
    """
    missing = [member for member in MEMBERS if not hasattr(given, member)]
    if missing or isinstance(given, type):
        lacks = "" if missing == list(MEMBERS) else f" without {', '.join(missing)}"
        what = f"the class {given.__name__}" if isinstance(given, type) else f"{given!r:.60}{lacks}"
        raise InputError(
            f"the budget is {what}; expected {{'tx2': 6.0}}, {{'macs': 4e8}} or a Constraint"
        )
    budget_of(str(given.name), given.budget)
    try:
        json.dumps(dict(given.identity()))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the identity of the constraint {given.name} is no JSON object ({error})"
        ) from error
    constraint: Constraint = given
    return constraint


def cost_of(constraint: Constraint, graph: LayerGraph) -> float:
    """What `graph` costs. Raises InputError, naming the constraint, where that is no number."""
    cost: Any = constraint.cost(graph)
    try:
        number = math.nan if isinstance(cost, str) else float(cost)
    except (TypeError, ValueError):
        number = math.nan
    if math.isnan(number):
        raise InputError(
            f"the constraint {constraint.name} gave {cost!r} as the cost of a network; expected a "
            f"number of {constraint.unit}"
        )
    return number
