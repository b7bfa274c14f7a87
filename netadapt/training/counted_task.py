"""A task that counts the training images it gives: what an importance or a strategy has used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from netadapt.networks.network_inputs import tensors_in
from netadapt.training.task import Batch, Task, of_task


class CountedTask:
    """`task` itself, with the `images` that its training batches have held so far."""

    def __init__(self, task: Task) -> None:
        self.inner_task = task
        """What is counted; errors name it."""
        self.metrics = task.metrics
        self.images = 0

    def loss(self, output: Any, target: Any) -> Tensor:
        return self.inner_task.loss(output, target)

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        for batch in self.inner_task.training_batches(batch_size, seed, start_step):
            if isinstance(batch, (tuple, list)) and batch:
                self.images += len(tensors_in(batch[0], of_task(self, "training_batches"))[0])
            yield batch

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        return self.inner_task.evaluate(model)

    def __getattr__(self, name: str) -> Any:
        """What a task has beyond the protocol."""
        return getattr(self.inner_task, name)
