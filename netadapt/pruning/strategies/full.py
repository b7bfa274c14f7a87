"""NetAdapt as published (Yang et al., ECCV 2018, algorithm 1): every proposal is tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netadapt.pruning.candidates import Candidate
from netadapt.pruning.finalists import clear_best
from netadapt.pruning.proposals import Proposal

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration


class Full:
    """For every group the widest cut that meets the target; the least loss for what it saves."""

    name = "full"

    def propose(self, iteration: Iteration) -> list[Proposal]:
        return iteration.widest_cuts()

    def choose(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        return clear_best(iteration, iteration.judge(proposals))


FULL = Full()
