"""Tasks that change one thing of another task."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.networks.network_inputs import examples_in, fed
from netadapt.networks.network_outputs import main_output
from netadapt.training.modes import evaluation_mode
from netadapt.training.task import Batch, Task, batches_of, of_task


class TaskWrapper:
    """`inner_task` itself; errors name that."""

    def __init__(self, task: Task) -> None:
        self.inner_task = task
        self.metrics = task.metrics

    def around(self, task: Any) -> TaskWrapper:
        """The same of another task; of None, which is to be filled so later."""
        other = copy.copy(self)
        other.inner_task = task
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Its own, not the inner task's, whose members are looked up here too."""
        return dict(vars(self))

    def loss(self, output: Any, target: Any) -> Tensor:
        return self.inner_task.loss(output, target)

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        return self.inner_task.training_batches(batch_size, seed, start_step)

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        return self.inner_task.evaluate(model)

    def __getattr__(self, name: str) -> Any:
        """What a task has beyond the protocol."""
        if name == "inner_task":  # of a copy that isn't filled yet
            raise AttributeError(name)
        return getattr(self.inner_task, name)


class CountedTask(TaskWrapper):
    """Counts the training images that it gives: what an importance or a strategy has used."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.images = 0

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        for batch in super().training_batches(batch_size, seed, start_step):
            if isinstance(batch, (tuple, list)) and batch:
                self.images += examples_in(batch[0], of_task(self, "training_batches"))
            yield batch


class DistilledTask(TaskWrapper):
    """Targets are what `teacher`, a trained network, gives for the inputs; labels aren't needed.

    The loss is the task's `distillation_loss(output, teacher_output)` where it has one, else the
    mean distance of the main outputs, as a share of how far the teacher's lie from their mean.
    With a `share` below 1 the labels have the rest: a target is the task's own and the teacher's.
    """

    def __init__(self, task: Task, teacher: nn.Module, share: float = 1.0) -> None:
        super().__init__(task)
        self.teacher = teacher
        self.share = share

    def loss(self, output: Any, target: Any) -> Tensor:
        if self.share == 1:
            return self._distance(output, target)
        own, taught = target
        distance = self._distance(output, taught)
        return (1 - self.share) * self.inner_task.loss(output, own) + self.share * distance

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        stream = super().training_batches(batch_size, seed, start_step)
        for inputs, own in batches_of(self, stream):
            with evaluation_mode(self.teacher), torch.no_grad():
                taught = fed(self.teacher, inputs)
            yield inputs, taught if self.share == 1 else (own, taught)

    def _distance(self, output: Any, taught: Any) -> Tensor:
        own = getattr(self.inner_task, "distillation_loss", None)
        if own is not None:
            loss: Tensor = own(output, taught)
            return loss
        return _relative_distance(main_output(output), main_output(taught))


def labelled(task: Task) -> Task:
    """`task` with its own targets, where a teacher gives them."""
    return task.inner_task if isinstance(task, DistilledTask) else task


def _relative_distance(output: Tensor, target: Tensor) -> Tensor:
    spread = (target - target.mean()).abs().mean().clamp(min=1e-12)
    return (output - target).abs().mean() / spread
