"""What strategies have in common that cut once, by a rule that goes from wide to narrow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from netadapt.pruning.candidates import Candidate
from netadapt.pruning.proposals import Proposal, proposal_of

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration


class OneCut(ABC):
    """The first of a rule's networks that meets all budgets; a single iteration."""

    name: str

    @abstractmethod
    def widths(self, iteration: Iteration) -> Iterable[Mapping[str, int]]:
        """The width of each group that may be cut, widest network first."""

    def propose(self, iteration: Iteration) -> list[Proposal]:
        graph = iteration.graph
        for widths in self.widths(iteration):
            proposal = proposal_of(graph, widths, iteration.cost_of)
            if proposal is not None and iteration.meets(proposal.of(graph)):
                return [proposal]
        return []

    def choose(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        (candidate,) = iteration.judge(proposals[:1])
        return candidate
