"""Single layers as ONNX models, in the surroundings they have inside a whole network.

A runtime lays out activations as it likes (onnxruntime blocks channels between convolutions), so
a layer alone would be charged for conversions that a network pays once. Here a small pointwise
convolution comes before the layer, and the layer is repeated with weights of its own each time,
other memory being read in between: inputs, weights and the place of the result lie as near or far
as in a network, not all in the nearest cache.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.reference import Array, Reference

OPSET = 17
IR_VERSION = 8
FEEDER_CHANNELS = 4
OTHER_COLUMNS = 256

_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "hardswish": "HardSwish",
    "elu": "Elu",
}


@dataclass
class OnnxGraph:
    """An ONNX graph in the making."""

    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)

    def constant(self, name: str, value: Array | np.ndarray[Any, Any]) -> str:
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def input(self, name: str, size: tuple[int, ...]) -> str:
        self.inputs.append(_value(name, size))
        return name

    def output(self, name: str, size: tuple[int, ...]) -> None:
        self.outputs.append(_value(name, size))

    def node(self, op: str, sources: list[str], name: str, **attributes: Any) -> str:
        """Add a node called `name`; its result carries the same name."""
        from onnx import helper

        self.nodes.append(helper.make_node(op, sources, [name], name=name, **attributes))
        return name

    def serialize(self) -> bytes:
        from onnx import helper

        graph = helper.make_graph(
            self.nodes, "layer", self.inputs, self.outputs, initializer=self.initializers
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        return bytes(model.SerializeToString())


def layer_model(shape: LayerShape, values: Reference) -> bytes:
    """`shape` alone, with `values` as weights; inputs x0, x1, …, output y: what it computes."""
    graph = OnnxGraph()
    names = [graph.input(f"x{i}", x.shape) for i, x in enumerate(values.inputs)]
    graph.output(add_layer(graph, shape, names, "y", values), values.output.shape)
    return graph.serialize()


def repeated_model(shape: LayerShape, values: Reference, repeats: int, ring_mb: float) -> bytes:
    """`shape` `repeats` times, each in the surroundings it has in a network.

    The nodes that belong to the layer are called `layer<i>` or `layer<i>.…`. Inputs that are
    images of a network's inside come from a feeder just before, and `ring_mb` megabytes are read
    before that: a network's other layers leave as little of the caches to this one. A second
    reader keeps a feeder from being fused into the layer, and the result is read and forgotten,
    so that its memory is used again.
    """
    graph = OnnxGraph()
    given = []
    for i, x in enumerate(values.inputs):
        inner = (1, FEEDER_CHANNELS, *x.shape[2:])
        given.append(graph.input(f"z{i}", inner if _is_inner(x) else x.shape))
    rows = max(1, int(ring_mb * 1e6 / (4 * FEEDER_CHANNELS * OTHER_COLUMNS)))
    other = graph.input("other", (1, FEEDER_CHANNELS, rows, OTHER_COLUMNS))
    for repeat in range(repeats):
        read = graph.node("GlobalAveragePool", [other], f"other{repeat}")
        sources = []
        for i, (source, x) in enumerate(zip(given, values.inputs, strict=True)):
            if not _is_inner(x):
                sources.append(source)
                continue
            after = graph.node("Add", [source, read], f"after{repeat}.{i}")
            sources.append(_feed(graph, after, x.shape[1], f"feeder{repeat}.{i}"))
            if len(values.inputs) > 1:
                _sink(graph, sources[-1], x.shape, f"reader{repeat}.{i}")
        result = add_layer(graph, shape, sources, f"layer{repeat}", values)
        _sink(graph, result, values.output.shape, f"sink{repeat}")
    return graph.serialize()


def _feed(graph: OnnxGraph, source: str, channels: int, name: str) -> str:
    weight = np.full((channels, FEEDER_CHANNELS, 1, 1), 0.1, np.float32)
    return graph.node("Conv", [source, graph.constant(f"{name}.w", weight)], name)


def _sink(graph: OnnxGraph, source: str, size: tuple[int, ...], name: str) -> None:
    """Read a result and give a mean of it to the outside."""
    if len(size) == 4 and size[2:] != (1, 1):
        source = graph.node("GlobalAveragePool", [source], name)
        size = (*size[:2], 1, 1)
    graph.output(source, size)


def _is_inner(x: Array) -> bool:
    """Whether an input is an image of a network's inside, not the network's own."""
    return x.ndim == 4 and x.shape[1] > FEEDER_CHANNELS


def add_layer(
    graph: OnnxGraph, shape: LayerShape, sources: list[str], name: str, values: Reference
) -> str:
    """Add the nodes of one layer; gives the name of its result, which is `name`.

    Raises UnsupportedLayer where ONNX has no operator for it.
    """
    mode, _, rest = shape.activation.partition("+")
    activation = shape.activation
    pads = [*shape.padding, *shape.padding]
    spatial = {
        "kernel_shape": list(shape.kernel),
        "strides": list(shape.stride),
        "pads": pads,
    }
    if shape.op in ("upsample", "upsample_add", "resize", "pool"):
        activation = rest or "none"
    inner = name if activation == "none" else f"{name}.kernel"
    if values.weight is not None and values.bias is not None:
        bias = graph.constant(f"{name}.b", values.bias)
    if shape.op == "conv2d":
        weight = graph.constant(f"{name}.w", _required(values.weight))
        graph.node(
            "Conv",
            [sources[0], weight, bias],
            inner,
            dilations=list(shape.dilation),
            group=shape.groups,
            **spatial,
        )
    elif shape.op == "conv_transpose2d":
        weight = graph.constant(f"{name}.w", _required(values.weight))
        graph.node(
            "ConvTranspose",
            [sources[0], weight, bias],
            inner,
            dilations=list(shape.dilation),
            group=shape.groups,
            output_padding=list(shape.output_padding),
            **spatial,
        )
    elif shape.op == "linear":
        weight = graph.constant(f"{name}.w", _required(values.weight))
        graph.node("Gemm", [sources[0], weight, bias], inner, transB=1)
    elif shape.op in ("upsample", "upsample_add", "resize"):
        height, width = shape.out_size
        scales = np.array([1, 1, height / shape.in_height, width / shape.in_width], np.float32)
        if mode not in ("nearest", "bilinear"):
            raise UnsupportedLayer(f"{shape}: no operator is known for '{mode}' interpolation")
        exact: dict[str, str] = (
            {"mode": "nearest", "nearest_mode": "floor"}
            if mode == "nearest"
            else {"mode": "linear"}
        )
        exact["coordinate_transformation_mode"] = (
            "asymmetric" if mode == "nearest" else "half_pixel"
        )
        adds = shape.op == "upsample_add"
        resized = f"{name}.resize" if adds else inner
        graph.node(
            "Resize", [sources[0], "", graph.constant(f"{name}.s", scales)], resized, **exact
        )
        if adds:
            graph.node("Add", [resized, sources[1]], inner)
    elif shape.op in ("add", "mul"):
        graph.node("Add" if shape.op == "add" else "Mul", sources, inner)
    elif shape.op == "concat":
        graph.node("Concat", sources, inner, axis=1)
    elif shape.op == "pool" and mode == "max":
        graph.node("MaxPool", [sources[0]], inner, dilations=list(shape.dilation), **spatial)
    elif shape.op == "pool":
        if shape.kernel == (shape.in_height, shape.in_width) and shape.padding == (0, 0):
            graph.node("GlobalAveragePool", [sources[0]], inner)
        else:
            graph.node("AveragePool", [sources[0]], inner, count_include_pad=1, **spatial)
    elif shape.op == "pixel_shuffle":
        graph.node("DepthToSpace", [sources[0]], inner, blocksize=shape.kernel[0], mode="CRD")
    elif shape.op == "shuffle":
        _shuffle(graph, shape, sources[0], inner)
    elif shape.op == "elementwise":
        inner = sources[0]
    else:
        raise UnsupportedLayer(f"{shape}: no ONNX operator is known for it")
    if activation != "none":
        parts = activation.split("+")
        for i, part in enumerate(parts):
            last = i == len(parts) - 1
            inner = _activate(graph, part, inner, name if last else f"{name}.{part}", shape)
    return name


def _activate(graph: OnnxGraph, activation: str, source: str, name: str, shape: LayerShape) -> str:
    if activation == "relu6":
        low = graph.constant(f"{name}.low", np.array(0, np.float32))
        high = graph.constant(f"{name}.high", np.array(6, np.float32))
        return graph.node("Clip", [source, low, high], name)
    if activation == "leaky_relu":
        return graph.node("LeakyRelu", [source], name, alpha=0.01)
    if activation == "hardsigmoid":
        return graph.node("HardSigmoid", [source], name, alpha=1 / 6)
    if activation == "silu":
        gate = graph.node("Sigmoid", [source], f"{name}.gate")
        return graph.node("Mul", [source, gate], name)
    if activation == "none":
        return graph.node("Identity", [source], name)
    if activation not in _ACTIVATIONS:
        raise UnsupportedLayer(f"{shape}: no ONNX operator is known for '{activation}'")
    return graph.node(_ACTIVATIONS[activation], [source], name)


def _shuffle(graph: OnnxGraph, shape: LayerShape, source: str, name: str) -> None:
    channels, height, width = shape.in_channels, shape.in_height, shape.in_width
    groups = shape.groups
    split = np.array([1, groups, channels // groups, height, width], np.int64)
    whole = np.array([1, channels, height, width], np.int64)
    apart = graph.node("Reshape", [source, graph.constant(f"{name}.split", split)], f"{name}.apart")
    turned = graph.node("Transpose", [apart], f"{name}.turned", perm=[0, 2, 1, 3, 4])
    graph.node("Reshape", [turned, graph.constant(f"{name}.whole", whole)], name)


def _required(weight: Array | None) -> Array:
    assert weight is not None
    return weight


def _value(name: str, size: tuple[int, ...]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(size))
