"""What a cut left is read off weights that say where they stand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from experiments.zoo.coding import (
    NotASelectionError,
    differs,
    elements,
    encode,
    float_tensors,
    indices_left,
    remove,
    select,
)


def conv(rows: list[int], columns: list[int]) -> nn.Conv2d:
    """Coded weights of which only some rows and columns are left."""
    full = encode(nn.Conv2d(6, 8, 3))
    small = nn.Conv2d(len(columns), len(rows), 3).double()
    small.weight = nn.Parameter(full.weight[rows][:, columns])
    small.bias = nn.Parameter(full.bias[rows])
    return small


FULL = float_tensors(nn.Conv2d(6, 8, 3).double())


def test_rows_and_columns_are_found() -> None:
    left = indices_left(FULL, float_tensors(conv([1, 5, 7], [0, 4])))
    rows, columns, *_ = left["weight"]
    assert rows.tolist() == left["bias"][0].tolist() == [1, 5, 7]
    assert columns.tolist() == [0, 4]
    assert elements(left, {"weight", "bias"}) == 3 * 2 * 9 + 3


def test_a_mixed_weight_is_no_selection() -> None:
    small = conv([1, 5], [0, 4])
    with torch.no_grad():
        small.weight[0, 0] = small.weight[1, 1].clone()
    with pytest.raises(NotASelectionError, match="weight isn't made of rows and columns"):
        indices_left(FULL, float_tensors(small))


def test_a_scaled_weight_is_no_selection() -> None:
    small = conv([1, 5], [0, 4])
    with torch.no_grad():
        small.weight *= 0.5
    with pytest.raises(NotASelectionError):
        indices_left(FULL, float_tensors(small))


def test_numbers_are_filled_in_and_compared() -> None:
    small = conv([1, 5, 7], [0, 4])
    left = indices_left(FULL, float_tensors(small))
    assert differs(float_tensors(small), FULL, left) == "weight"
    select(small, FULL, left)
    assert differs(float_tensors(small), FULL, left) is None
    assert torch.equal(small.weight, FULL["weight"][[1, 5, 7]][:, [0, 4]])


def test_what_is_not_left_becomes_nan() -> None:
    full = nn.Conv2d(6, 8, 3).double()
    remove(full, {"weight": tuple(map(np.array, ([1, 5], [0], [0, 1, 2], [0, 1, 2]))),
                  "bias": (np.array([1, 5]),)})  # fmt: skip
    assert (~full.weight.isnan()).nonzero()[:, :2].unique(dim=0).tolist() == [[1, 0], [5, 0]]
    assert (~full.bias.isnan()).nonzero().flatten().tolist() == [1, 5]
