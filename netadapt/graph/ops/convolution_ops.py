"""Convolutions and transposed ones: grouped, depthwise, dilated, in one or two dimensions.

A kernel takes in the batch norm and the activation behind it. Three dimensions, and images that
are folded into the channels' axis, are no row of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from netadapt.graph.extents import Channels, as_pair, channels_at, covering_size
from netadapt.graph.layer_shape import LayerShape, Pair
from netadapt.graph.ops.spec import WEIGHTED_FEATURES, OpSpec, Size, window_places
from netadapt.graph.walk import cuts_whole_groups

if TYPE_CHECKING:
    from torch import Tensor

    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.operator_calls import Call


def _out_size_transposed(shape: LayerShape) -> Pair:
    (kh, kw), (sh, sw) = shape.kernel, shape.stride
    (ph, pw), (dh, dw) = shape.padding, shape.dilation
    return (
        (shape.in_height - 1) * sh - 2 * ph + dh * (kh - 1) + 1 + shape.output_padding[0],
        (shape.in_width - 1) * sw - 2 * pw + dw * (kw - 1) + 1 + shape.output_padding[1],
    )


def _macs(shape: LayerShape) -> int:
    height, width = window_places(shape)
    per_position = shape.kernel[0] * shape.kernel[1] * shape.in_channels // shape.groups
    return height * width * shape.out_channels * per_position


def _macs_transposed(shape: LayerShape) -> int:
    taps = shape.kernel[0] * shape.kernel[1] * shape.out_channels // shape.groups
    return shape.in_height * shape.in_width * shape.in_channels * taps


def _parameters(shape: LayerShape) -> tuple[Size, Size]:
    """Weight [out, in / groups, kh, kw]."""
    out = shape.out_channels
    return (out, shape.in_channels // shape.groups, *shape.kernel), (out,)


def _parameters_transposed(shape: LayerShape) -> tuple[Size, Size]:
    """Weight [in, out / groups, kh, kw]."""
    out = shape.out_channels
    return (shape.in_channels, out // shape.groups, *shape.kernel), (out,)


def _family(shape: LayerShape) -> str:
    if shape.groups == 1:
        return "convolution"
    return "depthwise" if shape.is_depthwise else "grouped"


def _forward(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    from torch.nn import functional

    assert weight is not None
    return functional.conv2d(
        inputs[0], weight, bias, shape.stride, shape.padding, shape.dilation, shape.groups
    )


def _forward_transposed(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    from torch.nn import functional

    assert weight is not None
    return functional.conv_transpose2d(
        inputs[0],
        weight,
        bias,
        shape.stride,
        shape.padding,
        shape.output_padding,
        shape.groups,
        shape.dilation,
    )


def _read(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    x, weight = given["input"], given["weight"]
    dims = weight.ndim - 2
    axis = x.ndim - dims - 1
    entering, leaving = channels_at(x, axis), channels_at(reader.value(call.node), axis)
    number = int(given["groups"])
    groups: Channels = number
    per_group = x.shape[axis] // number
    whole = number > 1 and cuts_whole_groups(number, per_group)
    if whole and not isinstance(entering, int):
        groups = entering.reshape(number, per_group)[:, 0]
    transposed = "transpose" in call.op
    size, out = x.shape[axis + 1 :], call.shapes[0][axis + 1 :]
    if dims > 2 or (axis == 1 and x.shape[0] != reader.batch):
        per = prod(weight.shape[2:]) * prod(size if transposed else out)
        per *= x.shape[0] // reader.batch if axis == 1 else 1
        reader.lose(call, entering, leaving, groups, per, prod(out))
        return True
    kernel, stride = as_pair(weight.shape[2:], dims), as_pair(given["stride"], dims)
    dilation = as_pair(given["dilation"], dims)
    size, out = as_pair(size, dims), as_pair(out, dims)
    output_padding: Pair = (0, 0)
    if transposed:
        padding = as_pair(given["padding"], dims, 0)
        output_padding = as_pair(given["output_padding"], dims, 0)
    elif isinstance(given["padding"], str):
        same = given["padding"] == "same"
        total = [same * dilation[i] * (kernel[i] - 1) for i in (0, 1)]
        padding = ((total[0] + 1) // 2, (total[1] + 1) // 2)
        size = covering_size(size, out, kernel, stride, padding, dilation)
    else:
        padding = as_pair(given["padding"], dims, 0)
    activation, modules = reader.fusion.fuse(call, norm=True)
    shape = LayerShape(
        "conv_transpose2d" if transposed else "conv2d",
        x.shape[axis],
        call.shapes[0][axis],
        kernel,
        stride,
        padding,
        dilation,
        number,
        *size,
        activation,
        output_padding,
    )
    reader.add(reader.owner(call, weight), shape, modules, entering, leaving, groups)
    return True


CONV2D = OpSpec(
    "conv2d",
    calls=("conv1d", "conv2d", "conv3d"),
    read=_read,
    out_size=window_places,
    macs=_macs,
    parameters=_parameters,
    family=_family,
    features={
        "convolution": (
            *("pixels", "in_channels", "out_channels", "out_tile"),
            *("kernel", "stride", "dilation", "activation"),
        ),
        "depthwise": ("pixels", "out_channels", "kernel", "stride", "dilation", "activation"),
        "grouped": WEIGHTED_FEATURES,
    },
    forward=_forward,
)
CONV_TRANSPOSE2D = OpSpec(
    "conv_transpose2d",
    calls=("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
    read=_read,
    out_size=_out_size_transposed,
    macs=_macs_transposed,
    parameters=_parameters_transposed,
    forward=_forward_transposed,
)
