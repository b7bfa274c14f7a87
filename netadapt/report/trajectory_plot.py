"""Draws trajectories as a PNG: accuracy against cost, and how each group's width came down.

Takes the CSV of a run as it is on disk; which network or device it was is in the run's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd

from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.pruning.records import StepRecord
from netadapt.report.line_chart import Chart, Series
from netadapt.report.run_charts import accuracy_chart
from netadapt.report.run_on_disk import RunOnDisk

COLUMNS = 2
"""Plots side by side."""


def widths_by_group(steps: Sequence[StepRecord]) -> pd.DataFrame:
    """Widths of all groups: a row an iteration, a column a group."""
    index = [step.iteration for step in steps]
    return pd.DataFrame([dict(step.widths) for step in steps], index=index)


def draw_trajectories(runs: Sequence[Path], target: Path | IO[bytes]) -> None:
    """Draw `runs` as a PNG: accuracy against latency for all, then the widths of each.

    Budgets are lines, the network that a run came to is marked. Raises RunError for a folder that
    is no run's.
    """
    found = [RunOnDisk.read(run) for run in runs]
    rows = -(-(1 + len(found)) // COLUMNS)
    figure = needed("matplotlib.figure", "report").Figure(
        figsize=(11, 4.2 * rows), layout="constrained"
    )
    axes = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    _draw_chart(axes[0], accuracy_chart(found))
    for axis, run in zip(axes[1:], found, strict=False):
        _draw_widths(axis, run, named=len(found) > 1)
    for axis in axes[1 + len(found) :]:
        axis.set_axis_off()
    if not isinstance(target, Path):
        figure.savefig(target, format="png", dpi=110)
        return
    with atomic_path(target) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_chart(axis: Any, chart: Chart) -> None:
    for series in chart.series:
        _draw_series(axis, series)
    for rule in chart.rules:
        axis.axvline(rule.x, color="tab:red", linestyle="--", linewidth=1, label=rule.label)
    axis.set(xlabel=chart.x_label, ylabel=chart.y_label)
    if chart.falling:
        axis.invert_xaxis()
    if len(chart.series) > 1:
        axis.plot([], [], "o", markersize=9, markerfacecolor="none", color="0.4", label="final")
    axis.legend(frameon=False)
    axis.grid(alpha=0.3)


def _draw_series(axis: Any, series: Series) -> None:
    points = series.points
    if not points:
        return
    below = [0.0 if p.low is None else p.x - p.low for p in points]
    above = [0.0 if p.high is None else p.high - p.x for p in points]
    drawn = axis.errorbar(
        *([p.x for p in points], [p.y for p in points]),
        xerr=[below, above] if any(above) or any(below) else None,
        marker="o",
        markersize=4,
        elinewidth=0.6,
        label=series.name,
    )
    for point in points:
        if point.kind:
            color = drawn.lines[0].get_color()
            axis.plot(point.x, point.y, "o", markersize=9, markerfacecolor="none", color=color)
            where = {"xytext": (-8, 8), "textcoords": "offset points", "ha": "right"}
            axis.annotate(point.label, (point.x, point.y), **where)


def _draw_widths(axis: Any, run: RunOnDisk, *, named: bool) -> None:
    widths = widths_by_group(run.steps)
    share = (widths / widths.iloc[0]).T
    image = axis.imshow(share, aspect="auto", vmin=0, vmax=1, cmap="viridis")
    axis.set_yticks(range(len(share)), share.index, fontsize=7)
    axis.set_xlabel("iteration")
    title = "width left of each channel group"
    axis.set_title(f"{run.name}: {title}" if named else title, fontsize=9)
    axis.figure.colorbar(image, ax=axis, format="{x:.0%}")
