"""Who is told what a search does, and how long what is left of it takes.

Imports nothing heavy: the command line shows progress before a network is loaded.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netadapt.pruning.feasibility import Reach
    from netadapt.pruning.proposals import Proposal
    from netadapt.pruning.step import Step


class Watcher:
    """Is told what a search does; every method may be overridden, none has to be."""

    def table(self, description: str) -> None:
        """Which lookup table is used, and where its figures come from."""

    def feasible(self, reaches: list[Reach], iterations: int) -> None:
        """The feasibility table, and how many iterations the budget needs at least."""

    def measured(self, layer: str, latency_ms: float, done: int, most: int) -> None:
        """A layer was measured on demand; the table has `done` rows, and `most` when all are."""

    def note(self, text: str) -> None:
        """Something that the user should know of a measurement."""

    def iteration(self, iteration: int, latency_ms: float, target_ms: float, left: int) -> None:
        """An iteration begins; `left` counts it and those after it."""

    def candidate(self, proposal: Proposal, index: int, count: int) -> None:
        """A proposal is about to be fine-tuned."""

    def chosen(self, step: Step) -> None:
        """An iteration is on disk."""


class TimeLeft:
    """Guesses the time left of a search from the time its proposals have taken."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._trained = 0
        self._iterations_left = 1

    def iteration(self, left: int) -> None:
        """An iteration begins; `left` counts it and those after it."""
        self._iterations_left = left

    def candidate(self, index: int, count: int) -> str:
        """Proposal `index` of `count` begins; gives the time left, for people."""
        now = time.monotonic()
        if self._started is None:
            self._started = now
            return ""
        self._trained += 1
        seconds_each = (now - self._started) / self._trained
        proposals = count - index + (self._iterations_left - 1) * count
        minutes = proposals * seconds_each / 60
        return f"about {minutes:.0f} min left" if minutes >= 1 else "less than a minute left"
