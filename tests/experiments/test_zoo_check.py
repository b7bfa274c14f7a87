"""The judge lets right cuts pass and no wrong one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from experiments.zoo import netadapt_side
from experiments.zoo.check import Judge, compare
from experiments.zoo.coding import float_tensors
from experiments.zoo.networks import Network
from experiments.zoo.results import Row
from netadapt.graph import cut, trace
from tests.zoo import ZOO

INPUTS = (torch.rand(1, 3, 16, 16),)


class Residual(nn.Module):
    """Two layers that must lose the same channels, and a constant beside zero channels' zeros."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.head = nn.Conv2d(width, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sigmoid(self.norm(self.first(x)))
        return self.head(torch.sigmoid(x + self.second(x)))  # type: ignore[no-any-return]


def pieces(model: nn.Module, rows: dict[str, list[int]]) -> Residual:
    """`model` cut by hand: {tensor: what is left of its first axis, of its second after `in`}."""
    small = Residual(3).double()
    for name, tensor in float_tensors(model).items():
        parent, _, leaf = name.rpartition(".")
        part = tensor[rows[parent]] if parent in rows else tensor
        if f"{parent} in" in rows and tensor.ndim > 1:
            part = part[:, rows[f"{parent} in"]]
        owner = small.get_submodule(parent)
        if leaf in owner._buffers:
            setattr(owner, leaf, part.detach().clone())
        else:
            setattr(owner, leaf, nn.Parameter(part.detach().clone()))
    return small


KEPT = [1, 4, 6]
RIGHT = {"first": KEPT, "norm": KEPT, "second in": KEPT, "second": KEPT, "head in": KEPT}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({}, "right"),
        ({"head in": [1, 4, 5]}, "wrong"),
        ({"norm": [1, 4, 7]}, "wrong"),
        ({"second": [0, 4, 6], "head in": [0, 4, 6]}, "wrong"),
        ({"second in": [4, 1, 6]}, "wrong"),
    ],
)
def test_a_cut_made_by_hand(change: dict[str, list[int]], kind: str) -> None:
    judge = Judge(Residual, INPUTS, seed=0)
    rows = {**RIGHT, **change}
    left = judge.left_by(pieces(judge.coded(), rows))
    assert judge.verdict(pieces(judge.awake, rows), left, filled=True).kind == kind


def test_changed_weights_are_wrong() -> None:
    judge = Judge(Residual, INPUTS, seed=0)
    left = judge.left_by(pieces(judge.coded(), RIGHT))
    small = pieces(judge.awake, RIGHT)
    with torch.no_grad():
        small.head.bias += 1e-9
    verdict = judge.verdict(small, left, filled=True)
    assert verdict.kind == "wrong"
    assert verdict.message == "head.bias holds other numbers than the full network"
    assert judge.verdict(small, left, filled=False).kind == "right"  # given its numbers anew


@pytest.mark.parametrize(
    "name",
    [
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("ShuffleNetV2", "ResNeXt-50", "ConvNeXt-Tiny")
        ),
        *("Norms", "Branches", "Attention", "Shapes"),
    ],
)
def test_it_agrees_with_netadapts_own_proof(name: str) -> None:
    entry = ZOO[name]
    network = Network(name, "", entry.small, entry.small_shapes)
    row = Row(name, "")
    netadapt_side.fill(row, network, seed=0)
    assert (row.verdict, row.message, row.cuts) == ("right", "", 3)
    assert row.macs_ratio == pytest.approx(1)
    assert row.cuttable_percent is not None
    assert row.removed_percent is not None
    assert 0 < row.removed_percent < row.cuttable_percent <= 100


def test_a_graph_that_lies_is_found_out() -> None:
    """Cut as another network of the same shapes is: where the residual isn't one."""

    class Chain(Residual):
        def forward(self, x: Tensor) -> Tensor:
            x = torch.sigmoid(self.norm(self.first(x)))
            return self.head(torch.sigmoid(self.second(x)))  # type: ignore[no-any-return]

    graph = trace(Chain(), INPUTS[0])
    judge = Judge(Residual, INPUTS, seed=0)
    keep = {
        group.name: np.arange(4) + i for i, group in enumerate(graph.groups) if not group.frozen
    }
    left = judge.left_by(cut(judge.coded(), graph, keep))
    assert judge.verdict(cut(judge.awake, graph, keep), left, filled=True).kind == "wrong"


def test_a_network_without_numbers_is_silent() -> None:
    assert "aren't all numbers" in Judge(Empty, INPUTS, seed=0).silent
    assert Judge(Residual, INPUTS, seed=0).silent == ""


class Empty(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / 0


def test_outputs_are_compared_each_by_its_own_size() -> None:
    large, small = torch.full((3,), 100.0), torch.full((3,), 1.0)
    assert compare([large, small], [large, small]).kind == "right"
    assert compare([large, small + 1e-4], [large, small]).kind == "wrong"
    assert compare([large], [large, small]).message == "1 outputs instead of 2"
    assert compare([large[:2]], [large]).message == "an output of (2,), not (3,)"
    reached = compare([large], [torch.full((3,), torch.nan)])
    assert reached.message == "a removed channel reaches the network's output"
    assert compare([torch.full((3,), torch.nan)], [large]).kind == "wrong"


class Scaled(Residual):
    """Divides by the root of its width, or by a number of its own, as its code has it."""

    def __init__(self, width: int = 8, power: float = 0.5) -> None:
        super().__init__(width)
        self.width, self.power = width, power

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x) / self.width**self.power
        return self.head(torch.sigmoid(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("width", "power", "kind", "message"),
    [
        (8, 0.5, "right", ""),
        (3, 0.5, "right", "scales by 2.83 → 1.73"),
        (3, 1.0, "right", "scales by 8 → 3"),
        (9, 0.5, "wrong", "outputs differ by"),
        (3, 0.4, "wrong", "outputs differ by"),
    ],
)
def test_a_cut_network_may_scale_by_a_count_of_its_own(
    width: int, power: float, kind: str, message: str
) -> None:
    judge = Judge(lambda: Scaled(power=power), INPUTS, seed=0)
    rows = {key: rows for key, rows in RIGHT.items() if key in ("first", "head in")}

    def small(model: nn.Module) -> nn.Module:
        result = Scaled(width=width, power=power).double()
        for layer in ("first", "head"):
            setattr(result, layer, pieces(model, rows).get_submodule(layer))
        result.norm, result.second = model.norm, model.second
        return result

    left = judge.left_by(small(judge.coded()))
    verdict = judge.verdict(small(judge.awake), left, filled=True)
    assert verdict.kind == kind
    assert message in verdict.message
