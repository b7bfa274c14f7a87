"""How each kind of layer is made of TVM's Relax operators: a function a kind, one an activation.

A record's own kernel (`OpSpec.kernels["tvm"]`) has the same signature and goes before. Needs tvm;
runs in a worker process.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.kernel_lookup import kernel_for

Held = tuple[Any, Any] | None
"""A layer's weight and bias as Relax variables."""

RelaxKernel = Callable[[Any, LayerShape, list[Any], Held], Any]
"""(block builder, shape, inputs, weight and bias) → an expression, not yet emitted: the layer
without its activation."""


def layer(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    """The expression of one layer with its activation.

    Raises UnsupportedLayer where TVM has no operators for it.
    """
    y = kernel_for(shape, "tvm", KERNELS)(block, shape, sources, held)
    for name in OPS[shape.op].mode_and_activation(shape)[1].split("+"):
        y = _activated(block, shape, y, name)
    return y


def _pads(shape: LayerShape) -> tuple[int, ...]:
    return (*shape.padding, *shape.padding)


def _biased(block: Any, shape: LayerShape, y: Any, bias: Any) -> Any:
    from tvm import relax

    planes = block.emit(relax.op.reshape(bias, (1, shape.out_channels, 1, 1)))
    return relax.op.add(block.emit(y), planes)


def _conv2d(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    assert held is not None
    y = relax.op.nn.conv2d(
        sources[0], held[0], shape.stride, _pads(shape), shape.dilation, shape.groups
    )
    return _biased(block, shape, y, held[1])


def _conv_transpose2d(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    assert held is not None
    y = relax.op.nn.conv2d_transpose(
        sources[0],
        held[0],
        shape.stride,
        _pads(shape),
        shape.output_padding,
        shape.dilation,
        shape.groups,
    )
    return _biased(block, shape, y, held[1])


def _linear(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    assert held is not None
    turned = block.emit(relax.op.permute_dims(held[0]))
    product = block.emit(relax.op.matmul(sources[0], turned))
    return relax.op.add(product, held[1])


def _resize(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    linear = OPS[shape.op].mode_and_activation(shape)[0] == "bilinear"
    return relax.op.image.resize2d(
        sources[0],
        shape.out_size,
        method="linear" if linear else "nearest_neighbor",
        coordinate_transformation_mode="half_pixel" if linear else "asymmetric",
        rounding_method="" if linear else "floor",
    )


def _upsample_add(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    return relax.op.add(block.emit(_resize(block, shape, sources, held)), sources[1])


def _pool(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    window = (shape.kernel, shape.stride, _pads(shape), shape.dilation)
    if OPS[shape.op].mode_and_activation(shape)[0] == "max":
        return relax.op.nn.max_pool2d(sources[0], *window)
    return relax.op.nn.avg_pool2d(sources[0], *window, count_include_pad=True)


def _add(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    return relax.op.add(sources[0], sources[1])


def _mul(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    return relax.op.multiply(sources[0], sources[1])


def _concat(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    from tvm import relax

    return relax.op.concat(sources, axis=1)


def _elementwise(block: Any, shape: LayerShape, sources: list[Any], held: Held) -> Any:
    return sources[0]


KERNELS: dict[str, RelaxKernel] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "linear": _linear,
    "pool": _pool,
    "upsample": _resize,
    "upsample_add": _upsample_add,
    "resize": _resize,
    "add": _add,
    "mul": _mul,
    "concat": _concat,
    "elementwise": _elementwise,
}
"""Shuffles are left out: TVM has no operator for them."""

_ACTIVATIONS = {
    "relu": "nn.relu",
    "relu6": "nn.relu6",
    "silu": "nn.silu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "leaky_relu": "nn.leakyrelu",
    "gelu": "nn.gelu",
}
"""Where `relax.op` has them."""


def _activated(block: Any, shape: LayerShape, y: Any, name: str) -> Any:
    from tvm import relax

    if name == "none":
        return y
    if name not in _ACTIVATIONS:
        raise UnsupportedLayer(f"{shape}: TVM has no operator for '{name}'")
    operator = attrgetter(_ACTIVATIONS[name])(relax.op)
    return operator(block.emit(y))
