"""What the importances that look at more than a norm of weights come to."""

from __future__ import annotations

import pytest
import tiny
import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.graph import trace
from netadapt.pruning.importance.norm_scale import norm_scale
from netadapt.pruning.importance.registry import IMPORTANCES
from netadapt.pruning.importance.taylor import Taylor
from netadapt.training.modes import evaluation_mode

GRAPH = trace(tiny.network(), tiny.EXAMPLE)


def test_taylor_is_the_square_of_weights_times_gradients_over_all_layers_of_a_unit():
    model, task = tiny.network(), tiny.task()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.rand_like(parameter))
    scores = Taylor(images=32, batch_size=16)(model, GRAPH, task, seed=3)
    expected = torch.zeros(24, dtype=torch.float64)
    batches = task.training_batches(16, 3)
    with evaluation_mode(model):
        for _ in range(2):
            images, labels = next(batches)
            model.zero_grad()
            task.loss(model(images), labels).backward()
            layers = (model.first[0].weight, model.first[1].weight, model.first[1].bias)
            terms = (*layers, model.outer.weight, model.outer.bias)
            change = sum((w * w.grad).reshape(24, -1).sum(1) for w in terms)
            expected += change.detach().double().square()
    torch.testing.assert_close(scores["first"], expected, rtol=1e-4, atol=1e-12)


def test_taylor_leaves_the_network_as_it_was():
    model = tiny.network().train()
    model.first[1].eval()
    model.outer.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    scores = Taylor(images=8)(model, GRAPH, tiny.task(), seed=0)
    assert scores["first"].min() >= 0 < scores["first"].max()
    assert [model.training, model.first[1].training] == [True, False]
    assert [model.outer.weight.requires_grad, model.first[0].weight.requires_grad] == [False, True]
    assert all(parameter.grad is None for parameter in model.parameters())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_bn_scale_is_the_gain_of_the_norms():
    model = tiny.network()
    with torch.no_grad():
        model.inner[1].weight.copy_(torch.linspace(-1, 1, 24))
    scores = IMPORTANCES["bn-scale"](model, GRAPH, tiny.task(), 0)
    torch.testing.assert_close(scores["inner"], torch.linspace(-1, 1, 24).abs().double())


def test_bn_scale_names_a_group_that_has_no_norm():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3)).eval()
    with pytest.raises(InputError, match="group 0 has no norm with gains"):
        norm_scale(model, trace(model, torch.zeros(1, 3, 8, 8)), tiny.task(), 0)
