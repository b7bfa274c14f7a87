"""How far a proposal is taken before it is judged."""

from __future__ import annotations

from dataclasses import dataclass, replace

from netadapt.training.settings import FineTuning


@dataclass(frozen=True)
class Stage:
    """`name` stands in candidates.csv; `steps` of fine-tuning, None: as many as the settings say.

    Without steps batch norm's statistics are taken anew from `statistics_batches`, which is what a
    cut shifts most.
    """

    name: str
    steps: int | None = None
    statistics_batches: int = 0

    def fine_tuning(self, short_term: FineTuning) -> FineTuning:
        """`short_term` with the steps of this stage."""
        return short_term if self.steps is None else replace(short_term, steps=self.steps)


SHORT_TERM = Stage("short-term")
"""Cut, fine-tuned for the settings' steps, evaluated."""

UNTRAINED = Stage("untrained", 0, statistics_batches=4)
"""Cut and evaluated; no gradient is taken."""

FAILED = "failed"
"""What stands in candidates.csv where a proposal couldn't be tried: no stage, and no metrics."""
