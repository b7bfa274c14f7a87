"""Classification as a task: inputs and labels in memory, cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.training.modes import evaluation_mode


class ClassificationTask:
    """Images or vectors to classes, held in memory.

    `train` and `holdout` are pairs (inputs `[N, …]` float32, labels `[N]` int64).
    """

    metrics: tuple[str, ...] = ("accuracy", "cross_entropy")

    def __init__(self, train: tuple[Tensor, Tensor], holdout: tuple[Tensor, Tensor]) -> None:
        for name, (inputs, labels) in (("train", train), ("holdout", holdout)):
            if len(inputs) == 0 or len(inputs) != len(labels):
                raise InputError(
                    f"{name} has {len(inputs)} inputs and {len(labels)} labels; expected as many "
                    f"of one as of the other, and at least one"
                )
        self.train = train
        self.holdout = holdout

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output, target)

    def training_batches(
        self, batch_size: int, seed: int, start_step: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        inputs, labels = self.train
        step = start_step  # a generator takes 64 bits of a seed
        while True:
            generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**64)
            chosen = torch.randint(len(inputs), (batch_size,), generator=generator)
            yield inputs[chosen], labels[chosen]
            step += 1

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """The share of the holdout that is right, and the mean cross-entropy in nats."""
        inputs, labels = self.holdout
        with evaluation_mode(model), torch.inference_mode():
            scores = torch.cat([model(part) for part in torch.split(inputs, 256)])
        return {
            "accuracy": float((scores.argmax(1) == labels).double().mean()),
            "cross_entropy": float(nn.functional.cross_entropy(scores, labels)),
        }
