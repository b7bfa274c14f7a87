"""A run's trajectory for a terminal: a line an iteration, and sparklines of what changed."""

from __future__ import annotations

from collections.abc import Sequence

from netadapt.large_numbers import in_three_digits
from netadapt.pruning.records import StepRecord
from netadapt.report.run_on_disk import RunOnDisk

BARS = "▁▂▃▄▅▆▇█"
LONGEST = 60
"""Characters of a sparkline; of a longer run every so many iterations are shown."""

LEAST_COUNT = 1e5
"""No network takes so many milliseconds, and none has so few parameters or operations."""

NAME = 28
"""Characters for the groups that an iteration cut."""


def trajectory_text(run: RunOnDisk) -> str:
    """What the run came to, each iteration, and each group's width over the iterations."""
    lines = [run.name, *(f"budget {budget.words}" for budget in run.budgets), ""]
    lines += [*_iterations(run), ""]
    lines += _aligned([row for row in (*_costs(run), *_metrics(run)) if row])
    lines += ["", "widths, left of each channel group:", *_aligned(_widths(run.steps))]
    return "\n".join(line.rstrip() for line in lines)


def sparkline(numbers: Sequence[float], low: float | None = None, high: float | None = None) -> str:
    """The numbers as bars between `low` and `high`, which are their own ends where not given.

    >>> sparkline([8.0, 7.0, 5.0])
    '█▆▁'
    """
    every = -(-len(numbers) // LONGEST)
    shown = [*numbers[::-1][::every]][::-1]  # the last one is always shown
    low = min(shown) if low is None else low
    high = max(shown) if high is None else high
    if high <= low:
        return BARS[len(BARS) // 2] * len(shown)
    scale = (len(BARS) - 1) / (high - low)
    return "".join(BARS[round((number - low) * scale)] for number in shown)


def _iterations(run: RunOnDisk) -> list[str]:
    metrics = list(run.first.metrics)
    rows = [["#", "cut", "width", "ms", "interval", "target", *metrics, "MACs, M", "weights, M"]]
    for step in run.steps:
        latency = step.latency
        cut = step.group if step.iteration else "(the network given)"
        rows.append(
            [
                str(step.iteration),
                cut if len(cut) <= NAME else cut[: NAME - 1] + "…",
                f"{step.width_before} → {step.width_after}" if step.iteration else "",
                "–" if latency is None else f"{latency.value:.3f}",
                "" if latency is None else f"{latency.low:.3f} to {latency.high:.3f}",
                _target(step.target_ms),
                *(f"{step.metrics[name]:.4f}" for name in metrics),
                f"{step.macs / 1e6:.1f}",
                f"{step.params / 1e6:.2f}",
            ]
        )
    return _aligned(rows)


def _target(target: float | None) -> str:
    """In milliseconds, or where the budget is a count in that: 7.95, or 371 M."""
    if target is None:
        return ""
    return f"{target:.3f}" if target < LEAST_COUNT else in_three_digits(target)


def _costs(run: RunOnDisk) -> list[list[str]]:
    rows = []
    latencies = [step.latency for step in run.steps if step.latency is not None]
    if len(latencies) == len(run.steps):
        rows.append(_changed("latency, ms", [latency.value for latency in latencies], "{:.2f}"))
    rows.append(_changed("MACs, M", [step.macs / 1e6 for step in run.steps], "{:.1f}"))
    rows.append(_changed("weights, M", [step.params / 1e6 for step in run.steps], "{:.2f}"))
    return rows


def _metrics(run: RunOnDisk) -> list[list[str]]:
    rows = []
    for name in run.first.metrics:
        values = [step.metrics[name] for step in run.steps]
        row = _changed(name, values, "{:.3f}")
        rows.append([*row[:2], f"{values[-1] - values[0]:+.3f}", row[3]])
    return rows


def _changed(name: str, values: Sequence[float], form: str) -> list[str]:
    first, last = values[0], values[-1]
    saved = f"{100 * (last / first - 1):+.1f} %" if first else ""
    return [name, f"{form.format(first)} → {form.format(last)}", saved, sparkline(values)]


def _widths(steps: Sequence[StepRecord]) -> list[list[str]]:
    rows = []
    for name, full in steps[0].widths.items():
        widths = [step.widths[name] for step in steps]
        share = f"{100 * widths[-1] / full:.0f} %"
        rows.append([name, f"{full} → {widths[-1]}", share, sparkline(widths, 0, full)])
    return rows


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns aligned with spaces."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
