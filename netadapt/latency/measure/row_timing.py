"""How one layer is timed for a row: again while its samples spread, until a low time repeats.

Whatever else runs on a device only ever adds time, so the low end of the samples is what counts.
On a loaded machine even that may be missed: one attempt's lower decile is believed when another
attempt comes to the same, and what else was sampled in between is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.base import Runtime, Timing

SPREAD_LIMIT = 0.05
"""Relative spread above which a layer is timed again; and how near two attempts must come."""

MOST_ATTEMPTS = 5


def time_layer(
    runtime: Runtime, shape: LayerShape, *, enough: Callable[[], bool] = lambda: False
) -> tuple[Timing, int]:
    """The time of a layer, and how many attempts it took. Raises what `Runtime.measure` does.

    No further attempt is made once `enough` says so.
    """
    attempts = [runtime.measure(shape)]
    if relative_spread(attempts[0]) <= SPREAD_LIMIT:
        return attempts[0], 1
    while len(attempts) < MOST_ATTEMPTS and not enough():
        attempts.append(runtime.measure(shape))
        found = repeated(attempts)
        if found is not None:
            return found, len(attempts)
    return _together(attempts), len(attempts)


def repeated(attempts: list[Timing]) -> Timing | None:
    """The two fastest attempts that agree, as one; None while no two do."""
    ordered = sorted(attempts, key=lambda timing: timing.latency_ms)
    for fast, next_fast in pairwise(ordered):
        if next_fast.latency_ms <= (1 + SPREAD_LIMIT) * fast.latency_ms:
            return _together([fast, next_fast])
    return None


def relative_spread(timing: Timing) -> float:
    """Of the faster half of the samples, over the latency."""
    return timing.spread_ms / timing.latency_ms


def _together(attempts: list[Timing]) -> Timing:
    return Timing(tuple(sample for timing in attempts for sample in timing.samples_ms))
