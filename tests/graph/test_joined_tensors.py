"""Tensors that are joined with channels position by position, and are cut with them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netadapt.graph import trace
from tests.graph.proving import prove, random_keep

IMAGE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
Between = Callable[[nn.Module, Tensor], Tensor]


def conv(entering: int, leaving: int) -> nn.Conv2d:
    return nn.Conv2d(entering, leaving, 3, padding=1)


class Joined(nn.Module):
    def __init__(self, between: Between, *sizes: int) -> None:
        super().__init__()
        self.between = between
        self.a, self.m, self.head = conv(3, 32), conv(32, 32), conv(32, 10)
        self.w = nn.Parameter(torch.rand(sizes)) if sizes else None

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self, self.a(x).relu()))


def tokens(s: nn.Module, y: Tensor) -> Tensor:
    """A position embedding of tokens [1, N, C]."""
    return (y.flatten(2).transpose(1, 2) + s.w).transpose(1, 2).unflatten(2, (16, 16))


@pytest.mark.parametrize(
    ("between", "sizes"),
    [
        (lambda s, y: torch.max(y, s.m(y)), ()),
        (lambda s, y: torch.min(y, s.m(y)), ()),
        (lambda s, y: y + y.max(dim=2, keepdim=True)[0] - y.min(dim=3, keepdim=True)[0], ()),
        (lambda s, y: y.masked_fill(y < 0.1, 0.0), ()),
        (lambda s, y: y + y.new_ones(y.shape), ()),
        (lambda s, y: y * s.w, (1, 32, 16, 16)),
        (lambda s, y: y + s.w, (1, 1, 16, 1)),
        (lambda s, y: y + s.w, (16,)),
        (lambda s, y: torch.where(y > s.w, y, s.w), (32, 1, 1)),
        (tokens, (1, 256, 32)),
        (lambda s, y: torch.einsum("bchw,bc->bchw", y, y.mean((2, 3))), ()),
        (lambda s, y: torch.einsum("nchw, cw -> nwch", y, s.w).permute(0, 2, 3, 1), (32, 16)),
        (lambda s, y: y.diff(dim=3).cumprod(2), ()),
    ],
    ids=[
        *("max", "min", "extremes", "mask", "ones", "places", "rows", "columns", "where", "tokens"),
        *("gate", "weighted", "running"),
    ],
)
def test_what_is_joined_is_cut_with_the_channels(between: Between, sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    model, image = Joined(between, *sizes).double().eval(), IMAGE.double()
    graph = trace(model, image)
    assert "a" in graph.widths
    prove(model, (image,), graph, random_keep(graph, np.random.default_rng(0)))


def test_a_size_that_is_written_down_is_found_by_the_trial() -> None:
    model = Joined(lambda s, y: y + y.new_ones((1, 32, 16, 16)))
    assert "counts on all" in trace(model, IMAGE).group("a").reason
