"""Which of an iteration's candidates is the best, as sure as the holdout can tell.

All are judged on the same few images. Those that chance may have put behind the best one are judged
on more, twice as many each time, until one is clearly the best or the holdout is spent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netadapt.pruning.candidates import Candidate, choose
from netadapt.pruning.paired import difference

if TYPE_CHECKING:
    from netadapt.pruning.iteration import Iteration

MOST_FINALISTS = 4
"""So many are judged further at most; their networks are in memory at once."""


def clear_best(iteration: Iteration, candidates: Iterable[Candidate]) -> Candidate:
    """The best of `candidates`, of which there must be one; they are taken one by one.

    Where the task tells no images apart it is that of the smallest score.
    """
    finalists: list[Candidate] = []
    for candidate in candidates:
        finalists = sorted([*finalists, candidate], key=lambda one: one.rank)[:MOST_FINALISTS]
    while True:
        best = choose(finalists)
        finalists = [
            one for one in finalists if one is best or not _is_behind(iteration, one, best)
        ]
        more = iteration.images_after(best)
        if len(finalists) == 1 or not more:
            return best
        finalists = [iteration.judge_further(one, more) for one in finalists]


def _is_behind(iteration: Iteration, candidate: Candidate, best: Candidate) -> bool:
    """Whether `candidate` is clearly worse than `best` on the images that both were judged on."""
    if not candidate.scores or not best.scores:
        return True
    return difference(iteration.losses_of(candidate), iteration.losses_of(best)).is_clear
