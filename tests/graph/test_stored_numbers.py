"""Sizes that a module holds in its attributes: they are cut with the channels they count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netadapt.graph import cut, trace
from netadapt.graph.rebasing import rebased
from tests.graph.proving import prove, random_keep

IMAGE = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.double)


class Mixed(nn.Module):
    """A list of sizes: every part may have its own width."""

    def __init__(self) -> None:
        super().__init__()
        self.splits = [12, 8, 4]
        self.a, self.head = nn.Conv2d(3, 24, 3, padding=1), nn.Conv2d(24, 2, 1)
        self.parts = nn.ModuleList(
            nn.Conv2d(c, c, k, padding=k // 2, groups=c)
            for c, k in zip(self.splits, (3, 5, 7), strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        pieces = torch.split(self.a(x), self.splits, 1)
        done = [part(piece) for part, piece in zip(self.parts, pieces, strict=True)]
        result: Tensor = self.head(torch.cat(done, 1))
        return result


class Halved(nn.Module):
    """A number twice as large as the size it gives."""

    def __init__(self) -> None:
        super().__init__()
        self.in_channels = 32
        self.a, self.head = nn.Conv2d(3, 32, 3), nn.Conv2d(16, 2, 1)
        self.b, self.c = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        one, other = torch.split(self.a(x), self.in_channels // 2, 1)
        result: Tensor = self.head(self.b(one) + self.c(other))
        return result


class Sliced(nn.Module):
    """A number where the channels part; what stands behind it is as wide as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.first = 20
        self.a, self.b = nn.Conv2d(3, 32, 3), nn.Conv2d(20, 8, 1)
        self.head = nn.Conv2d(20, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        result: Tensor = self.head(torch.cat([self.b(x[:, : self.first]), x[:, self.first :]], 1))
        return result


class Shaped(nn.Module):
    """A shape that is kept in a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.head = nn.Conv2d(3, 16, 3), nn.Conv2d(16, 2, 1)
        self.scale, self.shape = nn.Parameter(torch.rand(16)), (16, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.head(self.a(x) * self.scale.view(self.shape))
        return result


@pytest.mark.parametrize(
    ("network", "units"),
    [
        (Mixed, {"a": (12, 1), "a#2": (8, 1), "a#3": (4, 1)}),
        (Halved, {"a": (16, 2), "b": (16, 1)}),
        (Sliced, {"a": (20, 1), "a#2": (12, 1), "b": (8, 1)}),
        (Shaped, {"a": (16, 1)}),
    ],
)
def test_numbers_that_count_channels_are_cut(
    network: type[nn.Module], units: dict[str, tuple[int, int]]
) -> None:
    torch.manual_seed(0)
    model = network().double().eval()
    graph = trace(model, IMAGE)
    free = [group for group in graph.groups if not group.frozen]
    assert {group.name: (group.full_width, group.step) for group in free} == units
    for seed in range(2):
        prove(model, (IMAGE,), graph, random_keep(graph, np.random.default_rng(seed)))


def test_a_list_of_sizes_stays_a_list() -> None:
    model = Mixed().double().eval()
    small: Any = cut(model, trace(model, IMAGE), {"a": range(5), "a#3": range(2)})
    assert small.splits == [5, 8, 2]
    assert model.splits == [12, 8, 4]


def test_a_number_that_only_looks_like_a_width_is_let_be() -> None:
    class Windows(nn.Module):
        """16 rows of pixels, beside 16 channels."""

        def __init__(self) -> None:
            super().__init__()
            self.rows = 16
            self.a, self.head = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.a(x)
            x = x.reshape(x.shape[0], x.shape[1], self.rows, -1)
            result: Tensor = self.head(x)
            return result

    model = Windows().double().eval()
    image = torch.rand(1, 3, 16, 16, dtype=torch.double)
    graph = trace(model, image)
    assert graph.widths == {"a": 16}
    small: Any = cut(model, graph, {"a": range(8)})
    assert small.rows == 16
    assert small(image).shape == (1, 2, 16, 16)


def test_parts_that_become_equally_wide_stay_apart() -> None:
    model = Mixed().double().eval()
    graph = trace(model, IMAGE)
    small: Any = cut(model, graph, {"a": range(8)})
    again = rebased(graph.with_widths({"a": 8}))
    assert again.widths == {"a": 8, "a#2": 8, "a#3": 4}
    smaller: Any = cut(small, again, {"a#2": [1, 5, 6]})
    assert smaller.splits == [8, 3, 4]
    whole = cut(model, graph, {"a": range(8), "a#2": [1, 5, 6]})
    with torch.no_grad():
        torch.testing.assert_close(smaller(IMAGE), whole(IMAGE))
