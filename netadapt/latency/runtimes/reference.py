"""What torch computes for a layer: the inputs, the weights and the output a kernel must give.

The values are fixed by the shape, so a kernel compiled in one process can be checked in another.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.base import UnsupportedLayer, WrongOutput

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float32]

TOLERANCE = 1e-4
"""Largest difference from torch, relative to the output's largest value: float32, summed in
another order over up to ten thousand products."""


@dataclass(frozen=True)
class Reference:
    """One layer with values: inputs [1, C, H, W] (linear: [rows, C]), weights as torch has them."""

    inputs: tuple[Array, ...]
    weight: Array | None
    bias: Array | None
    output: Array


def concat_parts(shape: LayerShape) -> tuple[int, int]:
    """Channels of the two tensors that a measured concatenation joins: halves, in eights."""
    first = shape.out_channels // 16 * 8 or max(1, shape.out_channels // 2)
    return first, shape.out_channels - first


def reference(shape: LayerShape) -> Reference:
    """Inputs, weights and torch's output for `shape`.

    Raises UnsupportedLayer for a shape that torch can't run as one layer.
    """
    import torch
    from torch.nn import functional

    generator = np.random.default_rng(zlib.crc32(repr(shape).encode()))

    def values(*size: int) -> Array:
        return generator.standard_normal(size, dtype=np.float32)

    height, width = shape.in_height, shape.in_width
    x = values(1, shape.in_channels, height, width)
    inputs: tuple[Array, ...] = (x,)
    weight = bias = None
    if shape.op == "conv2d":
        weight = values(shape.out_channels, shape.in_channels // shape.groups, *shape.kernel)
    elif shape.op == "conv_transpose2d":
        weight = values(shape.in_channels, shape.out_channels // shape.groups, *shape.kernel)
    elif shape.op == "linear":
        inputs = (values(height * width, shape.in_channels),)
        weight = values(shape.out_channels, shape.in_channels)
    elif shape.op in ("add", "mul"):
        inputs = (x, values(*x.shape))
    elif shape.op == "upsample_add":
        inputs = (x, values(1, shape.out_channels, *shape.out_size))
    elif shape.op == "concat":
        inputs = tuple(values(1, part, height, width) for part in concat_parts(shape))
    if weight is not None:
        # Unit variance comes out, so that clipped activations are tested on both sides.
        terms = shape.macs / (shape.out_channels * shape.out_size[0] * shape.out_size[1])
        weight *= np.float32(max(terms, 1.0) ** -0.5)
        bias = values(shape.out_channels)

    tensors = [torch.from_numpy(array) for array in inputs]
    w = None if weight is None else torch.from_numpy(weight)
    b = None if bias is None else torch.from_numpy(bias)
    first = tensors[0]
    mode, _, rest = shape.activation.partition("+")
    activation = shape.activation
    with torch.no_grad():
        if shape.op == "conv2d":
            assert w is not None
            y = functional.conv2d(
                first, w, b, shape.stride, shape.padding, shape.dilation, shape.groups
            )
        elif shape.op == "conv_transpose2d":
            assert w is not None
            y = functional.conv_transpose2d(
                first,
                w,
                b,
                shape.stride,
                shape.padding,
                shape.output_padding,
                shape.groups,
                shape.dilation,
            )
        elif shape.op == "linear":
            assert w is not None
            y = functional.linear(first, w, b)
        elif shape.op in ("upsample", "upsample_add", "resize"):
            smooth = {"align_corners": False} if mode == "bilinear" else {}
            y = functional.interpolate(first, size=shape.out_size, mode=mode, **smooth)
            if shape.op == "upsample_add":
                y = y + tensors[1]
            activation = rest or "none"
        elif shape.op == "add":
            y = first + tensors[1]
        elif shape.op == "mul":
            y = first * tensors[1]
        elif shape.op == "concat":
            y = torch.cat(tensors, dim=1)
        elif shape.op == "pool":
            if mode == "max":
                y = functional.max_pool2d(
                    first, shape.kernel, shape.stride, shape.padding, shape.dilation
                )
            elif mode == "avg":
                y = functional.avg_pool2d(first, shape.kernel, shape.stride, shape.padding)
            else:
                raise UnsupportedLayer(f"{shape}: no pooling is called '{mode}'")
            activation = rest or "none"
        elif shape.op == "pixel_shuffle":
            if shape.kernel[0] != shape.kernel[1]:
                raise UnsupportedLayer(f"{shape}: a pixel shuffle has one factor for both sides")
            y = functional.pixel_shuffle(first, shape.kernel[0])
        elif shape.op == "shuffle":
            y = functional.channel_shuffle(first, shape.groups)
        else:
            y = first
        for name in activation.split("+"):
            y = _activate(y, name, shape)
    return Reference(inputs, weight, bias, y.numpy())


def compare(shape: LayerShape | str, got: Array, expected: Array) -> float:
    """How far `got` is from what torch computed, as a share of the largest value.

    Raises WrongOutput when that is more than float32's rounding.
    """
    scale = float(np.abs(expected).max()) or 1.0
    worst = float(np.abs(got.reshape(-1) - expected.reshape(-1)).max()) / scale
    if not worst <= TOLERANCE:  # also true for nan
        raise WrongOutput(
            f"{shape}: the compiled kernel's output differs from torch's by {worst:.2g} of its "
            f"largest value (allowed {TOLERANCE:g}); it is not used"
        )
    return worst


def _activate(y: Tensor, name: str, shape: LayerShape) -> Tensor:
    from torch.nn import functional

    if name == "none":
        return y
    if name == "tanh":
        return y.tanh()
    if name == "sigmoid":
        return y.sigmoid()
    known = ("relu", "relu6", "leaky_relu", "silu", "hardsigmoid", "hardswish", "elu", "gelu")
    if name not in known:
        raise UnsupportedLayer(f"{shape}: no kernel is known for '{name}'")
    activated: Tensor = getattr(functional, name)(y)
    return activated
