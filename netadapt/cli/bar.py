"""The bar of a long command; in a log file, where no bar can move, a line every half minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from netadapt.cli.console import messages, say

SPOKEN_EVERY_S = 30.0

LOOKED_EVERY_S = 1.0
"""A step that takes long tells nothing until it is through: the time is looked at beside it."""

WORD_BEHIND: dict[type, str] = {TimeRemainingColumn: " left", TimeElapsedColumn: " so far"}
"""What is clear beside a bar needs a word in a line."""


class Bar(Progress):
    """rich's progress on stderr: gone when done, silent when `quiet`."""

    def __init__(self, *columns: ProgressColumn, quiet: bool) -> None:
        shown = columns or self.get_default_columns()
        super().__init__(*shown, console=messages, disable=quiet, transient=True)
        self._spoken_at = time.monotonic()
        self._latest: TaskID | None = None
        self._ended = threading.Event()

    @property
    def _speaks(self) -> bool:
        return not self.disable and not self.console.is_terminal

    def start(self) -> None:
        """As rich's; from now on a log is told where the task stands, whatever it does."""
        super().start()
        if self._speaks:
            self._ended.clear()
            threading.Thread(target=self._watch, name="netadapt-bar", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()
        super().stop()

    def add_task(self, *arguments: Any, **options: Any) -> TaskID:
        """As rich's."""
        self._latest = super().add_task(*arguments, **options)
        return self._latest

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As rich's; may say where the task stands."""
        super().update(task_id, **changes)
        self._latest = task_id
        if self._speaks:
            self._speak_when_due()

    def _watch(self) -> None:
        while not self._ended.wait(LOOKED_EVERY_S):
            self._speak_when_due()

    def _speak_when_due(self) -> None:
        with self._lock:
            due = time.monotonic() - self._spoken_at >= SPOKEN_EVERY_S
            task = self._tasks.get(self._latest) if due and self._latest is not None else None
            if task is None:
                return
            self._spoken_at = time.monotonic()
            text = self._in_words(task)
        say(text)

    def _in_words(self, task: Task) -> str:
        words = []
        for column in self.columns:
            if not isinstance(column, ProgressColumn) or isinstance(column, BarColumn):
                continue
            shown = column(task)
            if isinstance(shown, Text) and (word := shown.plain.strip()):
                words.append(word + WORD_BEHIND.get(type(column), ""))
        return ", ".join(words)


@contextmanager
def working(what: str, quiet: bool) -> Iterator[None]:
    """Shows `what` while the block runs, which can't tell how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Bar(*columns, quiet=quiet) as bar:
        bar.add_task(what, total=None)
        yield
