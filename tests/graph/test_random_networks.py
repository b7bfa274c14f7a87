"""Random networks of every operator that couples channels, cut at random."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from netadapt.graph import trace
from tests.graph.proving import lively, prove, random_keep


class Step(nn.Module):
    """One instruction: which earlier tensors it reads, and what it does with them."""

    def __init__(self, reads: tuple[int, ...], work: Callable[..., Tensor], *parts: nn.Module):
        super().__init__()
        self.reads = reads
        self.work = work
        self.parts = nn.ModuleList(parts)

    def forward(self, tensors: list[Tensor]) -> Tensor:
        return self.work(*(tensors[i] for i in self.reads), *self.parts)


class RandomNetwork(nn.Module):
    """A chain of steps, each of which may read any earlier result; several outputs."""

    def __init__(self, steps: list[Step], heads: list[tuple[int, nn.Module]]) -> None:
        super().__init__()
        self.steps = nn.ModuleList(steps)
        self.heads = nn.ModuleList(head for _, head in heads)
        self.taps = [tap for tap, _ in heads]

    def forward(self, x: Tensor) -> list[Tensor]:
        tensors = [x]
        for step in self.steps:
            tensors.append(step(tensors))
        return [head(tensors[tap]) for head, tap in zip(self.heads, self.taps, strict=True)]


def conv(a: int, b: int, **options: int) -> nn.Conv2d:
    return nn.Conv2d(a, b, 3, padding=1, bias=b % 3 == 0, **options)


def squeeze(x: Tensor, down: nn.Module, up: nn.Module) -> Tensor:
    return x * torch.sigmoid(up(F.silu(down(x.mean((2, 3), keepdim=True)))))


def shuffle(x: Tensor, groups: int) -> Tensor:
    batch, channels, height, width = x.shape
    x = x.view(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).reshape(batch, channels, height, width)


def halves(x: Tensor, work: nn.Module) -> Tensor:
    first, second = x.chunk(2, 1)
    return torch.cat([second, work(first)], 1)


@st.composite
def networks(draw: st.DrawFn) -> RandomNetwork:
    steps: list[Step] = [Step((0,), lambda x, c: F.relu(c(x)), conv(3, 12))]
    widths = [3, 12]

    def read(multiple: int = 1) -> int:
        choices = [i for i in range(1, len(widths)) if widths[i] % multiple == 0]
        return draw(st.sampled_from(choices or [1]))

    for _ in range(draw(st.integers(2, 8))):
        kind = draw(st.sampled_from(KINDS))
        i = read(4)
        c = widths[i]
        new = draw(st.sampled_from([8, 12, 16, 24]))
        if kind == "conv":
            step = Step((i,), lambda x, a, n: F.relu(n(a(x))), conv(c, new), nn.BatchNorm2d(new))
        elif kind == "depthwise":
            new = c * draw(st.sampled_from([1, 2]))
            step = Step((i,), lambda x, a: F.hardswish(a(x)), conv(c, new, groups=c))
        elif kind == "grouped":
            new = c
            groups = draw(st.sampled_from([g for g in (2, 4, c // 2) if c % g == 0]))
            step = Step((i,), lambda x, a: a(x), conv(c, c, groups=groups))
        elif kind == "transposed":
            work = nn.ConvTranspose2d(c, new, 2, 2)
            step = Step((i,), lambda x, a: F.max_pool2d(a(x), 2), work)
        elif kind in ("add", "mul"):
            j = read()
            step, new = (
                (Step((i, j), torch.add if kind == "add" else torch.mul), c)
                if widths[j] == c
                else (Step((i, j), lambda x, y, a: x + a(y), conv(widths[j], c)), c)
            )
        elif kind == "concat":
            j = read()
            new = c + widths[j]
            step = Step((i, j), lambda x, y: torch.cat([x, y], 1))
        elif kind == "gate":
            new = c
            step = Step((i,), squeeze, nn.Conv2d(c, 4, 1), nn.Conv2d(4, c, 1))
        elif kind == "shuffle":
            new = c
            step = Step((i,), lambda x: shuffle(x, 2))
        elif kind == "halves":
            new = c
            step = Step((i,), halves, conv(c // 2, c // 2))
        elif kind == "pixels":
            new = c // 4
            step = Step((i,), lambda x: F.avg_pool2d(F.pixel_shuffle(x, 2), 2))
        elif kind == "prelu":
            new = c
            step = Step((i,), lambda x, a, n: a(n(x)), nn.PReLU(c), nn.GroupNorm(c // 2, c))
        else:
            new = c
            work = nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear"))
            step = Step((i,), lambda x, a: x - a(x), work)
        steps.append(step)
        widths.append(new)
    heads: list[tuple[int, nn.Module]] = [(len(widths) - 1, conv(widths[-1], 2))]
    if draw(st.booleans()):
        tap = read()
        heads.append(
            (
                tap,
                nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(widths[tap] * 4, 3)),
            )
        )
    return RandomNetwork(steps, heads)


KINDS = (
    *("conv", "depthwise", "grouped", "transposed", "add", "mul", "concat", "gate"),
    *("shuffle", "halves", "pixels", "prelu", "space"),
)


some = partial(
    settings,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@some(max_examples=8)
@given(model=networks(), seed=st.integers(0, 2**32 - 1))
def test_random_network_cut_at_random(model: RandomNetwork, seed: int) -> None:
    prove_cut_at_random(model, seed)


@pytest.mark.slow
@some(max_examples=60)
@given(model=networks(), seed=st.integers(0, 2**32 - 1))
def test_many_random_networks_cut_at_random(model: RandomNetwork, seed: int) -> None:
    prove_cut_at_random(model, seed)


def prove_cut_at_random(model: RandomNetwork, seed: int) -> None:
    torch.manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    lively(model).double()
    inputs = (torch.rand(1, 3, 8, 8, dtype=torch.float64),)
    graph = trace(model, inputs)
    prove(model, inputs, graph, random_keep(graph, np.random.default_rng(seed)))


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1)
        self.gate = nn.Conv2d(12, 12, 1)
        self.head = nn.Conv2d(12, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        result: torch.Tensor = self.head(x * torch.sigmoid(self.gate(x.mean((2, 3), keepdim=True))))
        return result


def test_a_gate_cut_to_one_channel_is_still_a_multiplication() -> None:
    torch.manual_seed(0)
    model = Gated().eval().double()
    inputs = (torch.rand(1, 3, 8, 8, dtype=torch.float64),)
    graph = trace(model, inputs)
    (free,) = [group.name for group in graph.groups if not group.frozen]
    prove(model, inputs, graph, {free: np.array([5])})
