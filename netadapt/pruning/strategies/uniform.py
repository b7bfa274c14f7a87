"""The baseline that every search should beat: all groups narrower by one factor, at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from netadapt.pruning.proposals import scaled_widths
from netadapt.pruning.strategies.one_cut import OneCut

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration

FACTORS = tuple(count / 512 for count in range(511, -1, -1))
"""Largest first; nearer ones give the same widths, or nearly."""


class Uniform(OneCut):
    """The largest factor at which the network meets all budgets."""

    name = "uniform"

    def widths(self, iteration: Iteration) -> Iterator[Mapping[str, int]]:
        for factor in FACTORS:
            yield scaled_widths(iteration.graph, factor, iteration.settings.step)


UNIFORM = Uniform()
