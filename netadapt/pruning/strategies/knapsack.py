"""Widths for all groups at once: the least harm, by given scores, for what must be saved.

What a unit's going harms is added up over units, as HALP does (Shen et al., NeurIPS 2022, arXiv
2110.10811); what it saves is asked of the constraint for the whole network, at the widths that the
others have by then, because a layer's cost depends on two groups. A device's cost falls in steps,
so a cut looks some widths ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from netadapt.graph import LayerGraph
from netadapt.pruning.importance.base import free_groups
from netadapt.pruning.proposals import Cost, narrower_widths
from netadapt.pruning.schedule import MET

LOOK_AHEAD = 6
"""Widths below the present one that a cut may go to at once: hardware's steps are no longer."""


@dataclass(frozen=True)
class Choice:
    """One group narrower or wider: what that changes."""

    group: str
    width: int
    harm: float
    cost: float


class Knapsack:
    """The widths of a network's groups, moved one group at a time.

    `scores` are an importance's: what it harms when a unit goes. `cost` is that of a whole network.
    """

    def __init__(
        self, graph: LayerGraph, scores: Mapping[str, Tensor], cost: Cost, width_multiple: int
    ) -> None:
        self._graph = graph
        self._cost_of = cost
        groups = free_groups(graph)
        self._harm = {group.name: _harm_of_widths(scores[group.name]) for group in groups}
        self._allowed = {g.name: (g.width, *narrower_widths(g, width_multiple)) for g in groups}
        self.widths = {group.name: group.width for group in groups}
        self.cost = cost(graph)

    def shrink_to(self, target: float) -> None:
        """Cut, each time where it harms least for what it saves, until `target` is met or nothing
        saves any more, but once at least; then widen what the last cuts left room for."""
        before = self.cost
        while self.cost > target + MET or self.cost == before:
            choices = self._narrower()
            if not choices:
                return
            self._take(min(choices, key=self._price))
        self._widen(target, before)

    def _price(self, choice: Choice) -> tuple[float, float, str]:
        """Harm for each unit saved; of equal ones the one that saves most."""
        return choice.harm / (self.cost - choice.cost), choice.cost, choice.group

    def _widen(self, target: float, before: float) -> None:
        """Give back, each time where it helps most, as long as `target` stays met and something of
        what it cost `before` is saved."""
        while choices := [
            choice
            for choice in self._wider()
            if choice.cost <= target + MET and choice.cost < before and choice.harm < 0
        ]:
            self._take(min(choices, key=lambda choice: (choice.harm, choice.group)))

    def _narrower(self) -> list[Choice]:
        choices = self._choices(lambda allowed, at: allowed[at + 1 : at + 1 + LOOK_AHEAD])
        return [choice for choice in choices if choice.cost < self.cost]

    def _wider(self) -> list[Choice]:
        return self._choices(lambda allowed, at: allowed[:at])

    def _choices(self, of: Callable[[tuple[int, ...], int], tuple[int, ...]]) -> list[Choice]:
        return [
            Choice(
                group,
                width,
                float(self._harm[group][width] - self._harm[group][present]),
                self._cost_of(self._graph.with_widths({**self.widths, group: width})),
            )
            for group, present in self.widths.items()
            for width in of(self._allowed[group], self._allowed[group].index(present))
        ]

    def _take(self, choice: Choice) -> None:
        self.widths[choice.group] = choice.width
        self.cost = choice.cost


def _harm_of_widths(scores: Tensor) -> Tensor:
    """What it harms to keep the best `i` of the units `[N]`: `[N + 1]`."""
    ascending = scores.double().sort().values
    return torch.cat([ascending.new_zeros(1), ascending.cumsum(0)]).flip(0)
