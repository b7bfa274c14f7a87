"""What one iteration may choose from: for every channel group, the cut that meets the target.

All of it happens on the graph; no weight is touched (NetAdapt, ECCV 2018, algorithm 1, line 5:
"ChooseNumFilters").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netadapt.graph import ChannelGroup, LayerGraph


@dataclass(frozen=True)
class Proposal:
    """One group made narrower, and what the whole network then takes."""

    group: str
    layers: tuple[str, ...]
    width_before: int
    width_after: int
    latency_ms: float

    def of(self, graph: LayerGraph) -> LayerGraph:
        """`graph`, which has the width before, with the width after."""
        return graph.with_widths({self.group: self.width_after})


@dataclass(frozen=True)
class Schedule:
    """How much each iteration must save: `first_ms · decay^(iteration − 1)`."""

    first_ms: float
    decay: float = 0.98

    def reduction_ms(self, iteration: int) -> float:
        """Milliseconds that `iteration` (from 1) must save."""
        return self.first_ms * self.decay ** (iteration - 1)

    def target_ms(self, iteration: int, latency_ms: float, budget_ms: float) -> float:
        """The latency that `iteration` must reach from `latency_ms`; never below the budget."""
        return max(budget_ms, latency_ms - self.reduction_ms(iteration))

    def iterations_left(self, iteration: int, latency_ms: float, budget_ms: float) -> int:
        """How many iterations from `iteration` on, if each saves just what it must."""
        count = 0
        while latency_ms > budget_ms + 1e-9 and count < 10_000:
            latency_ms = self.target_ms(iteration + count, latency_ms, budget_ms)
            count += 1
        return count


def propose(
    graph: LayerGraph,
    latency_ms: Callable[[LayerGraph], float],
    target_ms: float,
    width_multiple: int = 8,
) -> list[Proposal]:
    """For every group the largest width, a multiple of `width_multiple`, that meets `target_ms`.

    Groups that can't meet it alone make no proposal. Where no group can, the target is brought
    half-way back towards the present latency until one can, so that a search goes on in smaller
    steps; an empty list means that no cut of one group makes the network faster.
    """
    present_ms = latency_ms(graph)
    costs = {
        group.name: [
            (width, latency_ms(graph.with_widths({group.name: width})))
            for width in narrower_widths(group, width_multiple)
        ]
        for group in graph.groups
        if not group.frozen
    }
    while True:
        proposals = [
            Proposal(group.name, tuple(group.layers), group.width, *found)
            for group in graph.groups
            if (found := _widest(costs.get(group.name, []), target_ms)) is not None
        ]
        if proposals or present_ms - target_ms < 1e-4 * present_ms:
            return proposals
        target_ms = (target_ms + present_ms) / 2


def narrower_widths(group: ChannelGroup, width_multiple: int) -> tuple[int, ...]:
    """The widths below the present one that `group` may take, widest first."""
    return tuple(
        width for width in reversed(group.allowed_widths(width_multiple)) if width < group.width
    )


def smallest_widths(graph: LayerGraph, width_multiple: int = 8) -> dict[str, int]:
    """The narrowest width that the search may give to every group that isn't frozen."""
    return {
        group.name: group.allowed_widths(width_multiple)[0]
        for group in graph.groups
        if not group.frozen
    }


def half_widths(graph: LayerGraph, width_multiple: int = 8) -> dict[str, int]:
    """Every group at half its width, rounded to a width it may take."""
    return {
        group.name: min(
            group.allowed_widths(width_multiple), key=lambda width: abs(width - group.width / 2)
        )
        for group in graph.groups
        if not group.frozen
    }


def _widest(costs: list[tuple[int, float]], target_ms: float) -> tuple[int, float] | None:
    return next(((width, ms) for width, ms in costs if ms <= target_ms + 1e-9), None)
