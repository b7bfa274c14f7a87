"""Which filters of a group to keep: those of largest L2 norm, summed over the coupled layers.

NetAdapt (ECCV 2018, section 3.2.2) keeps the filters of largest magnitude; where layers are cut
together, the norms of their filters at the same position are added up.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netadapt.graph import ChannelGroup


def importance(model: nn.Module, group: ChannelGroup) -> Tensor:
    """The L2 norm of each unit's filters, summed over the layers that write it: `[width]`.

    Only weights that produce the channels count; a vector (a bias, a batch-norm gain) doesn't.
    """
    parameters = dict(model.named_parameters())
    total = torch.zeros(group.width, dtype=torch.float64)
    for use in group.uses:
        weight = parameters.get(use.param)
        if weight is None or use.role == "in" or weight.ndim < 2:
            continue
        rows = weight.detach().movedim(use.axis, 0).flatten(1).double().cpu()
        norms = rows.norm(dim=1)
        total += norms[torch.as_tensor(use.positions)].sum(1)
    return total


def kept_units(model: nn.Module, group: ChannelGroup, width: int) -> list[int]:
    """The `width` units of largest importance, in their old order; ties keep the first ones."""
    order = torch.argsort(importance(model, group), descending=True, stable=True)
    return sorted(order[:width].tolist())
