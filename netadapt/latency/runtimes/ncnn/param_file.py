"""A network's steps as ncnn's two files: the text of its layers, and their weights.

In the text a line is a layer: its type, its name, how many blobs it reads and gives, these, and
numbered parameters. A blob may be read once, so that what is read more often goes through a Split.
What the numbers mean is ncnn's documentation of its operators.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.kernel_lookup import kernel_for
from netadapt.latency.runtimes.network_steps import Network, Step
from netadapt.latency.runtimes.reference import Array

MAGIC = 7767517
FLOAT32_FOLLOWS = struct.pack("<I", 0)
"""Before a layer's weights: they are plain float32. A bias follows without it."""

Parameters = Mapping[int, object]

NcnnKernel = Callable[["ParamFile", Step, list[str], str], None]
"""(file, step, names of the blobs it reads, name of the one it gives): adds the step's layers,
without its activation."""


@dataclass
class ParamFile:
    """Layers and weights so far."""

    layers: list[str] = field(default_factory=list)
    weights: list[bytes] = field(default_factory=list)
    blobs: int = 0

    def add(
        self,
        kind: str,
        reads: list[str],
        gives: list[str],
        parameters: Parameters | None = None,
    ) -> None:
        """A layer called by the first blob that it gives."""
        numbered = [f"{number}={value}" for number, value in (parameters or {}).items()]
        counts = [str(len(reads)), str(len(gives))]
        self.layers.append(" ".join([kind, gives[0], *counts, *reads, *gives, *numbered]))
        self.blobs += len(gives)

    def hold(self, weight: Array, bias: Array) -> None:
        """Weights and bias of the layer that was added last."""
        self.weights += [
            FLOAT32_FOLLOWS,
            np.ascontiguousarray(weight, np.float32).tobytes(),
            np.ascontiguousarray(bias, np.float32).tobytes(),
        ]

    @property
    def text(self) -> str:
        """What ncnn reads as the .param file."""
        lines = [str(MAGIC), f"{len(self.layers)} {self.blobs}", *self.layers]
        return "\n".join(lines) + "\n"


def write_network(network: Network) -> ParamFile:
    """The network's layers in ncnn's words; inputs and outputs keep their names.

    Raises UnsupportedLayer for a step that ncnn has no layer for.
    """
    file = ParamFile()
    readers = Counter(name for step in network.steps for name in step.sources)
    unread: dict[str, list[str]] = {}

    def given(name: str) -> None:
        """A blob is there: split it, where several layers read it."""
        count = readers[name]
        unread[name] = [name]
        if count > 1:
            unread[name] = [f"{name}.split{i}" for i in range(count)]
            file.add("Split", [name], list(unread[name]))

    for name in network.inputs:
        file.add("Input", [], [name])
        given(name)
    for step in network.steps:
        _add_step(file, step, [unread[name].pop() for name in step.sources])
        given(step.result)
    return file


def _add_step(file: ParamFile, step: Step, sources: list[str]) -> None:
    activation = OPS[step.shape.op].mode_and_activation(step.shape)[1]
    taken_in = activation == "none" or _fused(step.shape)
    parts = [] if taken_in else activation.split("+")
    kernel = kernel_for(step.shape, "ncnn", KERNELS)
    made = f"{step.result}.kernel" if parts else step.result
    kernel(file, step, sources, made)
    for i, part in enumerate(parts):
        if part not in _ACTIVATIONS:
            raise UnsupportedLayer(f"{step.shape}: ncnn has no layer for '{part}'")
        result = step.result if i == len(parts) - 1 else f"{step.result}.{part}"
        kind, parameters = _ACTIVATIONS[part]
        file.add(kind, [made], [result], parameters)
        made = result


def _fused(shape: LayerShape) -> dict[int, object]:
    """The activation as a parameter of a layer with weights; empty where it is a layer of its own.

    That is how ncnn's tools write a network that is to be deployed.
    """
    if OPS[shape.op].parameters is None or shape.activation not in _FUSED:
        return {}
    number, values = _FUSED[shape.activation]
    if not values:
        return {9: number}
    return {9: number, -23310: ",".join(map(str, (len(values), *values)))}


def _window(shape: LayerShape) -> dict[int, object]:
    """What convolutions of all kinds say of their window."""
    return {
        1: shape.kernel[1],
        11: shape.kernel[0],
        2: shape.dilation[1],
        12: shape.dilation[0],
        3: shape.stride[1],
        13: shape.stride[0],
        4: shape.padding[1],
        14: shape.padding[0],
    }


def _conv2d(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    assert step.weight is not None
    _convolution(file, step, sources, result, "Convolution", step.weight, {})


def _conv_transpose2d(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    """torch's weights are [in, out / groups, …]; ncnn's [out, in / groups, …], group by group."""
    shape, groups = step.shape, step.shape.groups
    assert step.weight is not None
    apart = step.weight.reshape(groups, shape.in_channels // groups, *step.weight.shape[1:])
    padding = {18: shape.output_padding[1], 19: shape.output_padding[0]}
    weight = apart.swapaxes(1, 2)
    _convolution(file, step, sources, result, "Deconvolution", weight, padding)


def _convolution(
    file: ParamFile,
    step: Step,
    sources: list[str],
    result: str,
    kind: str,
    weight: Array,
    more: Mapping[int, object],
) -> None:
    shape = step.shape
    assert step.bias is not None
    parameters = {0: shape.out_channels, **_window(shape), 5: 1, 6: weight.size}
    parameters |= {**_fused(shape), **more}
    if shape.groups > 1:
        kind, parameters[7] = f"{kind}DepthWise", shape.groups
    file.add(kind, sources, [result], parameters)
    file.hold(weight, step.bias)


def _linear(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    assert step.weight is not None
    assert step.bias is not None
    parameters = {0: step.shape.out_channels, 1: 1, 2: step.weight.size}
    file.add("InnerProduct", sources, [result], {**parameters, **_fused(step.shape)})
    file.hold(step.weight, step.bias)


def _pool(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    shape = step.shape
    parameters = {
        0: int(OPS[shape.op].mode_and_activation(shape)[0] != "max"),
        1: shape.kernel[1],
        11: shape.kernel[0],
        2: shape.stride[1],
        12: shape.stride[0],
        3: shape.padding[1],
        13: shape.padding[0],
        14: shape.padding[1],
        15: shape.padding[0],
        5: 1,
        6: 1,  # the last window lies inside, and what pads counts in a mean
    }
    if shape.dilation != (1, 1):
        raise UnsupportedLayer(f"{shape}: ncnn has no pooling with dilation")
    file.add("Pooling", sources, [result], parameters)


_INTERPOLATIONS = {"nearest": 1, "bilinear": 2}


def _resize(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    shape = step.shape
    mode = OPS[shape.op].mode_and_activation(shape)[0]
    if mode not in _INTERPOLATIONS:
        raise UnsupportedLayer(f"{shape}: ncnn has no '{mode}' interpolation")
    height, width = shape.out_size
    file.add("Interp", sources[:1], [result], {0: _INTERPOLATIONS[mode], 3: height, 4: width})


def _upsample_add(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    _resize(file, step, sources, f"{step.result}.resize")
    file.add("BinaryOp", [f"{step.result}.resize", sources[1]], [result], {0: 0})


def _plain(kind: str, **numbered: int) -> NcnnKernel:
    """A layer whose parameters are the same for all shapes, called p0, p1, …"""
    parameters = {int(name[1:]): value for name, value in numbered.items()}

    def kernel(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
        file.add(kind, sources, [result], parameters)

    return kernel


def _pixel_shuffle(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    file.add("PixelShuffle", sources, [result], {0: step.shape.kernel[0]})


def _shuffle(file: ParamFile, step: Step, sources: list[str], result: str) -> None:
    file.add("ShuffleChannel", sources, [result], {0: step.shape.groups})


KERNELS: dict[str, NcnnKernel] = {
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "linear": _linear,
    "pool": _pool,
    "upsample": _resize,
    "upsample_add": _upsample_add,
    "resize": _resize,
    "add": _plain("BinaryOp", p0=0),
    "mul": _plain("BinaryOp", p0=2),
    "concat": _plain("Concat", p0=0),
    "pixel_shuffle": _pixel_shuffle,
    "shuffle": _shuffle,
    "elementwise": _plain("Noop"),
}

_ACTIVATIONS: dict[str, tuple[str, Parameters]] = {
    "relu": ("ReLU", {}),
    "relu6": ("Clip", {0: 0.0, 1: 6.0}),
    "leaky_relu": ("ReLU", {0: 0.01}),
    "sigmoid": ("Sigmoid", {}),
    "silu": ("Swish", {}),
    "tanh": ("TanH", {}),
    "hardsigmoid": ("HardSigmoid", {0: 1 / 6, 1: 0.5}),
    "hardswish": ("HardSwish", {0: 1 / 6, 1: 0.5}),
    "elu": ("ELU", {0: 1.0}),
    "gelu": ("GELU", {0: 0}),
}
"""As layers of their own."""

_FUSED: dict[str, tuple[int, tuple[float, ...]]] = {
    "relu": (1, ()),
    "leaky_relu": (2, (0.01,)),
    "relu6": (3, (0.0, 6.0)),
    "sigmoid": (4, ()),
    "hardswish": (6, (1 / 6, 0.5)),
}
"""Those that a layer with weights takes in: ncnn's number of each, and its values."""
