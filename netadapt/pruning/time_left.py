"""How long what is left of a search takes, guessed from what its proposals have taken."""

from __future__ import annotations

import time

AT_ONCE_S = 1.0
"""Proposals that begin within so long after the first are tried side by side."""


class TimeLeft:
    """Told of iterations and proposals as they begin."""

    def __init__(self) -> None:
        self._started: float | None = None
        self._begun = 0
        self._side_by_side = 0
        self._iterations_left = 1
        self._expected_s: float | None = None

    def iteration(self, left: int) -> None:
        """An iteration begins; `left` counts it and those after it."""
        self._iterations_left = left

    def expect(self, seconds_each: float) -> None:
        """What a proposal is thought to take; counts until one is through."""
        self._expected_s = seconds_each

    def candidate(self, index: int, count: int) -> str:
        """Proposal `index` of `count` begins; gives the time left, for people."""
        now = time.monotonic()
        if self._started is None:
            self._started = now
        self._begun += 1
        proposals = count - index + (self._iterations_left - 1) * count
        if now - self._started < AT_ONCE_S and self._begun == self._side_by_side + 1:
            self._side_by_side += 1
            if self._expected_s is None:
                return ""
            return in_words(proposals * self._expected_s / self._side_by_side)
        seconds_each = (now - self._started) / (self._begun - self._side_by_side)
        return in_words((proposals + self._side_by_side - 1) * seconds_each)


def in_words(seconds: float) -> str:
    """'about 8 min left', for a bar."""
    minutes = seconds / 60
    return f"about {minutes:.0f} min left" if minutes >= 1 else "less than a minute left"
