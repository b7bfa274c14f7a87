"""Attention: queries, keys and values are cut within their heads, with what is as wide as they."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netadapt.graph import LayerGraph, cut, trace, zero_removed
from netadapt.graph.rebasing import rebased
from tests.graph.proving import random_keep

IMAGE = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.double)


class Fused(nn.Module):
    """As timm has it: the width of the output is written down as that of the input."""

    def __init__(self, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.num_heads, self.head_dim = heads, width // heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, self.head_dim)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(query, key, value)
        return self.proj(x.transpose(1, 2).reshape(batch, tokens, width))


class ByHand(Fused):
    """Products by hand, and a width that nothing writes down."""

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        parts = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (query * 0.3 @ key.transpose(-2, -1)).softmax(-1)
        return self.proj((weights @ value).transpose(1, 2).reshape(batch, tokens, -1))


class Apart(nn.Module):
    """As Hugging Face has it: one number for the width of all heads, in the scale too."""

    def __init__(self, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.head_size, self.all = heads, width // heads, width
        self.q, self.k, self.v = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        shape = (*x.shape[:-1], self.heads, self.head_size)
        query, key, value = (f(x).view(shape).transpose(1, 2) for f in (self.q, self.k, self.v))
        weights = (query @ key.transpose(-1, -2) / self.head_size**0.5).softmax(-1)
        return (weights @ value).transpose(1, 2).reshape(*x.shape[:-1], self.all)


class Packed(nn.Module):
    """torch's own, which checks its sizes."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(48, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.attention(x, x, x, need_weights=False)[0]
        return result


class Transformer(nn.Module):
    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.embed, self.attention = nn.Conv2d(3, 48, 4, 4), attention
        self.norms = nn.ModuleList(nn.LayerNorm(48) for _ in range(2))
        self.up, self.down, self.head = nn.Linear(48, 96), nn.Linear(96, 48), nn.Linear(48, 10)
        self.token = nn.Parameter(torch.rand(1, 1, 48))
        self.places = nn.Parameter(torch.rand(1, 17, 48))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places
        x = x + self.attention(self.norms[0](x))
        x = x + self.down(F.gelu(self.up(self.norms[1](x))))
        result: Tensor = self.head(x[:, 0])
        return result


def in_agreement(model: nn.Module, graph: LayerGraph, seed: int) -> None:
    """A random cut gives what the full network does without its channels, and costs as foretold."""
    keep = random_keep(graph, np.random.default_rng(seed))
    small = cut(model, graph, keep)
    with torch.no_grad():
        torch.testing.assert_close(small(IMAGE), zero_removed(model, graph, keep)(IMAGE))
    planned = graph.with_widths({name: len(units) for name, units in keep.items()})
    again = trace(small, IMAGE)
    assert (again.macs, again.params) == (planned.macs, planned.params)
    assert again.layers == planned.layers


@pytest.mark.parametrize(
    ("attention", "units"),
    [
        (Fused, {"embed": (12, 4), "up": (96, 1)}),
        (ByHand, {"embed": (48, 1), "attention.qkv": (12, 12), "up": (96, 1)}),
        (Apart, {"embed": (12, 4), "up": (96, 1)}),
        (Packed, {"embed": (12, 4), "up": (96, 1)}),
    ],
)
def test_heads_are_cut_within(
    attention: type[nn.Module], units: dict[str, tuple[int, int]]
) -> None:
    torch.manual_seed(0)
    model = Transformer(attention()).double().eval()
    graph = trace(model, IMAGE)
    free = [group for group in graph.groups if not group.frozen]
    assert {group.name: (group.full_width, group.step) for group in free} == units
    for seed in range(2):
        in_agreement(model, graph, seed)


def test_products_that_mix_channels_with_channels_are_left_whole() -> None:
    class Across(Fused):
        def forward(self, x: Tensor) -> Tensor:
            query, key, value = self.qkv(x).chunk(3, -1)
            return self.proj(value @ (query.transpose(1, 2) @ key).softmax(-1))

    graph = trace(Transformer(Across()).double().eval(), IMAGE)
    assert "lies across these channels" in graph.group("attention.qkv").reason
    assert set(graph.widths) == {"embed", "up"}


def test_the_graph_of_a_cut_network_needs_no_trace_of_it() -> None:
    """Two cuts, one after the other; a new trace of the first could read equal widths as one."""
    torch.manual_seed(0)
    model = Transformer(Apart()).double().eval()
    graph = trace(model, IMAGE)
    first = random_keep(graph, np.random.default_rng(3))
    small = cut(model, graph, first)
    there = rebased(graph.with_widths({name: len(units) for name, units in first.items()}))
    second = random_keep(there, np.random.default_rng(4))
    with torch.no_grad():
        ours = cut(small, there, second)(IMAGE)
        torch.testing.assert_close(ours, zero_removed(small, there, second)(IMAGE))
    composed = {name: first[name][units] for name, units in second.items()}
    with torch.no_grad():
        torch.testing.assert_close(ours, cut(model, graph, composed)(IMAGE))
    assert there.layers == graph.with_widths(there.widths).layers
