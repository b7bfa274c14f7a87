"""One iteration of a search, as the loop hands it out."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from netadapt.graph import LayerGraph


@dataclass(frozen=True)
class Step:
    """A row of the trajectory with the network it speaks of. Iteration 0 is the network given."""

    iteration: int
    row: dict[str, object]
    model: nn.Module
    graph: LayerGraph
