"""Depth networks on a MobileNet-v1 encoder, FastDepth first of all.

`FastDepth` joins encoder and decoder by skips (added or concatenated); `MobileNetDepth` has none.
Widths and names come from a config that is complete; state-dict keys are those of the official
classes MobileNetSkipAdd, MobileNetSkipConcat and MobileNet.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from netadapt.depth.fastdepth import blocks, decoders
from netadapt.depth.fastdepth.decoders import Decoder, DecoderKind, WidthSource
from netadapt.errors import ModelError

ENCODER_WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
STRIDE_TWO = (0, 2, 4, 6, 12)
DEPTH = len(ENCODER_WIDTHS)

SKIPS = {2: 5, 3: 3, 4: 1}
"""Decoder stage → the encoder's convolution that is joined to its resized output."""


def encoder_full_widths() -> dict[str, int]:
    """MobileNet's widths, `conv0` to `conv13`."""
    return {f"conv{i}": width for i, width in enumerate(ENCODER_WIDTHS)}


class FastDepth(nn.Module):
    """MobileNet encoder, convolution decoder, skips: RGB [B, 3, H, W] → metres [B, 1, H, W].

    RGB lies in [0, 1]; H and W are multiples of 32 (published: 224). `widths` gives each
    convolution's output channels, `conv0` … `conv13` and `decode_conv1` … `decode_conv6`; a
    depthwise convolution has its input's width. After: Wofk et al., FastDepth (ICRA 2019). Raises
    ModelError when joined layers differ in width.
    """

    def __init__(
        self, widths: Mapping[str, int], decoder: str = "nnconv5dw", skip: str = "add"
    ) -> None:
        super().__init__()
        self.kind = DecoderKind.parse(decoder)
        self.skip = skip
        check_widths(decoder, skip, widths)
        for i, block in enumerate(_encoder_blocks(widths)):
            self.add_module(f"conv{i}", block)
        in_width = widths[f"conv{DEPTH - 1}"]
        for i in range(1, decoders.STAGES + 1):
            out_width = widths[f"decode_conv{i}"]
            self.add_module(f"decode_conv{i}", decoders.stage(self.kind, in_width, out_width, 0))
            in_width = out_width
            if skip == "concat" and i in SKIPS:
                in_width += widths[f"conv{SKIPS[i]}"]
        self.decode_conv6 = blocks.pointwise(in_width, widths["decode_conv6"])
        blocks.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        kept: dict[int, Tensor] = {}
        for i in range(DEPTH):
            x = getattr(self, f"conv{i}")(x)
            if i in SKIPS.values():
                kept[i] = x
        for i in range(1, decoders.STAGES):
            x = decoders.resize(self.kind, getattr(self, f"decode_conv{i}")(x))
            if i in SKIPS:
                other = kept[SKIPS[i]]
                x = x + other if self.skip == "add" else torch.cat((x, other), dim=1)
        x = getattr(self, f"decode_conv{decoders.STAGES}")(x)
        return decoders.finish(self.kind, x, self.decode_conv6, self.training)


class MobileNetDepth(nn.Module):
    """MobileNet encoder and any decoder, without skips: RGB [B, 3, H, W] → metres [B, 1, H, W]."""

    def __init__(self, widths: Mapping[str, int], decoder: str) -> None:
        super().__init__()
        check_widths(decoder, "none", widths)
        self.mobilenet = nn.Sequential(*_encoder_blocks(widths))
        self.decoder = Decoder(DecoderKind.parse(decoder), widths[f"conv{DEPTH - 1}"], widths)
        blocks.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        depth: Tensor = self.decoder(self.mobilenet(x))
        return depth


def width_sources(decoder: str, skip: str) -> dict[str, WidthSource]:
    """Where each width is read off a state dict of the network with this decoder and skip."""
    kind = DecoderKind.parse(decoder)
    prefix = "mobilenet." if skip == "none" else "conv"
    sources: dict[str, WidthSource] = {"conv0": (f"{prefix}0.0.weight", 0)}
    sources |= {f"conv{i}": (f"{prefix}{i}.3.weight", 0) for i in range(1, DEPTH)}
    if skip == "none":
        paths = [f"decoder.{name}" for name in decoders.stage_names(kind)]
    else:
        paths = [f"decode_conv{i}" for i in range(1, decoders.STAGES + 2)]
    return sources | decoders.width_sources(kind, paths)


def check_widths(decoder: str, skip: str, widths: Mapping[str, int]) -> None:
    """Refuse widths this network can't have. Raises ModelError naming the layers."""
    kind = DecoderKind.parse(decoder)
    decoders.check_widths(kind, widths[f"conv{DEPTH - 1}"], widths)
    if skip == "none":
        return
    if not kind.resizes:
        raise ModelError(
            f"skip is '{skip}' with decoder '{decoder}': skips are defined for the nnconv and "
            f"blconv decoders; choose one of those, or skip 'none'"
        )
    for stage, conv in SKIPS.items():
        ours, theirs = widths[f"decode_conv{stage}"], widths[f"conv{conv}"]
        if skip == "add" and ours != theirs:
            raise ModelError(
                f"width decode_conv{stage} is {ours} and conv{conv} is {theirs}, expected equal "
                f"widths: their outputs are added"
            )


def _encoder_blocks(widths: Mapping[str, int]) -> list[nn.Sequential]:
    built = [blocks.first_conv(widths["conv0"])]
    for i in range(1, DEPTH):
        stride = 2 if i in STRIDE_TWO else 1
        built.append(blocks.separable(widths[f"conv{i - 1}"], widths[f"conv{i}"], stride))
    return built
