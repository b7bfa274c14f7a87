"""Whole networks that calibrate a table: each is cut as its graph says."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from netadapt.graph import trace
from netadapt.latency.measure.calibration_networks import whole_networks
from netadapt.latency.measure.random_prunings import random_prunings
from netadapt.latency.runtimes.network_steps import read_network

EXAMPLE = torch.zeros(1, 1, 12, 12)


class Flat(nn.Module):
    """The README's: a constant in the exported code counts the channels that Flatten joins."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        assert x.shape[1] % 16 == 0
        return self.last(self.second(x).relu())


@pytest.mark.slow
def test_a_network_that_flattens_is_exported_at_the_widths_of_its_prunings() -> None:
    model = Flat().eval()
    networks = whole_networks(model, trace(model, EXAMPLE), (EXAMPLE,))
    assert len({network.layers for network in networks}) > 2
    for network in networks:
        assert tuple(step.shape for step in read_network(network.model).steps) == network.layers


def test_a_pruning_has_widths_that_the_network_takes() -> None:
    prunings = random_prunings(trace(Flat(), EXAMPLE), 30, seed=0)
    assert {pruning.widths["first"] for pruning in prunings} == {16, 32}
    assert len({pruning.widths["second"] for pruning in prunings}) > 4
