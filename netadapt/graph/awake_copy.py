"""A copy of a network in which everything counts: what a trial runs in the network's place.

A network as it begins can hide a fault: a branch behind a zero gamma, a layer scale of 1e-6, a
last ReLU that is dead, half precision's rounding. So the copy computes in float32 or float64, and
every weight and statistic is drawn anew, of a size that keeps activations near one. What is
compared, and why, is `trial.py`'s affair.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from netadapt.graph.network_copy import copied


def awake_copy(model: nn.Module, dtype: torch.dtype, seed: int) -> nn.Module:
    """`model` in evaluation mode and in `dtype`, with random parameters and float buffers.

    Buffers keep what they say (an infinite mask, the sign of a kernel) and change in size alone.
    """
    result = copied(model).to(dtype).eval()
    generator = torch.Generator().manual_seed(seed)
    drawn: set[int] = set()
    with torch.no_grad():
        for name, parameter in result.named_parameters():
            if parameter.is_floating_point() and id(parameter) not in drawn:
                drawn.add(id(parameter))
                parameter.copy_(_parameter(name, parameter, generator))
        for name, buffer in result.named_buffers():
            if buffer.is_floating_point() and id(buffer) not in drawn:
                drawn.add(id(buffer))
                buffer.copy_(_buffer(name, buffer, generator))
    return result


def awake_inputs(inputs: Any, dtype: torch.dtype, seed: int) -> Any:
    """Inputs of the same shapes and range, whose values tell channels and positions apart.

    Whole numbers (tokens, indices) stay as they are: what they may be is not known. So do masks,
    unless they mask all or nothing.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(item: Any) -> Any:
        if isinstance(item, torch.Tensor) and item.dtype is torch.bool and _alike(item):
            return (torch.rand(item.shape, generator=generator) < 0.5).to(item.device)
        if isinstance(item, torch.Tensor) and item.is_floating_point():
            low, high = _range(item)
            values = torch.rand(item.shape, generator=generator) * (high - low) + low
            return values.to(item.device, dtype)
        return item

    return tree_map(draw, inputs)


def _alike(values: torch.Tensor) -> bool:
    return values.numel() > 1 and bool((values == values.flatten()[0]).all())


def _range(values: torch.Tensor) -> tuple[float, float]:
    """The least and the largest finite value; 0 and 1 where they don't differ."""
    finite = values[values.isfinite()].float()
    if not finite.numel() or finite.min() == finite.max():
        return 0.0, 1.0
    return float(finite.min()), float(finite.max())


def _parameter(name: str, old: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    if old.ndim > 1:
        terms = max(1, old.numel() // max(1, old.shape[0]))
        return torch.randn(old.shape, generator=generator) * math.sqrt(2 / terms)
    # A norm's gain near one; a bias above zero, so that a ReLU behind it lives.
    low, high = (0.05, 0.5) if "bias" in name.rpartition(".")[2] else (0.5, 1.5)
    return _uniform(old, low, high, generator)


def _buffer(name: str, old: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    if "mean" in name.rpartition(".")[2]:
        return _uniform(old, -0.3, 0.3, generator)
    size = _uniform(old, 0.5, 1.5, generator).to(old)
    if "var" in name.rpartition(".")[2]:
        return size  # a trained one may be tiny: every layer would then blow rounding up
    return torch.where(old == 0, size, old * size)


def _uniform(
    like: torch.Tensor, low: float, high: float, generator: torch.Generator
) -> torch.Tensor:
    return torch.rand(like.shape, generator=generator) * (high - low) + low
