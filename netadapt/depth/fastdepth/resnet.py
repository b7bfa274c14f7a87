"""Depth networks on a ResNet-18 or ResNet-50 encoder, FastDepth's heavier variants.

`ResNetDepth` takes any decoder; `ResNetSkipDepth` joins encoder and decoder by skips. State-dict
keys are those of the official classes ResNet, ResNetSkipAdd and ResNetSkipConcat, whose encoders
have torchvision's names. Widths and names come from a config that is complete.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from netadapt.depth.fastdepth import blocks, decoders
from netadapt.depth.fastdepth.decoders import Decoder, DecoderKind, WidthSource
from netadapt.errors import ModelError

BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet50": (3, 4, 6, 3)}
BASE_WIDTHS = (64, 128, 256, 512)
BRIDGE_WIDTH = 1024

SKIPS = {1: "layer4", 2: "layer3", 3: "layer2", 4: "layer1"}
"""Decoder stage → the encoder layer added to its output, before the resizing."""

CONCAT_SKIPS = {1: "layer3", 2: "layer2", 3: "layer1", 4: "conv1"}
"""Decoder stage → the encoder layer concatenated to its resized output."""


def is_bottleneck(encoder: str) -> bool:
    """Whether the encoder's blocks are bottlenecks (three convolutions, expansion 4)."""
    return encoder == "resnet50"


def encoder_full_widths(encoder: str) -> dict[str, int]:
    """The published widths: `conv1`, `layerN` (the residual stream), `layerN.B.convM` inside."""
    widths = {"conv1": 64}
    for n, (base, count) in enumerate(zip(BASE_WIDTHS, BLOCKS[encoder], strict=True), start=1):
        widths[f"layer{n}"] = base * 4 if is_bottleneck(encoder) else base
        for name in inner_names(encoder, n, count):
            widths[name] = base
    return widths | {"conv2": BRIDGE_WIDTH}


class ResidualBlock(nn.Module):
    """A basic block (3×3, 3×3) or a bottleneck (1×1, 3×3, 1×1) with its shortcut.

    `widths` are those of its convolutions in order. Stride sits on the first 3×3 convolution. The
    shortcut is a strided 1×1 convolution where `projected`.
    """

    def __init__(
        self, in_width: int, widths: tuple[int, ...], stride: int, projected: bool
    ) -> None:
        super().__init__()
        kernels = (3, 3) if len(widths) == 2 else (1, 3, 1)
        strides = (stride, 1) if len(widths) == 2 else (1, stride, 1)
        width = in_width
        for i, (out_width, kernel, step) in enumerate(
            zip(widths, kernels, strides, strict=True), start=1
        ):
            conv = nn.Conv2d(width, out_width, kernel, step, kernel // 2, bias=False)
            self.add_module(f"conv{i}", conv)
            self.add_module(f"bn{i}", nn.BatchNorm2d(out_width))
            width = out_width
        self.count = len(widths)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if projected:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_width, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        for i in range(1, self.count + 1):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            if i < self.count:
                x = self.relu(x)
        out: Tensor = self.relu(x + shortcut)
        return out


class _ResNet(nn.Module):
    """The encoder that both networks have; its modules stand at the top of the state dict."""

    def __init__(self, encoder: str, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths["conv1"], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths["conv1"])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        in_width = widths["conv1"]
        for n, count in enumerate(BLOCKS[encoder], start=1):
            out_width = widths[f"layer{n}"]
            inner = 2 if is_bottleneck(encoder) else 1
            layer = nn.Sequential()
            for b in range(count):
                names = (f"layer{n}.{b}.conv{m}" for m in range(1, inner + 1))
                layer.append(
                    ResidualBlock(
                        in_width,
                        (*(widths[name] for name in names), out_width),
                        stride=2 if n > 1 and b == 0 else 1,
                        projected=is_projected(encoder, n) and b == 0,
                    )
                )
                in_width = out_width
            self.add_module(f"layer{n}", layer)
        self.conv2 = nn.Conv2d(in_width, widths["conv2"], 1)

    def encode(self, x: Tensor) -> dict[str, Tensor]:
        """The outputs of `conv1`, `layer1` … `layer4` and `conv2` (the bridge), by name."""
        kept = {"conv1": self.relu(self.bn1(self.conv1(x)))}
        x = self.maxpool(kept["conv1"])
        for n in range(1, len(BASE_WIDTHS) + 1):
            x = kept[f"layer{n}"] = getattr(self, f"layer{n}")(x)
        kept["conv2"] = self.conv2(x)
        return kept


class ResNetDepth(_ResNet):
    """ResNet encoder and any decoder, without skips: RGB [B, 3, H, W] → metres [B, 1, H, W]."""

    def __init__(self, encoder: str, widths: Mapping[str, int], decoder: str) -> None:
        check_widths(encoder, decoder, "none", widths)
        super().__init__(encoder, widths)
        self.decoder = Decoder(DecoderKind.parse(decoder), widths["conv2"], widths)
        blocks.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        depth: Tensor = self.decoder(self.encode(x)["conv2"])
        return depth


class ResNetSkipDepth(_ResNet):
    """ResNet encoder, convolution decoder, skips: RGB [B, 3, H, W] → metres [B, 1, H, W].

    Additions come before the resizing, and the first convolution is added to the last stage's
    input; concatenations come after the resizing.
    """

    def __init__(self, encoder: str, widths: Mapping[str, int], decoder: str, skip: str) -> None:
        check_widths(encoder, decoder, skip, widths)
        super().__init__(encoder, widths)
        self.kind = DecoderKind.parse(decoder)
        self.skip = skip
        in_width = widths["conv2"]
        for i in range(1, decoders.STAGES + 1):
            out_width = widths[f"decode_conv{i}"]
            self.add_module(f"decode_conv{i}", decoders.stage(self.kind, in_width, out_width, 0))
            in_width = out_width
            if skip == "concat" and i in CONCAT_SKIPS:
                in_width += widths[CONCAT_SKIPS[i]]
        self.decode_conv6 = blocks.pointwise(in_width, widths["decode_conv6"])
        blocks.initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        kept = self.encode(x)
        x = kept["conv2"]
        for i in range(1, decoders.STAGES):
            x = getattr(self, f"decode_conv{i}")(x)
            if self.skip == "add" and i in SKIPS:
                x = x + kept[SKIPS[i]]
            x = decoders.resize(self.kind, x)
            if self.skip == "concat" and i in CONCAT_SKIPS:
                x = torch.cat((x, kept[CONCAT_SKIPS[i]]), dim=1)
            elif self.skip == "add" and i == decoders.STAGES - 1:
                x = x + kept["conv1"]
        x = getattr(self, f"decode_conv{decoders.STAGES}")(x)
        return decoders.finish(self.kind, x, self.decode_conv6, self.training)


def width_sources(encoder: str, decoder: str, skip: str) -> dict[str, WidthSource]:
    """Where each width is read off a state dict of the network of this kind."""
    last = 3 if is_bottleneck(encoder) else 2
    sources: dict[str, WidthSource] = {"conv1": ("conv1.weight", 0)}
    for n, count in enumerate(BLOCKS[encoder], start=1):
        sources[f"layer{n}"] = (f"layer{n}.0.conv{last}.weight", 0)
        for name in inner_names(encoder, n, count):
            sources[name] = (f"{name}.weight", 0)
    sources["conv2"] = ("conv2.weight", 0)
    kind = DecoderKind.parse(decoder)
    if skip == "none":
        paths = [f"decoder.{name}" for name in decoders.stage_names(kind)]
    else:
        paths = [f"decode_conv{i}" for i in range(1, decoders.STAGES + 2)]
    return sources | decoders.width_sources(kind, paths)


def check_widths(encoder: str, decoder: str, skip: str, widths: Mapping[str, int]) -> None:
    """Refuse widths this network can't have. Raises ModelError naming the layers."""
    kind = DecoderKind.parse(decoder)
    decoders.check_widths(kind, widths["conv2"], widths)
    joined: list[tuple[str, str]] = []
    if not is_projected(encoder, 1):
        joined.append(("layer1", "conv1"))
    if skip != "none" and not kind.resizes:
        raise ModelError(
            f"skip is '{skip}' with decoder '{decoder}': skips are defined for the nnconv and "
            f"blconv decoders; choose one of those, or skip 'none'"
        )
    if skip == "add":
        if is_bottleneck(encoder):
            raise ModelError(
                f"skip 'add' doesn't exist for {encoder}: its layers' widths don't match a "
                f"decoder's; choose 'concat' or 'none', or resnet18"
            )
        joined += [(f"decode_conv{stage}", layer) for stage, layer in SKIPS.items()]
        joined.append((f"decode_conv{decoders.STAGES - 1}", "conv1"))
    for ours, theirs in joined:
        if widths[ours] != widths[theirs]:
            raise ModelError(
                f"width {ours} is {widths[ours]} and {theirs} is {widths[theirs]}, expected equal "
                f"widths: their outputs are added"
            )


def is_projected(encoder: str, n: int) -> bool:
    """Whether layer n's first shortcut is a convolution: where stride or full width changes."""
    return n > 1 or is_bottleneck(encoder)


def inner_names(encoder: str, n: int, count: int) -> list[str]:
    inner = 2 if is_bottleneck(encoder) else 1
    return [f"layer{n}.{b}.conv{m}" for b in range(count) for m in range(1, inner + 1)]
