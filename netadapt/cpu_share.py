"""Tells when work gets far less of a processor than it asks for: a shared machine, from inside.

Work that computes all the time uses at least as much processor time as passes on the clock. Where
it doesn't, other programs are on the same cores (threads that wait for each other then cost many
times the work), or a container's quota is spent. How many threads to take is for `cores` to say.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from netadapt.cores import usable_cores
from netadapt.remarks import remark

Given = ParamSpec("Given")
Result = TypeVar("Result")

WATCHED_S = 20.0
"""Of work that is looked at as one: a moment's pause says nothing."""

LEAST_SHARE = 0.6
"""Of the clock's time; work on an idle machine uses all of it, with several threads more."""


class CpuShare:
    """Adds up pieces of work, and says once that they get too little of the processor.

    `clock` and `processor` give seconds: the wall's, and those that this process has used, all its
    threads together.

    >>> share = CpuShare()
    >>> @share.watched
    ... def step():
    ...     return sum(range(1000))
    >>> step()
    499500
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        processor: Callable[[], float] = time.process_time,
        say: Callable[[str], None] = remark,
    ) -> None:
        self._clock, self._processor, self._say = clock, processor, say
        self._wall_s = self._processor_s = 0.0
        self._pieces = 0
        self._told = False

    def watched(self, work: Callable[Given, Result]) -> Callable[Given, Result]:
        """`work`, each call of which counts as a piece; it must compute and not wait."""

        @functools.wraps(work)
        def watching(*args: Given.args, **kwargs: Given.kwargs) -> Result:
            if self._told or threading.current_thread() is not threading.main_thread():
                return work(*args, **kwargs)
            started, used = self._clock(), self._processor()
            result = work(*args, **kwargs)
            self._add(self._clock() - started, self._processor() - used)
            return result

        return watching

    def _add(self, wall_s: float, processor_s: float) -> None:
        self._wall_s += wall_s
        self._processor_s += processor_s
        self._pieces += 1
        if self._wall_s < WATCHED_S:
            return
        if self._processor_s < LEAST_SHARE * self._wall_s:
            self._told = True
            steps = "a step" if self._pieces == 1 else f"{self._pieces} steps"
            self._say(
                f"{steps} took {self._wall_s:.0f} s and got {self._processor_s:.0f} s of processor "
                f"time: other work is on the same cores ({usable_cores()}), or a quota is spent; "
                f"end it, or give fewer --threads (1 loses least)"
            )
        self._wall_s = self._processor_s = 0.0
        self._pieces = 0


SHARE = CpuShare()
"""Of this process, whatever it trains."""
