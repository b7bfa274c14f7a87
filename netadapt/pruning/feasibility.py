"""What a network can reach at all, said before the first step is taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from netadapt.errors import BudgetError
from netadapt.graph import LayerGraph
from netadapt.pruning.cost import Cost
from netadapt.pruning.proposals import half_widths, smallest_widths


@dataclass(frozen=True)
class Reach:
    """A network of some widths: `name` is full, half or smallest."""

    name: str
    latency_ms: float
    low_ms: float
    high_ms: float
    macs: int
    params: int


def networks_in_reach(graph: LayerGraph, width_multiple: int = 8) -> dict[str, LayerGraph]:
    """`graph` at the widths given, at half of them and at the smallest the search may choose."""
    return {
        "full": graph,
        "half": graph.with_widths(half_widths(graph, width_multiple)),
        "smallest": graph.with_widths(smallest_widths(graph, width_multiple)),
    }


def feasibility(networks: Mapping[str, LayerGraph], cost: Cost) -> list[Reach]:
    """What each of `networks` takes."""
    reaches = []
    for name, choice in networks.items():
        latency = cost.latency(choice)
        reaches.append(
            Reach(name, latency.ms, latency.low_ms, latency.high_ms, choice.macs, choice.params)
        )
    return reaches


def require_reachable(reaches: list[Reach], budget_ms: float, device: str) -> None:
    """Raise BudgetError, naming the smallest latency, when the budget lies below it."""
    smallest_ms = min(reach.latency_ms for reach in reaches)
    if smallest_ms > budget_ms:
        raise BudgetError(
            f"the budget of {budget_ms:g} ms on {device} cannot be met: this network takes "
            f"{smallest_ms:.3g} ms at its smallest widths; raise --budget-ms to that or more, or "
            f"lower --input-size"
        )
