"""From a budget to its constraint: `macs`, `params`, a registered name, or else a device."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from netadapt.errors import InputError
from netadapt.pruning.constraints.base import Constraint
from netadapt.registry import Registry

Budget = Mapping[str, float] | Constraint
"""`{"tx2": 6.0}`, `{"macs": 0.4e9}`, or a constraint of one's own."""

CONSTRAINTS: Registry[Callable[[float], Constraint]] = Registry(
    "constraint",
    {
        "macs": "netadapt.pruning.constraints.counts:Macs",
        "params": "netadapt.pruning.constraints.counts:Parameters",
    },
    group="netadapt.constraints",
)
"""Called with the budget; a name that isn't here is a device's, or the path of a table."""

register_constraint = CONSTRAINTS.register
"""Public as `netadapt.register_constraint`: `register_constraint(name, thing)`."""


def single_budget(budget: Mapping[str, float]) -> tuple[str, float]:
    """The one constraint that a budget names, and the most there may be.

    Raises InputError for several, or a budget that is no number above 0.
    """
    if len(budget) != 1:
        raise InputError(
            f"the budget names {len(budget)} constraints; expected one: {{'tx2': 6.0}}"
        )
    ((name, most),) = budget.items()
    if isinstance(most, bool) or not isinstance(most, (int, float)) or not _is_budget(float(most)):
        raise InputError(f"the budget of {name} is {most!r}; expected a number > 0")
    return name, float(most)


def _is_budget(most: float) -> bool:
    return math.isfinite(most) and most > 0
