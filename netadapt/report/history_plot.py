"""Draws trainings: the loss and the holdout's metrics, epoch by epoch.

Takes the history.csv of a training's folder as it is on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from netadapt.errors import RunError
from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.training.training_folder import HISTORY_FILE, metrics_among

MOST_METRICS = 2
"""Of those that a history has, the first ones are drawn."""


def draw_histories(trainings: Sequence[Path], path: Path) -> None:
    """Draw `trainings` into a PNG, a line each; of the first, where the input's size changed.

    Raises RunError where a training has no epoch yet, or lacks what the first one has.
    """
    curves = curves_of(read_history(trainings[0]))
    figure = needed("matplotlib.figure", "report").Figure(figsize=(11, 3.8), layout="constrained")
    axes = figure.subplots(1, len(curves))
    for training in trainings:
        history = read_history(training)
        require_curves(training, history, curves, trainings[0])
        for axis, (column, title) in zip(axes, curves.items(), strict=True):
            axis.plot(
                history["epoch"], history[column], marker="o", markersize=3, label=training.name
            )
            axis.set_xlabel("epoch")
            axis.set_title(title, pad=36)
            axis.grid(alpha=0.3)
    for axis in axes:
        _mark_sizes(axis, read_history(trainings[0]))
    axes[0].legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def read_history(training: Path) -> pd.DataFrame:
    """A row an epoch. Raises RunError where there is no whole epoch yet, or the file is damaged."""
    file = training / HISTORY_FILE
    try:
        history = pd.read_csv(file)
        numbers = ["epoch", "loss", *metrics_among(history.columns), "seconds"]
        history[numbers] = history[numbers].apply(pd.to_numeric)
    except (ValueError, KeyError) as error:  # pandas' own errors of parsing are ValueErrors
        raise RunError(
            f"{file} is damaged ({error}); move {training} away and train again"
        ) from error
    if history.empty:
        raise RunError(f"{file} has no epoch yet; continue the training with --resume")
    return history


def require_curves(
    training: Path, history: pd.DataFrame, curves: Iterable[str], first: Path
) -> None:
    """Raise RunError where a training lacks what is drawn of the `first` one."""
    if missing := [column for column in curves if column not in history]:
        raise RunError(
            f"{training} has no {', '.join(missing)} in its {HISTORY_FILE}, as {first} has; draw "
            f"trainings of one task together"
        )


def curves_of(history: pd.DataFrame) -> dict[str, str]:
    """The columns to draw, with their titles."""
    metrics = metrics_among(history.columns)[:MOST_METRICS]
    return {"loss": "training loss", **{name: f"{name} on the holdout" for name in metrics}}


def _mark_sizes(axis: Any, history: pd.DataFrame) -> None:
    """A line where the input's size changes, and above the plot the size, where there is room."""
    if "size" not in history:
        return
    starts = history.loc[history["size"] != history["size"].shift(), ["epoch", "size"]]
    ends = [*starts["epoch"].iloc[1:], history["epoch"].max() + 1]
    for (epoch, size), end in zip(starts.itertuples(index=False), ends, strict=True):
        axis.axvline(epoch - 0.5, color="0.8", linewidth=0.8)
        if end - epoch > 0.02 * len(history):
            axis.annotate(
                size,
                (epoch - 0.5, 1.0),
                xytext=(0, 3),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=7,
                rotation=90,
            )
