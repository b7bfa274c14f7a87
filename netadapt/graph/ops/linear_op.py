"""Linear layers over the last axis; the rows they are applied to stand in height and width.

One that mixes positions instead of channels is no row of a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from netadapt.graph.extents import channels_at, count_of
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.spec import OpSpec, Size

if TYPE_CHECKING:
    from torch import Tensor

    from netadapt.graph.layer_reading import LayerReader
    from netadapt.graph.operator_calls import Call


def _macs(shape: LayerShape) -> int:
    return shape.in_channels * shape.out_channels * shape.in_height * shape.in_width


def _inputs(shape: LayerShape) -> tuple[Size, ...]:
    return ((shape.in_height * shape.in_width, shape.in_channels),)


def _parameters(shape: LayerShape) -> tuple[Size, Size]:
    return (shape.out_channels, shape.in_channels), (shape.out_channels,)


def _forward(
    shape: LayerShape, inputs: Sequence[Tensor], weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    from torch.nn import functional

    assert weight is not None
    return functional.linear(inputs[0], weight, bias)


def _read(reader: LayerReader, call: Call, given: dict[str, Any]) -> bool:
    x, weight = given["input"], given["weight"]
    if x.axis is not None and x.axis != x.ndim - 1:
        # It mixes positions: how often it runs, not what it reads, follows the channels.
        channels = channels_at(x, x.axis)
        rows_each = prod(x.shape[:-1]) // count_of(channels) // reader.batch
        reader.lose(
            call, 1, channels, 1, rows_each * prod(weight.shape), rows_each * weight.shape[0]
        )
        return True
    rows = list(x.shape[1:-1])
    if x.ndim > 1 and x.shape[0] % reader.batch == 0:
        rows.insert(0, x.shape[0] // reader.batch)
    height, width = (prod(rows[:-1]), rows[-1]) if len(rows) > 2 else (prod(rows), 1)
    axis = x.ndim - 1
    entering, leaving = channels_at(x, axis), channels_at(reader.value(call.node), axis)
    activation, modules = reader.fusion.fuse(call, norm=True)
    sides = ((1, 1), (1, 1), (0, 0), (1, 1), 1)
    shape = LayerShape(
        "linear", weight.shape[1], weight.shape[0], *sides, height, width, activation
    )
    reader.add(reader.owner(call, weight), shape, modules, entering, leaving, 1)
    return True


LINEAR = OpSpec(
    "linear",  # in_height = in_width = 1, or the number of rows in in_height
    calls=("linear",),
    read=_read,
    macs=_macs,
    inputs=_inputs,
    parameters=_parameters,
    features={"linear": ("pixels", "in_channels", "out_channels", "activation")},
    forward=_forward,
)
