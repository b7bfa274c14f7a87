"""NetAdapt's loop, where only proposals that may still win are fine-tuned.

All are first judged untrained, with batch norm's statistics taken anew; the better part of them
is then fine-tuned as NetAdapt does (successive halving: Jamieson and Talwalkar, AISTATS 2016).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from netadapt.pruning.candidates import Candidate
from netadapt.pruning.finalists import clear_best
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.stages import UNTRAINED

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration

SHARE_THAT_STAYS = 1 / 4
FEWEST_THAT_STAY = 3


class Racing:
    """For every group the widest cut that meets the target; the best untrained are fine-tuned."""

    name = "racing"
    defaults: Mapping[str, Any] = MappingProxyType({"importance": "taylor"})

    def propose(self, iteration: Iteration) -> list[Proposal]:
        return iteration.widest_cuts()

    def choose(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        # One network is held at a time: what is fine-tuned later is cut again.
        ranked = sorted(
            (replace(candidate, model=None) for candidate in iteration.judge(proposals, UNTRAINED)),
            key=lambda candidate: candidate.rank,
        )
        count = max(FEWEST_THAT_STAY, math.ceil(SHARE_THAT_STAYS * len(ranked)))
        best = iteration.judge([candidate.proposal for candidate in ranked[:count]])
        return clear_best(iteration, best)


RACING = Racing()
