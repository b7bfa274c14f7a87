"""The baselines of experiments/nyu: they cut by their own rule, and meet the budget."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

import netadapt
from netadapt.depth.fastdepth.variants import FASTDEPTH_PRUNED
from netadapt.graph import trace
from netadapt.networks import build
from netadapt.pruning.importance.magnitude import L2
from netadapt.training.classification import ClassificationTask

pytest.importorskip("torch_pruning", reason="the extra 'dev' brings torch-pruning")

import itertools

from experiments.nyu.cases import CASES, METHODS
from experiments.nyu.strategies import (
    Global,
    PublishedWidths,
    RandomWidths,
    torch_prunings,
)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 48, 3, padding=1, bias=False),
        nn.BatchNorm2d(48),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(48, 4),
    )


def task() -> ClassificationTask:
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.rand(16, 3, 8, 8, generator=generator), torch.arange(16) % 4
    return ClassificationTask((images, labels), (images, labels))


def iteration(
    graph: netadapt.LayerGraph, importances: Any = None, seed: int = 0
) -> SimpleNamespace:
    return SimpleNamespace(
        graph=graph, importances=importances, seed=seed, settings=SimpleNamespace(step=8)
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "global", "importance": "l2"},
        {"strategy": "global", "importance": "torch-pruning"},
        {"strategy": "random-widths"},
    ],
)
def test_a_baseline_meets_the_budget_in_one_cut(tmp_path, settings) -> None:
    found = netadapt.prune(
        network(),
        torch.zeros(1, 3, 8, 8),
        task=task(),
        budget={"macs": "60%"},
        out=tmp_path / "run",
        finetune_steps=1,
        **settings,
    )
    given, end = found.records
    assert end.macs <= 0.6 * given.macs
    assert all(width % 8 == 0 for width in list(end.widths.values())[:2])


def test_global_leaves_what_is_above_one_threshold() -> None:
    graph = trace(network(), torch.zeros(1, 3, 8, 8))
    first, second = (group.name for group in graph.groups if not group.frozen)
    scores = {first: torch.arange(32.0), second: 8 + torch.arange(48.0)}
    tried = list(Global().widths(iteration(graph, scores)))
    for widths in tried:
        # The second group's scores begin where the first has lost 8; widths are multiples of 8.
        lost, lost_of_second = 32 - widths[first], 48 - widths[second]
        assert lost >= 24 or abs(max(0, lost - 8) - lost_of_second) <= 8
    sizes = [sum(widths.values()) for widths in tried]
    assert sizes == sorted(sizes, reverse=True)


def test_random_widths_differ_from_seed_to_seed_and_shrink() -> None:
    graph = trace(network(), torch.zeros(1, 3, 8, 8))
    one, again, other = (list(RandomWidths().widths(iteration(graph, seed=s))) for s in (1, 1, 2))
    assert one == again
    assert one != other
    assert all(a >= b for before, after in itertools.pairwise(one)
               for a, b in zip(before.values(), after.values(), strict=True))  # fmt: skip


def test_published_widths_are_those_of_every_group() -> None:
    graph = trace(build(netadapt.networks.registry.named_config("fastdepth").complete()),
                  torch.zeros(1, 3, 224, 224))  # fmt: skip
    (widths,) = PublishedWidths().widths(iteration(graph))
    cut = graph.with_widths(widths)
    published = trace(build(FASTDEPTH_PRUNED.complete()), torch.zeros(1, 3, 224, 224))
    assert [str(layer.shape) for layer in cut.layers] == [
        str(layer.shape) for layer in published.layers
    ]


def test_torch_prunings_importance_sees_both_sides_of_a_group() -> None:
    model = network()
    graph = trace(model, torch.zeros(1, 3, 8, 8))
    with torch.no_grad():
        model[0].weight[5] = 0  # written as nothing, and read as nothing
        model[1].weight[5] = 0
        model[3].weight[:, 5] = 0
        model[3].weight[:, 7] *= 30  # read loudly
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    scores = torch_prunings(model, graph, task(), 0)
    first = scores[next(iter(scores))]
    assert int(first.argmin()) == 5
    assert int(first.argmax()) == 7
    assert int(L2(model, graph, task(), 0)[next(iter(scores))].argmax()) != 7
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_all_methods_meet_at_the_main_budget_of_each_case() -> None:
    for case in CASES.values():
        assert {*case.methods(case.main), *case.without} == {*METHODS}
        assert case.main in case.budgets
        assert all(case.methods(budget)[0] == "saliency" for budget in case.budgets)
