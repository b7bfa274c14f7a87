"""One iteration of a search, as the loop hands it out."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn

from netadapt.graph import LayerGraph
from netadapt.pruning.records import StepRecord


@dataclass(frozen=True)
class Step:
    """A row of the trajectory with the network it speaks of. Iteration 0 is the network given."""

    record: StepRecord
    model: nn.Module
    graph: LayerGraph
    scores: Tensor | None = field(default=None, repr=False)
    """The accuracy on each image of the holdout, `[N]`, where it was told when the row was made."""

    @property
    def iteration(self) -> int:
        """Its number, from 0."""
        return self.record.iteration
