"""How each kind of layer is made of ONNX nodes: a function a kind, and one an activation.

A record's own kernel (`OpSpec.kernels["onnxruntime"]`) has the same signature and goes before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.kernel_lookup import kernel_for
from netadapt.latency.runtimes.onnxruntime.onnx_graph import OnnxGraph
from netadapt.latency.runtimes.reference import Reference

OnnxKernel = Callable[[OnnxGraph, LayerShape, list[str], str, Reference], str]
"""(graph, shape, names of the inputs, name of the result, values with the weights) → the result.

Adds the layer's nodes, without its activation. Each node is called by the name of the result, or
by that name, a dot and more: the profiler's times are added up by it.
"""


def add_layer(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    """Add the nodes of one layer; gives the name of its result, which is `name`.

    Raises UnsupportedLayer where ONNX has no operator for it.
    """
    activation = OPS[shape.op].mode_and_activation(shape)[1]
    inner = name if activation == "none" else f"{name}.kernel"
    made = kernel_for(shape, "onnxruntime", KERNELS)(graph, shape, sources, inner, values)
    if activation != "none":
        parts = activation.split("+")
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            made = _activate(graph, part, made, name if last else f"{name}.{part}", shape)
    return name


def _weights(graph: OnnxGraph, name: str, values: Reference) -> list[str]:
    """The layer's weight and bias as constants."""
    assert values.weight is not None
    assert values.bias is not None
    bias = graph.constant(f"{_layer(name)}.b", values.bias)
    return [graph.constant(f"{_layer(name)}.w", values.weight), bias]


def _layer(name: str) -> str:
    """The layer's name, from that of a result inside it."""
    return name.partition(".")[0]


def _window(shape: LayerShape) -> dict[str, Any]:
    return {
        "kernel_shape": list(shape.kernel),
        "strides": list(shape.stride),
        "pads": [*shape.padding, *shape.padding],
    }


def _conv2d(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return graph.node(
        "Conv",
        [sources[0], *_weights(graph, name, values)],
        name,
        dilations=list(shape.dilation),
        group=shape.groups,
        **_window(shape),
    )


def _conv_transpose2d(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return graph.node(
        "ConvTranspose",
        [sources[0], *_weights(graph, name, values)],
        name,
        dilations=list(shape.dilation),
        group=shape.groups,
        output_padding=list(shape.output_padding),
        **_window(shape),
    )


def _linear(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return graph.node("Gemm", [sources[0], *_weights(graph, name, values)], name, transB=1)


_INTERPOLATIONS = {
    "nearest": {
        "mode": "nearest",
        "nearest_mode": "floor",
        "coordinate_transformation_mode": "asymmetric",
    },
    "bilinear": {"mode": "linear", "coordinate_transformation_mode": "half_pixel"},
}


def _resize(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    mode = OPS[shape.op].mode_and_activation(shape)[0]
    if mode not in _INTERPOLATIONS:
        raise UnsupportedLayer(f"{shape}: no operator is known for '{mode}' interpolation")
    height, width = shape.out_size
    scales = np.array([1, 1, height / shape.in_height, width / shape.in_width], np.float32)
    constant = graph.constant(f"{_layer(name)}.s", scales)
    return graph.node("Resize", [sources[0], "", constant], name, **_INTERPOLATIONS[mode])


def _upsample_add(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    resized = _resize(graph, shape, sources, f"{_layer(name)}.resize", values)
    return graph.node("Add", [resized, sources[1]], name)


def _pool(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    if OPS[shape.op].mode_and_activation(shape)[0] == "max":
        return graph.node(
            "MaxPool", sources[:1], name, dilations=list(shape.dilation), **_window(shape)
        )
    if shape.kernel == (shape.in_height, shape.in_width) and shape.padding == (0, 0):
        return graph.node("GlobalAveragePool", sources[:1], name)
    return graph.node("AveragePool", sources[:1], name, count_include_pad=1, **_window(shape))


def _add(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return graph.node("Add", sources, name)


def _mul(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return graph.node("Mul", sources, name)


def _concat(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return graph.node("Concat", sources, name, axis=1)


def _pixel_shuffle(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return graph.node("DepthToSpace", sources[:1], name, blocksize=shape.kernel[0], mode="CRD")


def _shuffle(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    channels, height, width = shape.in_channels, shape.in_height, shape.in_width
    groups = shape.groups
    split = np.array([1, groups, channels // groups, height, width], np.int64)
    whole = np.array([1, channels, height, width], np.int64)
    apart = graph.node(
        "Reshape", [sources[0], graph.constant(f"{name}.split", split)], f"{name}.apart"
    )
    turned = graph.node("Transpose", [apart], f"{name}.turned", perm=[0, 2, 1, 3, 4])
    return graph.node("Reshape", [turned, graph.constant(f"{name}.whole", whole)], name)


def _elementwise(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    return sources[0]


KERNELS: dict[str, OnnxKernel] = {
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
    "pixel_shuffle": _pixel_shuffle,
    "shuffle": _shuffle,
    "elementwise": _elementwise,
}


def _activate(graph: OnnxGraph, activation: str, source: str, name: str, shape: LayerShape) -> str:
    add = _ACTIVATIONS.get(activation)
    if add is None:
        raise UnsupportedLayer(f"{shape}: no ONNX operator is known for '{activation}'")
    return add(graph, source, name)


def _plain(op: str, **attributes: Any) -> Callable[[OnnxGraph, str, str], str]:
    """An activation that is one node."""
    return lambda graph, source, name: graph.node(op, [source], name, **attributes)


def _relu6(graph: OnnxGraph, source: str, name: str) -> str:
    low = graph.constant(f"{name}.low", np.array(0, np.float32))
    high = graph.constant(f"{name}.high", np.array(6, np.float32))
    return graph.node("Clip", [source, low, high], name)


def _silu(graph: OnnxGraph, source: str, name: str) -> str:
    gate = graph.node("Sigmoid", [source], f"{name}.gate")
    return graph.node("Mul", [source, gate], name)


_ACTIVATIONS: dict[str, Callable[[OnnxGraph, str, str], str]] = {
    "none": _plain("Identity"),
    "relu": _plain("Relu"),
    "relu6": _relu6,
    "leaky_relu": _plain("LeakyRelu", alpha=0.01),
    "sigmoid": _plain("Sigmoid"),
    "silu": _silu,
    "tanh": _plain("Tanh"),
    "hardsigmoid": _plain("HardSigmoid", alpha=1 / 6),
    "hardswish": _plain("HardSwish"),
    "elu": _plain("Elu"),
}
"""(graph, source, name of the result) → the result, as torch's defaults have it."""
