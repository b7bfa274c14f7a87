"""Channels by the gains of their norms (network slimming: Liu et al., ICCV 2017)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from netadapt.errors import InputError
from netadapt.graph import ChannelGroup, LayerGraph
from netadapt.pruning.importance.base import free_groups
from netadapt.training.task import Task

NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)


def norm_scale(model: nn.Module, graph: LayerGraph, task: Task, seed: int) -> Mapping[str, Tensor]:
    """The absolute gains of each unit, summed over the norms of the group: `[width]`, float64.

    Raises InputError for a group without a norm that has gains.
    """
    gains = {
        f"{name}.weight" if name else "weight": module.weight
        for name, module in model.named_modules()
        if isinstance(module, NORMS) and module.weight is not None
    }
    return {group.name: _of_group(group, gains) for group in free_groups(graph)}


def _of_group(group: ChannelGroup, gains: Mapping[str, Tensor]) -> Tensor:
    uses = [use for use in group.uses if use.param in gains]
    if not uses:
        raise InputError(
            f"group {group.name} has no norm with gains to rank its channels by; choose another "
            f"--importance, or --freeze it"
        )
    total = torch.zeros(group.width, dtype=torch.float64)
    for use in uses:
        gain = gains[use.param].detach().double().cpu().abs().movedim(use.axis, 0)
        total += gain.reshape(len(gain), -1).sum(1)[torch.as_tensor(use.positions)].sum(1)
    return total
