"""What a network can reach at all, said before the first step is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netadapt.errors import BudgetError
from netadapt.graph import LayerGraph
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.proposals import half_widths, smallest_widths
from netadapt.pruning.records import Interval


@dataclass(frozen=True)
class Reach:
    """A network of some widths: `name` is full, half or smallest; `cost` in the unit `unit`."""

    name: str
    cost: Interval
    unit: str
    macs: int
    params: int


def networks_in_reach(graph: LayerGraph, width_multiple: int) -> dict[str, LayerGraph]:
    """`graph` at the widths given, at half of them and at the smallest the search may choose."""
    return {
        "full": graph,
        "half": graph.with_widths(half_widths(graph, width_multiple)),
        "smallest": graph.with_widths(smallest_widths(graph, width_multiple)),
    }


def feasibility(networks: Mapping[str, LayerGraph], constraint: Constraint) -> list[Reach]:
    """What each of `networks` costs."""
    return [
        Reach(name, constraint.interval(graph), constraint.unit, graph.macs, graph.params)
        for name, graph in networks.items()
    ]


def require_reachable(reaches: list[Reach], constraint: Constraint) -> None:
    """Raise BudgetError, naming the smallest cost, when the budget lies below it."""
    smallest = min(reach.cost.value for reach in reaches)
    if smallest > constraint.budget:
        unit = constraint.unit
        option = "--budget-ms" if constraint.in_ms else "the budget"
        raise BudgetError(
            f"the budget of {constraint.budget:g} {unit} on {constraint.name} cannot be met: this "
            f"network takes {smallest:.3g} {unit} at its smallest widths; raise {option} to that "
            f"or more, or lower --input-size"
        )
