"""FastDepth and its variants as Python that needs torch alone, each layer written with its widths.

Blocks are the source of our own; the network's lines are written out, one a layer, as a person
would who has this one network. Keys of the state dict stay those of the official checkpoints.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netadapt.depth.fastdepth import blocks, decoders, mobilenet, resnet
from netadapt.depth.fastdepth.decoders import DecoderKind

BLOCKS: tuple[Any, ...] = (
    blocks.conv_norm,
    blocks.dense,
    blocks.depthwise,
    blocks.pointwise,
    blocks.first_conv,
    blocks.separable,
    blocks.transposed,
    blocks.Unpool,
    blocks.unpooled_conv,
    blocks.UpProjection,
    resnet.ResidualBlock,
)
"""What a network may be made of, each after what it is made of itself."""

IMPORTS = """\
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn
"""

Lines = list[str]


def standalone_code(encoder: str, decoder: str, skip: str, widths: Mapping[str, int]) -> str:
    """Python that defines the network's blocks, its class and `build()`; `widths` are complete."""
    kind = DecoderKind.parse(decoder)
    encode, in_width = (
        _mobilenet(widths, flat=skip != "none")
        if encoder == "mobilenet"
        else _resnet(encoder, widths)
    )
    made, run = (
        _without_skips(kind, in_width, widths)
        if skip == "none"
        else _with_skips(kind, skip, _joined(encoder, skip), in_width, widths)
    )
    class_text = _class([*encode[0], *made], [*encode[1], *run])
    return f"{IMPORTS}\n\n{_blocks_in(class_text)}{class_text}"


def _blocks_in(text: str) -> str:
    """The source of the blocks that `text` uses, and of those that they use."""
    used: list[str] = []
    for block in reversed(BLOCKS):
        everything = "\n".join([text, *used])
        if re.search(rf"\b{block.__name__}\(", everything):
            used.insert(0, inspect.getsource(block))
    return "".join(f"{source}\n\n" for source in used)


def _class(made: Lines, run: Lines) -> str:
    inits = "\n".join(f"        {line}" for line in made)
    forward = "\n".join(f"        {line}" for line in run)
    return f'''class DepthNetwork(nn.Module):
    """RGB in [0, 1], [B, 3, H, W], to depth in metres, [B, 1, H, W]; H and W multiples of 32."""

    def __init__(self) -> None:
        super().__init__()
{inits}

    def forward(self, x: Tensor) -> Tensor:
{forward}
        return x


def build() -> nn.Module:
    """The network, its weights not loaded yet."""
    return DepthNetwork()
'''


def _mobilenet(widths: Mapping[str, int], *, flat: bool) -> tuple[tuple[Lines, Lines], int]:
    """The encoder's modules and their calls, and its width; `flat` at the top of the network."""
    calls = [f"first_conv({widths['conv0']})"]
    for i in range(1, mobilenet.DEPTH):
        stride = 2 if i in mobilenet.STRIDE_TWO else 1
        calls.append(f"separable({widths[f'conv{i - 1}']}, {widths[f'conv{i}']}, stride={stride})")
    last = widths[f"conv{mobilenet.DEPTH - 1}"]
    if not flat:
        made = ["self.mobilenet = nn.Sequential(", *(f"    {call}," for call in calls), ")"]
        return (made, ["x = self.mobilenet(x)"]), last
    made = [f"self.conv{i} = {call}" for i, call in enumerate(calls)]
    kept = mobilenet.SKIPS.values()
    run = [
        f"x = conv{i} = self.conv{i}(x)" if i in kept else f"x = self.conv{i}(x)"
        for i in range(mobilenet.DEPTH)
    ]
    return (made, run), last


def _resnet(encoder: str, widths: Mapping[str, int]) -> tuple[tuple[Lines, Lines], int]:
    first = widths["conv1"]
    made = [
        f"self.conv1 = nn.Conv2d(3, {first}, 7, stride=2, padding=3, bias=False)",
        f"self.bn1 = nn.BatchNorm2d({first})",
        "self.relu = nn.ReLU(inplace=True)",
        "self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)",
    ]
    run = ["x = conv1 = self.relu(self.bn1(self.conv1(x)))", "x = self.maxpool(x)"]
    in_width = first
    for n, count in enumerate(resnet.BLOCKS[encoder], start=1):
        made.append(f"self.layer{n} = nn.Sequential(")
        names = resnet.inner_names(encoder, n, count)
        for b in range(count):
            inner = (name for name in names if name.startswith(f"layer{n}.{b}."))
            block_widths = (*(widths[name] for name in inner), widths[f"layer{n}"])
            made.append(
                f"    ResidualBlock({in_width}, {block_widths}, "
                f"stride={2 if n > 1 and b == 0 else 1}, "
                f"projected={resnet.is_projected(encoder, n) and b == 0}),"
            )
            in_width = widths[f"layer{n}"]
        made.append(")")
        run.append(f"x = layer{n} = self.layer{n}(x)")
    made.append(f"self.conv2 = nn.Conv2d({in_width}, {widths['conv2']}, 1)")
    return (made, [*run, "x = self.conv2(x)"]), widths["conv2"]


def _joined(encoder: str, skip: str) -> dict[int, tuple[str, bool]]:
    """Decoder stage → the encoder's layer that is joined, and whether before the resizing."""
    if encoder == "mobilenet":
        return {stage: (f"conv{conv}", False) for stage, conv in mobilenet.SKIPS.items()}
    if skip == "concat":
        return {stage: (layer, False) for stage, layer in resnet.CONCAT_SKIPS.items()}
    return {stage: (layer, True) for stage, layer in resnet.SKIPS.items()}


def _with_skips(
    kind: DecoderKind,
    skip: str,
    joined: Mapping[int, tuple[str, bool]],
    in_width: int,
    widths: Mapping[str, int],
) -> tuple[Lines, Lines]:
    """The decoder's modules, and its calls with what is joined after each."""
    made, run = [], []
    for i in range(1, decoders.STAGES + 1):
        out_width = widths[f"decode_conv{i}"]
        made.append(f"self.decode_conv{i} = {_stage(kind, in_width, out_width, 0)}")
        in_width = out_width
        layer, early = joined.get(i, ("", False))
        if layer and skip == "concat":
            in_width += widths[layer]
        run += [
            f"x = self.decode_conv{i}(x)",
            *_join(skip, layer if early else ""),
            _resize(kind),
            *_join(skip, "" if early else layer),
        ]
        if early and i == decoders.STAGES - 1:  # ResNet's first convolution meets the last stage
            run += _join(skip, "conv1")
    made.append(f"self.decode_conv6 = pointwise({in_width}, {widths['decode_conv6']})")
    return made, [*run, "x = self.decode_conv6(x)"]


def _without_skips(
    kind: DecoderKind, in_width: int, widths: Mapping[str, int]
) -> tuple[Lines, Lines]:
    made, run = ["self.decoder = nn.ModuleDict()"], []
    for i, (name, call) in enumerate(_decoder(kind, in_width, widths), start=1):
        made.append(f'self.decoder["{name}"] = {call}')
        if kind.family == "shuffle":
            run.append("x = F.pixel_shuffle(x, 2)")
        run.append(f'x = self.decoder["{name}"](x)')
        if kind.resizes and i <= decoders.STAGES:
            run.append(_resize(kind))
    if kind.family == "shuffle":
        run.append("x = F.pixel_shuffle(x, 2)")
    return made, run


def _decoder(
    kind: DecoderKind, in_width: int, widths: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """The modules of a decoder without skips: name and call."""
    for i, name in enumerate(decoders.stage_names(kind), start=1):
        out_width = widths[f"decode_conv{i}"]
        if i > decoders.STAGES:
            yield name, f"pointwise({in_width}, {out_width})"
            return
        if kind.family == "shuffle":
            in_width //= 4
        inner = widths.get(f"decode_conv{i}.inner", out_width)
        yield name, _stage(kind, in_width, out_width, inner)
        in_width = out_width


def _join(skip: str, layer: str) -> Sequence[str]:
    if not layer:
        return ()
    return (f"x = x + {layer}" if skip == "add" else f"x = torch.cat((x, {layer}), dim=1)",)


def _stage(kind: DecoderKind, in_width: int, out_width: int, inner: int) -> str:
    """The call that makes what `decoders.stage` makes."""
    if kind.family == "upconv":
        return f"unpooled_conv({in_width}, {out_width})"
    if kind.family == "upproj":
        return f"UpProjection({in_width}, {inner}, {out_width})"
    last = f"pointwise({in_width}, {out_width})"
    if kind.family == "deconv":
        if kind.depthwise:
            first = f"transposed({in_width}, {in_width}, {kind.kernel}, groups={in_width})"
            return f"nn.Sequential({first}, {last})"
        return f"transposed({in_width}, {out_width}, {kind.kernel})"
    if kind.depthwise:
        return f"nn.Sequential(depthwise({in_width}, {kind.kernel}), {last})"
    return f"dense({in_width}, {out_width}, {kind.kernel})"


def _resize(kind: DecoderKind) -> str:
    """The line that does what `decoders.resize` does."""
    if kind.family == "blconv":
        return 'x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)'
    return 'x = F.interpolate(x, scale_factor=2.0, mode="nearest")'
