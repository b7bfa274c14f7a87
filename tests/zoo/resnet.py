"""ResNet (He et al., 2016), its ResNeXt form (Xie et al., 2017) and RegNet (Radosavovic et al.,
2020).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.blocks import ConvNorm, SqueezeExcite, scaled


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, entering: int, planes: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or entering != planes:
            self.downsample = ConvNorm(entering, planes, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, entering: int, planes: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        leaving = planes * self.expansion
        inner = planes * 2 if groups > 1 else planes
        self.conv1 = nn.Conv2d(entering, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, leaving, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(leaving)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or entering != leaving:
            self.downsample = ConvNorm(entering, leaving, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: tuple[int, ...],
        width: float = 1.0,
        groups: int = 1,
        classes: int = 10,
    ) -> None:
        super().__init__()
        planes = [scaled(64 * 2**i, width) for i in range(len(depths))]
        self.conv1 = nn.Conv2d(3, planes[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(planes[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        entering = planes[0]
        for stage, (depth, channels) in enumerate(zip(depths, planes, strict=True), start=1):
            blocks = []
            for index in range(depth):
                stride = 2 if stage > 1 and index == 0 else 1
                blocks.append(block(entering, channels, stride, groups))
                entering = channels * block.expansion
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.stages = len(depths)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(entering, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(self.avgpool(x).flatten(1))


class CifarResNet(nn.Module):
    """Shortcuts without weights: strided, and padded with zero channels ("option A")."""

    def __init__(self, planes: tuple[int, ...] = (16, 32, 64), classes: int = 10) -> None:
        super().__init__()
        self.stem = ConvNorm(3, planes[0])
        self.convs = nn.ModuleList(
            nn.Sequential(ConvNorm(a, b, 3, 1 + (a != b)), ConvNorm(b, b, activation=None))
            for a, b in zip((planes[0], *planes), planes, strict=False)
        )
        self.fc = nn.Linear(planes[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for conv in self.convs:
            out = conv(x)
            if out.shape != x.shape:
                more = out.shape[1] - x.shape[1]
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more // 2))
            x = F.relu(out + x)
        return self.fc(F.avg_pool2d(x, x.shape[-1]).flatten(1))


class RegNetBlock(nn.Module):
    def __init__(self, entering: int, width: int, stride: int, group_width: int) -> None:
        super().__init__()
        self.a = ConvNorm(entering, width, 1)
        self.b = ConvNorm(width, width, 3, stride, groups=width // group_width)
        self.se = SqueezeExcite(width, max(4, entering // 4), nn.ReLU, nn.Sigmoid)
        self.c = ConvNorm(width, width, 1, activation=None)
        self.proj = None
        if stride != 1 or entering != width:
            self.proj = ConvNorm(entering, width, 1, stride, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.proj is None else self.proj(x)
        return F.relu(shortcut + self.c(self.se(self.b(self.a(x)))))


class RegNetY(nn.Module):
    """RegNetY-400MF's stages are (48, 104, 208, 440) wide, (1, 3, 6, 6) deep, groups of 8."""

    def __init__(
        self,
        widths: tuple[int, ...] = (48, 104, 208, 440),
        depths: tuple[int, ...] = (1, 3, 6, 6),
        group_width: int = 8,
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 32, 3, 2)
        stages = []
        entering = 32
        for width, depth in zip(widths, depths, strict=True):
            blocks = []
            for index in range(depth):
                blocks.append(RegNetBlock(entering, width, 2 - bool(index), group_width))
                entering = width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.fc = nn.Linear(entering, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.stages(self.stem(x)).mean((2, 3)))
