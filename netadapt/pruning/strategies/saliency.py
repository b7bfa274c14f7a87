"""No losing candidate is trained: an iteration cuts many groups at once, by saliency and cost.

The units that go are those whose saliency is least for the milliseconds that their going saves,
after HALP (arXiv 2110.10811); between the iterations the network is fine-tuned for a moment and the
saliency taken anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from netadapt.pruning.candidates import Candidate
from netadapt.pruning.proposals import Proposal, proposal_of
from netadapt.pruning.strategies.knapsack import Knapsack

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration


class Saliency:
    """One proposal an iteration, of many groups; it is fine-tuned and kept."""

    name = "saliency"
    defaults: Mapping[str, Any] = MappingProxyType(
        {"importance": "taylor", "first_reduction": 0.05, "decay": 1.0}
    )

    def propose(self, iteration: Iteration) -> list[Proposal]:
        multiple = iteration.settings.step
        knapsack = Knapsack(iteration.graph, iteration.importances, iteration.cost_of, multiple)
        knapsack.shrink_to(iteration.target)
        proposal = proposal_of(iteration.graph, knapsack.widths, iteration.cost_of)
        return [] if proposal is None else [proposal]

    def choose(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        (candidate,) = iteration.judge(proposals[:1])
        return candidate


SALIENCY = Saliency()
