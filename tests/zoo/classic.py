"""VGG (Simonyan and Zisserman, 2015), SqueezeNet (Iandola et al., 2016), GoogLeNet (Szegedy et
al., 2015, with batch norm), DenseNet (Huang et al., 2017) and ShuffleNet V1 and V2 (Zhang et al.,
2018; Ma et al., 2018).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.blocks import ConvNorm, Head, scaled


class VGG(nn.Module):
    """VGG-16 with two hidden linear layers behind a flattened feature map."""

    def __init__(self, width: float = 1.0, hidden: int = 4096, size: int = 224) -> None:
        super().__init__()
        plan = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]
        layers: list[nn.Module] = []
        entering = 3
        for channels in plan:
            if not channels:
                layers.append(nn.MaxPool2d(2))
                continue
            leaving = scaled(channels, width)
            layers += [nn.Conv2d(entering, leaving, 3, padding=1), nn.ReLU(inplace=True)]
            entering = leaving
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(entering * (size // 32) ** 2, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(hidden, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class Fire(nn.Module):
    def __init__(self, entering: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(entering, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()

        def wide(channels: int) -> int:
            return scaled(channels, width)

        plan = [(16, 64), (16, 64), (0, 0), (32, 128), (32, 128), (0, 0)]
        plan += [(48, 192), (48, 192), (64, 256), (64, 256)]
        entering = wide(64)
        layers: list[nn.Module] = [nn.Conv2d(3, entering, 3, 2), nn.ReLU(inplace=True)]
        layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
        for squeezed, expanded in plan:
            if not squeezed:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
                continue
            layers.append(Fire(entering, wide(squeezed), wide(expanded)))
            entering = 2 * wide(expanded)
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5), nn.Conv2d(entering, 10, 1), nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.classifier(self.features(x)), 1)


class Inception(nn.Module):
    def __init__(self, entering: int, one: int, three: tuple[int, int], five: tuple[int, int],
                 pool: int) -> None:  # fmt: skip
        super().__init__()
        self.branch1 = ConvNorm(entering, one, 1)
        self.branch2 = nn.Sequential(ConvNorm(entering, three[0], 1), ConvNorm(*three))
        self.branch3 = nn.Sequential(
            ConvNorm(entering, five[0], 1),
            ConvNorm(five[0], five[1], (1, 5)),
            ConvNorm(five[1], five[1], (5, 1)),
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), ConvNorm(entering, pool, 1))

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class GoogLeNet(nn.Module):
    """Inception modules, with the 5×5 factorized as later versions have it."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()

        def module(entering: int, *numbers: int) -> Inception:
            a, b, c, d, e, f = (scaled(number, width) for number in numbers)
            return Inception(entering, a, (b, c), (d, e), f)

        def total(*numbers: int) -> int:
            return sum(scaled(numbers[i], width) for i in (0, 2, 4, 5))

        plan = [(64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64), ()]
        plan += [(192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64)]
        plan += [(128, 128, 256, 24, 64, 64), (112, 144, 288, 32, 64, 64)]
        plan += [(256, 160, 320, 32, 128, 128), ()]
        plan += [(256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)]
        first, second = scaled(64, width), scaled(192, width)
        layers: list[nn.Module] = [
            ConvNorm(3, first, 7, 2),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            ConvNorm(first, first, 1),
            ConvNorm(first, second),
            nn.MaxPool2d(3, 2, ceil_mode=True),
        ]
        entering = second
        for numbers in plan:
            if not numbers:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
                continue
            layers.append(module(entering, *numbers))
            entering = total(*numbers)
        self.features = nn.Sequential(*layers)
        self.head = Head(entering)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class DenseLayer(nn.Module):
    def __init__(self, entering: int, growth: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(entering)
        self.conv1 = nn.Conv2d(entering, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, features: list[Tensor]) -> Tensor:
        x = self.conv1(F.relu(self.norm1(torch.cat(features, 1))))
        return self.conv2(F.relu(self.norm2(x)))


class DenseNet(nn.Module):
    """DenseNet-121."""

    def __init__(
        self, depths: tuple[int, ...] = (6, 12, 24, 16), growth: int = 32, stem: int = 64
    ) -> None:
        super().__init__()
        self.stem = ConvNorm(3, stem, 7, 2)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.ModuleList()
        self.transitions = nn.ModuleList()
        entering = stem
        for index, depth in enumerate(depths):
            self.blocks.append(
                nn.ModuleList(DenseLayer(entering + i * growth, growth) for i in range(depth))
            )
            entering += depth * growth
            if index + 1 < len(depths):
                self.transitions.append(
                    nn.Sequential(
                        nn.BatchNorm2d(entering),
                        nn.ReLU(inplace=True),
                        nn.Conv2d(entering, entering // 2, 1, bias=False),
                        nn.AvgPool2d(2),
                    )
                )
                entering //= 2
        self.norm = nn.BatchNorm2d(entering)
        self.head = Head(entering)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        for index, block in enumerate(self.blocks):
            features = [x]
            for layer in block:
                features.append(layer(features))
            x = torch.cat(features, 1)
            if index < len(self.transitions):
                x = self.transitions[index](x)
        return self.head(F.relu(self.norm(x)))


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """Reshape, transpose, reshape."""
    batch, channels, height, width = x.size()
    x = x.view(batch, groups, channels // groups, height, width)
    x = torch.transpose(x, 1, 2).contiguous()
    return x.view(batch, -1, height, width)


class ShuffleUnit(nn.Module):
    """ShuffleNet V1: grouped 1×1 convolutions with a shuffle between them."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        middle = channels // 4
        self.groups = groups
        self.conv1 = ConvNorm(channels, middle, 1, groups=groups)
        self.conv2 = ConvNorm(middle, middle, 3, groups=middle, activation=None)
        self.conv3 = ConvNorm(middle, channels, 1, groups=groups, activation=None)

    def forward(self, x: Tensor) -> Tensor:
        out = channel_shuffle(self.conv1(x), self.groups)
        return F.relu(x + self.conv3(self.conv2(out)))


class ShuffleNetV1(nn.Module):
    def __init__(self, width: float = 1.0, groups: int = 3) -> None:
        super().__init__()
        first = scaled(240, width, 24)
        self.stem = ConvNorm(3, first, 3, 2)
        self.units = nn.Sequential(*[ShuffleUnit(first, groups) for _ in range(3)])
        self.head = Head(first)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.units(self.stem(x)))


class ShuffleUnitV2(nn.Module):
    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        branch = leaving // 2
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(
                ConvNorm(entering, entering, 3, stride, entering, activation=None),
                ConvNorm(entering, branch, 1),
            )
        inner = entering if stride > 1 else branch
        self.branch2 = nn.Sequential(
            ConvNorm(inner, branch, 1),
            ConvNorm(branch, branch, 3, stride, branch, activation=None),
            ConvNorm(branch, branch, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            x1, x2 = x.chunk(2, dim=1)
            out = torch.cat((x1, self.branch2(x2)), dim=1)
        else:
            out = torch.cat((self.branch1(x), self.branch2(x)), dim=1)
        return channel_shuffle(out, 2)


class ShuffleNetV2(nn.Module):
    """ShuffleNetV2 1.0×: stages (116, 232, 464)."""

    def __init__(
        self,
        stages: tuple[int, ...] = (116, 232, 464),
        depths: tuple[int, ...] = (4, 8, 4),
        last: int = 1024,
    ) -> None:
        super().__init__()
        self.conv1 = ConvNorm(3, 24, 3, 2)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        layers = []
        entering = 24
        for leaving, depth in zip(stages, depths, strict=True):
            for index in range(depth):
                layers.append(ShuffleUnitV2(entering, leaving, 2 - bool(index)))
                entering = leaving
        self.stages = nn.Sequential(*layers)
        self.conv5 = ConvNorm(entering, last, 1)
        self.fc = nn.Linear(last, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv5(self.stages(self.maxpool(self.conv1(x))))
        return self.fc(x.mean([2, 3]))
