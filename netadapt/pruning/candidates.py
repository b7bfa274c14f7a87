"""The greedy choice of an iteration: the smallest accuracy loss per millisecond saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netadapt.pruning.proposals import Proposal


@dataclass(frozen=True)
class Candidate:
    """A proposal that was fine-tuned for a moment and evaluated."""

    proposal: Proposal
    metrics: dict[str, float]
    score: float
    """Accuracy lost per millisecond saved; smaller is better."""


def score(accuracy_before: float, accuracy: float, latency_before_ms: float, ms: float) -> float:
    """Accuracy lost per millisecond saved. A candidate that saves nothing is infinitely bad."""
    saved_ms = latency_before_ms - ms
    return (accuracy_before - accuracy) / saved_ms if saved_ms > 0 else float("inf")


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """The candidate of the smallest score; of equal ones the faster, then the first by name."""
    return min(candidates, key=lambda c: (c.score, c.proposal.latency_ms, c.proposal.group))
