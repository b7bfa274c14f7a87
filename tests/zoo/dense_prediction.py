"""Networks with a map for output: U-Net (Ronneberger et al., 2015), DeepLab v3 (Chen et al., 2017),
a feature pyramid (Lin et al., 2017), a stacked hourglass (Newell et al., 2016), a neck as YOLOv8
has it, and super-resolution with pixel shuffle (Shi et al., 2016).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.blocks import ConvNorm, scaled


class DoubleConv(nn.Sequential):
    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__(ConvNorm(entering, leaving), ConvNorm(leaving, leaving))


class UNet(nn.Module):
    def __init__(self, width: float = 1.0, depth: int = 4) -> None:
        super().__init__()
        widths = [scaled(64 * 2**i, width) for i in range(depth + 1)]
        self.down = nn.ModuleList(
            DoubleConv(a, b) for a, b in zip([3, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(widths[i + 1], widths[i], 2, 2) for i in reversed(range(depth))
        )
        self.merge = nn.ModuleList(
            DoubleConv(2 * widths[i], widths[i]) for i in reversed(range(depth))
        )
        self.out = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return self.out(x)


class ASPP(nn.Module):
    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [ConvNorm(entering, leaving, 1)]
            + [ConvNorm(entering, leaving, 3, dilation=rate) for rate in (2, 4, 6)]
        )
        self.pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvNorm(entering, leaving, 1))
        self.project = ConvNorm(5 * leaving, leaving, 1)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        maps = [branch(x) for branch in self.branches]
        pooled = self.pooled(x)
        maps.append(F.interpolate(pooled, size=size, mode="bilinear", align_corners=False))
        return self.project(torch.cat(maps, dim=1))


class DeepLab(nn.Module):
    """A dilated residual backbone, atrous spatial pyramid pooling, and the v3+ decoder."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b, c = (scaled(channels, width) for channels in (64, 256, 256))
        self.stem = ConvNorm(3, a, 3, 2)
        self.low = ConvNorm(a, a, 3, 2)
        self.dilated = nn.Sequential(ConvNorm(a, b, 3, 2), ConvNorm(b, b, 3, dilation=2))
        self.aspp = ASPP(b, c)
        self.reduce = ConvNorm(a, scaled(48, width), 1)
        self.head = nn.Sequential(ConvNorm(c + scaled(48, width), c), nn.Conv2d(c, 21, 1))

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        low = self.low(self.stem(x))
        high = self.aspp(self.dilated(low))
        high = F.interpolate(high, low.shape[-2:], mode="bilinear", align_corners=False)
        out = self.head(torch.cat([high, self.reduce(low)], 1))
        return F.interpolate(out, size, mode="bilinear", align_corners=False)


class FPN(nn.Module):
    """A pyramid whose levels share one head (class scores and boxes)."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        widths = [scaled(channels, width) for channels in (64, 128, 256, 512)]
        pyramid = scaled(256, width)
        self.stages = nn.ModuleList(
            ConvNorm(a, b, 3, 2) for a, b in zip([3, *widths], widths, strict=False)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(channels, pyramid, 1) for channels in widths[1:])
        self.smooth = nn.ModuleList(nn.Conv2d(pyramid, pyramid, 3, padding=1) for _ in range(3))
        self.tower = nn.Sequential(ConvNorm(pyramid, pyramid), ConvNorm(pyramid, pyramid))
        self.scores = nn.Conv2d(pyramid, 20, 3, padding=1)
        self.boxes = nn.Conv2d(pyramid, 4, 3, padding=1)

    def forward(self, x: Tensor) -> dict[str, list[Tensor]]:
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        merged = [lateral(f) for lateral, f in zip(self.lateral, features[1:], strict=True)]
        for i in (1, 0):
            merged[i] = merged[i] + F.interpolate(merged[i + 1], scale_factor=2, mode="nearest")
        levels = [smooth(level) for smooth, level in zip(self.smooth, merged, strict=True)]
        towers = [self.tower(level) for level in levels]
        return {
            "scores": [self.scores(t) for t in towers],
            "boxes": [self.boxes(t) for t in towers],
        }


class PreActResidual(nn.Module):
    """Norm and activation before each convolution, as the hourglass paper has it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.layers = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, half, 1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, half, 3, padding=1),
            nn.BatchNorm2d(half),
            nn.ReLU(),
            nn.Conv2d(half, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Hourglass(nn.Module):
    """Recursive: the inner module is an hourglass again."""

    def __init__(self, channels: int, depth: int) -> None:
        super().__init__()
        self.skip = PreActResidual(channels)
        self.down = PreActResidual(channels)
        inner = Hourglass(channels, depth - 1) if depth > 1 else PreActResidual(channels)
        self.inner = inner
        self.up = PreActResidual(channels)

    def forward(self, x: Tensor) -> Tensor:
        low = self.up(self.inner(self.down(F.max_pool2d(x, 2))))
        return self.skip(x) + F.interpolate(low, scale_factor=2)


class StackedHourglass(nn.Module):
    """Two stacks; each gives heatmaps, which are fed into the next (several outputs)."""

    def __init__(self, channels: int = 256, depth: int = 4, joints: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            ConvNorm(3, channels // 2, 7, 2), ConvNorm(channels // 2, channels)
        )
        self.stacks = nn.ModuleList(Hourglass(channels, depth) for _ in range(2))
        self.features = nn.ModuleList(ConvNorm(channels, channels, 1) for _ in range(2))
        self.heatmaps = nn.ModuleList(nn.Conv2d(channels, joints, 1) for _ in range(2))
        self.back = nn.Conv2d(channels, channels, 1)
        self.heatmap_back = nn.Conv2d(joints, channels, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.stem(x)
        outputs = []
        for index in range(2):
            features = self.features[index](self.stacks[index](x))
            heatmap = self.heatmaps[index](features)
            outputs.append(heatmap)
            if index == 0:
                x = x + self.back(features) + self.heatmap_back(heatmap)
        return outputs


class C2f(nn.Module):
    """Half of the channels run through bottlenecks; all results are concatenated."""

    def __init__(self, entering: int, leaving: int, repeats: int = 2, *, add: bool = True) -> None:
        super().__init__()
        hidden = leaving // 2
        self.cv1 = ConvNorm(entering, 2 * hidden, 1, activation=nn.SiLU)
        self.cv2 = ConvNorm((2 + repeats) * hidden, leaving, 1, activation=nn.SiLU)
        self.m = nn.ModuleList(
            nn.Sequential(
                ConvNorm(hidden, hidden, activation=nn.SiLU),
                ConvNorm(hidden, hidden, activation=nn.SiLU),
            )
            for _ in range(repeats)
        )
        self.add = add

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.cv1(x).chunk(2, 1))
        for block in self.m:
            out = block(parts[-1])
            parts.append(parts[-1] + out if self.add else out)
        return self.cv2(torch.cat(parts, 1))


class SPPF(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = ConvNorm(channels, channels // 2, 1, activation=nn.SiLU)
        self.cv2 = ConvNorm(channels * 2, channels, 1, activation=nn.SiLU)
        self.pool = nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.cv1(x)
        y = self.pool(x)
        z = self.pool(y)
        return self.cv2(torch.cat((x, y, z, self.pool(z)), 1))


class YoloNeck(nn.Module):
    """A small backbone, a path-aggregation neck, and one decoupled head a level."""

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        a, b, c = (scaled(channels, width, 16) for channels in (64, 128, 256))

        def conv(entering: int, leaving: int, stride: int = 2) -> ConvNorm:
            return ConvNorm(entering, leaving, 3, stride, activation=nn.SiLU)

        self.p3 = nn.Sequential(conv(3, a), C2f(a, a))
        self.p4 = nn.Sequential(conv(a, b), C2f(b, b))
        self.p5 = nn.Sequential(conv(b, c), C2f(c, c), SPPF(c))
        self.up = nn.Upsample(scale_factor=2)
        self.n4 = C2f(c + b, b, add=False)
        self.n3 = C2f(b + a, a, add=False)
        self.d3, self.d4 = conv(a, a), conv(b, b)
        self.m4 = C2f(a + b, b, add=False)
        self.m5 = C2f(b + c, c, add=False)
        self.heads = nn.ModuleList(
            nn.Sequential(conv(channels, a, 1), nn.Conv2d(a, 14, 1)) for channels in (a, b, c)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        p3 = self.p3(x)
        p4 = self.p4(p3)
        p5 = self.p5(p4)
        n4 = self.n4(torch.cat([self.up(p5), p4], 1))
        n3 = self.n3(torch.cat([self.up(n4), p3], 1))
        m4 = self.m4(torch.cat([self.d3(n3), n4], 1))
        m5 = self.m5(torch.cat([self.d4(m4), p5], 1))
        maps = [head(level) for head, level in zip(self.heads, (n3, m4, m5), strict=True)]
        flat = torch.cat([m.view(m.shape[0], 14, -1) for m in maps], 2)
        boxes, scores = flat.split((4, 10), 1)
        return boxes, scores.sigmoid()


class ESPCN(nn.Module):
    """Pixel shuffle twice; PReLU; a global skip from the input."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, channels, 5, padding=2)
        self.act = nn.PReLU(channels)
        self.up = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.shuffle = nn.PixelShuffle(2)
        self.act2 = nn.PReLU()
        self.tail = nn.Conv2d(channels, 12, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.head(x))
        y = self.act2(self.shuffle(self.up(y)))
        y = self.shuffle(self.tail(y))
        return y + F.interpolate(x, scale_factor=4, mode="bicubic", align_corners=False)
