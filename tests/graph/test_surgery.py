"""Cutting refuses what it can't do, says why, and leaves the original alone."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from netadapt.errors import ModelError
from netadapt.graph import cut, trace


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 6, 3, padding=1)
        self.head = nn.Conv2d(6, 2, 1)
        self.auxiliary = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        if self.training:
            self.auxiliary(x.mean((2, 3)))
        return self.head(torch.relu(self.conv2(x)))


X = torch.zeros(1, 3, 8, 8)


def test_only_the_kept_channels_stay_in_their_order() -> None:
    model = Tiny()
    small = cut(model, trace(model, X), {"conv1": [1, 4, 7]})
    assert torch.equal(small.conv1.weight, model.conv1.weight[[1, 4, 7]])
    assert torch.equal(small.conv2.weight, model.conv2.weight[:, [1, 4, 7]])
    assert (small.conv1.out_channels, small.bn1.num_features, small.conv2.in_channels) == (3, 3, 3)
    assert model.conv1.weight.shape == (8, 3, 3, 3)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ({"conv9": [0]}, "no channel group 'conv9'; it has conv1, conv2, head"),
        ({"conv1": []}, "would lose all its channels"),
        ({"conv1": [3, 1]}, "ascending, distinct and in 0 … 7"),
        ({"conv1": [1, 1]}, "ascending, distinct and in 0 … 7"),
        ({"conv1": [6, 8]}, "ascending, distinct and in 0 … 7"),
        ({"conv1": [-1, 2]}, "ascending, distinct and in 0 … 7"),
        ({"head": [0]}, "group head can't be cut: it is the network's output"),
    ],
)
def test_bad_indices_are_refused(keep: dict[str, list[int]], message: str) -> None:
    model = Tiny()
    with pytest.raises(ModelError, match=message):
        cut(model, trace(model, X), keep)


def test_a_graph_of_another_network_is_refused() -> None:
    model = Tiny()
    graph = trace(model, X)
    small = cut(model, graph, {"conv1": range(4)})
    with pytest.raises(
        ModelError, match=r"conv1\.weight is \(8, 3, 3, 3\) there and \(4, 3, 3, 3\)"
    ):
        cut(small, graph, {"conv2": range(3)})


@pytest.mark.parametrize(
    ("widths", "message"),
    [
        ({"conv1": 0}, "width 0 of group conv1 is out of range: expected 1 to 8"),
        ({"conv1": 9}, "width 9 of group conv1 is out of range: expected 1 to 8"),
        ({"head": 1}, "group head keeps its width of 2: it is the network's output"),
        ({"nothing": 1}, "no channel group 'nothing'"),
    ],
)
def test_bad_widths_are_refused(widths: dict[str, int], message: str) -> None:
    graph = trace(Tiny(), X)
    with pytest.raises(ModelError, match=message):
        graph.with_widths(widths)


def test_training_flags_and_weights_survive_a_trace() -> None:
    model = Tiny().train()
    model.bn1.eval()
    before = copy.deepcopy(model.state_dict())
    graph = trace(model, torch.rand(2, 3, 8, 8))
    assert model.training
    assert not model.bn1.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert graph.unreached == ("auxiliary.weight", "auxiliary.bias")
    assert graph.params == sum(p.numel() for p in model.parameters())


def test_a_network_that_branches_on_values_is_refused() -> None:
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    where = r"tracing Branching failed: .*test_surgery\.py:\d+ in forward"
    with pytest.raises(ModelError, match=where):
        trace(Branching(), X)


def test_a_graph_travels_to_another_process() -> None:
    graph = trace(Tiny(), X).with_widths({"conv1": 4})
    again = pickle.loads(pickle.dumps(graph))
    assert again.layers == graph.layers
    assert again.with_widths({"conv2": 3}).macs == graph.with_widths({"conv2": 3}).macs


def test_allowed_widths_are_multiples_of_channels() -> None:
    graph = trace(nn.Sequential(nn.Conv2d(3, 64, 1), nn.PixelShuffle(2), nn.Conv2d(16, 1, 1)), X)
    group = graph.groups[0]
    assert (group.full_width, group.step) == (16, 4)
    assert group.allowed_widths(8) == (2, 4, 6, 8, 10, 12, 14, 16)
    assert group.allowed_widths(1) == tuple(range(2, 17))
