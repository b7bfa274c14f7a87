"""Some group, drawn by lot: what a choice must be better than. For tests and comparisons."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from netadapt.pruning.candidates import Candidate
from netadapt.pruning.proposals import Proposal

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration


class Random:
    """One of the widest cuts that meet the target; it is fine-tuned and kept."""

    name = "random"

    def propose(self, iteration: Iteration) -> list[Proposal]:
        return iteration.widest_cuts()

    def choose(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        drawn = random.Random(iteration.seed).choice(proposals)
        (candidate,) = iteration.judge([drawn])
        return candidate


RANDOM = Random()
