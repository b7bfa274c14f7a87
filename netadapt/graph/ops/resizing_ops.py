"""Upsampling by whole factors, with or without an addition behind it, and any other resizing.

The activation column names the interpolation. An addition of two tensors of one size that alone
reads an upsampling's output is one kernel with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netadapt.graph.extents import image_shape
from netadapt.graph.layer_shape import LayerShape, Pair
from netadapt.graph.ops.spec import OpSpec, Size, one_image, scaled_size
from netadapt.graph.walk import Value

if TYPE_CHECKING:
    from torch import Tensor

    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.operator_calls import Call

_MODES = {
    "upsample_nearest1d": "nearest",
    "upsample_nearest2d": "nearest",
    "_upsample_nearest_exact2d": "nearest",
    "upsample_linear1d": "bilinear",
    "upsample_bilinear2d": "bilinear",
    "upsample_bicubic2d": "bicubic",
}


def _given(shape: LayerShape) -> Pair:
    return shape.kernel


def _image_and_skip(shape: LayerShape) -> tuple[Size, ...]:
    return (*one_image(shape), (1, shape.out_channels, *scaled_size(shape)))


def _forward(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    from torch.nn import functional

    mode = shape.activation.partition("+")[0]
    smooth = {"align_corners": False} if mode == "bilinear" else {}
    resized: Tensor = functional.interpolate(inputs[0], size=shape.out_size, mode=mode, **smooth)
    return resized + inputs[1] if len(inputs) > 1 else resized


def _read(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    x, mode = given["input"] if "input" in given else given["self"], _MODES[call.op]
    size, out = image_shape(x)[1], image_shape(reader.value(call.node))[1]
    if out[0] % size[0] or out[1] % size[1]:
        activation, modules = reader.fusion.fuse(call)
        return reader.per_channel(call, "resize", x, mode, modules, kernel=out)
    scale = (out[0] // size[0], out[1] // size[1])
    follower = reader.fusion.follower(call.node)
    free = follower is not None and follower.node not in reader.fusion.absorbed
    if free and follower is not None and follower.op == "add":
        values = [v for v in reader.walk.given(follower).values() if isinstance(v, Value)]
        if len(values) == 2 and values[0].shape == values[1].shape:
            reader.fusion.absorbed.add(follower.node)
            activation, modules = reader.fusion.fuse(follower)
            modules = tuple(dict.fromkeys(m for m in (call.module, *modules) if m))
            mode = mode if activation == "none" else f"{mode}+{activation}"
            return reader.per_channel(follower, "upsample_add", x, mode, modules, kernel=scale)
    return reader.per_channel(call, "upsample", x, mode, reader.alone(call), kernel=scale)


UPSAMPLE = OpSpec(
    "upsample",  # kernel is the integer scale
    calls=tuple(_MODES),
    read=_read,
    out_size=scaled_size,
    moded=True,
    forward=_forward,
)
UPSAMPLE_ADD = OpSpec(
    "upsample_add",  # an addition at the output's size
    out_size=scaled_size,
    inputs=_image_and_skip,
    moded=True,
    forward=_forward,
)
RESIZE = OpSpec(
    "resize",  # by a scale that is no whole number; kernel is the output's size
    out_size=_given,
    moded=True,
    forward=_forward,
)
