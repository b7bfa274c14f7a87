"""How many channels a device's kernels take at once, found from the rows of its table.

A kernel that works on blocks of 16 channels takes as long for 120 as for 128: it pads. A
runtime doesn't say so, but its rows do: seen at padded widths, they lie on a smoother surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netadapt.graph.layer_shape import LayerShape

BLOCKS = (1, 4, 8, 16, 32)
FEW_CHANNELS = 4
"""An image's three channels, or a depth map's one: no kernel pads these to a block."""


def padded(shape: LayerShape, block: int) -> LayerShape:
    """`shape` with its channels rounded up to multiples of `block`; grouped layers stay as is."""
    if block == 1 or (shape.groups > 1 and not shape.is_depthwise):
        return shape
    in_channels = _rounded_up(shape.in_channels, block)
    if shape.is_depthwise:
        multiplier = shape.out_channels // shape.in_channels
        return replace(
            shape,
            in_channels=in_channels,
            out_channels=in_channels * multiplier,
            groups=in_channels,
        )
    return replace(
        shape, in_channels=in_channels, out_channels=_rounded_up(shape.out_channels, block)
    )


def matters(shapes: Sequence[LayerShape], block: int) -> bool:
    """Whether padding to `block` changes any of the shapes."""
    return any(padded(shape, block) != shape for shape in shapes)


def _rounded_up(channels: int, block: int) -> int:
    return channels if channels <= FEW_CHANNELS else -(-channels // block) * block
