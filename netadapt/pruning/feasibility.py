"""What a network can reach at all, said before the first step is taken."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from functools import partial

from netadapt.errors import BudgetError, InputError
from netadapt.graph import LayerGraph
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.budgets import Budgets
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.limits import Limits
from netadapt.pruning.proposals import half_widths, smallest_widths
from netadapt.pruning.records import Interval


@dataclass(frozen=True)
class Reach:
    """A network of some widths: `name` is full, half or smallest; `cost` in the unit `unit`.

    `constraint` is what it costs, as it is called in the budget, and `budget` how much there may
    be.
    """

    name: str
    cost: Interval
    unit: str
    macs: int
    params: int
    constraint: str = ""
    budget: float = math.inf


def networks_in_reach(graph: LayerGraph, width_multiple: int) -> dict[str, LayerGraph]:
    """`graph` at the widths given, at half of them and at the smallest the search may choose."""
    return {
        "full": graph,
        "half": graph.with_widths(half_widths(graph, width_multiple)),
        "smallest": graph.with_widths(smallest_widths(graph, width_multiple)),
    }


def feasibility(networks: Mapping[str, LayerGraph], constraint: Constraint) -> list[Reach]:
    """What each of `networks` costs. Raises InputError where that is no number."""
    return [
        Reach(
            name,
            _interval(constraint, graph),
            constraint.unit,
            graph.macs,
            graph.params,
            constraint.name,
            constraint.budget,
        )
        for name, graph in networks.items()
    ]


def _interval(constraint: Constraint, graph: LayerGraph) -> Interval:
    cost_of(constraint, graph)
    interval = constraint.interval(graph)
    if not isinstance(interval, Interval) or math.isnan(interval.value):
        raise InputError(
            f"the constraint {constraint.name} gave {interval!r} as the interval of a network; "
            f"expected a netadapt.Interval of numbers"
        )
    return interval


def require_reachable(networks: Mapping[str, LayerGraph], budgets: Budgets, limits: Limits) -> None:
    """Raise BudgetError, naming the smallest cost, for each budget that lies below it.

    Where it would be smaller without some of `limits`, it names these; of a network that nothing
    can be cut of, it says why.
    """
    smallest = [
        (constraint, min(networks.values(), key=partial(budgets.demand, constraint)))
        for constraint in budgets.constraints
    ]
    said = [
        _unreachable(constraint, graph, budgets, limits)
        for constraint, graph in smallest
        if budgets.demand(constraint, graph) > constraint.budget
    ]
    if said:
        raise BudgetError("; ".join(said))


def _unreachable(
    constraint: Constraint, smallest: LayerGraph, budgets: Budgets, limits: Limits
) -> str:
    """Why a budget can't be met, and what to do."""
    least = _rounded_up(budgets.demand(constraint, smallest))
    what = (
        f"the budget of {constraint.budget:g} {constraint.unit} on {constraint.name} cannot be "
        f"met: this network takes {least} {constraint.unit}"
    )
    if budgets.margin(constraint, smallest) > 0:
        what += f" (the upper end at a confidence of {budgets.confidence:g})"
    if (factor := budgets.correction(constraint)) != 1:
        what += f" ({factor:.3g} times what is predicted, as it was when it was timed whole)"
    option = "--budget-ms" if constraint.in_ms and not budgets.several else "the budget"
    by_limits = _by_limits(constraint, smallest, budgets, limits, f"raise {option} to {least}")
    if by_limits:
        return what + by_limits
    if not smallest.widths:
        reasons = Counter(group.reason for group in smallest.groups)
        return (
            f"{what}, and no channel group of it can be cut, most of all because "
            f"{_most_common(reasons)}; see: netadapt plan"
        )
    return f"{what} at its smallest widths; raise {option} to that or more, or lower --input-size"


def _by_limits(
    constraint: Constraint, smallest: LayerGraph, budgets: Budgets, limits: Limits, raise_it: str
) -> str:
    """Which of the user's limits make the smallest network dearer, and what to do; '' for none."""
    demand = partial(budgets.demand, constraint)
    without = demand(limits.without)
    at_fault = [name for name, graph in limits.smallest.items() if demand(graph) > without]
    if not at_fault or without >= demand(smallest):
        return ""
    advice = f"{raise_it} or more, or loosen these too"
    if without <= constraint.budget:
        advice = f"loosen these, or {raise_it} or more"
    return (
        f" at its smallest widths with {' and '.join(at_fault)}, and {_rounded_up(without)} "
        f"{constraint.unit} without; {advice}"
    )


def _most_common(reasons: Counter[str]) -> str:
    return next((reason for reason, _ in reasons.most_common(1)), "there is none")


def _rounded_up(value: float) -> str:
    """`value` in three digits that, taken as a budget, are not below it."""
    text = f"{value:.3g}"
    if float(text) >= value:
        return text
    return f"{float(Context(prec=3, rounding=ROUND_CEILING).create_decimal(Decimal(value))):.3g}"
