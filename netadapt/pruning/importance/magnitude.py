"""Filters by their norm, summed over the coupled layers.

NetAdapt (ECCV 2018, section 3.2.2) keeps the filters of largest L2 norm; L1 is that of Li et al.
(ICLR 2017). Where layers are cut together, the norms of their filters at one position are added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.pruning.importance.base import free_groups
from netadapt.training.task import Task


@dataclass(frozen=True)
class Magnitude:
    """The norm of each unit's filters; `order` 2 for L2, 1 for L1."""

    order: int = 2

    def __call__(
        self, model: nn.Module, graph: LayerGraph, task: Task, seed: int
    ) -> Mapping[str, Tensor]:
        return {group.name: self.of_group(model, group) for group in free_groups(graph)}

    def of_group(self, model: nn.Module, group: ChannelGroup) -> Tensor:
        """The norms summed over the layers that write the group's units: `[width]`, float64.

        Only weights that produce the channels count; a vector (a bias, a batch-norm gain) doesn't.
        """
        parameters = dict(model.named_parameters())
        total = torch.zeros(group.width, dtype=torch.float64)
        for use in group.uses:
            weight = parameters.get(use.param)
            if weight is None or use.role == "in" or weight.ndim < 2:
                continue
            rows = weight.detach().movedim(use.axis, 0).flatten(1).double().cpu()
            norms = rows.norm(p=self.order, dim=1)
            total += norms[torch.as_tensor(use.positions)].sum(1)
        return total


L2 = Magnitude(2)
L1 = Magnitude(1)
