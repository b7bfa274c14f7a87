"""Parts that several networks of the zoo share."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def scaled(channels: int, width: float, divisor: int = 8) -> int:
    """`channels` at a width multiplier, rounded to the divisor as MobileNetV2's code does."""
    return max(divisor, int(channels * width + divisor / 2) // divisor * divisor)


class ConvNorm(nn.Sequential):
    """Convolution, batch norm, activation; padded to keep the size at stride 1."""

    def __init__(
        self,
        entering: int,
        leaving: int,
        kernel: int | tuple[int, int] = 3,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        activation: type[nn.Module] | None = nn.ReLU,
    ) -> None:
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = tuple(dilation * (side - 1) // 2 for side in sides)
        layers: list[nn.Module] = [
            nn.Conv2d(
                entering, leaving, sides, stride, padding, dilation, groups=groups, bias=False
            ),
            nn.BatchNorm2d(leaving),
        ]
        if activation is not None:
            layers.append(activation())
        super().__init__(*layers)


class SqueezeExcite(nn.Module):
    """Channel gates from globally pooled features (Hu et al., 2018)."""

    def __init__(
        self, channels: int, squeezed: int, act: type[nn.Module], gate: type[nn.Module]
    ) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, squeezed, 1)
        self.act = act()
        self.expand = nn.Conv2d(squeezed, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(self.expand(self.act(self.reduce(self.pool(x)))))


class StochasticDepth(nn.Module):
    """Drops a residual branch in training; the identity in evaluation (Huang et al., 2016)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        shape = (x.shape[0], *[1] * (x.ndim - 1))
        return x * torch.empty(shape).bernoulli_(1 - self.rate) / (1 - self.rate)


class Head(nn.Module):
    """Global average pooling, dropout and a linear classifier."""

    def __init__(self, entering: int, classes: int = 10) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(entering, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(x.mean((2, 3))))
