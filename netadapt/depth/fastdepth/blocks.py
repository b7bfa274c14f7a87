"""The building blocks that FastDepth and its variants are made of.

Each is a plain `nn.Sequential` or a small module whose state-dict keys are those of the official
checkpoints (github.com/dwofk/fast-depth). Which blocks make which network stands in `mobilenet.py`,
`resnet.py` and `decoders.py`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def dense(in_width: int, out_width: int, kernel: int) -> nn.Sequential:
    """Convolution at stride 1 that keeps the image's size, batch norm, ReLU."""
    return conv_norm(in_width, out_width, kernel, nn.ReLU(inplace=True))


def depthwise(width: int, kernel: int) -> nn.Sequential:
    """Depthwise convolution at stride 1, batch norm, ReLU."""
    return conv_norm(width, width, kernel, nn.ReLU(inplace=True), groups=width)


def pointwise(in_width: int, out_width: int) -> nn.Sequential:
    """1×1 convolution, batch norm, ReLU."""
    return conv_norm(in_width, out_width, 1, nn.ReLU(inplace=True))


def first_conv(out_width: int) -> nn.Sequential:
    """MobileNet's conv0: 3×3 at stride 2 on RGB, batch norm, ReLU6."""
    return conv_norm(3, out_width, 3, nn.ReLU6(inplace=True), stride=2)


def separable(in_width: int, out_width: int, stride: int) -> nn.Sequential:
    """MobileNet's block: depthwise 3×3 and pointwise convolution, each with batch norm and ReLU6.

    The six modules stand flat in one Sequential, as in the official checkpoints.
    """
    return nn.Sequential(
        *conv_norm(in_width, in_width, 3, nn.ReLU6(inplace=True), stride, in_width),
        *conv_norm(in_width, out_width, 1, nn.ReLU6(inplace=True)),
    )


def transposed(in_width: int, out_width: int, kernel: int, groups: int = 1) -> nn.Sequential:
    """Transposed convolution that doubles the image's size, batch norm, ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(
            in_width,
            out_width,
            kernel,
            stride=2,
            padding=(kernel - 1) // 2,
            output_padding=kernel % 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(out_width),
        nn.ReLU(inplace=True),
    )


class Unpool(nn.Module):
    """Doubles the image's size: each pixel becomes the top left of a 2×2 cell of zeros.

    A depthwise transposed convolution with a constant kernel. The kernel is a buffer with an entry
    a channel, so that cutting channels cuts it too, and is left out of the state dict, as in the
    official checkpoints.
    """

    kernel: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        kernel = torch.zeros(width, 1, 2, 2)
        kernel[:, :, 0, 0] = 1
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.kernel, stride=2, groups=self.kernel.shape[0])


def unpooled_conv(in_width: int, out_width: int) -> nn.Sequential:
    """UpConv's stage: unpooling, 5×5 convolution, batch norm, ReLU."""
    return nn.Sequential(Unpool(in_width), *dense(in_width, out_width, 5))


class UpProjection(nn.Module):
    """UpProj's stage: unpooling, then two convolution branches whose sum goes through a ReLU.

    `inner_width` is the width between the two convolutions of the first branch.
    """

    def __init__(self, in_width: int, inner_width: int, out_width: int) -> None:
        super().__init__()
        self.unpool = Unpool(in_width)
        self.branch1 = nn.Sequential(
            *dense(in_width, inner_width, 5),
            nn.Conv2d(inner_width, out_width, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_width),
        )
        self.branch2 = nn.Sequential(
            nn.Conv2d(in_width, out_width, 5, padding=2, bias=False),
            nn.BatchNorm2d(out_width),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.unpool(x)
        return F.relu(self.branch1(x) + self.branch2(x))


def initialise(network: nn.Module) -> None:
    """Draw convolution weights with He's variance (fan out); batch norm starts as identity."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            taps = module.kernel_size[0] * module.kernel_size[1]
            fan_out = taps * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def conv_norm(
    in_width: int,
    out_width: int,
    kernel: int,
    activation: nn.Module,
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Convolution, padded so that stride alone makes the image smaller, batch norm, activation."""
    padding = (kernel - 1) // 2
    return nn.Sequential(
        nn.Conv2d(in_width, out_width, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(out_width),
        activation,
    )
