"""Which numbers of its own a cut network may multiply by."""

from __future__ import annotations

import math

import pytest
import torch

from experiments.zoo.factors import Factors, own_counts


@pytest.mark.parametrize(
    ("full", "cut", "change"),
    [
        ([2.0, math.sqrt(32)], [2.0, math.sqrt(28)], "5.66 → 5.29"),
        ([32**-0.5], [16**-0.5], "0.177 → 0.25"),
        ([1 / 8], [1 / 6], "0.125 → 0.167"),
        ([64**-0.25], [59**-0.25], "0.354 → 0.361"),
        ([8.0, 3.0], [5.0, 2.0], "8 → 5, 3 → 2"),
        ([2.0], [2.0], ""),
        ([5.0], [8.0], ""),
        ([32**-0.5], [0.21], ""),
        ([0.5], [0.3], ""),
        ([-8.0], [-4.0], ""),
        ([8.0, 2.0], [4.0], ""),
    ],
)
def test_the_same_power_of_a_smaller_count(
    full: list[float], cut: list[float], change: str
) -> None:
    assert own_counts(full, cut) == change


def test_factors_are_seen_and_replaced() -> None:
    x = torch.full((3,), 0.5)
    with Factors() as factors:
        result = x * 2 + x / 4
    assert factors.seen == [2.0, 4.0]
    torch.testing.assert_close(result, torch.full((3,), 1.125))
    with Factors([3.0]):  # what it has no number for stays as it is
        result = x * 2 + x / 4
    torch.testing.assert_close(result, torch.full((3,), 1.625))
