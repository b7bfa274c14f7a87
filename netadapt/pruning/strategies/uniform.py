"""The baseline that every search should beat: all groups narrower by one factor, at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netadapt.pruning.candidates import Candidate
from netadapt.pruning.proposals import Proposal, proposal_of, scaled_widths

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration

FACTORS = tuple(count / 512 for count in range(511, -1, -1))
"""Largest first; nearer ones give the same widths, or nearly."""


class Uniform:
    """The largest factor at which the network meets all budgets; a single iteration."""

    name = "uniform"

    def propose(self, iteration: Iteration) -> list[Proposal]:
        graph, multiple = iteration.graph, iteration.settings.step
        for factor in FACTORS:
            widths = scaled_widths(graph, factor, multiple)
            proposal = proposal_of(graph, widths, iteration.cost_of)
            if proposal is not None and iteration.meets(proposal.of(graph)):
                return [proposal]
        return []

    def choose(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        (candidate,) = iteration.judge(proposals[:1])
        return candidate


UNIFORM = Uniform()
