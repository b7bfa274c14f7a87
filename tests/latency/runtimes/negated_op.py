"""An operator of a user's own that TVM is to run: y = −x. TVM's process imports this file."""

from __future__ import annotations

from typing import Any

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.spec import OpSpec
from netadapt.latency.runtimes.tvm.schedules.activations import activate
from netadapt.latency.runtimes.tvm.schedules.emit import buffer, function, load, loop, store
from netadapt.latency.runtimes.tvm.schedules.kernel import Kernel


def forward(shape: LayerShape, inputs: Any, weight: Any, bias: Any) -> Any:
    return -inputs[0]


def cpu_kernel(shape: LayerShape, cpu: Any, name: str, parts: tuple[int, ...]) -> Kernel:
    size = shape.in_channels * shape.in_height * shape.in_width
    x, y = buffer(size, "x"), buffer(size, "y")
    nest = [loop(size, lambda i: [store(y, activate(-load(x, i), shape.activation, 1), i)])]
    return Kernel(function([x, y], nest, name), inputs=(size,), weights=(), output=size)


def relax_kernel(block: Any, shape: LayerShape, sources: list[Any], held: Any) -> Any:
    from tvm import relax

    return relax.op.negative(sources[0])


def read_node(reader: Any, node: Any) -> None:
    reader.add(node, reader.shape("negated", node), node)


SPEC = OpSpec(
    "negated",
    forward=forward,
    kernels={"tvm-cpu": cpu_kernel, "tvm": relax_kernel},
    nodes={"Neg": read_node},
)
