"""Draws trainings: the loss and the holdout's metrics, epoch by epoch.

Takes the history.csv of a training's folder as it is on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from netadapt.errors import RunError
from netadapt.files import atomic_path

HISTORY = "history.csv"
CURVES = {"loss": "training loss", "delta1": "delta1 on the holdout", "rmse_m": "RMSE, m"}


def is_training(folder: Path) -> bool:
    """Whether a folder holds a training, not a pruning run."""
    return (folder / HISTORY).is_file() and not (folder / "trajectory.csv").is_file()


def draw_histories(trainings: Sequence[Path], path: Path) -> None:
    """Draw `trainings` into a PNG, a line each; of the first, where the input's size changed.

    Raises RunError where a training has no epoch yet.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(1, len(CURVES))
    for training in trainings:
        history = _read(training)
        for axis, (column, title) in zip(axes, CURVES.items(), strict=True):
            axis.plot(
                history["epoch"], history[column], marker="o", markersize=3, label=training.name
            )
            axis.set(xlabel="epoch", title=title)
            axis.grid(alpha=0.3)
    for axis in axes:
        _mark_sizes(axis, _read(trainings[0]))
    axes[0].legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _read(training: Path) -> pd.DataFrame:
    history = pd.read_csv(training / HISTORY)
    if history.empty:
        raise RunError(
            f"{training / HISTORY} has no epoch yet; continue the training with --resume"
        )
    return history


def _mark_sizes(axis: Any, history: pd.DataFrame) -> None:
    starts = history.loc[history["size"] != history["size"].shift(), ["epoch", "size"]]
    for epoch, size in starts.itertuples(index=False):
        axis.axvline(epoch - 0.5, color="0.8", linewidth=0.8)
        axis.annotate(
            f" {size}",
            (epoch - 0.5, 0.02),
            xycoords=("data", "axes fraction"),
            fontsize=7,
            rotation=90,
        )
