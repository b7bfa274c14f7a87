"""A proposal that was tried, and the greedy choice: the least accuracy lost for what it saves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import nn

from netadapt.pruning.attempts import KeptModel
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.stages import SHORT_TERM, Stage


@dataclass(frozen=True)
class Candidate:
    """A proposal that was tried and evaluated.

    `model` is the cut network, or stands for one that stays where it was made; None where an
    interrupted run had tried it, and only its row is left. `Iteration.model_of` gives the network
    in every case.
    """

    proposal: Proposal
    metrics: Mapping[str, float]
    score: float
    """Accuracy lost for each unit of the constraint that it saves; smaller is better."""
    model: nn.Module | KeptModel | None = None
    stage: Stage = SHORT_TERM
    """How far it was taken."""
    scores: tuple[float, ...] = ()
    """The accuracy on each image of the holdout that it was judged on; empty where a task tells
    none apart."""
    score_error: float | None = None
    """The standard error of `score`, over those images."""

    @property
    def rank(self) -> tuple[float, float, tuple[str, ...]]:
        """Smaller is better: the score; of equal ones the cost, then the name."""
        return self.score, self.proposal.cost, self.proposal.groups


def score(accuracy_before: float, accuracy: float, cost_before: float, cost: float) -> float:
    """Accuracy lost for each unit saved. A candidate that saves nothing is infinitely bad."""
    saved = cost_before - cost
    return (accuracy_before - accuracy) / saved if saved > 0 else float("inf")


def choose(candidates: Iterable[Candidate]) -> Candidate:
    """The candidate of the smallest score; of equal ones the cheaper, then the first by name.

    Of an iterator no more than two are held at a time. Raises ValueError for none.
    """
    return min(candidates, key=lambda candidate: candidate.rank)
