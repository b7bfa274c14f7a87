"""Sizes of a layer's tensors: channels, which may be labels, and the two sides of an image.

Labels stand where a number follows the widths; `Grouping.affine` later counts them.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from netadapt.graph.labels import Ints
from netadapt.graph.layer_shape import Pair

if TYPE_CHECKING:
    from netadapt.graph.walk import Value

Channels = Ints | int
"""Labels where a number of channels follows widths, else the number."""


def channels_at(value: Value, axis: int) -> Channels:
    """The labels along `axis` where channels lie there, else its length."""
    if value.labels is not None and value.axis == axis:
        return value.labels
    return value.shape[axis]


def count_of(channels: Channels) -> int:
    """How many channels these are in the traced network."""
    return channels if isinstance(channels, int) else len(channels)


def image_shape(value: Value) -> tuple[Channels, Pair]:
    """Channels, height and width of one image of a tensor's batch.

    The last two axes that are not channels are space; whatever else there is multiplies the
    channels (the groups of a channel shuffle).
    """
    axis = value.axis if value.axis is not None else min(1, value.ndim - 1)
    channels: Channels = channels_at(value, axis) if value.shape else 1
    others = [size for i, size in enumerate(value.shape) if i not in (0, axis)]
    space = ([1, 1, *others] if len(others) != 1 else [others[0], 1])[-2:]
    extra = prod(others[:-2])
    if extra > 1:
        channels = channels * extra if isinstance(channels, int) else channels.repeat(extra)
    return channels, (space[0], space[1])


def as_pair(values: Any, dims: int, filler: int = 1) -> Pair:
    """One or two numbers as (height, width); one-dimensional layers lie along the width."""
    numbers = [values] if isinstance(values, int) else [int(value) for value in values]
    if dims == 1:
        return (filler, numbers[0])
    return (numbers[0], numbers[-1])


def covering_size(
    size: Pair, out: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Pair:
    """The input size that gives the output `out` by the usual formula.

    Rounding up (`ceil_mode`) and uneven padding ('same' with an even kernel) make an operator's
    output differ from the formula's by part of a stride; the kernel then does the work of this
    slightly other input.
    """

    def one(i: int) -> int:
        span = dilation[i] * (kernel[i] - 1) + 1
        if (size[i] + 2 * padding[i] - span) // stride[i] + 1 == out[i]:
            return size[i]
        return (out[i] - 1) * stride[i] + span - 2 * padding[i]

    return (one(0), one(1))
