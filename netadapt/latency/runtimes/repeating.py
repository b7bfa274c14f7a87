"""How often a layer is repeated within one measurement."""

from __future__ import annotations

from netadapt.graph.layer_shape import LayerShape

MOST_REPEATS = 16
WORTH_TIMING_US = 200
FEW_WEIGHTS_BYTES = 64 * 1024


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
