"""Fine-tuning for a fixed number of steps, as a proposal gets it.

The state after step n depends only on the weights given, the settings and the seed, so a
fine-tuning that was killed is simply run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import torch
from torch import nn

from netadapt.networks.network_inputs import examples_in, fed
from netadapt.training.batch_norm_few_steps import statistics_of_few_steps
from netadapt.training.modes import training_mode
from netadapt.training.optimizers import make_optimizers
from netadapt.training.settings import FineTuning
from netadapt.training.steps import train_step
from netadapt.training.task import Batch, Task, batches_of, on_a_batch, training_batches_of
from netadapt.users_code import users_code


def fine_tune(
    model: nn.Module,
    task: Task,
    settings: FineTuning,
    *,
    seed: int,
    stream: Iterable[Batch] | None = None,
    after_step: Callable[[int, float], None] | None = None,
) -> int:
    """Train `model` in place for `settings.steps` steps of SGD with momentum.

    Gives how many images it was trained on.

    The batches are `stream`, or else the task's for `seed`. `after_step` receives the step, from 1,
    and its loss. Raises InputError for a loss that isn't finite, and naming the task where that
    fails or runs out of batches.
    """
    optimizers = make_optimizers(
        model,
        "sgd",
        learning_rate=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    if stream is None:
        batches = training_batches_of(task, settings.batch_size, seed)
    else:
        batches = batches_of(task, stream)
    images = 0
    with training_mode(model), statistics_of_few_steps(model, settings.steps):
        for step, (inputs, target) in zip(range(settings.steps), batches, strict=False):
            optimizers.set_learning_rate(settings.learning_rate_at(step))
            loss = train_step(model, task, optimizers, inputs, target)
            images += examples_in(inputs)
            if after_step is not None:
                after_step(step + 1, loss)
    return images


def renew_statistics(
    model: nn.Module, task: Task, batches: int, *, batch_size: int, seed: int
) -> None:
    """Bring batch norm's running statistics, in place, to what so many training batches show.

    No gradient is taken.
    """
    stream = training_batches_of(task, batch_size, seed)
    with torch.no_grad(), training_mode(model), statistics_of_few_steps(model, batches):
        for inputs, _ in islice(stream, batches):
            with users_code(on_a_batch(task)):
                fed(model, inputs)
