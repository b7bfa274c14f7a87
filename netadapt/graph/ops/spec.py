"""`OpSpec`: all that is to be known of one kind of layer, in one record.

Loads no torch: records are asked for costs by commands that trace nothing. Which records there
are is left to `op_registry`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from netadapt.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.layer_shape import LayerShape, Pair
    from netadapt.graph.operator_calls import Call
    from netadapt.graph.walk import Result, Walk

Size = tuple[int, ...]

MOVEMENT_FEATURES = ("pixels", "out_channels", "kernel", "stride", "mode")
WEIGHTED_FEATURES = (
    *("pixels", "in_channels", "out_channels", "groups"),
    *("kernel", "stride", "activation"),
)


def same_size(shape: LayerShape) -> Pair:
    """The output is as high and wide as the input."""
    return (shape.in_height, shape.in_width)


def window_places(shape: LayerShape) -> Pair:
    """The output has a value for each place of a window, as convolutions and pooling have."""
    (kh, kw), (sh, sw) = shape.kernel, shape.stride
    (ph, pw), (dh, dw) = shape.padding, shape.dilation
    return (
        (shape.in_height + 2 * ph - dh * (kh - 1) - 1) // sh + 1,
        (shape.in_width + 2 * pw - dw * (kw - 1) - 1) // sw + 1,
    )


def scaled_size(shape: LayerShape) -> Pair:
    """The output is `kernel` times as high and wide as the input."""
    return (shape.in_height * shape.kernel[0], shape.in_width * shape.kernel[1])


def no_macs(shape: LayerShape) -> int:
    """Nothing is multiplied and added."""
    return 0


def one_image(shape: LayerShape) -> tuple[Size, ...]:
    """One input, [1, C, H, W]."""
    return ((1, shape.in_channels, shape.in_height, shape.in_width),)


def the_input(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    """What goes in comes out; the activation is all that is computed."""
    return inputs[0]


@dataclass(frozen=True, eq=False)
class OpSpec:
    """One kind of layer, such as 'conv2d': what it costs, how it couples, what it computes.

    A record lives as long as the process. When a network is traced, `couple` is called once for
    each call of the operators `calls` and says which channels go together; then `shape` says
    which row of a lookup table the call is. Whenever a layer's cost is asked for, at any widths,
    `out_size`, `macs`, `inputs` and `parameters` are, tens of thousands of times in a search: they
    must be plain arithmetic on the shape. When a row is measured, `forward` gives what a kernel is
    compared with, and `kernels` makes the kernel.

    name
        The `op` column of a lookup table: lower case, without spaces or commas.
    calls
        The torch operators that are layers of this kind: 'conv2d' for aten's, else with the
        namespace, 'mine::gated_conv'.
    couple (walk, call, given) -> Value
        How channels couple, as the handlers in `netadapt.graph.couplings` (which see) say it:
        `given` holds the call's arguments by their schema's names, a `Value` for every tensor,
        parameters by name (`Value.parameter`). None where a handler there does it.
    shape (call, given) -> LayerShape or None
        The layer that a call is, at batch 1; None where no row can describe it, which makes it
        uncounted. Its channels must be those of the first tensor and of the output, along the
        axis that `couple` gave them. `read` is the same with the whole trace at hand (fusion,
        several layers a call), and goes before.
    out_size (shape) -> (height, width)
        Of the output, in pixels. As the input where it isn't given.
    macs (shape) -> int
        Multiply-accumulates for one image; 0 where it isn't given.
    inputs (shape) -> sizes
        Of every tensor that is read beside the weights, batch 1. One image [1, C, H, W] where it
        isn't given.
    parameters (shape) -> (weight's size, bias's size)
        As torch has them. None: a layer without weights, bound by memory.
    moded
        The activation column begins with a mode: 'nearest', or 'nearest+relu'.
    family (shape) -> str, features {family: names}
        Which rows are modelled together, and by which of the features that
        `netadapt.latency.model.features` knows. One family of the operator's name, with the usual
        features, where they aren't given.
    forward (shape, inputs, weight, bias) -> Tensor
        What torch computes before the activation: float32 tensors of the sizes above in, the
        output out, at batch 1. Raises NotImplementedError for a shape that isn't one layer.
    kernels {runtime: function}
        How a runtime makes the layer, for kinds that its own table lacks (those tables show the
        signatures): 'onnxruntime' (netadapt/latency/runtimes/onnxruntime/kernels.py), by which
        OpenVINO and commands get it too, 'ncnn' (runtimes/ncnn/param_file.py), 'tvm' for TVM's own
        operators (runtimes/tvm/relax_kernels.py), all without the activation, which is added
        behind; 'tvm-cpu' for netadapt's schedules (runtimes/tvm/schedules), with it. PyTorch's
        needs none: it calls `forward`. A runtime of one's own may use its name likewise.
    nodes {ONNX node type: (reader, node) -> None}
        How a node of a whole network's ONNX model is read as a step of this kind, for runtimes
        that compile whole networks themselves (`netadapt.latency.runtimes.network_steps`).
        Needed where the operator is exported as a node of its own.

    Example: a layer that negates its input, kept by any network that calls `mine::negative`:

    >>> def shape(call, given):
    ...     _, channels, height, width = given["x"].shape
    ...     one = (1, 1)
    ...     return LayerShape(
    ...         "negative", channels, channels, one, one, (0, 0), one, 1, height, width
    ...     )
    >>> spec = OpSpec(
    ...     "negative",
    ...     calls=("mine::negative",),
    ...     couple=lambda walk, call, given: walk.passed(call, given["x"]),
    ...     shape=shape,
    ...     forward=lambda shape, inputs, weight, bias: -inputs[0],
    ...     kernels={"onnxruntime": lambda graph, shape, x, y, values: graph.node("Neg", x, y)},
    ... )
    """

    name: str
    calls: tuple[str, ...] = ()
    couple: Callable[[Walk, Call, dict[str, Any]], Result] | None = None
    shape: Callable[[Call, dict[str, Any]], LayerShape | None] | None = None
    read: Callable[[LayerReader, Call, dict[str, Any]], bool] | None = None
    out_size: Callable[[LayerShape], Pair] = same_size
    macs: Callable[[LayerShape], int] = no_macs
    inputs: Callable[[LayerShape], tuple[Size, ...]] = one_image
    parameters: Callable[[LayerShape], tuple[Size, Size]] | None = None
    moded: bool = False
    family: Callable[[LayerShape], str] | None = None
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forward: Callable[[LayerShape, Sequence[Tensor], Tensor | None, Tensor | None], Tensor] = (
        the_input
    )
    kernels: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    nodes: Mapping[str, Callable[..., None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9_]*", self.name):
            raise InputError(
                f"an operator can't be called '{self.name}'; use lower case, digits and _"
            )
        if not isinstance(self.calls, tuple):
            raise InputError(
                f"calls of the operator {self.name} is {self.calls!r}, expected a tuple"
            )
        if not self.features:
            usual = WEIGHTED_FEATURES if self.weighted else MOVEMENT_FEATURES
            object.__setattr__(self, "features", {self.name: usual})

    @property
    def weighted(self) -> bool:
        """Whether layers of this kind have weights; others only move data."""
        return self.parameters is not None

    def weights(self, shape: LayerShape) -> int:
        """Number of weights, without the bias."""
        return 0 if self.parameters is None else prod(self.parameters(shape)[0])

    def values_read(self, shape: LayerShape) -> int:
        """Number of values that are read beside the weights."""
        if self.inputs is one_image:  # most are, and a search asks tens of thousands of times
            return shape.in_channels * shape.in_height * shape.in_width
        return sum(map(prod, self.inputs(shape)))

    def family_of(self, shape: LayerShape) -> str:
        """The family whose rows model this layer."""
        return self.name if self.family is None else self.family(shape)

    def mode_and_activation(self, shape: LayerShape) -> tuple[str, str]:
        """The activation column apart: ('nearest', 'relu'), ('', 'relu'), ('max', 'none')."""
        if not self.moded:
            return "", shape.activation
        mode, _, activation = shape.activation.partition("+")
        return mode, activation or "none"
