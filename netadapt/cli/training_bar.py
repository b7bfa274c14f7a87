"""The progress of a training on the terminal: a bar for the steps, a line for each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

from netadapt.cli.bar import Bar
from netadapt.cli.console import say

if TYPE_CHECKING:
    from netadapt.training.epochs import Progress
    from netadapt.training.event_log import EventLog

Shown = tuple[Callable[["Progress"], None], Callable[[dict[str, Any]], None], list[Any]]


@contextmanager
def training_bar(quiet: bool, event_log: EventLog | None = None) -> Iterator[Shown]:
    """Gives what to call after a step and after an epoch, and the list of the epochs' rows.

    Each epoch goes to `event_log` too, which is closed at the end.
    """
    from netadapt.training.training_folder import metrics_among

    rows: list[dict[str, Any]] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps, {task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, quiet=quiet) as bar:
        line = bar.add_task("training", total=None, note="")

        def after_step(progress: Progress) -> None:
            bar.update(
                line,
                description=f"epoch {progress.epoch} of {progress.epochs}",
                completed=(progress.epoch - 1) * progress.steps + progress.step,
                total=progress.epochs * progress.steps,
                note=f"loss {progress.loss:.3f}",
            )

        def after_epoch(row: dict[str, Any]) -> None:
            rows.append(row)
            if event_log is not None:
                event_log(row)
            holdout = ", ".join(f"{name} {row[name]:.3f}" for name in metrics_among(row))
            say(
                f"epoch {row['epoch']}: loss {row['loss']:.4f}, holdout {holdout}, "
                f"{row['images_per_second']:.1f} images/s",
                quiet=quiet,
            )

        try:
            yield after_step, after_epoch, rows
        finally:
            if event_log is not None:
                event_log.close()
