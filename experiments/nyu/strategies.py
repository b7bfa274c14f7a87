"""The baselines of experiments/nyu, as strategies and importances that `netadapt` knows by name.

Each cuts once, to the widest network that meets the budgets by its own rule. Which units of a group
go is the importance's affair.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch_pruning as tp
from torch import Tensor, nn

from netadapt.depth.fastdepth.variants import FASTDEPTH_PRUNED
from netadapt.graph import LayerGraph
from netadapt.pruning.importance.base import free_groups
from netadapt.pruning.importance.registry import register_importance
from netadapt.pruning.iteration import Iteration
from netadapt.pruning.proposals import nearest_width
from netadapt.pruning.strategies.one_cut import OneCut
from netadapt.pruning.strategies.registry import register_strategy
from netadapt.training.task import Task

SHARES = tuple(count / 256 for count in range(257))
"""How far a rule may be taken, from nothing to all; nearer ones give the same widths, or nearly."""

EXPONENTS = tuple(count / 32 for count in range(1, 8 * 32))


class Global(OneCut):
    """The units of least importance go, whichever group they are of: one threshold for all."""

    name = "global"

    def widths(self, iteration: Iteration) -> Iterable[Mapping[str, int]]:
        groups, scores = free_groups(iteration.graph), iteration.importances
        ranked = torch.cat([scores[group.name] for group in groups]).sort().values
        for share in SHARES[1:]:
            least = ranked[min(len(ranked) - 1, math.floor(share * len(ranked)))]
            yield {
                group.name: nearest_width(
                    group, int((scores[group.name] >= least).sum()), iteration.settings.step
                )
                for group in groups
            }


class RandomWidths(OneCut):
    """Each group at a share of its width that is drawn by lot, all raised to one power."""

    name = "random-widths"

    def widths(self, iteration: Iteration) -> Iterable[Mapping[str, int]]:
        groups, drawn = free_groups(iteration.graph), random.Random(iteration.seed)
        shares = {group.name: drawn.uniform(0.25, 1.0) for group in groups}
        for exponent in EXPONENTS:
            yield {
                group.name: nearest_width(
                    group, group.width * shares[group.name] ** exponent, iteration.settings.step
                )
                for group in groups
            }


class PublishedWidths(OneCut):
    """The widths that NetAdapt gave the published FastDepth."""

    name = "published-widths"

    def widths(self, iteration: Iteration) -> Iterable[Mapping[str, int]]:
        widths = FASTDEPTH_PRUNED.widths
        return [{group.name: widths[group.name] for group in free_groups(iteration.graph)}]


def torch_prunings(
    model: nn.Module, graph: LayerGraph, task: Task, seed: int
) -> Mapping[str, Tensor]:
    """torch-pruning's group importance, as its documentation has it: `GroupMagnitudeImportance`.

    The L2 norm of all weights that a unit takes part in, over the group's mean: its dependency
    graph says which these are.
    """
    example = torch.zeros(graph.input_shapes[0])
    found = tp.DependencyGraph().build_dependency(model, example_inputs=example)
    importance = tp.importance.GroupMagnitudeImportance(p=2, normalizer="mean")
    modules = dict(model.named_modules())
    scores: dict[str, Tensor] = {}
    for group in free_groups(graph):
        writer = modules[group.layers[0]]
        units = list(range(group.width))
        whole: Any = found.get_pruning_group(writer, tp.prune_conv_out_channels, idxs=units)
        scores[group.name] = importance(whole).detach().double()
    return scores


register_strategy("global", Global())
register_strategy("random-widths", RandomWidths())
register_strategy("published-widths", PublishedWidths())
register_importance("torch-pruning", torch_prunings)
