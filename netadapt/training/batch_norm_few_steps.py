"""Batch norm's running statistics over a handful of training steps.

A cut shifts the input of every batch norm behind it, and evaluation uses the running statistics:
at the usual momentum a handful of steps leaves most of the old ones. But a handful of batches also
tells the statistics poorly, and where nothing has shifted, the old ones are better. So each norm
follows its batches as far as they agree with one another that there is a shift (positive-part
shrinkage, after James and Stein, 1961).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

HANDFUL = 2 / 3
"""Steps are few when at a norm's own momentum less than this of its statistics would be theirs."""

SHARE_OF_ONE_STEP = 1 / 2
"""How far statistics follow a single batch, which has no other to agree with."""


@contextmanager
def statistics_of_few_steps(model: nn.Module, steps: int) -> Iterator[None]:
    """Within this block `model` is trained for `steps` steps; after it the statistics are set.

    Norms whose own momentum follows in so many steps keep to it. After an exception the statistics
    are those of the last batch.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    followers = [_Follower(norm) for norm in norms if _is_slow(norm, steps)]
    try:
        yield
    finally:
        for follower in followers:
            follower.stop()
    for follower in followers:
        follower.set_statistics()


def agreed_share(means: Tensor, old_mean: Tensor, old_variance: Tensor) -> float:
    """How far to go from `old_mean` `[C]` to the average of the batches' `means` `[N, C]`: 0 to 1.

    One minus what chance alone would bring of the squared distance, in units of the variance. The
    spread between the batches tells that, so there must be two at least.
    """
    by_chance = (means.var(0) / len(means) / old_variance).sum()
    distance = ((means.mean(0) - old_mean).square() / old_variance).sum()
    return float((1 - by_chance / distance).clamp(0, 1)) if distance > 0 else 0.0


def _is_slow(norm: _BatchNorm, steps: int) -> bool:
    if norm.momentum is None or norm.running_mean is None:
        return False
    return 1 - (1 - norm.momentum) ** max(1, steps) < HANDFUL


class _Follower:
    """Collects what a norm sees, batch by batch."""

    def __init__(self, norm: _BatchNorm) -> None:
        assert norm.running_mean is not None  # else it isn't slow
        assert norm.running_var is not None
        self._norm = norm
        self._mean, self._variance = norm.running_mean, norm.running_var
        self._old = self._mean.clone(), self._variance.clone()
        self._batches: list[tuple[Tensor, Tensor]] = []
        self._momentum = norm.momentum
        norm.momentum = 1.0  # the running statistics are the last batch's
        self._hook = norm.register_forward_hook(lambda *_: self._collect())

    def stop(self) -> None:
        self._hook.remove()
        self._norm.momentum = self._momentum

    def set_statistics(self) -> None:
        if not self._batches:
            return
        old_mean, old_variance = self._old
        means, variances = (torch.stack(batches) for batches in zip(*self._batches, strict=True))
        share = SHARE_OF_ONE_STEP
        if len(means) > 1:
            share = agreed_share(means, old_mean, old_variance + self._norm.eps)
        self._mean.copy_(torch.lerp(old_mean, means.mean(0), share))
        self._variance.copy_(torch.lerp(old_variance, variances.mean(0), share))

    def _collect(self) -> None:
        if self._norm.training:
            self._batches.append((self._mean.clone(), self._variance.clone()))
