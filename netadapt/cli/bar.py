"""The bar of a long command; in a log file, where no bar can move, a line a minute."""

from __future__ import annotations

import time
from typing import Any

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from netadapt.cli.console import messages, say

SPOKEN_EVERY_S = 60.0

WORD_BEHIND: dict[type, str] = {TimeRemainingColumn: " left", TimeElapsedColumn: " so far"}
"""What is clear beside a bar needs a word in a line."""


class Bar(Progress):
    """rich's progress on stderr: gone when done, silent when `quiet`."""

    def __init__(self, *columns: ProgressColumn, quiet: bool) -> None:
        shown = columns or self.get_default_columns()
        super().__init__(*shown, console=messages, disable=quiet, transient=True)
        self._spoken_at = time.monotonic()

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """As rich's; may say where the task stands."""
        super().update(task_id, **changes)
        if self.disable or self.console.is_terminal:
            return
        if time.monotonic() - self._spoken_at >= SPOKEN_EVERY_S:
            self._spoken_at = time.monotonic()
            say(self._in_words(self._tasks[task_id]))

    def _in_words(self, task: Task) -> str:
        words = []
        for column in self.columns:
            if not isinstance(column, ProgressColumn) or isinstance(column, BarColumn):
                continue
            shown = column(task)
            if isinstance(shown, Text) and (word := shown.plain.strip()):
                words.append(word + WORD_BEHIND.get(type(column), ""))
        return ", ".join(words)
