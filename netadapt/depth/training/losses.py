"""Losses for depth, over the pixels whose ground truth is valid (> 0 and finite).

A loss takes prediction and truth `[B, 1, H, W]` in metres and gives a scalar; a batch without a
single valid pixel gives zero, with a gradient of zero.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from netadapt.errors import InputError

Loss = Callable[[Tensor, Tensor], Tensor]

LOG_OFFSET_M = 0.1
"""Added before the logarithm so that a prediction of zero has a bounded loss and gradient."""

SI_LOG_LAMBDA = 0.85
"""What is taken off the square of an image's mean log error: Eigen's λ, at the value of BTS."""


def l1(prediction: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error in metres: the loss FastDepth was trained with."""
    valid = _valid(truth)
    return _mean((prediction - truth).abs(), valid)


def berhu(prediction: Tensor, truth: Tensor) -> Tensor:
    """Reverse Huber (Laina et al., 3DV 2016): L1 below a fifth of the largest error, L2 above."""
    valid = _valid(truth)
    error = torch.where(valid, (prediction - truth).abs(), 0.0)
    threshold = (0.2 * error.detach().max()).clamp(min=1e-6)
    quadratic = (error**2 + threshold**2) / (2 * threshold)
    return _mean(torch.where(error <= threshold, error, quadratic), valid)


def log_l1(prediction: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of log depth: counts relative errors, as delta1 does."""
    valid = _valid(truth)
    return _mean((_log(prediction) - _log(torch.where(valid, truth, 1.0))).abs(), valid)


def log_l1_gradient(prediction: Tensor, truth: Tensor) -> Tensor:
    """`log_l1` plus half the error of log-depth gradients at four scales.

    The gradient term (after Li and Snavely, CVPR 2018) rewards sharp edges and flat surfaces.
    """
    valid = _valid(truth)
    difference = _log(prediction) - _log(torch.where(valid, truth, 1.0))
    total = _mean(difference.abs(), valid)
    for step in (1, 2, 4, 8):
        across = valid[..., :, step:] & valid[..., :, :-step]
        down = valid[..., step:, :] & valid[..., :-step, :]
        total = total + 0.125 * (
            _mean((difference[..., :, step:] - difference[..., :, :-step]).abs(), across)
            + _mean((difference[..., step:, :] - difference[..., :-step, :]).abs(), down)
        )
    return total


def si_log(prediction: Tensor, truth: Tensor) -> Tensor:
    """Ten times the root of the scale-invariant log error (Eigen et al., NIPS 2014).

    An image's mean log error, squared, counts only `1 - SI_LOG_LAMBDA` of what it would, as in BTS
    (Lee et al., arXiv 1907.10326).
    """
    valid = _valid(truth)
    counted = valid.flatten(1).sum(1).clamp(min=1)
    difference = _log(prediction) - _log(torch.where(valid, truth, 1.0))
    difference = torch.where(valid, difference, 0.0).flatten(1)
    mean, square = difference.sum(1) / counted, (difference**2).sum(1) / counted
    error = (square - SI_LOG_LAMBDA * mean**2).mean()
    # Clamped: a root has no gradient at zero.
    return 10.0 * error.clamp(min=1e-12).sqrt() * (error > 0)


LOSSES: dict[str, Loss] = {
    "l1": l1,
    "berhu": berhu,
    "log-l1": log_l1,
    "log-l1-gradient": log_l1_gradient,
    "si-log": si_log,
}


def loss_named(name: str) -> Loss:
    """The loss called `name`. Raises InputError that lists the names."""
    if name not in LOSSES:
        raise InputError(f"no loss is called '{name}'; choose one of {', '.join(LOSSES)}")
    return LOSSES[name]


def _valid(truth: Tensor) -> Tensor:
    return torch.isfinite(truth) & (truth > 0)


def _log(depth: Tensor) -> Tensor:
    return torch.log(depth.clamp(min=0) + LOG_OFFSET_M)


def _mean(values: Tensor, valid: Tensor) -> Tensor:
    return torch.where(valid, values, 0.0).sum() / valid.sum().clamp(min=1)
