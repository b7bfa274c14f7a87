"""From a budget to its constraints: `macs`, `params`, a registered name, or else a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from netadapt.errors import InputError
from netadapt.latency.table.table import PUBLISHED_SUFFIX
from netadapt.pruning.constraints.amounts import Amount, read_amount
from netadapt.pruning.constraints.base import Constraint
from netadapt.registry import Registry

Budget = Mapping[str, float | str] | Constraint
"""`{"tx2": 6.0, "macs": "0.4G"}`, `{"params": "50%"}`, or a constraint of one's own."""

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
    `netadapt.Constraint`: `budget={"layers": 20}` then means `Layers(20)`. For `"50%"` it is called
    twice: with 1, to ask what the network given costs, and with half of that. Raises InputError
    where the name is taken.

        netadapt.register_constraint("layers", Layers)

    `module`: `__name__`, where an installed package declares this very name as an entry point.
    """
    return CONSTRAINTS.register(name, constraint, module=module)


def read_budget(budget: Mapping[str, Any]) -> dict[str, Amount]:
    """How much of what there may be, by the names of constraints and devices, in their order.

    Raises InputError where it is no mapping, is empty, or holds an amount that is none.
    """
    if not isinstance(budget, Mapping):
        raise InputError(f"the budget is {budget!r}; expected as {{'tx2': 6.0}}")
    if not budget:
        raise InputError("the budget names no constraint; expected one or more: {'tx2': 6.0}")
    for name in budget:
        if not isinstance(name, str):
            raise InputError(
                f"the budget is on {name!r}; expected the name of a constraint or device"
            )
    return {name: read_amount(name, most) for name, most in budget.items()}


def devices_of(names: Iterable[str]) -> list[str]:
    """Those of the names in a budget that are a device's, or a table's path."""
    return [name for name in names if name not in CONSTRAINTS]


def label_of(name: str) -> str:
    """What a constraint is called in columns and on screen: of a table's path the device's name."""
    is_path = name.endswith(".csv") or "/" in name
    return Path(name).stem.removesuffix(PUBLISHED_SUFFIX) if is_path else name
