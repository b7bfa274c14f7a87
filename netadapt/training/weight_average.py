"""The exponential moving average of a network's weights, which generalises better than the last."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """A copy of `model` whose floating-point state follows the model's, slowly.

    The decay rises to `decay` from zero over the first steps, so that an early average isn't made
    of the random start.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards `model` after step number `step`, counted from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for average, value in zip(
            self.model.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)
