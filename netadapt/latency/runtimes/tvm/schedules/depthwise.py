"""Depthwise convolutions for CPUs: a vector of channels, a row of output pixels in registers.

Each loaded input vector serves all the output pixels of the tile that it touches; padding is
left out tap by tap as in `conv.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.tvm.schedules.activations import activate
from netadapt.latency.runtimes.tvm.schedules.cpu import Cpu
from netadapt.latency.runtimes.tvm.schedules.emit import (
    Index,
    Node,
    Register,
    block,
    buffer,
    function,
    load,
    loop,
    store,
    vectors,
    when,
)
from netadapt.latency.runtimes.tvm.schedules.kernel import Array, Kernel
from netadapt.latency.runtimes.tvm.schedules.tiling import TileRun, planes, tile_runs


def depthwise(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    """conv2d with one filter a channel (groups = in_channels = out_channels)."""
    (plane,) = planes(shape)
    channels = shape.in_channels
    height, width = shape.out_size
    x = buffer(channels * shape.in_height * shape.in_width, "x")
    w = buffer(shape.weights, "w")
    b = buffer(channels, "b")
    y = buffer(channels * height * width, "y")
    # Beside the sums: the weights of a row of taps and two input vectors.
    most = max(2, cpu.registers - shape.kernel[1] - 2)
    runs = tile_runs(plane, min(most, 14))
    widths = vectors(channels, cpu.lanes)
    whole = widths.count(cpu.lanes)

    def tile(run: TileRun, row: Index, column: Index, channel: Index, lanes: int) -> Iterator[Node]:
        registers = [Register(lanes) for _ in range(run.size)]
        yield from (register.declaration for register in registers)
        for register in registers:
            yield register.set(load(b, channel, lanes))
        for ky, row_offset in plane.row_taps:
            start = (row * plane.stride[0] + row_offset) * plane.in_columns
            taps = []
            for kx, column_offset in plane.column_taps:
                weight = load(w, (ky * shape.kernel[1] + kx) * channels + channel, lanes)
                for p, register in enumerate(registers):
                    if plane.column_inside(column, p, column_offset):
                        at = start + (column + p) * plane.stride[1] + column_offset
                        value = load(x, at * channels + channel, lanes)
                        taps.append(register.set(register.value + value * weight))
            yield from when(plane.row_inside(row, row_offset), taps)
        for p, register in enumerate(registers):
            at = (row * width + column + p) * channels + channel
            yield store(y, activate(register.value, shape.activation, lanes), at, lanes)

    def all_channels(run: TileRun, row: Index, column: Index) -> Iterator[Node]:
        if whole:
            yield loop(whole, lambda i: tile(run, row, column, i * cpu.lanes, cpu.lanes))
        at = whole * cpu.lanes
        for lanes in widths[whole:]:
            yield block(tile(run, row, column, at, lanes))
            at += lanes

    def one_tile(run: TileRun, row: Index, i: Index) -> Iterator[Node]:
        yield from all_channels(run, row, run.start + i * run.size)

    def one_row(row: Index) -> Iterator[Node]:
        for run in runs:
            yield loop(run.count, partial(one_tile, run, row))

    def pack(weight: Array, bias: Array) -> tuple[Array, ...]:
        ordered = weight.reshape(channels, *shape.kernel).transpose(1, 2, 0)
        return (np.ascontiguousarray(ordered, np.float32).ravel(), bias.astype(np.float32))

    return Kernel(
        function=function([x, w, b, y], [loop(plane.rows, one_row, parallel=True)], name),
        inputs=(channels * shape.in_height * shape.in_width,),
        weights=(shape.weights, channels),
        output=channels * height * width,
        pack=pack,
    )
