"""How the pixels of a layer are walked: planes of a convolution and the tiles of a row.

A plane is a regular grid of output pixels that use the same taps: a convolution has one, a
transposed convolution one for each position within its stride. Along a row, tiles of equal size
that touch no border are looped over; the others are written out, without the taps that fall
outside.
"""

from __future__ import annotations

from dataclasses import dataclass

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.tvm.schedules.emit import Index, Node

Taps = tuple[tuple[int, int], ...]
"""(index into the kernel, offset of the input pixel) along one axis."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A grid of output pixels: pixel (y, x) reads input (y·stride + offset, …) for every tap."""

    rows: int
    columns: int
    in_rows: int
    in_columns: int
    stride: tuple[int, int]
    row_taps: Taps
    column_taps: Taps
    out_stride: tuple[int, int] = (1, 1)
    out_start: tuple[int, int] = (0, 0)

    def out_row(self, y: Index) -> Index:
        return y * self.out_stride[0] + self.out_start[0]

    def out_column(self, x: Index) -> Index:
        return x * self.out_stride[1] + self.out_start[1]

    def row_inside(self, y: Index, offset: int) -> Node | bool:
        """Whether the row that output row `y` reads at `offset` exists: a bool where known."""
        first = offset
        last = (self.rows - 1) * self.stride[0] + offset
        row = y * self.stride[0] + offset
        if isinstance(y, int):
            return 0 <= row < self.in_rows
        if first >= 0 and last < self.in_rows:
            return True
        if first >= 0:
            return row < self.in_rows
        if last < self.in_rows:
            return row >= 0
        from tvm import tirx

        return tirx.And(row >= 0, row < self.in_rows)

    def column_inside(self, x: Index, pixel: int, offset: int) -> bool:
        """Whether the tap at `offset` lies in the row; looped tiles have all of theirs inside."""
        if not isinstance(x, int):
            return True
        return 0 <= (x + pixel) * self.stride[1] + offset < self.in_columns

    def inside(self, x: int) -> bool:
        """Whether every tap of column `x` lies in the row."""
        return all(self.column_inside(x, 0, offset) for _, offset in self.column_taps)


@dataclass(frozen=True, slots=True)
class TileRun:
    """`count` tiles of `size` pixels one after another, the first at column `start`."""

    start: int
    size: int
    count: int


def planes(shape: LayerShape) -> list[Plane]:
    """The planes of a convolution, transposed convolution or linear layer."""
    if shape.op == "linear" or (
        shape.kernel == (1, 1)
        and shape.stride == (1, 1)
        and shape.padding == (0, 0)
        and shape.op == "conv2d"
    ):
        pixels = shape.in_height * shape.in_width
        return [Plane(1, pixels, 1, pixels, (1, 1), ((0, 0),), ((0, 0),))]
    height, width = shape.out_size
    if shape.op == "conv2d":
        rows, columns = (
            tuple(
                (k, k * shape.dilation[axis] - shape.padding[axis])
                for k in range(shape.kernel[axis])
            )
            for axis in (0, 1)
        )
        return [Plane(height, width, shape.in_height, shape.in_width, shape.stride, rows, columns)]
    found = []
    for y in range(min(shape.stride[0], height)):
        for x in range(min(shape.stride[1], width)):
            found.append(
                Plane(
                    rows=-(-(height - y) // shape.stride[0]),
                    columns=-(-(width - x) // shape.stride[1]),
                    in_rows=shape.in_height,
                    in_columns=shape.in_width,
                    stride=(1, 1),
                    row_taps=_transposed_taps(shape, 0, y),
                    column_taps=_transposed_taps(shape, 1, x),
                    out_stride=shape.stride,
                    out_start=(y, x),
                )
            )
    return found


def tile_runs(plane: Plane, most: int) -> list[TileRun]:
    """Cut a row into tiles of at most `most` pixels, as equal as they can be."""
    count = -(-plane.columns // most)
    size, longer = divmod(plane.columns, count)
    sizes = [size + 1] * longer + [size] * (count - longer)
    runs: list[TileRun] = []
    start = 0
    loose = False
    for tile in sizes:
        looped = all(plane.inside(x) for x in range(start, start + tile))
        last = runs[-1] if runs else None
        if looped and loose and last is not None and last.size == tile:
            runs[-1] = TileRun(last.start, tile, last.count + 1)
        else:
            runs.append(TileRun(start, tile, 1))
        loose = looped
        start += tile
    return runs


def _transposed_taps(shape: LayerShape, axis: int, start: int) -> Taps:
    """Taps of a transposed convolution for the output positions `start`, `start` + stride, …"""
    taps = []
    for k in range(shape.kernel[axis]):
        distance = start + shape.padding[axis] - k * shape.dilation[axis]
        if distance % shape.stride[axis] == 0:
            taps.append((k, distance // shape.stride[axis]))
    return tuple(taps)
