"""Gives weights whose batch norm was folded away its statistics back, before they are trained.

Folded weights compute the same function, but batch norm has become an identity plus a bias. Trained
like that it would normalise by each batch and destroy them; so `restore_batch_norm` measures the
statistics on training data. The network's function stays as it is. Statistics over the few steps of
a fine-tuning are another matter: `batch_norm_few_steps.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from netadapt.errors import DataError
from netadapt.networks.config import ModelConfig
from netadapt.networks.network_inputs import Inputs, fed, tensors_in
from netadapt.training.modes import evaluation_mode
from netadapt.training.task import Task, training_batches_of
from netadapt.users_code import users_code

RESTORING_BATCHES = 32
"""Batches of 8 training frames that folded weights get their batch-norm statistics from."""


def ready_to_train(
    model: nn.Module, config: ModelConfig, task: Task, seed: int, say: Callable[[str], None]
) -> ModelConfig:
    """Give folded weights their batch norm back, in place; the config that says so.

    Weights with batch norm of their own are left as they are. `say` is told what was done.
    """
    if not needs_batch_norm(model, config):
        return config
    stream = islice(training_batches_of(task, 8, seed), RESTORING_BATCHES)
    images = restore_batch_norm(model, (inputs for inputs, _ in stream))
    say(
        f"batch norm is folded into these weights: measured its statistics again on {images} "
        f"training frames, so that they can be trained"
    )
    return config.with_batch_norm("restored")


def needs_batch_norm(model: nn.Module, config: ModelConfig | None = None) -> bool:
    """Whether training `model` must wait for `restore_batch_norm`.

    The config says so; where it doesn't know, the model does: its running statistics are untouched
    (mean 0, variance 1) although most of its batch norms already shift.
    """
    if config is not None and config.batch_norm is not None:
        return config.batch_norm == "folded"
    norms = _batch_norms(model)
    untouched = all(
        bool((norm.running_mean == 0).all()) and bool((norm.running_var == 1).all())
        for norm in norms.values()
        if norm.running_mean is not None and norm.running_var is not None
    )
    shifting = sum(norm.bias is not None and bool(norm.bias.any()) for norm in norms.values())
    return bool(norms) and untouched and shifting > len(norms) / 2


@torch.no_grad()
def restore_batch_norm(model: nn.Module, batches: Iterable[Inputs]) -> int:
    """Give every batch norm of `model` the statistics of its input over `batches`, in place.

    `batches` are network inputs, [B, …], as in training; some hundred images are enough. All
    layers are measured in one pass a batch: the network's function doesn't change while they are,
    nor by what is set afterwards (gain and shift take up the new statistics). Returns the number
    of images seen. Raises DataError when there is none or the statistics aren't finite.
    """
    norms = {
        name: norm for name, norm in _batch_norms(model).items() if norm.running_mean is not None
    }
    moments = {name: _Moments(norm.num_features) for name, norm in norms.items()}
    handles = [
        norm.register_forward_pre_hook(_measure(moments[name])) for name, norm in norms.items()
    ]
    images = 0
    try:
        with evaluation_mode(model):
            for batch in batches:
                first = tensors_in(batch, "the task")[0]
                with users_code(f"{type(model).__name__}, on a batch of the task,"):
                    fed(model, batch)
                images += len(first)
    finally:
        for handle in handles:
            handle.remove()
    if images == 0:
        raise DataError("no frames to measure batch norm on: give at least one training frame")
    for name, measured in moments.items():
        if not measured.is_finite:
            raise DataError(f"the frames give batch norm {name} statistics that are not finite")
    for name, norm in norms.items():
        if moments[name].count:
            _set_statistics(norm, moments[name])
    return images


class _Moments:
    """Running mean and squared deviation of each channel, merged batch by batch in float64."""

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64)
        self.deviation = torch.zeros(width, dtype=torch.float64)

    @property
    def is_finite(self) -> bool:
        return bool(torch.isfinite(self.mean).all() and torch.isfinite(self.deviation).all())

    def add(self, x: Tensor) -> None:
        """Take in [B, C, …]. Merging as in Chan, Golub and LeVeque (1979): no cancellation."""
        values = x.detach().transpose(0, 1).flatten(1)
        count = values.shape[1]
        variance, mean = torch.var_mean(values.double(), dim=1, correction=0)
        mean, variance = mean.cpu(), variance.cpu()
        total = self.count + count
        step = mean - self.mean
        self.deviation += variance * count + step.square() * (self.count * count / total)
        self.mean += step * (count / total)
        self.count = total


def _measure(moments: _Moments) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        moments.add(inputs[0])

    return hook


def _set_statistics(norm: _BatchNorm, moments: _Moments) -> None:
    """Set mean and variance; gain and shift such that the layer's function stays the same.

    A channel that never varies gets variance 0 and the gain that undoes it, √ε times the old one.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean = moments.mean
    variance = moments.deviation / moments.count
    slope = 1 / (norm.running_var.double().cpu() + norm.eps).sqrt()
    offset = -norm.running_mean.double().cpu() * slope
    if norm.affine:
        slope, offset = slope * norm.weight.double().cpu(), offset * norm.weight.double().cpu()
        offset = offset + norm.bias.double().cpu()
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.bias.copy_(offset + slope * mean)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    return {name: m for name, m in model.named_modules() if isinstance(m, _BatchNorm)}
