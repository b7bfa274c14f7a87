"""A whole network read from ONNX as the kernels a device runs: one step a kernel, with weights.

The same fusions as in a traced graph: a convolution takes in the activation behind it, an
addition the upsampling before it. An operator that isn't known is named, never skipped; a record
(`OpSpec.nodes`) can bring the reading of nodes of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from netadapt.errors import InputError
from netadapt.extras import needed
from netadapt.graph.layer_shape import LayerShape, Pair
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.reference import Array
from netadapt.networks.onnx_export import layer_of

_ACTIVATIONS = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "HardSwish": "hardswish",
    "LeakyRelu": "leaky_relu",
    "Elu": "elu",
    "HardSigmoid": "hardsigmoid",
}
_RENAMES = ("Identity", "Dropout", "Flatten", "Reshape", "Squeeze", "Unsqueeze")


@dataclass(frozen=True)
class Step:
    """One kernel: its shape, the tensors it reads by name, the one it gives, its weights."""

    shape: LayerShape
    sources: tuple[str, ...]
    result: str
    weight: Array | None = None
    bias: Array | None = None
    parts: tuple[int, ...] = ()
    """concat only: the channels of each source."""


@dataclass(frozen=True)
class Network:
    """All steps in the order they run. `inputs`: name to [1, C, H, W] as exported."""

    steps: tuple[Step, ...]
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]


def read_network(model: bytes) -> Network:
    """The steps of an ONNX model at batch 1.

    Raises InputError when it isn't an ONNX model with fixed sizes, UnsupportedLayer naming the
    first node that no kernel is known for.
    """
    onnx = needed("onnx", "onnx")
    try:
        proto = onnx.shape_inference.infer_shapes(onnx.load_from_string(model))
    except Exception as error:  # protobuf's and onnx's own classes share no base
        raise InputError(f"this is not an ONNX model that can be read: {error}") from error
    return NetworkReader(proto).network()


class NetworkReader:
    """Goes through an ONNX graph once and collects its steps; readings end with `add`."""

    def __init__(self, proto: Any) -> None:
        from onnx import numpy_helper

        graph = proto.graph
        self.constants: dict[str, Any] = {
            item.name: numpy_helper.to_array(item) for item in graph.initializer
        }
        self.sizes: dict[str, tuple[int, ...]] = {}
        for item in (*graph.input, *graph.value_info, *graph.output):
            dims = item.type.tensor_type.shape.dim
            self.sizes[item.name] = tuple(int(d.dim_value) for d in dims)
        self.inputs = {
            i.name: self.sizes[i.name] for i in graph.input if i.name not in self.constants
        }
        self.outputs = {o.name: self.sizes[o.name] for o in graph.output}
        self.nodes = list(graph.node)
        self.readers: dict[str, list[Any]] = {}
        for node in self.nodes:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.readings = {**_added_readings(), **_READINGS}
        self.alias: dict[str, str] = {}
        self.absorbed: set[int] = set()
        self.fused: dict[int, tuple[Any, str, Pair, str]] = {}
        """Additions that take in an upsampling: its node, the other summand, scale and mode."""
        self.steps: list[Step] = []

    def network(self) -> Network:
        for node in self.nodes:
            if id(node) not in self.absorbed:
                self.read(node)
        for name in self.outputs:
            if name in self.alias:  # an output that only renames: kept under its own name
                raise UnsupportedLayer(f"the output '{name}' is no kernel's result")
        return Network(tuple(self.steps), self.inputs, self.outputs)

    def read(self, node: Any) -> None:
        from onnx import numpy_helper

        if node.op_type == "Constant":
            value = next(a for a in node.attribute if a.name == "value")
            self.constants[node.output[0]] = numpy_helper.to_array(value.t)
            return
        if all(name in self.constants or not name for name in node.input):
            if node.op_type == "Identity":
                self.constants[node.output[0]] = self.constants[node.input[0]]
                return
            raise self.unknown(node)
        if node.op_type in _RENAMES:
            # Without pixels, or with all dims kept, a view moves nothing in any layout.
            size = self.size(node.input[0])
            moved = node.op_type != "Identity" and np.prod(size[2:] or (1,)) > 1
            if moved and self.size(node.output[0]) != size:
                raise self.unknown(node)
            self.alias[node.output[0]] = self.source(node.input[0])
            return
        reader = self.readings.get(node.op_type)
        if reader is not None:
            reader(self, node)
        elif self.activation(node) is not None:
            shape = self.shape("elementwise", node, activation=str(self.activation(node)))
            self.add(node, shape, node)
        else:
            raise self.unknown(node)

    def convolution(self, node: Any) -> None:
        attributes = _attributes(node)
        weight = self.constant(node, 1)
        if weight.ndim != 4:
            raise self.unknown(node)
        transposed = node.op_type == "ConvTranspose"
        groups = int(attributes.get("group", 1))
        out = weight.shape[1] * groups if transposed else weight.shape[0]
        bias = self.constants.get(node.input[2]) if len(node.input) > 2 else None
        last, activation = self.follow(node)
        shape = self.shape(
            "conv_transpose2d" if transposed else "conv2d",
            node,
            out_channels=out,
            kernel=_pair(weight.shape[2:]),
            stride=_pair(attributes.get("strides", (1, 1))),
            padding=self.padding(node, attributes),
            dilation=_pair(attributes.get("dilations", (1, 1))),
            groups=groups,
            activation=activation,
            output_padding=_pair(attributes.get("output_padding", (0, 0))),
        )
        bias = np.zeros(out, np.float32) if bias is None else np.asarray(bias, np.float32)
        self.add(node, shape, last, weight=np.asarray(weight, np.float32), bias=bias)

    def linear(self, node: Any) -> None:
        attributes = _attributes(node)
        scaled = attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0
        if scaled or attributes.get("transA", 0):
            raise self.unknown(node)
        weight = np.asarray(self.constant(node, 1), np.float32)
        weight = weight if attributes.get("transB", 0) else weight.T.copy()
        out, entering = weight.shape
        given = self.constants.get(node.input[2]) if len(node.input) > 2 else None
        bias = np.zeros(out, np.float32) if given is None else np.asarray(given, np.float32)
        rows = int(np.prod(self.size(node.input[0]))) // entering
        last, activation = self.follow(node)
        one = (1, 1)
        shape = LayerShape("linear", entering, out, one, one, (0, 0), one, 1, rows, 1, activation)
        self.add(node, shape, last, weight=weight, bias=bias.reshape(-1))

    def resize(self, node: Any) -> None:
        attributes = _attributes(node)
        mode = {"nearest": "nearest", "linear": "bilinear"}.get(str(attributes.get("mode")))
        before, after = self.size(node.input[0])[2:], self.size(node.output[0])[2:]
        if mode is None or len(after) != 2:
            raise self.unknown(node)
        whole = all(b % a == 0 for a, b in zip(before, after, strict=True))
        coordinates = attributes.get("coordinate_transformation_mode", "half_pixel")
        # With whole factors every nearest rule but rounding at half pixels picks the same pixel.
        floors = whole or (
            coordinates == "asymmetric" and attributes.get("nearest_mode") == "floor"
        )
        if (mode == "nearest" and not floors) or (mode == "bilinear" and "half" not in coordinates):
            raise self.unknown(node)
        if not whole:
            shape = self.shape("resize", node, kernel=_pair(after), activation=mode)
            self.add(node, shape, node)
            return
        scale = _pair(tuple(b // a for a, b in zip(before, after, strict=True)))
        follower = self.only_reader(node)
        if follower is not None and follower.op_type == "Add":
            other = next((n for n in follower.input if n != node.output[0]), None)
            if other is not None and self.size(other) == self.size(node.output[0]):
                # Runs where the addition stands: by then the other summand is there.
                self.absorbed.add(id(node))
                self.fused[id(follower)] = (node, other, scale, mode)
                return
        self.add(node, self.shape("upsample", node, kernel=scale, activation=mode), node)

    def pairwise(self, node: Any) -> None:
        fused = self.fused.get(id(node))
        if fused is not None:
            source, other, scale, mode = fused
            last, activation = self.follow(node)
            name = mode if activation == "none" else f"{mode}+{activation}"
            shape = self.shape("upsample_add", source, kernel=scale, activation=name)
            self.add(node, shape, last, sources=(source.input[0], other))
            return
        if self.size(node.input[0]) != self.size(node.input[1]):
            raise self.unknown(node)
        last, activation = self.follow(node)
        op = "add" if node.op_type == "Add" else "mul"
        shape = self.shape(op, node, activation=activation)
        self.add(node, shape, last, sources=tuple(node.input))

    def concat(self, node: Any) -> None:
        if _attributes(node).get("axis") not in (1, -3):
            raise self.unknown(node)
        last, activation = self.follow(node)
        if activation != "none":
            raise self.unknown(node)
        channels = self.size(node.output[0])[1]
        shape = self.shape("concat", node, in_channels=channels, out_channels=channels)
        parts = tuple(self.size(name)[1] for name in node.input)
        self.add(node, shape, last, sources=tuple(node.input), parts=parts)

    def pool(self, node: Any) -> None:
        attributes = _attributes(node)
        size = self.size(node.input[0])
        kind = "max" if node.op_type == "MaxPool" else "avg"
        if node.op_type in ("GlobalAveragePool", "ReduceMean"):
            axes = attributes.get("axes") or (
                tuple(int(a) for a in self.constant(node, 1)) if len(node.input) > 1 else (2, 3)
            )
            if sorted(a % 4 for a in axes) != [2, 3]:
                raise self.unknown(node)
            shape = self.shape("pool", node, kernel=_pair(size[2:]), activation=kind)
        else:
            padding = self.padding(node, attributes)
            counted = kind == "max" or padding == (0, 0) or attributes.get("count_include_pad")
            if attributes.get("ceil_mode") or not counted:
                raise self.unknown(node)
            shape = self.shape(
                "pool",
                node,
                kernel=_pair(attributes["kernel_shape"]),
                stride=_pair(attributes.get("strides", (1, 1))),
                padding=padding,
                dilation=_pair(attributes.get("dilations", (1, 1))),
                activation=kind,
            )
        self.add(node, shape, node)

    def pixel_shuffle(self, node: Any) -> None:
        attributes = _attributes(node)
        if attributes.get("mode") != "CRD":
            raise self.unknown(node)
        factor = int(attributes["blocksize"])
        channels = self.size(node.output[0])[1]
        shape = self.shape("pixel_shuffle", node, out_channels=channels, kernel=(factor, factor))
        self.add(node, shape, node)

    def follow(self, node: Any) -> tuple[Any, str]:
        """The activation that alone reads the node's result, taken in; (last node, its name)."""
        follower = self.only_reader(node)
        name = self.activation(follower) if follower is not None else None
        if name is None:
            return node, "none"
        self.absorbed.add(id(follower))
        return follower, name

    def only_reader(self, node: Any) -> Any | None:
        name = node.output[0]
        readers = self.readers.get(name, [])
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def activation(self, node: Any) -> str | None:
        if node.op_type == "Clip":
            low, high = (self.bound(name) for name in (*node.input, "", "")[1:3])
            return "relu6" if (low, high) == (0.0, 6.0) else None
        attributes = _attributes(node)
        if node.op_type == "LeakyRelu" and abs(attributes.get("alpha", 0.01) - 0.01) > 1e-6:
            return None
        if node.op_type == "HardSigmoid" and abs(attributes.get("alpha", 0.2) - 1 / 6) > 1e-6:
            return None
        return _ACTIVATIONS.get(node.op_type)

    def bound(self, name: str) -> float:
        """A constant's only value; NaN where it has several, or there is none."""
        value = np.asarray(self.constants.get(name, np.nan)).reshape(-1)
        return float(value[0]) if value.size == 1 else np.nan

    def shape(self, op: str, node: Any, **given: Any) -> LayerShape:
        size = (*self.size(node.input[0]), 1, 1, 1)[:4]
        values: dict[str, Any] = {
            "in_channels": size[1],
            "out_channels": size[1],
            "kernel": (1, 1),
            "stride": (1, 1),
            "padding": (0, 0),
            "dilation": (1, 1),
            "groups": 1,
            "in_height": size[2],
            "in_width": size[3],
        }
        return LayerShape(op=op, **{**values, **given})

    def add(
        self,
        node: Any,
        shape: LayerShape,
        last: Any,
        *,
        sources: tuple[str, ...] | None = None,
        weight: Array | None = None,
        bias: Array | None = None,
        parts: tuple[int, ...] = (),
    ) -> None:
        names = tuple(self.source(name) for name in (sources or (node.input[0],)))
        if any(name in self.constants for name in names):
            raise self.unknown(node)
        self.steps.append(Step(shape, names, last.output[0], weight, bias, parts))

    def padding(self, node: Any, attributes: dict[str, Any]) -> Pair:
        if attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
            raise self.unknown(node)
        pads = tuple(attributes.get("pads", (0, 0, 0, 0)))
        if pads[:2] != pads[2:]:
            raise self.unknown(node)
        return _pair(pads[:2])

    def source(self, name: str) -> str:
        return self.alias.get(name, name)

    def size(self, name: str) -> tuple[int, ...]:
        size = self.sizes.get(name)
        if size is None and name in self.constants:
            size = tuple(self.constants[name].shape)
        if not size or min(size) < 1:
            raise InputError(
                f"the ONNX model's tensor '{name}' has no fixed size; export it at batch 1 with a "
                f"fixed input size"
            )
        return size

    def constant(self, node: Any, index: int) -> Any:
        if node.input[index] not in self.constants:
            raise self.unknown(node)
        return self.constants[node.input[index]]

    def unknown(self, node: Any) -> UnsupportedLayer:
        layer = layer_of(node)
        of_layer = f" of the layer {layer}" if layer else ""
        return UnsupportedLayer(
            f"no kernel is known for the ONNX node {node.op_type} '{node.name}'{of_layer} as it is "
            f"used"
        )


Reading = Callable[[NetworkReader, Any], None]

_READINGS: dict[str, Reading] = {
    "Conv": NetworkReader.convolution,
    "ConvTranspose": NetworkReader.convolution,
    "Gemm": NetworkReader.linear,
    "Resize": NetworkReader.resize,
    "Add": NetworkReader.pairwise,
    "Mul": NetworkReader.pairwise,
    "Concat": NetworkReader.concat,
    "MaxPool": NetworkReader.pool,
    "AveragePool": NetworkReader.pool,
    "GlobalAveragePool": NetworkReader.pool,
    "ReduceMean": NetworkReader.pool,
    "DepthToSpace": NetworkReader.pixel_shuffle,
}
"""By the node's type. What isn't here is an activation, or unknown."""


def _added_readings() -> dict[str, Reading]:
    return {node: read for name in OPS.names() for node, read in OPS[name].nodes.items()}


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in values.items()
    }


def _pair(values: Any) -> Pair:
    height, width = (int(v) for v in values)
    return (height, width)
