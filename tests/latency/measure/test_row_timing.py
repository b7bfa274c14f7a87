"""Timing a row on a machine that does something else too: a low time counts once it repeats."""

from __future__ import annotations

import pytest

from netadapt.latency.measure.row_timing import MOST_ATTEMPTS, repeated, time_layer
from netadapt.latency.runtimes.base import SMALL, Timing


def steady(ms: float) -> Timing:
    return Timing(tuple(ms * (1 + 0.001 * i) for i in range(20)))


def disturbed(ms: float) -> Timing:
    """Its faster half spreads by a third."""
    return Timing(tuple(ms * (1 + 0.1 * i) for i in range(20)))


class Scripted:
    """A runtime whose measurements are given."""

    def __init__(self, *timings: Timing) -> None:
        self.timings = list(timings)

    def measure(self, shape: object) -> Timing:
        return self.timings.pop(0)


def timed(*timings: Timing) -> tuple[Timing, int]:
    return time_layer(Scripted(*timings), SMALL)  # type: ignore[arg-type]


def test_a_steady_row_is_timed_once() -> None:
    assert timed(steady(2.0)) == (steady(2.0), 1)


def test_a_low_time_that_repeats_is_the_rows() -> None:
    found, attempts = timed(disturbed(3.0), disturbed(2.0), disturbed(2.6), steady(2.15))
    assert attempts == 4
    assert found.latency_ms == pytest.approx(2.15, rel=0.01)
    assert len(found.samples_ms) == 40  # of the two that agree


def test_what_never_repeats_keeps_all_samples() -> None:
    found, attempts = timed(*(disturbed(2.0 * 1.2**i) for i in range(9)))
    assert attempts == MOST_ATTEMPTS
    assert len(found.samples_ms) == 20 * MOST_ATTEMPTS


def test_no_attempt_follows_when_the_time_is_over() -> None:
    runtime = Scripted(disturbed(2.0))
    assert time_layer(runtime, SMALL, enough=lambda: True)[1] == 1  # type: ignore[arg-type]


def test_the_fastest_that_agree() -> None:
    assert repeated([steady(2.0)]) is None
    assert repeated([steady(3.0), steady(2.0), steady(3.05)]) is not None
