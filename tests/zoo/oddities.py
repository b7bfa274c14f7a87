"""Small networks for the operators that the well-known ones don't have, or not together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Siamese(nn.Module):
    """Two inputs through one shared trunk, and a recurrent use of one module."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(3, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.refine = nn.Conv2d(channels, channels, 3, padding=1)
        self.fc = nn.Linear(2 * channels, 4)
        self.compare = nn.Conv2d(channels, 1, 1)

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self.trunk(left), self.trunk(right)
        for _ in range(3):
            a = F.relu(self.refine(a))
        both = torch.cat([a.mean((2, 3)), b.mean((2, 3))], 1)
        return self.fc(both), self.compare((a - b).abs())


class Norms(nn.Module):
    """Group norms of many and of few groups, instance norms, per-channel parameters."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels, 3, padding=1)
        self.many = nn.GroupNorm(channels // 4, channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.few = nn.GroupNorm(2, channels)
        self.conv3 = nn.Conv2d(channels, channels, 3, padding=1, groups=2)
        self.instance = nn.InstanceNorm2d(channels)
        self.affine = nn.InstanceNorm2d(channels, affine=True, track_running_stats=True)
        self.scale = nn.Parameter(torch.rand(channels, 1, 1) + 0.5)
        self.shift = nn.Parameter(torch.rand(1, channels, 1, 1))
        self.out = nn.Conv2d(channels, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.many(self.conv1(x)))
        x = F.gelu(self.few(self.conv2(x)))
        x = self.affine(self.instance(self.conv3(x)))
        return self.out(torch.sigmoid(self.scale * x + self.shift))


class Shapes(nn.Module):
    """Slices, halves, gated linear units, unflattening, multipliers, spatial gates."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 2 * channels, 3, padding="same")
        self.twice = nn.Conv2d(channels, 2 * channels, 3, padding=1, groups=channels)
        self.conv2 = nn.Conv2d(2 * channels, 4 * channels, 1)
        self.spatial = nn.Conv2d(2 * channels, 1, 7, padding=3)
        self.unshuffle = nn.PixelUnshuffle(2)
        self.conv3 = nn.Conv2d(8 * channels, channels, 1)
        self.grouped = nn.Conv2d(channels, channels, 3, padding=1, groups=8)
        self.up = nn.ConvTranspose2d(channels, channels, 4, 2, 1, groups=channels)
        self.lines = nn.Conv1d(channels, channels, 3, padding=1)
        self.fc = nn.Linear(channels * 8, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        half = x.shape[1] // 2
        x = self.twice(x[:, :half] * torch.tanh(x[:, half:]))
        x = F.glu(self.conv2(x), dim=1)
        x = x * torch.sigmoid(self.spatial(x))
        x = self.grouped(self.conv3(self.unshuffle(x)))
        x = self.up(F.pad(x, (1, 1, 1, 1)))
        x = F.adaptive_avg_pool2d(x, (8, 8)).flip(3)
        x = self.lines(x.amax(3))
        return self.fc(x.flatten(1))


class Branches(nn.Module):
    """A Res2Net split (Gao et al., 2019) and a selective kernel (Li et al., 2019)."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        quarter = channels // 4
        self.conv = nn.Conv2d(3, channels, 3, padding=1)
        self.steps = nn.ModuleList(nn.Conv2d(quarter, quarter, 3, padding=1) for _ in range(3))
        self.small = nn.Conv2d(channels, channels, 3, padding=1)
        self.large = nn.Conv2d(channels, channels, 3, padding=2, dilation=2)
        self.choose = nn.Linear(channels, 2 * channels)
        self.out = nn.utils.parametrizations.weight_norm(nn.Conv2d(channels, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        parts = torch.split(x, x.shape[1] // 4, 1)
        done = [parts[0]]
        for step, part in zip(self.steps, parts[1:], strict=True):
            done.append(F.leaky_relu(step(done[-1] + part)))
        x = torch.cat(done, 1)
        both = torch.stack([self.small(x), self.large(x)], 1)
        weights = self.choose(both.sum(1).mean((2, 3)))
        weights = weights.view(len(x), 2, -1).softmax(1)[..., None, None]
        return self.out((both * weights).sum(1))


class Positions(nn.Module):
    """Layers that mix positions (Tolstikhin et al., 2021), norms over channels and space."""

    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, channels, 4, 4)
        self.space = nn.LayerNorm([channels, 4, 4])
        self.tokens = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16))
        self.norm = nn.RMSNorm(channels)
        self.mix = nn.Sequential(nn.Linear(channels, 24), nn.GELU(), nn.Linear(24, channels))
        self.out = nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.space(self.embed(x)).flatten(2)
        x = (x + self.tokens(x)).transpose(1, 2)
        x = x + self.mix(self.norm(x))
        return self.out(x.mean(1))


class HardCoded(nn.Module):
    """Numbers written down in the forward: these channels must be found and frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 24, 3, padding=1)
        self.fc = nn.Linear(24, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        x = self.conv2(x[:, 0:16] + x[:, 16:32])
        x = self.conv3(x.view(-1, 32, x.shape[2], x.shape[3]))
        return self.fc(F.relu(x).mean((2, 3)))


class WithAttention(nn.Module):
    """Attention between convolutions is left whole; the rest isn't."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels, 3, 2, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 2, 1)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.conv3 = nn.Conv2d(channels, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        tokens = x.flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).unsqueeze(1).chunk(3, -1)
        out = F.scaled_dot_product_attention(q, k, v).squeeze(1).transpose(1, 2)
        return self.conv3(out.reshape(x.shape))


class WithUnknown(nn.Module):
    """Sorting channels has no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)
        self.conv3 = nn.Conv2d(16, 8, 3, padding=1)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sort(self.conv2(F.relu(self.conv1(x))), dim=2).values
        return self.out(F.relu(self.conv3(x)))
