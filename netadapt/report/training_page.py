"""One HTML page about trainings: loss and metrics by epoch, side by side, and what decided them.

Takes the files of a training's folder as they are on disk, pictures that the task drew included.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from netadapt.errors import RunError
from netadapt.outside import outside_json_object
from netadapt.report.column_words import metric_words_of
from netadapt.report.flat_settings import flat_settings
from netadapt.report.history_plot import curves_of, read_history, require_curves
from netadapt.report.line_chart import Chart, Layout, Point, Rule, Series
from netadapt.report.templating import write_html
from netadapt.training.training_folder import SETTINGS_FILE, metrics_among

TEMPLATE = "training_page.html.jinja"

COLUMNS: Mapping[str, str] = {
    "epoch": "Counted from 1; each shows every training image once.",
    "size": "Height and width of the images, in pixels.",
    "learning_rate": "At the end of the epoch.",
    "loss": "Mean of the training loss over the epoch.",
    "images_per_second": "Training images each second.",
    "seconds": "Of the epoch, its evaluation included.",
}


@dataclass(frozen=True)
class Training:
    """A training as its folder says it."""

    path: Path
    history: pd.DataFrame
    settings: Sequence[tuple[str, str]]
    samples: Sequence[tuple[str, str]]
    """A title each, and a PNG in base64: those of the first and of the last epoch drawn."""

    @property
    def name(self) -> str:
        """The folder's own name, also of '.'; of a run's fine-tune the run's too."""
        place = self.path.resolve()
        return f"{place.parent.name}/{place.name}" if place.name == "final" else place.name

    @property
    def metrics(self) -> list[str]:
        """The task's, in the order of the file."""
        return metrics_among(self.history.columns)

    @property
    def best(self) -> Mapping[str, Any]:
        """The row of the epoch at which the first metric was highest."""
        return max(self.rows, key=lambda row: float(row[self.metrics[0]]))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every epoch, a cell a column."""
        return [
            {str(name): value for name, value in row.items()}
            for row in self.history.to_dict("records")
        ]


def write_training_page(
    trainings: Sequence[Path], path: Path, metric_words: Mapping[str, str] | None = None
) -> None:
    """Write the page of `trainings`; `metric_words` says what metrics mean.

    Raises RunError where a training has no epoch yet, or lacks what the first one has.
    """
    found = [_opened(training) for training in trainings]
    curves = curves_of(found[0].history)
    for training in found:
        require_curves(training.path, training.history, curves, found[0].path)
    metrics = found[0].metrics
    write_html(
        path,
        TEMPLATE,
        trainings=found,
        charts=list(_charts(found, curves)),
        columns={**COLUMNS, **metric_words_of(metrics, metric_words)},
    )


def _opened(training: Path) -> Training:
    file = training / SETTINGS_FILE
    settings = flat_settings(outside_json_object(file, RunError)) if file.is_file() else []
    drawn = sorted((training / "samples").glob("epoch_*.png"))
    samples = [
        (
            f"After epoch {int(png.stem.rpartition('_')[2])}",
            base64.b64encode(png.read_bytes()).decode("ascii"),
        )
        for png in dict.fromkeys((*drawn[:1], *drawn[-1:]))
    ]
    return Training(training, read_history(training), settings, samples)


def _charts(trainings: Sequence[Training], curves: Mapping[str, str]) -> Iterator[Layout]:
    for column, title in curves.items():
        series = []
        for training in trainings:
            rows = zip(training.history["epoch"], training.history[column], strict=True)
            points = [
                Point(epoch, value, f"{training.name}: epoch {epoch}, {column} {value:.4f}")
                for epoch, value in rows
            ]
            series.append(Series(training.name, points))
        rules = _size_rules(trainings[0].history)
        yield Chart(title, "epoch", column, series, rules, whole_x=True).laid_out()


def _size_rules(history: pd.DataFrame) -> list[Rule]:
    """Of the first training: a line where the input's size changed, with the size after it."""
    if "size" not in history:
        return []
    changed = history["size"] != history["size"].shift()
    starts = history.loc[changed, ["epoch", "size"]].iloc[1:]
    return [Rule(str(size), epoch - 0.5) for epoch, size in starts.itertuples(index=False)]
