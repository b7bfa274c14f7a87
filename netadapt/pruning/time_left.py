"""How long what is left of a search takes, guessed from what its proposals have taken."""

from __future__ import annotations

import time


class TimeLeft:
    """Told of iterations and proposals as they begin."""

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
