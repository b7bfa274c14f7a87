"""Layers that join tensors: additions, products (gates), concatenations.

An addition or product with a number is elementwise, not a join.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.graph.ops.spec import OpSpec, Size, one_image
from netadapt.graph.walk import Value

if TYPE_CHECKING:
    from torch import Tensor

    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.operator_calls import Call


def concat_parts(shape: LayerShape) -> tuple[int, int]:
    """Channels of the two tensors that a measured concatenation joins: halves, in eights."""
    first = shape.out_channels // 16 * 8 or max(1, shape.out_channels // 2)
    return first, shape.out_channels - first


def _two_images(shape: LayerShape) -> tuple[Size, ...]:
    return 2 * one_image(shape)


def _parts(shape: LayerShape) -> tuple[Size, ...]:
    size = (shape.in_height, shape.in_width)
    return tuple((1, channels, *size) for channels in concat_parts(shape))


def _add(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    return inputs[0] + inputs[1]


def _mul(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    return inputs[0] * inputs[1]


def _cat(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    import torch

    return torch.cat(list(inputs), dim=1)


def _reads(op: str) -> Callable[[LayerReader, Call, dict[str, Any]], bool]:
    return partial(_read_pair, op)


def _read_pair(op: str, reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    tensors = [given["self"], given["other"]]
    # A gate cut to one channel, [1, 1, 1, 1], is no scalar: the kernel stays what it was.
    if any(not isinstance(v, Value) or (prod(v.shape) <= 1 and len(v.shape) < 2) for v in tensors):
        elementwise = OPS["elementwise"].read
        return elementwise is not None and elementwise(reader, call, given)
    activation, modules = reader.fusion.fuse(call)
    return reader.per_channel(call, op, reader.value(call.node), activation, modules)


def _read_concat(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    activation, modules = reader.fusion.fuse(call)
    return reader.per_channel(call, "concat", reader.value(call.node), activation, modules)


ADD = OpSpec(
    "add",
    calls=("add", "sub", "rsub", "subtract"),
    read=_reads("add"),
    inputs=_two_images,
    forward=_add,
)
MUL = OpSpec("mul", calls=("mul", "multiply"), read=_reads("mul"), inputs=_two_images, forward=_mul)
CONCAT = OpSpec(
    "concat",  # in_channels = out_channels = all channels that come out
    calls=("cat", "concat", "concatenate"),
    read=_read_concat,
    inputs=_parts,
    forward=_cat,
)
