"""Classification as a task: inputs and labels in memory, cross-entropy, accuracy.

The classes are told by the network's main output; auxiliary heads are neither trained nor judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.networks.network_inputs import Inputs, changed, fed, tensors_in
from netadapt.networks.network_outputs import main_output
from netadapt.training.modes import evaluation_mode


class ClassificationTask:
    """Images or vectors to classes, held in memory.

    `train` and `holdout` are pairs (inputs `[N, …]` float32, labels `[N]` int64); for a network of
    several inputs these are a tuple of tensors, or a dict by the names of the forward's parameters.
    Of several outputs `main_output` is the one with the scores `[N, classes]`.
    """

    metrics: tuple[str, ...] = ("accuracy", "cross_entropy")

    def __init__(self, train: tuple[Inputs, Tensor], holdout: tuple[Inputs, Tensor]) -> None:
        for name, (inputs, labels) in (("train", train), ("holdout", holdout)):
            count = len(tensors_in(inputs, name)[0])
            if count != len(labels):
                raise InputError(
                    f"{name} has {count} inputs and {len(labels)} labels; expected as many "
                    f"of one as of the other, and at least one"
                )
        self.train = train
        self.holdout = holdout

    def loss(self, output: Any, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(_scores(output, target), target)

    def distillation_loss(self, output: Any, teacher_output: Any) -> Tensor:
        """Cross-entropy with the probabilities that a teacher gives, in nats."""
        probabilities = main_output(teacher_output).softmax(1)
        return nn.functional.cross_entropy(main_output(output), probabilities)

    def training_batches(
        self, batch_size: int, seed: int, start_step: int = 0
    ) -> Iterator[tuple[Inputs, Tensor]]:
        inputs, labels = self.train
        step = start_step  # a generator takes 64 bits of a seed
        while True:
            generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**64)
            chosen = torch.randint(len(labels), (batch_size,), generator=generator)
            yield changed(inputs, itemgetter(chosen)), labels[chosen]
            step += 1

    @property
    def training_count(self) -> int:
        """How many examples an epoch has."""
        return len(self.train[1])

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        """The share of the holdout that is right, and the mean cross-entropy in nats."""
        scores, labels = self._scores_of(model, range(len(self.holdout[1])))
        return {
            "accuracy": float((scores.argmax(1) == labels).double().mean()),
            "cross_entropy": float(nn.functional.cross_entropy(scores, labels)),
        }

    @property
    def holdout_count(self) -> int:
        """How many examples `evaluate` takes the means over."""
        return len(self.holdout[1])

    def evaluate_images(self, model: nn.Module, images: range) -> dict[str, Tensor]:
        """The same of each of these examples: `[len(images)]`; an accuracy is 0 or 1."""
        scores, labels = self._scores_of(model, images)
        return {
            "accuracy": (scores.argmax(1) == labels).double(),
            "cross_entropy": nn.functional.cross_entropy(scores, labels, reduction="none"),
        }

    def _scores_of(self, model: nn.Module, images: range) -> tuple[Tensor, Tensor]:
        """Scores and labels of these examples of the holdout."""
        inputs, labels = self.holdout
        with evaluation_mode(model), torch.inference_mode():
            parts = (
                changed(inputs, itemgetter(slice(start, min(start + 256, images.stop))))
                for start in range(images.start, images.stop, 256)
            )
            scores = torch.cat([_scores(fed(model, part), labels) for part in parts])
        return scores, labels[images.start : images.stop]


def _scores(output: Any, labels: Tensor) -> Tensor:
    """The network's scores. Raises InputError where they aren't those of classes."""
    scores = main_output(output)
    if not labels.is_floating_point() and scores.ndim != labels.ndim + 1:
        raise InputError(
            f"the network gives {list(scores.shape)} where labels are {list(labels.shape)}; a "
            f"classification expects scores [N, classes], so give it a task of its own"
        )
    return scores
