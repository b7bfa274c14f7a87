"""Fine-tuning for a fixed number of steps, as a proposal gets it.

The state after step n depends only on the weights given, the settings and the seed, so a
fine-tuning that was killed is simply run again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.training.batch_norm import statistics_of_few_steps
from netadapt.training.convolutions import faster_convolutions
from netadapt.training.optimizers import parameter_groups
from netadapt.training.settings import FineTuning
from netadapt.training.task import Task


def fine_tune(
    model: nn.Module,
    task: Task,
    settings: FineTuning,
    *,
    seed: int,
    stream: Iterable[tuple[Tensor, Tensor]] | None = None,
    after_step: Callable[[int, float], None] | None = None,
) -> None:
    """Train `model` in place for `settings.steps` steps of SGD with momentum.

    The batches are `stream`, or else the task's for `seed`. `after_step` receives the step, from 1,
    and its loss.
    """
    optimizer = torch.optim.SGD(
        parameter_groups(model, settings.weight_decay),
        lr=settings.learning_rate,
        momentum=settings.momentum,
    )
    if stream is None:
        stream = task.training_batches(settings.batch_size, seed)
    with _training_mode(model), statistics_of_few_steps(model, settings.steps):
        for step, (inputs, target) in zip(range(settings.steps), stream, strict=False):
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate_at(step)
            loss = train_step(model, task, optimizer, inputs, target)
            if after_step is not None:
                after_step(step + 1, loss)


def train_step(
    model: nn.Module, task: Task, optimizer: torch.optim.Optimizer, inputs: Tensor, target: Tensor
) -> float:
    """One step; gives the loss. A loss that isn't finite raises InputError."""
    optimizer.zero_grad(set_to_none=True)
    with faster_convolutions(inputs.device):
        output = model(inputs)
    loss = task.loss(output, target)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise InputError(
            f"the loss became {value}; check the data with 'netadapt data check', or try a lower "
            f"learning rate"
        )
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return value


@contextmanager
def _training_mode(model: nn.Module) -> Iterator[None]:
    was_training = model.training
    model.train()
    try:
        yield
    finally:
        model.train(was_training)
