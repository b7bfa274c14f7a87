"""What one iteration may choose from: for every channel group, the cut that meets the target.

All of it happens on the graph; no weight is touched (NetAdapt, ECCV 2018, algorithm 1, line 5:
"ChooseNumFilters").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netadapt.errors import InputError
from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.pruning.schedule import MET
from netadapt.pruning.settings import SearchSettings

Cost = Callable[[LayerGraph], float]
"""What a network costs, in the unit of a constraint."""


@dataclass(frozen=True)
class Proposal:
    """One group made narrower, and what the whole network then costs."""

    group: str
    layers: tuple[str, ...]
    width_before: int
    width_after: int
    cost: float

    def of(self, graph: LayerGraph) -> LayerGraph:
        """`graph`, which has the width before, with the width after."""
        return graph.with_widths({self.group: self.width_after})

    def require_cut(self, graph: LayerGraph) -> None:
        """Raise InputError unless this makes a group of `graph` narrower than it is."""
        width = graph.widths.get(self.group)
        if width is None or width != self.width_before or not 0 < self.width_after < width:
            have = "that cannot be cut" if width is None else f"of width {width}"
            raise InputError(
                f"the proposal {self.group} {self.width_before} → {self.width_after} is no cut of "
                f"the present network, which has a group {have}; take what propose gives now"
            )


def propose(
    graph: LayerGraph,
    cost: Cost,
    target: float,
    width_multiple: int = SearchSettings.width_multiple,
) -> list[Proposal]:
    """For every group the largest width, a multiple of `width_multiple`, that meets `target`.

    Groups that can't meet it alone make no proposal. Where no group can, the target is brought
    half-way back towards the present cost until one can, so that a search goes on in smaller
    steps; an empty list means that no cut of one group makes the network cheaper.
    """
    present = cost(graph)
    costs = {
        group.name: [
            (width, cost(graph.with_widths({group.name: width})))
            for width in narrower_widths(group, width_multiple)
        ]
        for group in graph.groups
        if not group.frozen
    }
    while True:
        proposals = [
            Proposal(group.name, tuple(group.layers), group.width, *found)
            for group in graph.groups
            if (found := _widest(costs.get(group.name, []), target)) is not None
        ]
        if proposals or present - target < 1e-4 * present:
            return proposals
        target = (target + present) / 2


def narrower_widths(group: ChannelGroup, width_multiple: int) -> tuple[int, ...]:
    """The widths below the present one that `group` may take, widest first."""
    return tuple(
        width for width in reversed(group.allowed_widths(width_multiple)) if width < group.width
    )


def smallest_widths(graph: LayerGraph, width_multiple: int) -> dict[str, int]:
    """The narrowest width that the search may give to every group that isn't frozen."""
    return {
        group.name: group.allowed_widths(width_multiple)[0]
        for group in graph.groups
        if not group.frozen
    }


def half_widths(graph: LayerGraph, width_multiple: int) -> dict[str, int]:
    """Every group at half its width, rounded to a width it may take."""
    return {
        group.name: min(
            group.allowed_widths(width_multiple), key=lambda width: abs(width - group.width / 2)
        )
        for group in graph.groups
        if not group.frozen
    }


def _widest(costs: list[tuple[int, float]], target: float) -> tuple[int, float] | None:
    return next(((width, cost) for width, cost in costs if cost <= target + MET), None)
