"""The progress of a table's build on the terminal: the row being measured, how long at most."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.progress import BarColumn, TextColumn

from netadapt.cli.bar import Bar
from netadapt.cli.console import say

if TYPE_CHECKING:
    from netadapt.graph.layer_shape import LayerShape
    from netadapt.latency.runtimes.base import Timing


class BuildProgress:
    """Shows a build on the terminal: the row being measured, the error, the time left at most."""

    def __init__(self, most: int, quiet: bool) -> None:
        self._quiet = quiet
        self._progress = Bar(
            TextColumn("{task.fields[what]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed}/{task.total} rows{task.fields[left]}"),
            quiet=quiet,
        )
        self._line = self._progress.add_task("", total=most, what="starting", left="")
        self._start = 0.0
        self._first = 0

    def __enter__(self) -> BuildProgress:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def measured(self, shape: LayerShape, timing: Timing, done: int, most: int) -> None:
        """A row is written: number `done` of `most` at most."""
        now = time.monotonic()
        if not self._start:
            self._start, self._first = now, done
        per_row = (now - self._start) / max(1, done - self._first)
        left = f", at most {in_minutes(per_row * (most - done))} left" if done > self._first else ""
        what = f"{shape}: {timing.latency_ms:.3g} ms"
        self._progress.update(self._line, completed=done, total=most, what=what, left=left)

    def error(self, error: float) -> None:
        """Whole networks are predicted within this now."""
        say(f"whole networks are predicted within {error:.1%} now", quiet=self._quiet)

    def note(self, text: str) -> None:
        """Something to know."""
        say(text, quiet=self._quiet)


def in_minutes(seconds: float) -> str:
    """'1 min 20 s', or seconds alone under a minute."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
