"""Optimizers: muon turns the pointwise convolutions alike, AdamW does the rest; all are saved."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.training.optimizers import OPTIMIZERS, Optimizers, make_optimizers

RATE = 1e-2


def network() -> nn.Sequential:
    """Pointwise, depthwise, grouped, ordinary, and the last one with a single output."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        nn.Conv2d(8, 16, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.Conv2d(16, 16, 1, groups=2, bias=False),
        nn.Conv2d(16, 1, 1),
    ).to(memory_format=torch.channels_last)


def opened(model: nn.Module, name: str) -> Optimizers:
    return make_optimizers(model, name, learning_rate=RATE, momentum=0.9, weight_decay=0.0)


def step(model: nn.Module, optimizers: Optimizers, seed: int = 0) -> None:
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    optimizers.zero_grad()
    model(images.to(memory_format=torch.channels_last)).square().mean().backward()
    optimizers.step()


def test_muon_moves_every_direction_of_a_pointwise_convolution_alike():
    model = network()
    before = [p.detach().clone() for p in model.parameters()]
    step(model, opened(model, "muon"))
    moved = [old - p.detach() for old, p in zip(before, model.parameters(), strict=True)]
    ordinary, depthwise, pointwise, _, _, grouped, last, bias = moved
    spread = torch.linalg.svdvals(pointwise.flatten(1)) / (RATE * 0.2 * 16**0.5)
    assert 0.5 < spread.min() <= spread.max() < 1.3  # a gradient's own would be far from alike
    for others in (ordinary, depthwise, grouped, last, bias):  # AdamW's first step: the rate
        assert others.abs().median() == pytest.approx(RATE, rel=0.01)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_put_back_goes_on_to_the_same_weights(name):
    whole, part = network(), network()
    optimizers, first = opened(whole, name), opened(part, name)
    step(whole, optimizers)
    step(part, first)
    saved = {key: value.clone() for key, value in first.state_tensors().items()}
    second = opened(part, name)
    second.load_state_tensors(saved)
    for each in (optimizers, second):
        each.set_learning_rate(RATE / 2)
    step(whole, optimizers, seed=1)
    step(part, second, seed=1)
    for ours, theirs in zip(whole.parameters(), part.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_torch_without_muon_is_named(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon")
    opened(network(), "adamw")
    with pytest.raises(InputError, match=r"muon came with torch 2\.9 and this is"):
        opened(network(), "muon")


def test_muon_needs_no_pointwise_convolution():
    model = nn.Sequential(nn.Conv2d(3, 1, 3, padding=1))
    before = model[0].weight.detach().clone()
    step(model, opened(model, "muon"))
    assert not torch.equal(before, model[0].weight)


def test_an_unknown_optimizer_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="no optimizer is called 'lion'; choose one of sgd, adamw"):
        make_optimizers(nn.Linear(2, 2), "lion", learning_rate=0.1, momentum=0.9, weight_decay=0.0)
