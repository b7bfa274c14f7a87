"""What torch computes for a layer: the inputs, the weights and the output a kernel must give.

The values are fixed by the shape, so a kernel compiled in one process can be checked in another.
What a kind of layer reads and computes stands in its record (`netadapt.graph.ops`); here are the
values, the activation behind it, and the comparison that every kernel has to pass.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from importlib import import_module
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.runtimes.base import UnsupportedLayer, WrongOutput
from netadapt.latency.runtimes.precision import FLOAT32, TOLERANCES

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float32]

TOLERANCE = TOLERANCES[FLOAT32]
"""Of a whole network in float32, which others compare by."""

_ACTIVATIONS = {
    "tanh": "torch:tanh",
    "sigmoid": "torch:sigmoid",
    **{
        name: f"torch.nn.functional:{name}"
        for name in (
            *("relu", "relu6", "leaky_relu", "silu"),
            *("hardsigmoid", "hardswish", "elu", "gelu"),
        )
    },
}
"""Where torch has the activations that kernels take in."""


@dataclass(frozen=True)
class Reference:
    """One layer with values: inputs [1, C, H, W] (linear: [rows, C]), weights as torch has them."""

    inputs: tuple[Array, ...]
    weight: Array | None
    bias: Array | None
    output: Array


def reference(shape: LayerShape) -> Reference:
    """Inputs, weights and torch's output for `shape`.

    Raises UnsupportedLayer for a shape that torch can't run as one layer.
    """
    import torch

    spec = OPS[shape.op]
    generator = np.random.default_rng(zlib.crc32(repr(shape).encode()))

    def values(size: tuple[int, ...]) -> Array:
        return generator.standard_normal(size, dtype=np.float32)

    # The image is drawn first whatever the layer reads: values stay what they have always been.
    image = values((1, shape.in_channels, shape.in_height, shape.in_width))
    first, *others = spec.inputs(shape)
    inputs = (
        image if first == image.shape else values(first),
        *(values(size) for size in others),
    )
    weight = bias = None
    if spec.parameters is not None:
        weight_size, bias_size = spec.parameters(shape)
        weight = values(weight_size)
        # Unit variance comes out, so that clipped activations are tested on both sides.
        terms = shape.macs / (shape.out_channels * prod(shape.out_size))
        weight *= np.float32(max(terms, 1.0) ** -0.5)
        bias = values(bias_size)
    with torch.no_grad():
        try:
            y = spec.forward(
                shape,
                [torch.from_numpy(array) for array in inputs],
                None if weight is None else torch.from_numpy(weight),
                None if bias is None else torch.from_numpy(bias),
            )
        except NotImplementedError as error:
            raise UnsupportedLayer(f"{shape}: {error}") from error
        y = activated(shape, y)
    return Reference(inputs, weight, bias, y.numpy())


def compare(
    shape: LayerShape | str, got: Array, expected: Array, precision: str = FLOAT32
) -> float:
    """How far `got` is from what torch computed, as a share of the largest value.

    Raises WrongOutput when that is more than the precision's rounding, or the shapes differ.
    """
    if got.shape != expected.shape:
        raise WrongOutput(
            f"{shape}: the compiled kernel's output is {got.shape}, torch's {expected.shape}; it "
            f"is not used"
        )
    scale = float(np.abs(expected).max()) or 1.0
    worst = float(np.abs(got - expected).max()) / scale
    if not worst <= TOLERANCES[precision]:  # also true for nan
        raise WrongOutput(
            f"{shape}: the compiled kernel's output differs from torch's by {worst:.2g} of its "
            f"largest value (allowed {TOLERANCES[precision]:g}); it is not used"
        )
    return worst


def activated(shape: LayerShape, y: Tensor) -> Tensor:
    """`y` behind the layer's activations. Raises UnsupportedLayer for one that isn't known."""
    for name in OPS[shape.op].mode_and_activation(shape)[1].split("+"):
        y = _activate(y, name, shape)
    return y


def _activate(y: Tensor, name: str, shape: LayerShape) -> Tensor:
    if name == "none":
        return y
    home = _ACTIVATIONS.get(name)
    if home is None:
        raise UnsupportedLayer(f"{shape}: no kernel is known for '{name}'")
    module, _, attribute = home.partition(":")
    result: Tensor = getattr(import_module(module), attribute)(y)
    return result
