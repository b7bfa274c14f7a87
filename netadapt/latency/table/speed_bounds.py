"""Whether a table's latencies are those of a machine: a unit that was mixed up shows in the speed.

The fastest large layer of a table tells, and a row far from the others. The bounds are our choice,
wide of every table that ships; a table outside them is read all the same, with a word to the user.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from netadapt.latency.table.table_row import TableRow

LEAST_GMACS, MOST_GMACS = 1.0, 1e5
"""Billions of multiply-accumulates a second, of the fastest large layer."""

LARGE_MACS = 10_000_000
"""A smaller layer's time is that of starting it."""


LEAST_GMACS_OF_SMALL = 0.05
"""Of the fastest layer, in a table that has no large one."""

COUNTED_MACS = 10_000
"""Of a layer that has a speed at all."""

FROM_THE_OTHERS = 100.0
"""How many times faster or slower than the median a large dense layer can't be on one device."""

Speed = tuple[float, TableRow]


def speed_notes(path: Path, entries: Sequence[TableRow]) -> list[str]:
    """Words on speeds that no hardware has, or that any exceeds; none for likely ones."""
    large, small = (
        [
            (entry.shape.macs / entry.latency_ms / 1e6, entry)
            for entry in entries
            if entry.shape.macs >= least
        ]
        for least in (LARGE_MACS, COUNTED_MACS)
    )
    far = _far_from_the_others(large)
    fastest, entry = max(large or small, key=_speed, default=(0.0, None))
    if entry is None:
        return []
    least = LEAST_GMACS if large else LEAST_GMACS_OF_SMALL
    if not far and fastest < least:
        return [
            f"{path}: its fastest layer computes {fastest:.3g} GMAC/s, under {least:g}: are these "
            f"microseconds? latency_ms is in milliseconds"
        ]
    if not far and fastest > MOST_GMACS:
        return [
            f"{path}: its fastest layer computes {fastest:.3g} GMAC/s, over {MOST_GMACS:g}: are "
            f"these seconds? latency_ms is in milliseconds"
        ]
    too_fast = [one for one in small if one[0] > MOST_GMACS and one not in far]
    return [
        f"{path}: {row.shape} in {row.latency_ms:g} ms is {speed:.3g} GMAC/s, {why}: in another "
        f"unit, or of another device?"
        for found, why in (
            (far, f"over {FROM_THE_OTHERS:g} times off the other rows"),
            (too_fast, "more than any hardware's"),
        )
        for speed, row in found[:1]
    ]


def _far_from_the_others(large: Sequence[Speed]) -> list[Speed]:
    """Dense layers that are too far from the median of at least three."""
    dense = [one for one in large if one[1].shape.groups == 1]
    if len(dense) < 3:
        return []
    middle = statistics.median(speed for speed, _ in dense)
    return [one for one in dense if not 1 / FROM_THE_OTHERS <= one[0] / middle <= FROM_THE_OTHERS]


def _speed(one: Speed) -> float:
    return one[0]
