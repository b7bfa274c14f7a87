"""Whether a table's latencies are those of a machine: a unit that was mixed up shows in the speed.

The fastest large layer of a table tells. The bounds are our choice, wide of every table that ships;
a table outside them is read all the same, with a word to the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netadapt.latency.table.table_row import TableRow

LEAST_GMACS, MOST_GMACS = 1.0, 1e5
"""Billions of multiply-accumulates a second, of the fastest large layer."""

LARGE_MACS = 10_000_000
"""A smaller layer's time is that of starting it."""


def speed_notes(path: Path, entries: Sequence[TableRow]) -> list[str]:
    """Words on a speed that no hardware has, or that any exceeds; none for a likely one."""
    speeds = [
        entry.shape.macs / entry.latency_ms / 1e6
        for entry in entries
        if entry.shape.macs >= LARGE_MACS
    ]
    if not speeds or LEAST_GMACS <= max(speeds) <= MOST_GMACS:
        return []
    if max(speeds) < LEAST_GMACS:
        unit, what = "microseconds", f"under {LEAST_GMACS:g}"
    else:
        unit, what = "seconds", f"over {MOST_GMACS:g}"
    return [
        f"{path}: its fastest layer computes {max(speeds):.3g} GMAC/s, {what}: are these {unit}? "
        f"latency_ms is in milliseconds"
    ]
