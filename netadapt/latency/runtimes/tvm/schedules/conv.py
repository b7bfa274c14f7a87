"""Convolutions and linear layers for CPUs: register-blocked tiles, vectors along the channels.

Every variant (pointwise, k×k, grouped, transposed, linear) is one loop nest: a tile of output
pixels × output channels stays in registers while taps and input channels go by, each input value
being multiplied with a vector of weights packed in the order they are read. Padding is never
copied: tiles at the border leave out the taps that fall outside. Depthwise convolutions, where
nothing is summed over channels, are in `depthwise.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.tvm.schedules.activations import activate
from netadapt.latency.runtimes.tvm.schedules.cpu import Cpu
from netadapt.latency.runtimes.tvm.schedules.emit import (
    Index,
    Node,
    Register,
    buffer,
    function,
    load,
    loop,
    splat,
    store,
    vectors,
    when,
)
from netadapt.latency.runtimes.tvm.schedules.kernel import Array, Kernel
from netadapt.latency.runtimes.tvm.schedules.tiling import Plane, TileRun, planes, tile_runs

PLANAR_CHANNELS = 4
"""Up to so many input channels a k×k convolution reads its input as [channels, height, width]."""

CACHED_WEIGHT_BYTES = 128 * 1024
"""Weights up to this size stay in a core's caches while all pixels go by."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """A block of output channels computed together: first channel, lanes of its vectors, count.

    `count` > 1: that many such blocks lie one after another.
    """

    start: int
    widths: tuple[int, ...]
    count: int

    @property
    def width(self) -> int:
        return sum(self.widths)


def conv(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    """conv2d, conv_transpose2d or linear, with bias and activation. `shape` is at batch 1."""
    return _Conv(shape, cpu).kernel(name)


class _Conv:
    """Builds one kernel: the plan of tiles in `__init__`, the loop nest in `kernel`."""

    def __init__(self, shape: LayerShape, cpu: Cpu) -> None:
        self.shape = shape
        self.planes = planes(shape)
        self.groups = shape.groups
        self.ci = shape.in_channels // shape.groups
        self.co = shape.out_channels // shape.groups
        self.taps = shape.kernel[0] * shape.kernel[1]
        self.planar = (
            shape.op == "conv2d"
            and self.groups == 1
            and self.taps > 1
            and shape.in_channels <= PLANAR_CHANNELS
        )
        widest_row = max(plane.columns for plane in self.planes)
        self.columns_at_once, self.pixels = _register_block(cpu, self.co, widest_row)
        self.columns = _column_blocks(self.co, cpu.lanes, self.columns_at_once)
        in_size = shape.in_channels * shape.in_height * shape.in_width
        height, width = shape.out_size
        if shape.op == "linear":
            height, width = shape.in_height, shape.in_width
        self.out_width = width
        self.x = buffer(in_size, "x")
        self.w = buffer(shape.weights, "w")
        self.b = buffer(shape.out_channels, "b")
        self.y = buffer(shape.out_channels * height * width, "y")
        self.sizes = (
            in_size,
            shape.weights,
            shape.out_channels,
            shape.out_channels * height * width,
        )

    def kernel(self, name: str) -> Kernel:
        # What is read again and again should be the smaller: weights that fit a cache are reread
        # for each tile of pixels, larger ones are read once and the pixels reread.
        pixels_outside = self.shape.weights * 4 <= CACHED_WEIGHT_BYTES
        nest = self._pixels_outside if pixels_outside else self._columns_outside
        body = [statement for plane in self.planes for statement in nest(plane)]
        return Kernel(
            function=function([self.x, self.w, self.b, self.y], body, name),
            inputs=(self.sizes[0],),
            weights=self.sizes[1:3],
            output=self.sizes[3],
            planar_input=self.planar,
            pack=self.pack,
        )

    def pack(self, weight: Array, bias: Array) -> tuple[Array, ...]:
        """torch's weight to [group][block of columns][row tap][column tap][input][column]."""
        if self.shape.op == "linear":
            weight = weight.reshape(self.shape.out_channels, self.shape.in_channels, 1, 1)
        if self.shape.op == "conv_transpose2d":  # torch has [in, out / groups, kh, kw]
            by_group = weight.reshape(self.groups, self.ci, self.co, *self.shape.kernel)
            by_group = by_group.transpose(0, 2, 1, 3, 4)
        else:
            by_group = weight.reshape(self.groups, self.co, self.ci, *self.shape.kernel)
        ordered = by_group.transpose(0, 3, 4, 2, 1)  # [group, kh, kw, in, out]
        parts = []
        for group in range(self.groups):
            for columns in self.columns:
                for i in range(columns.count):
                    start = columns.start + i * columns.width
                    parts.append(ordered[group, :, :, :, start : start + columns.width].ravel())
        return (np.concatenate(parts).astype(np.float32), bias.astype(np.float32))

    def _pixels_outside(self, plane: Plane) -> Iterator[Node]:
        runs = tile_runs(plane, self.pixels)

        def pixels(run: TileRun, y: Index, x: Index) -> Iterator[Node]:
            return self._each_column_block(partial(self._tile, plane, run, y, x))

        def row(y: Index) -> Iterator[Node]:
            for run in runs:
                yield from self._each_tile(run, partial(pixels, run, y), parallel=plane.rows == 1)

        yield loop(plane.rows, row, parallel=plane.rows > 1)

    def _columns_outside(self, plane: Plane) -> Iterator[Node]:
        runs = tile_runs(plane, self.pixels)

        def columns(g: Index, block: _Columns, i: Index) -> Iterator[Node]:
            def tile(run: TileRun, y: Index, x: Index) -> Iterator[Node]:
                return self._tile(plane, run, y, x, g, block, i)

            def row(y: Index) -> Iterator[Node]:
                for run in runs:
                    yield from self._each_tile(run, partial(tile, run, y))

            yield loop(plane.rows, row)

        yield from self._each_column_block(columns, parallel=True)

    def _each_tile(
        self, run: TileRun, body: Callable[[Index], Iterator[Node]], *, parallel: bool = False
    ) -> Iterator[Node]:
        if run.count == 1:
            yield from body(run.start)
        else:
            yield loop(run.count, lambda i: body(run.start + i * run.size), parallel=parallel)

    def _each_column_block(
        self,
        body: Callable[[Index, _Columns, Index], Iterator[Node]],
        *,
        parallel: bool = False,
    ) -> Iterator[Node]:
        if self.groups > 1:
            yield loop(
                self.groups,
                lambda g: [loop(c.count, partial(body, g, c)) for c in self.columns],
                parallel=parallel,
            )
            return
        for columns in self.columns:
            yield loop(columns.count, partial(body, 0, columns), parallel=parallel)

    def _tile(
        self, plane: Plane, run: TileRun, y: Index, x: Index, g: Index, block: _Columns, i: Index
    ) -> Iterator[Node]:
        """One tile: registers set to the bias, all taps added, the activation, stored."""
        channel = g * self.co + block.start + i * block.width
        weights = (g * self.co + block.start + i * block.width) * self.taps * self.ci
        offsets = [sum(block.widths[:j]) for j in range(len(block.widths))]
        registers = [[Register(lanes) for lanes in block.widths] for _ in range(run.size)]
        for row in registers:
            yield from (register.declaration for register in row)
        for row in registers:
            for register, offset in zip(row, offsets, strict=True):
                yield register.set(load(self.b, channel + offset, register.lanes))
        for ky, row_offset in plane.row_taps:
            in_y = y * plane.stride[0] + row_offset
            taps = [
                self._tap(plane, registers, in_y, x, g, (ky, kx), column_offset, weights, offsets)
                for kx, column_offset in plane.column_taps
            ]
            yield from when(plane.row_inside(y, row_offset), [s for tap in taps for s in tap])
        out_y = plane.out_row(y)
        for p, row in enumerate(registers):
            at = (out_y * self.out_width + plane.out_column(x + p)) * self.shape.out_channels
            for register, offset in zip(row, offsets, strict=True):
                value = activate(register.value, self.shape.activation, register.lanes)
                yield store(self.y, value, at + channel + offset, register.lanes)

    def _tap(
        self,
        plane: Plane,
        registers: list[list[Register]],
        in_y: Index,
        x: Index,
        g: Index,
        tap: tuple[int, int],
        column_offset: int,
        weights: Index,
        offsets: list[int],
    ) -> Iterator[Node]:
        """All input channels of one tap, for the pixels of the tile that the tap touches."""
        used = [p for p in range(len(registers)) if plane.column_inside(x, p, column_offset)]
        if not used:
            return
        width = sum(register.lanes for register in registers[0])
        start = weights + (tap[0] * self.shape.kernel[1] + tap[1]) * self.ci * width

        def channel(c: Index) -> Iterator[Node]:
            for p in used:
                in_x = (x + p) * plane.stride[1] + column_offset
                value = load(self.x, self._input_index(plane, in_y, in_x, g, c))
                for register, offset in zip(registers[p], offsets, strict=True):
                    weight = load(self.w, start + c * width + offset, register.lanes)
                    yield register.set(register.value + splat(value, register.lanes) * weight)

        if self.planar:
            for c in range(self.ci):
                yield from channel(c)
        else:
            yield loop(self.ci, channel)

    def _input_index(self, plane: Plane, y: Index, x: Index, g: Index, c: Index) -> Index:
        if self.planar:
            return (c * plane.in_rows + y) * plane.in_columns + x
        return (y * plane.in_columns + x) * self.shape.in_channels + g * self.ci + c


def _register_block(cpu: Cpu, channels: int, row: int) -> tuple[int, int]:
    """Vectors of columns and pixels a tile holds in registers: (columns, pixels).

    One register is kept for the input value and one for each vector of weights. Wide tiles reuse
    weights, many columns reuse input values; where a row of pixels is short, columns make up
    for it, so that the multiply-add's latency stays hidden.
    """
    wanted = 2 if cpu.lanes >= 8 else 4
    available = max(1, -(-channels // cpu.lanes))
    columns = min(wanted, available)
    pixels = (cpu.registers - 1 - columns) // columns
    while pixels > row and columns < min(4, available):
        columns += 1
        pixels = (cpu.registers - 1 - columns) // columns
    return columns, min(pixels, row)


def _column_blocks(channels: int, lanes: int, at_once: int) -> list[_Columns]:
    """Cut the output channels into blocks of `at_once` vectors; what is left is a block too."""
    widths = vectors(channels, lanes)
    whole = len([w for w in widths if w == lanes]) // at_once
    blocks = []
    if whole:
        blocks.append(_Columns(0, (lanes,) * at_once, whole))
    rest = widths[whole * at_once :]
    for i in range(0, len(rest), at_once):
        start = whole * at_once * lanes + sum(rest[:i])
        blocks.append(_Columns(start, tuple(rest[i : i + at_once]), 1))
    return blocks
