"""Weights that the code computes from parameters, and norms that it writes by hand."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from netadapt.graph import trace
from tests.graph.proving import prove, random_keep

IMAGE = torch.rand(2, 3, 10, 10, generator=torch.Generator().manual_seed(0), dtype=torch.double)
Wrap = Callable[[nn.Conv2d], nn.Module]


class Standardised(nn.Conv2d):
    """As NFNets have it: a batch norm over the weight, with a gain a channel."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__(conv.in_channels, conv.out_channels, 3, groups=conv.groups)
        self.gain = nn.Parameter(torch.rand(conv.out_channels, 1, 1, 1) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.weight.reshape(1, self.out_channels, -1)
        gain = (self.gain * 0.3).view(-1)
        weight = F.batch_norm(flat, None, None, weight=gain, training=True, momentum=0.0)
        return F.conv2d(x, weight.reshape_as(self.weight), self.bias, groups=self.groups)


def masked(conv: nn.Conv2d) -> nn.Module:
    prune.random_unstructured(conv, "weight", 0.3)
    return conv


@pytest.mark.parametrize(
    "wrap",
    [
        Standardised,
        weight_norm,
        parametrizations.weight_norm,
        spectral_norm,
        parametrizations.spectral_norm,
        masked,
    ],
)
def test_what_a_weight_is_made_of_is_cut_with_it(wrap: Wrap) -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the old weight norm: many networks have it
        layers = [
            *(wrap(nn.Conv2d(3, 16, 3)), nn.ReLU(), wrap(nn.Conv2d(16, 32, 3)), nn.ReLU()),
            *(wrap(nn.Conv2d(32, 32, 3, groups=32)), nn.Conv2d(32, 2, 1)),
        ]
    model = nn.Sequential(*layers).double().eval()
    graph = trace(model, IMAGE)
    assert graph.widths == {"0": 16, "2": 32}
    prove(model, (IMAGE,), graph, random_keep(graph, np.random.default_rng(1)))


class Between(nn.Module):
    def __init__(self, between: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.between = between
        self.a, self.head = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 2, 1)
        self.w = nn.Parameter(torch.rand(1, 32, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.between(self, self.a(x)))
        return result


def layer_norm(s: Any, y: Tensor) -> Tensor:
    mean = y.mean(1, keepdim=True)
    return s.w * (y - mean) / ((y - mean).pow(2).mean(1, keepdim=True) + 1e-6).sqrt()


def global_response(s: Any, y: Tensor) -> Tensor:
    size = y.norm(2, dim=(2, 3), keepdim=True)
    return y + s.w * (y * (size / (size.mean(1, keepdim=True) + 1e-6)))


@pytest.mark.parametrize(
    "between",
    [
        layer_norm,
        global_response,
        lambda s, y: F.normalize(y, dim=1),
        lambda s, y: (y - y.mean(1, keepdim=True)) / y.var(1, keepdim=True, unbiased=False).sqrt(),
        lambda s, y: F.group_norm(y, 1),
        lambda s, y: F.layer_norm(y.permute(0, 2, 3, 1), (y.shape[1],)).permute(0, 3, 1, 2),
        lambda s, y: y.softmax(1) * s.w,
        lambda s, y: y - y.amax(dim=(1, 2, 3), keepdim=True),
        lambda s, y: y / y.shape[1] * y.sum(1, keepdim=True).expand_as(y),
    ],
    ids=[
        *("layer norm", "grn", "unit length", "variance", "group norm", "bare layer norm"),
        *("softmax", "largest", "sum by number"),
    ],
)
def test_norms_of_ones_own_are_taken_over_the_kept(
    between: Callable[[Any, Tensor], Tensor],
) -> None:
    torch.manual_seed(0)
    model = Between(between).double().eval()
    graph = trace(model, IMAGE)
    assert graph.widths == {"a": 32}
    prove(model, (IMAGE,), graph, random_keep(graph, np.random.default_rng(0)))


@pytest.mark.parametrize(
    "between",
    [
        lambda s, y: y.mean(1, keepdim=True).repeat(1, 32, 1, 1),
        lambda s, y: torch.cat([y, y.mean(1, keepdim=True)], 1)[:, 1:],
        lambda s, y: y.cumsum(1),
        lambda s, y: y[:, y.abs().mean((0, 2, 3)).argsort()],
    ],
    ids=["repeated", "joined", "running", "sorted"],
)
def test_what_channels_become_otherwise_keeps_them(
    between: Callable[[Any, Tensor], Tensor],
) -> None:
    graph = trace(Between(between).double().eval(), IMAGE)
    assert graph.widths == {}
