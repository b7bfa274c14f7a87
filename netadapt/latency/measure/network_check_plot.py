"""Draws a check of whole networks: what a table predicted against what was measured."""

from __future__ import annotations

from pathlib import Path

from netadapt.extras import needed
from netadapt.files import atomic_path
from netadapt.latency.measure.network_check import NetworksCheck


def plot_check(checked: NetworksCheck, device: str, path: Path) -> None:
    """A scatter plot, predicted against measured milliseconds, with ±5 % and ±10 %."""
    measured, predicted = checked.networks["measured_ms"], checked.networks["predicted_ms"]
    low, high = (
        0.95 * min(measured.min(), predicted.min()),
        1.05 * max(measured.max(), predicted.max()),
    )
    figure = needed("matplotlib.figure", "report").Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    line = [low, high]
    axes.plot(line, line, color="0.3", linewidth=1)
    for share, shade in ((0.1, "0.92"), (0.05, "0.84")):
        axes.fill_between(
            line, [v * (1 - share) for v in line], [v * (1 + share) for v in line], color=shade
        )
    bars = [predicted - checked.networks["low_ms"], checked.networks["high_ms"] - predicted]
    axes.errorbar(measured, predicted, yerr=bars, fmt="o", markersize=4, linewidth=1)
    axes.set(
        xlim=line,
        ylim=line,
        xlabel="measured, ms",
        ylabel="predicted from the table, ms",
        title=(
            f"{device}: {len(measured)} networks, mean error {checked.mean_error:.1%}, "
            f"worst {checked.worst_error:.1%}"
        ),
    )
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, format=path.suffix[1:] or "png")
