"""A run that leaves nothing behind: the members of `RunFolder`, in memory, for a look ahead."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.errors import RunError
from netadapt.pruning.records import CandidateRecord, StepRecord, Tried
from netadapt.pruning.step import Step


class UnwrittenRun:
    """A run without a folder; it can't be resumed."""

    path = Path(os.devnull)

    def __init__(self) -> None:
        self._steps: list[StepRecord] = []
        self._tried: list[Tried] = []

    @property
    def steps(self) -> Sequence[StepRecord]:
        """The iterations so far."""
        return tuple(self._steps)

    def candidates(self, iteration: int) -> list[Tried]:
        """The proposals that were tried in `iteration`."""
        return [tried for tried in self._tried if tried.record.iteration == iteration]

    def checkpoint(self, iteration: int) -> Path:
        """What the network of `iteration` would be kept under."""
        return self.path / f"iter_{iteration:03d}"

    def load_weights(self, record: StepRecord, model: nn.Module) -> None:
        """There are none."""
        raise RunError(f"iteration {record.iteration} of a run that isn't written can't be loaded")

    def try_out(self, tried: Tried) -> None:
        """Keep what a proposal came to."""
        self._tried.append(tried)

    def commit(
        self, step: Step, config: Mapping[str, Any], place: Callable[[CandidateRecord], float]
    ) -> None:
        """Keep the row."""
        self._steps.append(step.record)

    def discard(self) -> None:
        """Nothing is there."""

    def take_back_budget(self) -> None:
        """It was never lowered."""

    def where_it_stands(self, iteration: int) -> str:
        """It lies nowhere, so nothing is said."""
        return ""

    @property
    def to_go_on(self) -> str:
        """What to do when the search has ended."""
        return "begin another"

    def close(self) -> None:
        """Nothing is held."""
