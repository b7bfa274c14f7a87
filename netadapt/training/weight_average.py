"""The exponential moving average of a network's weights, which generalises better than the last.

Torch's `AveragedModel` holds and walks the weights; how fast the average follows is said here.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def weight_average(model: nn.Module, decay: float) -> AveragedModel:
    """An average that follows `model`, beginning at its weights; `.module` is the network.

    Call `update_parameters(model)` after each step. The decay rises to `decay` from zero over the
    first steps, so that an early average isn't made of the random start.
    """
    average = AveragedModel(model, multi_avg_fn=partial(_follow, decay), use_buffers=True)
    set_steps_done(average, 0)
    return average.eval().requires_grad_(False)


def set_steps_done(average: AveragedModel, steps: int) -> None:
    """Let the average go on as after so many steps, once its weights are put back."""
    # Torch throws the weights away that an average starts with, unless they count as one of it.
    average.n_averaged.fill_(1 + steps)


@torch.no_grad()
def _follow(decay: float, averages: Any, values: Any, averaged: Tensor | int) -> None:
    """Move the averages towards the values of step number `averaged`, counted from 1."""
    step = int(averaged)
    share = 1 - min(decay, (1 + step) / (10 + step))
    for average, value in zip(averages, values, strict=True):
        if average.is_floating_point():
            average.lerp_(value, share)
        else:
            average.copy_(value)
