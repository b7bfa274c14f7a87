"""Layers without weights for CPUs: upsampling, additions, concatenation, pooling, shuffles.

They are bound by memory, so a kernel reads and writes every value once, a vector of channels at
a time, one row of pixels a task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    splat,
    store,
    vectors,
    when,
)
from netadapt.latency.runtimes.tvm.schedules.kernel import Kernel

Body = Callable[[Index, Index, Index, int], Iterator[Node]]
"""Statements for (row, column, first channel, lanes)."""

UNROLLED_TAPS = 64


def _upsample(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    mode, activation = _mode(shape)
    if mode == "bilinear":
        return _resize(shape, cpu, name)
    if mode != "nearest":
        raise KeyError(f"'{mode}' interpolation")
    channels, width = shape.in_channels, shape.in_width
    scale_y, scale_x = shape.kernel
    adds = shape.op == "upsample_add"
    x, skip, y = _buffers(shape, 2 if adds else 1)

    def body(row: Index, column: Index, channel: Index, lanes: int) -> Iterator[Node]:
        value = load(x, (row * width + column) * channels + channel, lanes)
        for i in range(scale_y):
            for j in range(scale_x):
                out = (row * scale_y + i) * width * scale_x + column * scale_x + j
                at = out * channels + channel
                sum_ = value + load(skip, at, lanes) if adds else value
                yield store(y, activate(sum_, activation, lanes), at, lanes)

    nest = _pixels(shape.in_height, width, channels, cpu, body)
    return _kernel(shape, [x, skip, y] if adds else [x, y], nest, name)


def _resize(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    """Interpolation at pixel centres (torch's align_corners=False)."""
    from tvm import tirx

    mode, activation = _mode(shape)
    if mode not in ("nearest", "bilinear"):
        raise KeyError(f"'{mode}' interpolation")
    channels = shape.in_channels
    out_height, out_width = shape.out_size
    adds = shape.op == "upsample_add"
    x, skip, y = _buffers(shape, 2 if adds else 1)

    def corners(position: Index, size: int, out_size: int) -> tuple[Index, Index, Node]:
        centre = (position + tirx.const(0.5, "float32")) * (size / out_size) - 0.5
        centre = tirx.max(centre, tirx.const(0.0, "float32"))
        low = tirx.min(tirx.Cast("int32", tirx.floor(centre)), size - 1)
        return low, tirx.min(low + 1, size - 1), centre - tirx.Cast("float32", low)

    def nearest(position: Index, size: int, out_size: int) -> Index:
        return position * size // out_size

    def body(row: Index, column: Index, channel: Index, lanes: int) -> Iterator[Node]:
        def at(in_row: Index, in_column: Index) -> Node:
            return load(x, (in_row * shape.in_width + in_column) * channels + channel, lanes)

        out = (row * out_width + column) * channels + channel
        if mode == "bilinear":
            top, bottom, down = corners(row, shape.in_height, out_height)
            left, right, across = corners(column, shape.in_width, out_width)
            down, across = splat(down, lanes), splat(across, lanes)
            upper = at(top, left) + (at(top, right) - at(top, left)) * across
            lower = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * across
            value = upper + (lower - upper) * down
        else:
            value = at(
                nearest(row, shape.in_height, out_height),
                nearest(column, shape.in_width, out_width),
            )
        value = value + load(skip, out, lanes) if adds else value
        yield store(y, activate(value, activation, lanes), out, lanes)

    nest = _pixels(out_height, out_width, channels, cpu, body)
    return _kernel(shape, [x, skip, y] if adds else [x, y], nest, name)


def _pairwise(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    a, b, y = _buffers(shape, 2)

    def body(at: Index, lanes: int) -> Iterator[Node]:
        left, right = load(a, at, lanes), load(b, at, lanes)
        value = left + right if shape.op == "add" else left * right
        yield store(y, activate(value, shape.activation, lanes), at, lanes)

    return _kernel(shape, [a, b, y], _flat(_size(shape), cpu, body), name)


def _elementwise(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    x, _, y = _buffers(shape, 1)

    def body(at: Index, lanes: int) -> Iterator[Node]:
        yield store(y, activate(load(x, at, lanes), shape.activation, lanes), at, lanes)

    return _kernel(shape, [x, y], _flat(_size(shape), cpu, body), name)


def concat(shape: LayerShape, parts: tuple[int, ...], cpu: Cpu, name: str) -> Kernel:
    """Join tensors of `parts` channels each."""
    starts = [sum(parts[:i]) for i in range(len(parts))]
    pixels = shape.in_height * shape.in_width
    sources = [buffer(part * pixels, f"x{i}") for i, part in enumerate(parts)]
    y = buffer(_size(shape), "y")

    def part(source: Node, channels: int, start: int) -> Body:
        def body(row: Index, column: Index, channel: Index, lanes: int) -> Iterator[Node]:
            pixel = row * shape.in_width + column
            value = load(source, pixel * channels + channel, lanes)
            yield store(y, value, pixel * shape.out_channels + start + channel, lanes)

        return body

    nest = [
        statement
        for source, channels, start in zip(sources, parts, starts, strict=True)
        for statement in _pixels(
            shape.in_height, shape.in_width, channels, cpu, part(source, channels, start)
        )
    ]
    return Kernel(
        function=function([*sources, y], nest, name),
        inputs=tuple(part * pixels for part in parts),
        weights=(),
        output=_size(shape),
    )


def _pool(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    from tvm import tirx

    channels = shape.in_channels
    height, width = shape.out_size
    x, _, y = _buffers(shape, 1)
    mode, activation = _mode(shape)
    if mode not in ("max", "avg"):
        raise KeyError(f"'{mode}' pooling")
    average = mode == "avg"
    taps = shape.kernel[0] * shape.kernel[1]

    def inside(at: Index, size: int, padding: int) -> Node | bool:
        return tirx.And(at >= 0, at < size) if padding else True

    def body(row: Index, column: Index, channel: Index, lanes: int) -> Iterator[Node]:
        register = Register(lanes)
        yield register.declaration
        yield register.set(splat(0.0 if average else -3.4e38, lanes))

        def tap(ky: Index, kx: Index) -> Iterator[Node]:
            in_y = row * shape.stride[0] + ky * shape.dilation[0] - shape.padding[0]
            in_x = column * shape.stride[1] + kx * shape.dilation[1] - shape.padding[1]
            value = load(x, (in_y * shape.in_width + in_x) * channels + channel, lanes)
            joined = register.value + value if average else tirx.max(register.value, value)
            yield from when(
                inside(in_y, shape.in_height, shape.padding[0]),
                when(inside(in_x, shape.in_width, shape.padding[1]), [register.set(joined)]),
            )

        if taps <= UNROLLED_TAPS:
            for ky in range(shape.kernel[0]):
                for kx in range(shape.kernel[1]):
                    yield from tap(ky, kx)
        else:
            yield loop(shape.kernel[0], lambda ky: [loop(shape.kernel[1], lambda kx: tap(ky, kx))])
        value = register.value * splat(1 / taps, lanes) if average else register.value
        yield store(
            y,
            activate(value, activation, lanes),
            (row * width + column) * channels + channel,
            lanes,
        )

    return _kernel(shape, [x, y], _pixels(height, width, channels, cpu, body), name)


def _pixel_shuffle(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    scale_y, scale_x = shape.kernel
    channels = shape.in_channels // (scale_y * scale_x)
    x, _, y = _buffers(shape, 1)

    def body(row: Index, column: Index, channel: Index, lanes: int) -> Iterator[Node]:
        for i in range(scale_y):
            for j in range(scale_x):
                source = (row * shape.in_width + column) * shape.in_channels
                value = load(x, source + (channel * scale_y + i) * scale_x + j)
                out_row = row * scale_y + i
                out = out_row * shape.in_width * scale_x + column * scale_x + j
                yield store(y, value, out * channels + channel)

    scalar = Cpu(lanes=1, registers=cpu.registers)
    nest = _pixels(shape.in_height, shape.in_width, channels, scalar, body)
    return _kernel(shape, [x, y], nest, name)


def _shuffle(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    channels = shape.in_channels
    each = channels // shape.groups
    x, _, y = _buffers(shape, 1)

    def body(row: Index, column: Index, channel: Index, lanes: int) -> Iterator[Node]:
        pixel = (row * shape.in_width + column) * channels
        for group in range(shape.groups):
            value = load(x, pixel + group * each + channel)
            yield store(y, value, pixel + channel * shape.groups + group)

    scalar = Cpu(lanes=1, registers=cpu.registers)
    nest = _pixels(shape.in_height, shape.in_width, each, scalar, body)
    return _kernel(shape, [x, y], nest, name)


MOVEMENTS: dict[str, Callable[[LayerShape, Cpu, str], Kernel]] = {
    "upsample": _upsample,
    "upsample_add": _upsample,
    "resize": _resize,
    "add": _pairwise,
    "mul": _pairwise,
    "pool": _pool,
    "pixel_shuffle": _pixel_shuffle,
    "shuffle": _shuffle,
    "elementwise": _elementwise,
}
"""The kernels of operators without weights, by operator; those of `concat` need more."""


def transpose(channels: int, pixels: int, *, to_planar: bool, name: str) -> Kernel:
    """Between [channels, pixels] and [pixels, channels]: a network's input or output, once."""
    x, y = buffer(channels * pixels, "x"), buffer(channels * pixels, "y")

    def row(pixel: Index) -> Iterator[Node]:
        def channel(c: Index) -> Iterator[Node]:
            planar, blocked = c * pixels + pixel, pixel * channels + c
            source, target = (blocked, planar) if to_planar else (planar, blocked)
            yield store(y, load(x, source), target)

        yield loop(channels, channel)

    return Kernel(
        function=function([x, y], [loop(pixels, row, parallel=True)], name),
        inputs=(channels * pixels,),
        weights=(),
        output=channels * pixels,
    )


def _mode(shape: LayerShape) -> tuple[str, str]:
    """(kind of interpolation or pooling, activation after it)."""
    mode, _, activation = shape.activation.partition("+")
    return mode, activation or "none"


def _size(shape: LayerShape) -> int:
    return shape.in_channels * shape.in_height * shape.in_width


def _out_size(shape: LayerShape) -> int:
    return shape.out_channels * shape.out_size[0] * shape.out_size[1]


def _buffers(shape: LayerShape, inputs: int) -> tuple[Node, Node, Node]:
    """The input, a second input of the output's size (unused where there is one), the output."""
    second = buffer(_out_size(shape), "x1")
    return buffer(_size(shape), "x"), second, buffer(_out_size(shape), "y")


def _kernel(shape: LayerShape, buffers: list[Node], nest: list[Node], name: str) -> Kernel:
    inputs = (_size(shape), _out_size(shape))[: len(buffers) - 1]
    return Kernel(
        function=function(buffers, nest, name),
        inputs=inputs,
        weights=(),
        output=_out_size(shape),
    )


def _pixels(height: int, width: int, channels: int, cpu: Cpu, body: Body) -> list[Node]:
    widths = vectors(channels, cpu.lanes)
    whole = widths.count(cpu.lanes)

    def pixel(row: Index, column: Index) -> Iterator[Node]:
        if whole:
            yield loop(whole, lambda i: body(row, column, i * cpu.lanes, cpu.lanes))
        at = whole * cpu.lanes
        for lanes in widths[whole:]:
            yield block(body(row, column, at, lanes))
            at += lanes

    return [
        loop(
            height,
            lambda row: [loop(width, lambda column: pixel(row, column))],
            parallel=True,
        )
    ]


def _flat(size: int, cpu: Cpu, body: Callable[[Index, int], Iterator[Node]]) -> list[Node]:
    """Over `size` values as if they were rows of 64 vectors, and what is left."""
    row = 64 * cpu.lanes
    rows = size // row
    nest = []
    if rows:
        nest.append(
            loop(
                rows,
                lambda i: [loop(64, lambda j: body(i * row + j * cpu.lanes, cpu.lanes))],
                parallel=True,
            )
        )
    at = rows * row
    whole, rest = divmod(size - at, cpu.lanes)
    if whole:
        start = at
        nest.append(loop(whole, lambda j: body(start + j * cpu.lanes, cpu.lanes)))
        at += whole * cpu.lanes
    for lanes in vectors(rest, cpu.lanes):
        nest.append(block(body(at, lanes)))
        at += lanes
    return nest
