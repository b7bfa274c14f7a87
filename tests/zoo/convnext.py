"""ConvNeXt (Liu et al., 2022): layer norms over channels, permutes, linear layers, layer scale."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.zoo.blocks import StochasticDepth


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of [B, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = nn.functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.5))
        self.drop_path = StochasticDepth(0.1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.dwconv(x).permute(0, 2, 3, 1)
        out = self.gamma * self.pwconv2(self.act(self.pwconv1(self.norm(out))))
        return x + self.drop_path(out.permute(0, 3, 1, 2))


class ConvNeXt(nn.Module):
    """ConvNeXt-Tiny."""

    def __init__(
        self,
        widths: tuple[int, ...] = (96, 192, 384, 768),
        depths: tuple[int, ...] = (3, 3, 9, 3),
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        entering = 3
        for index, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            if index == 0:
                layers += [nn.Conv2d(entering, width, 4, 4), LayerNorm2d(width, eps=1e-6)]
            else:
                layers += [LayerNorm2d(entering, eps=1e-6), nn.Conv2d(entering, width, 2, 2)]
            layers += [Block(width) for _ in range(depth)]
            entering = width
        self.features = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(entering, eps=1e-6)
        self.head = nn.Linear(entering, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.features(x).mean([-2, -1])))
