"""Draws trajectories: accuracy against latency, and how each group's width came down.

Takes the CSV of a run as it is on disk; which network or device it was is in the run's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd

from netadapt.errors import RunError
from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.networks.store import TRAJECTORY_NAME
from netadapt.pruning.records import StepRecord
from netadapt.pruning.run_folder import read_steps


def read_some_steps(run: Path | str) -> list[StepRecord]:
    """The iterations of a run's folder. Raises RunError where there is none, or no row yet."""
    steps = read_steps(run)
    if not steps:
        raise RunError(
            f"{Path(run) / TRAJECTORY_NAME} has no rows yet; continue the run with --resume"
        )
    return steps


def widths_by_group(steps: Sequence[StepRecord]) -> pd.DataFrame:
    """Widths of all groups: a row an iteration, a column a group."""
    index = [step.iteration for step in steps]
    return pd.DataFrame([dict(step.widths) for step in steps], index=index)


def draw_trajectories(runs: Sequence[Path], target: Path | IO[bytes]) -> None:
    """Draw `runs` as a PNG: accuracy against latency for all, the widths of the first."""
    figure = needed("matplotlib.figure", "report").Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for run in runs:
        _draw_accuracy(left, read_some_steps(run), run.name)
    left.invert_xaxis()
    left.legend(frameon=False)
    left.grid(alpha=0.3)
    _draw_widths(right, read_some_steps(runs[0]))
    if not isinstance(target, Path):
        figure.savefig(target, format="png", dpi=110)
        return
    with atomic_path(target) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_accuracy(axis: Any, steps: Sequence[StepRecord], name: str) -> None:
    metric = next(iter(steps[0].metrics))
    accuracy = [step.metrics[metric] for step in steps]
    latencies = [step.latency for step in steps if step.latency is not None]
    if len(latencies) == len(steps):
        cost = [latency.value for latency in latencies]
        error = [
            [latency.value - latency.low for latency in latencies],
            [latency.high - latency.value for latency in latencies],
        ]
        axis.set_xlabel("predicted latency, ms (bars: 90 % interval)")
    else:
        cost, error = [step.macs / 1e9 for step in steps], None
        axis.set_xlabel("multiply-accumulates, G")
    axis.errorbar(cost, accuracy, xerr=error, marker="o", markersize=4, elinewidth=0.6, label=name)
    axis.set_ylabel(f"{metric} on the holdout")


def _draw_widths(axis: Any, steps: Sequence[StepRecord]) -> None:
    widths = widths_by_group(steps)
    share = (widths / widths.iloc[0]).T
    image = axis.imshow(share, aspect="auto", vmin=0, vmax=1, cmap="viridis")
    axis.set_yticks(range(len(share)), share.index, fontsize=7)
    axis.set_xlabel("iteration")
    axis.set_title("width left of each channel group", fontsize=9)
    axis.figure.colorbar(image, ax=axis, format="{x:.0%}")
