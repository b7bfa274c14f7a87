"""Draws trajectories: accuracy against latency, and how each group's width came down.

Takes the CSV of a run as it is on disk; which network or device it was is in the run's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd

from netadapt.errors import RunError
from netadapt.files import atomic_path
from netadapt.pruning.records import metric_columns, read_widths_text


def read_trajectory(run: Path | str) -> pd.DataFrame:
    """The trajectory of a run's folder. Raises RunError where there is none, or no row yet."""
    path = Path(run) / "trajectory.csv"
    if not path.is_file():
        raise RunError(f"{run} is not a run's folder: it has no trajectory.csv")
    trajectory = pd.read_csv(path)
    if trajectory.empty:
        raise RunError(f"{path} has no rows yet; continue the run with --resume")
    return trajectory


def widths_by_group(trajectory: pd.DataFrame) -> pd.DataFrame:
    """Widths of all groups: a row an iteration, a column a group."""
    cells = [read_widths_text(text) for text in trajectory["widths"]]
    return pd.DataFrame(cells, index=trajectory["iteration"])


def draw_trajectories(runs: Sequence[Path], target: Path | IO[bytes]) -> None:
    """Draw `runs` as a PNG: accuracy against latency for all, the widths of the first."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for run in runs:
        _draw_accuracy(left, read_trajectory(run), run.name)
    left.invert_xaxis()
    left.legend(frameon=False)
    left.grid(alpha=0.3)
    _draw_widths(right, read_trajectory(runs[0]))
    if not isinstance(target, Path):
        figure.savefig(target, format="png", dpi=110)
        return
    with atomic_path(target) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_accuracy(axis: Any, trajectory: pd.DataFrame, name: str) -> None:
    metric = metric_columns(trajectory.columns)[0]
    latency = trajectory["latency_ms"]
    error = [
        latency - trajectory["latency_low_ms"],
        trajectory["latency_high_ms"] - latency,
    ]
    axis.errorbar(
        latency,
        trajectory[metric],
        xerr=error,
        marker="o",
        markersize=4,
        elinewidth=0.6,
        label=name,
    )
    axis.set_xlabel("predicted latency, ms (bars: 90 % interval)")
    axis.set_ylabel(f"{metric} on the holdout")


def _draw_widths(axis: Any, trajectory: pd.DataFrame) -> None:
    widths = widths_by_group(trajectory)
    share = (widths / widths.iloc[0]).T
    image = axis.imshow(share, aspect="auto", vmin=0, vmax=1, cmap="viridis")
    axis.set_yticks(range(len(share)), share.index, fontsize=7)
    axis.set_xlabel("iteration")
    axis.set_title("width left of each channel group", fontsize=9)
    axis.figure.colorbar(image, ax=axis, format="{x:.0%}")
