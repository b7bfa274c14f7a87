"""Well-known networks by their names in the literature, written for these tests.

`ZOO` gives each at the width and depth that makes a test fast, and at full size. The definitions
follow the papers; weights are random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from tests.zoo import classic, convnext, dense_prediction, mobilenet, oddities, resnet


@dataclass(frozen=True)
class Entry:
    """A network, small and full, with the shapes of its inputs."""

    small: Callable[[], nn.Module]
    full: Callable[[], nn.Module]
    small_shapes: tuple[tuple[int, ...], ...] = ((1, 3, 64, 64),)
    full_shapes: tuple[tuple[int, ...], ...] = ((1, 3, 224, 224),)

    def inputs(self, *, full: bool = False, seed: int = 0) -> tuple[torch.Tensor, ...]:
        generator = torch.Generator().manual_seed(seed)
        shapes = self.full_shapes if full else self.small_shapes
        return tuple(torch.rand(shape, generator=generator) for shape in shapes)


def _only(make: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> Entry:
    return Entry(make, make, shapes, shapes)


R = resnet
M = mobilenet
C = classic
D = dense_prediction

ZOO: dict[str, Entry] = {
    "ResNet-18": Entry(
        lambda: R.ResNet(R.BasicBlock, (2, 2, 2, 2), 0.25),
        lambda: R.ResNet(R.BasicBlock, (2, 2, 2, 2)),
    ),
    "ResNet-50": Entry(
        lambda: R.ResNet(R.Bottleneck, (2, 2, 2, 2), 0.125),
        lambda: R.ResNet(R.Bottleneck, (3, 4, 6, 3)),
    ),
    "ResNeXt-50": Entry(
        lambda: R.ResNet(R.Bottleneck, (1, 2, 1), 0.25, groups=8),
        lambda: R.ResNet(R.Bottleneck, (3, 4, 6, 3), groups=32),
    ),
    "ResNet-20 option A": _only(R.CifarResNet, (1, 3, 32, 32)),
    "RegNetY-400MF": Entry(lambda: R.RegNetY((24, 48), (1, 2), 4), R.RegNetY),
    "MobileNetV1": Entry(lambda: M.MobileNetV1(0.25), M.MobileNetV1),
    "MobileNetV2": Entry(lambda: M.MobileNetV2(0.25), M.MobileNetV2),
    "MobileNetV3-Small": Entry(lambda: M.MobileNetV3(0.5), M.MobileNetV3),
    "EfficientNet-B0": Entry(lambda: M.EfficientNetB0(0.25, 0.5), M.EfficientNetB0),
    "ShuffleNetV1": Entry(lambda: C.ShuffleNetV1(0.2), C.ShuffleNetV1),
    "ShuffleNetV2": Entry(lambda: C.ShuffleNetV2((24, 48, 96), (2, 3, 2), 64), C.ShuffleNetV2),
    "VGG-16": Entry(lambda: C.VGG(0.125, 32, 64), C.VGG),
    "SqueezeNet": Entry(lambda: C.SqueezeNet(0.25), C.SqueezeNet),
    "GoogLeNet": Entry(lambda: C.GoogLeNet(0.125), C.GoogLeNet),
    "DenseNet-121": Entry(lambda: C.DenseNet((3, 4, 3), 8, 16), C.DenseNet),
    "ConvNeXt-Tiny": Entry(lambda: convnext.ConvNeXt((16, 32), (1, 2)), convnext.ConvNeXt),
    "U-Net": Entry(lambda: D.UNet(0.125, 3), D.UNet),
    "DeepLab v3+": Entry(lambda: D.DeepLab(0.125), D.DeepLab),
    "FPN": Entry(lambda: D.FPN(0.125), D.FPN),
    "Hourglass": Entry(lambda: D.StackedHourglass(16, 2, 4), D.StackedHourglass,
                       full_shapes=((1, 3, 256, 256),)),
    "YOLOv8 neck": Entry(lambda: D.YoloNeck(0.25), D.YoloNeck, full_shapes=((1, 3, 256, 256),)),
    "ESPCN": Entry(lambda: D.ESPCN(16), D.ESPCN, ((1, 3, 16, 16),), ((1, 3, 64, 64),)),
    "Siamese": _only(oddities.Siamese, (1, 3, 32, 32), (1, 3, 32, 32)),
    "Norms": _only(oddities.Norms, (1, 3, 16, 16)),
    "Shapes": _only(oddities.Shapes, (1, 3, 32, 32)),
    "Branches": _only(oddities.Branches, (1, 3, 16, 16)),
    "Positions": _only(oddities.Positions, (1, 3, 16, 16)),
    "Hard-coded": _only(oddities.HardCoded, (1, 3, 16, 16)),
    "Attention": _only(oddities.WithAttention, (1, 3, 32, 32)),
    "Unknown operator": _only(oddities.WithUnknown, (1, 3, 16, 16)),
}  # fmt: skip
