"""Networks timed side by side, drawn: a page with the table, or a picture alone.

The figures are `netadapt.deploy.network_bench`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netadapt.deploy.network_bench import FIGURE_COLUMNS, Figures, figures_table, metrics_of
from netadapt.errors import InputError
from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.report.column_words import metric_words_of
from netadapt.report.line_chart import Chart, Layout, Point, Series
from netadapt.report.short_names import shortened
from netadapt.report.templating import write_html

TEMPLATE = "bench_page.html.jinja"
SUFFIXES = (".html", ".svg", ".png")

WIDTH, ROW, FOOT = 520, 60, 6
"""Of the picture of bars: its width, the height of a network's row, what is left below."""

LONGEST_NAME = 60
"""Characters of a network's path."""


@dataclass(frozen=True)
class Bar:
    """A network's milliseconds on a device, in the picture's units; None: not predicted."""

    name: str
    y: int
    length: float
    words: str
    title: str
    low: float | None
    predicted: float | None
    high: float | None


@dataclass(frozen=True)
class Bars:
    """What each network took, one below the other, on one device."""

    device: str
    bars: Sequence[Bar]
    height: int
    width: int = WIDTH
    left: int = 4


def require_plot(path: Path) -> None:
    """Raise InputError unless what is to be drawn into is of a kind that is drawn."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"--plot is {path}; expected a file that ends in {', '.join(SUFFIXES)}")
    if path.is_dir():
        raise InputError(f"--plot is {path}, which is a folder; expected a file")
    needed("jinja2" if path.suffix == ".html" else "matplotlib.figure", "report")


def write_bench(
    figures: Sequence[Figures], path: Path, metric_words: Mapping[str, str] | None = None
) -> None:
    """Write `figures` as a page (.html) or a picture (.svg, .png); `metric_words` explains metrics.

    Raises InputError for another kind of file, OutputError.
    """
    require_plot(path)
    if path.suffix != ".html":
        _draw(figures, path)
        return
    rows = figures_table(figures)
    metrics = metrics_of(figures)
    devices = list(dict.fromkeys(one.device for one in figures))
    write_html(
        path,
        TEMPLATE,
        heads=rows[0],
        rows=rows[1:],
        bars=[_bars([one for one in figures if one.device == device]) for device in devices],
        models=list(dict.fromkeys(one.model for one in figures)),
        devices=devices,
        accuracy=_accuracy_charts(figures, metrics[0]) if metrics else [],
        notes=list(dict.fromkeys(note for one in figures for note in one.bench.notes)),
        emulated=[device for device in devices if _is_emulated(figures, device)],
        columns={**FIGURE_COLUMNS, **metric_words_of(metrics, metric_words)},
    )


def _is_emulated(figures: Sequence[Figures], device: str) -> bool:
    return any(one.emulated for one in figures if one.device == device)


def _bars(figures: Sequence[Figures]) -> Bars:
    predicted = [one.bench.predicted for one in figures]
    ends = [p.high_ms for p in predicted if p is not None]
    longest = max([*(one.measured_ms for one in figures), *ends])
    scale = (WIDTH - 8) / longest
    bars = []
    for index, one in enumerate(figures):
        own = one.bench.predicted
        words = f"{one.measured_ms:.3g} ms"
        if own is not None:
            words += f", predicted {own.ms:.3g} ({own.low_ms:.3g} to {own.high_ms:.3g})"
        low, middle, high = (
            (None, None, None)
            if own is None
            else (round(ms * scale, 1) for ms in (own.low_ms, own.ms, own.high_ms))
        )
        title = f"{one.model}: measured {one.measured_ms:.4g} ms, median {one.median_ms:.4g} ms"
        length = round(one.measured_ms * scale, 1)
        bars.append(
            Bar(
                shortened(one.model, LONGEST_NAME),
                index * ROW,
                length,
                words,
                title,
                low,
                middle,
                high,
            )
        )
    return Bars(figures[0].device, bars, len(bars) * ROW + FOOT)


def _accuracy_charts(figures: Sequence[Figures], metric: str) -> list[Layout]:
    """Accuracy against time, a chart a device, a colour a network."""
    charts = []
    for device in dict.fromkeys(one.device for one in figures):
        series = [
            Series(one.model, [_accuracy_point(one, metric)])
            for one in figures
            if one.device == device and metric in one.accuracy
        ]
        title = f"{metric} against time on {device}"
        charts.append(Chart(title, "measured, ms", metric, series, falling=True).laid_out())
    return charts


def _accuracy_point(one: Figures, metric: str) -> Point:
    value = one.accuracy[metric]
    title = f"{one.model}: {one.measured_ms:.4g} ms, {metric} {value:.4f}"
    return Point(one.measured_ms, value, title, kind="tuned")


def _draw(figures: Sequence[Figures], path: Path) -> None:
    """Bars of what was measured, and the predicted interval across each, a plot a device."""
    devices = list(dict.fromkeys(one.device for one in figures))
    most = max(sum(one.device == device for one in figures) for device in devices)
    figure = needed("matplotlib.figure", "report").Figure(
        figsize=(8, len(devices) * (1.2 + 0.5 * most)), layout="constrained"
    )
    axes = figure.subplots(len(devices), 1, squeeze=False).flatten()
    for axis, device in zip(axes, devices, strict=True):
        _draw_device(axis, [one for one in figures if one.device == device])
        axis.set_title(device)
        axis.set_xlabel("milliseconds at batch 1")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:], dpi=110)


def _draw_device(axis: Any, figures: Sequence[Figures]) -> None:
    names = [one.model for one in figures]
    axis.barh(names, [one.measured_ms for one in figures], height=0.6, label="measured")
    foreseen = [(one.model, p) for one in figures if (p := one.bench.predicted) is not None]
    if foreseen:
        axis.errorbar(
            [predicted.ms for _, predicted in foreseen],
            [name for name, _ in foreseen],
            xerr=[
                [predicted.ms - predicted.low_ms for _, predicted in foreseen],
                [predicted.high_ms - predicted.ms for _, predicted in foreseen],
            ],
            fmt="ko",
            capsize=4,
            label="predicted, 90 % interval",
        )
    axis.invert_yaxis()
    axis.legend(frameon=False)
    axis.grid(axis="x", alpha=0.3)
