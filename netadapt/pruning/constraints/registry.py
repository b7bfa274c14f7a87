"""From a budget to its constraint: `macs`, `params`, a registered name, or else a device."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from numbers import Real
from typing import Any

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


def register_constraint(
    name: str, constraint: Callable[[float], Constraint], *, module: str = ""
) -> Callable[[float], Constraint]:
    """Know a constraint by `name`; gives it back.

    `constraint` is called with the budget, a number, and gives an object of the protocol
    `netadapt.Constraint`: `budget={"layers": 20}` then means `Layers(20)`. Raises InputError where
    the name is taken.

        netadapt.register_constraint("layers", Layers)

    `module`: `__name__`, where an installed package declares this very name as an entry point.
    """
    return CONSTRAINTS.register(name, constraint, module=module)


def single_budget(budget: Mapping[str, float]) -> tuple[str, float]:
    """The one constraint that a budget names, and the most there may be.

    Raises InputError for several, or a budget that is no number above 0.
    """
    if not isinstance(budget, Mapping):
        raise InputError(f"the budget is {budget!r}; expected as {{'tx2': 6.0}}")
    if len(budget) != 1:
        raise InputError(
            f"the budget names {len(budget)} constraints; expected one: {{'tx2': 6.0}}"
        )
    ((name, most),) = budget.items()
    if not isinstance(name, str):
        raise InputError(f"the budget is on {name!r}; expected the name of a constraint or device")
    return name, budget_of(name, most)


def budget_of(name: str, most: Any) -> float:
    """`most` as a budget on `name`. Raises InputError unless it is a number above 0."""
    if not isinstance(most, bool) and isinstance(most, Real):
        with suppress(OverflowError):
            number = float(most)
            if math.isfinite(number) and number > 0:
                return number
    raise InputError(f"the budget of {name} is {most!r:.40}; expected a number > 0")
