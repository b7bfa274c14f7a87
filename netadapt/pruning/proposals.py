"""What one iteration may choose from: for every channel group, the cut that meets the target.

All of it happens on the graph; no weight is touched (NetAdapt, ECCV 2018, algorithm 1, line 5:
"ChooseNumFilters").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from netadapt.errors import InputError
from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.pruning.schedule import MET
from netadapt.pruning.settings import SearchSettings

Cost = Callable[[LayerGraph], float]
"""What a network costs, in the unit of a constraint."""


@dataclass(frozen=True)
class GroupCut:
    """One group made narrower."""

    group: str
    layers: tuple[str, ...]
    width_before: int
    width_after: int

    @classmethod
    def of(cls, group: ChannelGroup, width: int) -> GroupCut:
        """`group` at `width`."""
        return cls(group.name, tuple(group.layers), group.width, width)

    def __str__(self) -> str:
        return f"{self.group} {self.width_before} → {self.width_after}"


@dataclass(frozen=True)
class Proposal:
    """Groups made narrower at once, mostly one, and what the whole network then costs."""

    cuts: tuple[GroupCut, ...]
    cost: float

    def __str__(self) -> str:
        first, *others = self.cuts
        return f"{first} and {len(others)} more" if others else str(first)

    @property
    def widths(self) -> dict[str, int]:
        """What each group that is cut is left with."""
        return {cut.group: cut.width_after for cut in self.cuts}

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that are cut."""
        return tuple(cut.group for cut in self.cuts)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that are cut, each once."""
        return tuple(dict.fromkeys(layer for cut in self.cuts for layer in cut.layers))

    def of(self, graph: LayerGraph) -> LayerGraph:
        """`graph`, which has the widths before, with the widths after."""
        return graph.with_widths(self.widths)

    def require_cut(self, graph: LayerGraph) -> None:
        """Raise InputError unless this makes groups of `graph` narrower than they are."""
        if not self.cuts or len(self.widths) < len(self.cuts):
            raise InputError(f"a proposal cuts {self.groups}; expected groups, each once")
        for cut in self.cuts:
            width = graph.widths.get(cut.group)
            if width is None or width != cut.width_before or not 0 < cut.width_after < width:
                have = "that cannot be cut" if width is None else f"of width {width}"
                raise InputError(
                    f"the proposal {cut} is no cut of the present network, which has a group "
                    f"{have}; take what propose gives now"
                )


def proposal_of(graph: LayerGraph, widths: Mapping[str, int], cost: Cost) -> Proposal | None:
    """`graph` brought to `widths`, of some of its groups; None where none of them is narrower."""
    cuts = tuple(
        GroupCut.of(group, widths[group.name])
        for group in graph.groups
        if group.name in widths and widths[group.name] < group.width
    )
    return Proposal(cuts, cost(graph.with_widths(widths))) if cuts else None


def propose(
    graph: LayerGraph,
    cost: Cost,
    target: float,
    width_multiple: int = SearchSettings().step,
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
            Proposal((GroupCut.of(group, found[0]),), found[1])
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
    return scaled_widths(graph, 0.5, width_multiple)


def scaled_widths(graph: LayerGraph, factor: float, width_multiple: int) -> dict[str, int]:
    """Every group at `factor` of its width, rounded to a width it may take."""
    return {
        group.name: nearest_width(group, factor * group.width, width_multiple)
        for group in graph.groups
        if not group.frozen
    }


def nearest_width(group: ChannelGroup, width: float, width_multiple: int) -> int:
    """Of the widths that `group` may take the one nearest to `width`; of two the narrower."""
    return min(group.allowed_widths(width_multiple), key=lambda allowed: abs(allowed - width))


def _widest(costs: list[tuple[int, float]], target: float) -> tuple[int, float] | None:
    return next(((width, cost) for width, cost in costs if cost <= target + MET), None)
