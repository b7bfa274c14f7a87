"""How often a layer is repeated within one measurement, and how calls are timed one by one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from netadapt.graph.layer_shape import LayerShape

MOST_REPEATS = 16
WORTH_TIMING_US = 200
FEW_WEIGHTS_BYTES = 64 * 1024
FEWEST_RUNS = 8
WARM_UP_RUNS = 2
MOST_RUNS = 500
"""Of one measurement, however short a call is."""


def repeats_for(shape: LayerShape, ring_mb: float) -> int:
    """How often to call a layer in one measurement.

    Often enough that its weights rotate through `ring_mb` (few weights come from a near cache in
    a network too), and that a tiny layer outlasts the clock's own cost.
    """
    height, width = shape.out_size
    values = shape.in_channels * shape.in_height * shape.in_width
    values += shape.out_channels * height * width
    fastest_us = shape.macs / 50e3 + 4 * values / 20e3
    repeats = WORTH_TIMING_US / fastest_us
    if 4 * shape.weights > FEW_WEIGHTS_BYTES:
        repeats = max(repeats, ring_mb * 1e6 / (4 * shape.weights))
    return int(min(MOST_REPEATS, max(1, -(-repeats // 1))))


def times_ms(run: Callable[[], Any], seconds: float, *, threads: int, most: int) -> list[float]:
    """Milliseconds of each call of `run`, for about `seconds` and at most `most` calls.

    A warm-up comes first and isn't counted. One thread is timed by its own clock, which stops
    while another process has the core.
    """
    clock = time.thread_time_ns if threads == 1 else time.perf_counter_ns
    samples: list[float] = []
    stop = time.perf_counter() + seconds
    for i in range(WARM_UP_RUNS + most):
        start = clock()
        run()
        end = clock()
        if i >= WARM_UP_RUNS:
            samples.append((end - start) / 1e6)
        if len(samples) >= FEWEST_RUNS and time.perf_counter() >= stop:
            break
    return samples
