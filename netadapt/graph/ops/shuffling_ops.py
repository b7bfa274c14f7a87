"""Layers that only move values to other places: pixel shuffles and channel shuffles.

A permutation of axes counts as a channel shuffle: every value is read and written once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from netadapt.graph.extents import count_of, image_shape
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.spec import OpSpec, scaled_size

if TYPE_CHECKING:
    from torch import Tensor

    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.operator_calls import Call


def _pixel_shuffle(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    from torch.nn import functional

    if shape.kernel[0] != shape.kernel[1]:
        raise NotImplementedError("a pixel shuffle has one factor for both sides")
    shuffled: Tensor = functional.pixel_shuffle(inputs[0], shape.kernel[0])
    return shuffled


def _channel_shuffle(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    from torch.nn import functional

    shuffled: Tensor = functional.channel_shuffle(inputs[0], shape.groups)
    return shuffled


def _read_pixel_shuffle(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    x, out = given["self"], reader.value(call.node)
    factor = int(given["upscale_factor"])
    channels, size = image_shape(x)
    leaving, _ = image_shape(out)
    shape = LayerShape(
        "pixel_shuffle", count_of(channels), count_of(leaving), (factor, factor),
        (1, 1), (0, 0), (1, 1), 1, *size,
    )  # fmt: skip
    reader.add(reader.title(call), shape, reader.alone(call), channels, leaving, 1)
    return True


def _read_shuffle(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    x = given["self"]
    if sum(size > 1 for size in x.shape) < 2:
        return True
    return reader.per_channel(call, "shuffle", x, "none", reader.alone(call))


PIXEL_SHUFFLE = OpSpec(
    "pixel_shuffle",  # kernel is the upscale factor
    calls=("pixel_shuffle",),
    read=_read_pixel_shuffle,
    out_size=scaled_size,
    forward=_pixel_shuffle,
)
SHUFFLE = OpSpec(
    "shuffle",  # a pure copy
    calls=("permute", "transpose", "channel_shuffle", "movedim", "swapaxes"),
    read=_read_shuffle,
    forward=_channel_shuffle,
)
