"""Pointwise convolutions to very few channels on a CPU: a dot product over the input's channels.

With fewer outputs than half a vector, vectors along the outputs would be mostly empty; here they
run along the inputs and are summed crosswise at the end (a depth network's last layer: 32 → 1).
"""

from __future__ import annotations

from collections.abc import Iterator

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.tvm.schedules.activations import activate
from netadapt.latency.runtimes.tvm.schedules.cpu import Cpu
from netadapt.latency.runtimes.tvm.schedules.emit import (
    Index,
    Node,
    buffer,
    function,
    load,
    loop,
    splat,
    store,
    vectors,
)
from netadapt.latency.runtimes.tvm.schedules.kernel import Array, Kernel

MOST_OUTPUTS = 3
PIXELS_A_TASK = 128


def suits(shape: LayerShape, cpu: Cpu) -> bool:
    """Whether `shape` is such a layer: at least a vector of inputs, hardly any outputs."""
    return (
        shape.is_pointwise
        and shape.stride == (1, 1)
        and shape.padding == (0, 0)
        and shape.out_channels <= MOST_OUTPUTS
        and shape.in_channels >= cpu.lanes > 1
    )


def dot(shape: LayerShape, cpu: Cpu, name: str) -> Kernel:
    """The kernel of a `shape` that `suits`."""
    pixels, ci, co = shape.in_height * shape.in_width, shape.in_channels, shape.out_channels
    x, w = buffer(pixels * ci, "x"), buffer(ci * co, "w")
    b, y = buffer(co, "b"), buffer(pixels * co, "y")

    widths = vectors(ci, cpu.lanes)

    def products(at: Index, channel: int) -> Node:
        """The sum over all inputs: added lane by lane, widest vectors first, then halved."""
        total, width, start = splat(0.0, widths[0]), widths[0], 0
        for lanes in widths:
            value = load(x, at * ci + start, lanes) * load(w, channel * ci + start, lanes)
            total, width = _narrow(total, width, lanes) + value, lanes
            start += lanes
        return _narrow(total, width, 1)

    def pixel(at: Index) -> Iterator[Node]:
        for channel in range(co):
            value = load(b, channel) + products(at, channel)
            yield store(y, activate(value, shape.activation, 1), at * co + channel)

    tasks, rest = divmod(pixels, PIXELS_A_TASK)
    nest = []
    if tasks:
        nest.append(
            loop(
                tasks,
                lambda i: [loop(PIXELS_A_TASK, lambda j: pixel(i * PIXELS_A_TASK + j))],
                parallel=True,
            )
        )
    if rest:
        nest.append(loop(rest, lambda j: pixel(tasks * PIXELS_A_TASK + j)))

    def pack(weight: Array, bias: Array) -> tuple[Array, ...]:
        return (weight.reshape(-1).copy(), bias)

    return Kernel(
        function=function([x, w, b, y], nest, name),
        inputs=(pixels * ci,),
        weights=(ci * co, co),
        output=pixels * co,
        pack=pack,
    )


def _narrow(vector: Node, width: int, lanes: int) -> Node:
    """The vector of `width` folded to `lanes`: its halves added until it is no wider."""
    from tvm import tirx

    while width > lanes:
        width //= 2
        low = tirx.Shuffle([vector], list(range(width)))
        high = tirx.Shuffle([vector], list(range(width, 2 * width)))
        vector = low + high
    return vector
