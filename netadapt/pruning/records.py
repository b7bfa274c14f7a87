"""What stands in `trajectory.csv` and `candidates.csv`: their columns, and the cell of widths.

The search writes them, the report reads them; both ask here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_BEFORE_METRICS = (
    "iteration",
    "group",
    "layers",
    "width_before",
    "width_after",
    "latency_ms",
    "latency_low_ms",
    "latency_high_ms",
    "target_ms",
)
_AFTER_METRICS = ("macs", "params", "score", "seconds")


def trajectory_columns(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """A row an iteration; `metrics` are the task's (delta1, rmse_m, absrel for depth)."""
    return (*_BEFORE_METRICS, *metrics, *_AFTER_METRICS, "checkpoint", "widths")


def candidate_columns(metrics: tuple[str, ...]) -> tuple[str, ...]:
    """A row a proposal: `stage` says how far it was taken, `chosen` is 1 for the one kept."""
    return (*_BEFORE_METRICS, *metrics, *_AFTER_METRICS, "stage", "chosen")


def metric_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """The task's metrics among the columns of either file; the search keeps the first one high."""
    names = tuple(columns)
    return names[len(_BEFORE_METRICS) : names.index(_AFTER_METRICS[0])]


def widths_text(widths: Mapping[str, int]) -> str:
    """All widths in one cell: `conv0=32 conv1=64 …`."""
    return " ".join(f"{name}={width}" for name, width in widths.items())


def read_widths_text(text: str) -> dict[str, int]:
    """What `widths_text` wrote."""
    pairs = (pair.rpartition("=") for pair in text.split())
    return {name: int(width) for name, _, width in pairs}
