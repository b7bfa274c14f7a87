"""What an experiment says of a search: its strategy, and what differs from that one's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netadapt.pruning.job import OpenedBy, PruneJob


@dataclass(frozen=True)
class Method:
    """Settings of a search by the names of the command line's options."""

    strategy: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def job(self, budget: Mapping[str, float], weights: str, data: str, seed: int) -> PruneJob:
        """The pruning of a depth network to `budget`, as `netadapt prune` would be told it."""
        job = PruneJob(budget, OpenedBy(weights, "depth", data))
        return job.changed({"strategy": self.strategy, "seed": seed, **self.settings})
