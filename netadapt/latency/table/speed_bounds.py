"""Whether a table's latencies are those of a machine: a unit that was mixed up shows in the speed.

The fastest large layer of a table tells, and a row far from the others. The bounds are our choice,
wide of every table that ships; a table outside them is read all the same, with a word to the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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

Array = NDArray[np.float64]


def speed_notes(path: Path, entries: Sequence[TableRow]) -> list[str]:
    """Words on speeds that no hardware has, or that any exceeds; none for likely ones."""
    macs = np.array([entry.shape.macs for entry in entries], dtype=float)
    gmacs = macs / 1e6 / np.array([entry.latency_ms for entry in entries])
    large, small = macs >= LARGE_MACS, macs >= COUNTED_MACS
    if not small.any():
        return []
    fastest = float(gmacs[large if large.any() else small].max())
    far = _far_from_the_others(gmacs, large, entries)
    least = LEAST_GMACS if large.any() else LEAST_GMACS_OF_SMALL
    if not far.any() and fastest < least:
        return [
            f"{path}: its fastest layer computes {fastest:.3g} GMAC/s, under {least:g}: are these "
            f"microseconds? latency_ms is in milliseconds"
        ]
    if not far.any() and fastest > MOST_GMACS:
        return [
            f"{path}: its fastest layer computes {fastest:.3g} GMAC/s, over {MOST_GMACS:g}: are "
            f"these seconds? latency_ms is in milliseconds"
        ]
    too_fast = small & (gmacs > MOST_GMACS) & ~far
    return [
        f"{path}: {entries[index].shape} in {entries[index].latency_ms:g} ms is "
        f"{gmacs[index]:.3g} GMAC/s, {why}: in another unit, or of another device?"
        for found, why in (
            (far, f"over {FROM_THE_OTHERS:g} times off the other rows"),
            (too_fast, "more than any hardware's"),
        )
        for index in np.flatnonzero(found)[:1]
    ]


def _far_from_the_others(
    gmacs: Array, large: NDArray[np.bool_], entries: Sequence[TableRow]
) -> NDArray[np.bool_]:
    """Which dense layers are too far from the median of at least three."""
    dense = large & np.array([entry.shape.groups == 1 for entry in entries])
    if dense.sum() < 3:
        return np.zeros_like(dense)
    ratio = gmacs / np.median(gmacs[dense])
    far: NDArray[np.bool_] = (ratio < 1 / FROM_THE_OTHERS) | (ratio > FROM_THE_OTHERS)
    outside: NDArray[np.bool_] = dense & far
    return outside
