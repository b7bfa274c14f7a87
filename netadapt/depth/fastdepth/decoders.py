"""FastDepth's decoders: five stages that each double the image's size, then one 1×1 convolution.

A stage convolves and resizes (nnconv: nearest, blconv: bilinear), convolves transposed (deconv),
or unpools and convolves (upconv, upproj). The shuffle decoder moves channels into space instead
and ends with its fourth stage. Names as in the FastDepth paper, `nnconv5dw`: family, kernel size,
depthwise. Skip connections are the encoders' matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from netadapt.depth.fastdepth import blocks
from netadapt.errors import ModelError

STAGES = 5
FULL_WIDTHS = (512, 256, 128, 64, 32)
SHUFFLE_WIDTHS = (256, 64, 16, 4)

WidthSource = tuple[str, int]
"""Where a width is read off a state dict: the key of a weight and the axis."""


@dataclass(frozen=True, slots=True)
class DecoderKind:
    """What a decoder's name says."""

    family: str
    kernel: int
    depthwise: bool

    @classmethod
    def parse(cls, name: str) -> DecoderKind:
        """Read `nnconv5dw`, `deconv3`, `upproj`… Raises ModelError for any other name."""
        if name in ("upconv", "upproj"):
            return cls(name, 5, False)
        match = re.fullmatch(r"(nnconv|blconv|shuffle|deconv)([3579])(dw)?", name)
        if match is None:
            raise ModelError(
                f"decoder is '{name}', expected nnconv, blconv, shuffle or deconv with a kernel "
                f"size of 3, 5, 7 or 9 and perhaps dw (nnconv5dw), or upconv or upproj"
            )
        return cls(match[1], int(match[2]), match[3] is not None)

    @property
    def resizes(self) -> bool:
        """Whether a stage keeps the image's size and a resizing follows it."""
        return self.family in ("nnconv", "blconv")


def full_widths(kind: DecoderKind) -> dict[str, int]:
    """The widths of the published decoder, by `decode_convN` (N counts from 1)."""
    if kind.family == "shuffle":
        return {f"decode_conv{i}": width for i, width in enumerate(SHUFFLE_WIDTHS, start=1)}
    widths: dict[str, int] = {}
    for i, width in enumerate(FULL_WIDTHS, start=1):
        if kind.family == "upproj":
            widths[f"decode_conv{i}.inner"] = width
        widths[f"decode_conv{i}"] = width
    return widths | {"decode_conv6": 1}


def stage(kind: DecoderKind, in_width: int, out_width: int, inner_width: int) -> nn.Module:
    """One decoder stage; for nnconv and blconv without the resizing after it."""
    if kind.family == "upconv":
        return blocks.unpooled_conv(in_width, out_width)
    if kind.family == "upproj":
        return blocks.UpProjection(in_width, inner_width, out_width)
    if kind.family == "deconv":
        if kind.depthwise:
            return nn.Sequential(
                blocks.transposed(in_width, in_width, kind.kernel, groups=in_width),
                blocks.pointwise(in_width, out_width),
            )
        return blocks.transposed(in_width, out_width, kind.kernel)
    if kind.depthwise:
        return nn.Sequential(
            blocks.depthwise(in_width, kind.kernel), blocks.pointwise(in_width, out_width)
        )
    return blocks.dense(in_width, out_width, kind.kernel)


def resize(kind: DecoderKind, x: Tensor) -> Tensor:
    """The resizing after a stage: [B, C, H, W] → [B, C, 2H, 2W], or nothing."""
    if kind.family == "nnconv":
        return F.interpolate(x, scale_factor=2.0, mode="nearest")
    if kind.family == "blconv":
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    return x


def finish(kind: DecoderKind, x: Tensor, last: nn.Module, training: bool) -> Tensor:
    """The last resizing and the last 1×1 convolution: [B, C, H, W] → depth [B, 1, 2H, 2W].

    Convolving four copies of a pixel or copying the result four times is the same, and in training
    a quarter of the work; a deployed network keeps the published order, which the tables know.
    """
    if training and kind.family == "nnconv":
        return resize(kind, last(x))
    depth: Tensor = last(resize(kind, x))
    return depth


def stage_width_sources(kind: DecoderKind, path: str, name: str) -> dict[str, WidthSource]:
    """Where the widths of the stage at `path` are read, by their names in a config."""
    if kind.family == "upconv":
        return {name: (f"{path}.1.weight", 0)}
    if kind.family == "upproj":
        return {
            f"{name}.inner": (f"{path}.branch1.0.weight", 0),
            name: (f"{path}.branch1.3.weight", 0),
        }
    if kind.depthwise:
        return {name: (f"{path}.1.0.weight", 0)}
    # A transposed convolution's weight has its output channels on axis 1.
    return {name: (f"{path}.0.weight", 1 if kind.family == "deconv" else 0)}


def stage_names(kind: DecoderKind) -> list[str]:
    """The modules of a decoder without skips, as the official checkpoints name them."""
    prefix = {"deconv": "convt", "upconv": "upconv", "upproj": "upproj"}.get(kind.family, "conv")
    if kind.family == "shuffle":
        return [f"conv{i}" for i in range(1, STAGES)]
    last = "conv6" if kind.resizes else "convf"
    return [f"{prefix}{i}" for i in range(1, STAGES + 1)] + [last]


class Decoder(nn.Module):
    """A decoder without skips: [B, in_width, H, W] → depth in metres [B, 1, 32H, 32W]."""

    def __init__(self, kind: DecoderKind, in_width: int, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.kind = kind
        for i, name in enumerate(stage_names(kind), start=1):
            out_width = widths[f"decode_conv{i}"]
            if i > STAGES:
                self.add_module(name, blocks.pointwise(in_width, out_width))
                break
            if kind.family == "shuffle":
                in_width //= 4
            inner_width = widths.get(f"decode_conv{i}.inner", out_width)
            self.add_module(name, stage(kind, in_width, out_width, inner_width))
            in_width = out_width

    def forward(self, x: Tensor) -> Tensor:
        *stages, last = self.children()
        if self.kind.family == "shuffle":
            for module in (*stages, last):
                x = module(F.pixel_shuffle(x, 2))
            return F.pixel_shuffle(x, 2)
        *stages, fifth = stages
        for module in stages:
            x = resize(self.kind, module(x))
        return finish(self.kind, fifth(x), last, self.training)


def width_sources(kind: DecoderKind, paths: Sequence[str]) -> dict[str, WidthSource]:
    """Where the widths of a decoder whose modules stand at `paths` are read off a state dict."""
    sources: dict[str, WidthSource] = {}
    for i, path in enumerate(paths, start=1):
        name = f"decode_conv{i}"
        if i > STAGES:
            sources[name] = (f"{path}.0.weight", 0)
        else:
            sources |= stage_width_sources(kind, path, name)
    return sources


def check_widths(kind: DecoderKind, in_width: int, widths: Mapping[str, int]) -> None:
    """Refuse widths the decoder can't have. Raises ModelError naming the width."""
    last = "decode_conv4" if kind.family == "shuffle" else "decode_conv6"
    depth_channels = 4 if kind.family == "shuffle" else 1
    if widths[last] != depth_channels:
        raise ModelError(
            f"width {last} is {widths[last]}, expected {depth_channels}: depth is one channel"
        )
    if kind.family == "shuffle":
        entering = {"the encoder's last layer": in_width}
        entering |= {f"decode_conv{i}": widths[f"decode_conv{i}"] for i in range(1, STAGES)}
        for name, width in entering.items():
            if width % 4:
                raise ModelError(
                    f"width {name} is {width}, expected a multiple of 4: the shuffle decoder "
                    f"spreads every four channels over a 2×2 cell"
                )
