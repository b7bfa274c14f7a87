"""A network of 500 convolutions, for `netadapt plan --model experiments.load.deep_network:deep`."""

from __future__ import annotations

from torch import Tensor, nn


class Block(nn.Module):
    """Two 3×3 convolutions beside a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width))
        self.relu = nn.ReLU()
        nn.init.constant_(self.second[1].weight, 0.1)  # so that values stay small over 249 blocks

    def forward(self, values: Tensor) -> Tensor:
        return self.relu(values + self.second(self.relu(self.first(values))))


def deep(blocks: int = 249, width: int = 32) -> nn.Module:
    """249 blocks between a first and a last convolution: 500 layers with weights."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1),
        *(Block(width) for _ in range(blocks)),
        nn.Conv2d(width, width, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width, 10),
    )
