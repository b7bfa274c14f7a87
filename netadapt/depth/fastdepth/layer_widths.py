"""The widths of FastDepth's variants: what they are published with, and where weights show them.

Names and checks are those of the encoders and decoders; this only asks the right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netadapt.depth.fastdepth import decoders, mobilenet, resnet
from netadapt.depth.fastdepth.decoders import DecoderKind, WidthSource
from netadapt.errors import ModelError


def full_widths(encoder: str, decoder: str) -> dict[str, int]:
    """The published width of every layer that has one of its own, by its name."""
    kind = DecoderKind.parse(decoder)
    if encoder == "mobilenet":
        return mobilenet.encoder_full_widths() | decoders.full_widths(kind)
    return resnet.encoder_full_widths(encoder) | decoders.full_widths(kind)


def width_sources(encoder: str, decoder: str, skip: str) -> dict[str, WidthSource]:
    """For each width of such a network, the state-dict key and axis that show it."""
    if encoder == "mobilenet":
        return mobilenet.width_sources(decoder, skip)
    return resnet.width_sources(encoder, decoder, skip)


def widths_shown(
    sources: Mapping[str, WidthSource], shapes: Mapping[str, Sequence[int]], network: str
) -> dict[str, int]:
    """The widths that the shapes of a state dict's tensors show.

    Raises ModelError when a weight that shows a width is missing or has no such axis.
    """
    widths: dict[str, int] = {}
    for name, (key, axis) in sources.items():
        shape = shapes.get(key)
        if shape is None or len(shape) != 4:
            found = "is missing" if shape is None else f"has shape {list(shape)}"
            raise ModelError(
                f"{key} {found}, expected a convolution's weight: these weights are not of "
                f"{network}"
            )
        widths[name] = int(shape[axis])
    return widths
