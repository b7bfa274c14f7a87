"""Networks and tasks with something that a plain CNN has not, as users bring them.

Imported by tests, and by the command line as `odd_nets:NAME`.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import netadapt

SHAPE = (1, 3, 8, 8)


def block(entering: int, leaving: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(entering, leaving, 3, 1, 1, bias=False), nn.BatchNorm2d(leaving), nn.ReLU()
    )


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = block(3, 32), block(32, 32)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.second(self.first(x)).mean((2, 3)))


class Flat(nn.Sequential):
    """A constant in its code counts the channels: the shape that Flatten gives."""

    def __init__(self) -> None:
        pool = (nn.AdaptiveAvgPool2d(2), nn.Flatten())
        super().__init__(block(3, 32), block(32, 16), *pool, nn.Linear(64, 3))


class DictOutput(Plain):
    def forward(self, x: Tensor) -> Any:
        scores = super().forward(x)
        return {"hidden": scores.relu(), "logits": scores}


@dataclass
class Scores:
    logits: Tensor
    loss: Tensor | None = None


class DataclassOutput(Plain):
    def forward(self, x: Tensor) -> Any:
        return Scores(super().forward(x))


class TupleOutput(Plain):
    def forward(self, x: Tensor) -> Any:
        scores = super().forward(x)
        return scores, [scores.relu(), None]


class AuxiliaryHead(Plain):
    """Two outputs in training, one in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.auxiliary = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Any:
        x = self.first(x)
        scores = self.head(self.second(x).mean((2, 3)))
        return (scores, self.auxiliary(x.mean((2, 3)))) if self.training else scores


class CountsInTraining(Plain):
    """What it asserts, it asserts in training alone."""

    def forward(self, x: Tensor) -> Any:
        x = self.first(x)
        assert not self.training or x.shape[1] == 32, "32 in training"
        return self.head(self.second(x).mean((2, 3)))


class Sixteens(Plain):
    def forward(self, x: Tensor) -> Any:
        x = self.first(x)
        assert x.shape[1] % 16 == 0, "a multiple of 16"
        return self.head(self.second(x).mean((2, 3)))


class Noisy(Plain):
    def forward(self, x: Tensor) -> Any:
        x = self.second(self.first(x)).mean((2, 3))
        return self.head(functional.dropout(x, 0.3, training=True))


class TwoInputs(Plain):
    def forward(self, image: Tensor, depth: Tensor, scale: float = 1.0) -> Any:
        return super().forward(image + depth * scale)


class Leaves(Plain):
    """Ends the program in training."""

    def forward(self, x: Tensor) -> Any:
        if self.training:
            sys.exit("enough")
        return super().forward(x)


class Inverts(Plain):
    """ONNX has no operator for it."""

    def forward(self, x: Tensor) -> Any:
        x = super().forward(x)
        return torch.linalg.inv(x[:, :, None] * x[:, None] + torch.eye(3)).sum(1)


def half() -> nn.Module:
    return Plain().half()


def examples() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(3, (64,), generator=generator)
    return torch.rand(64, *SHAPE[1:], generator=generator), labels


def task() -> netadapt.ClassificationTask:
    images, labels = examples()
    return netadapt.ClassificationTask((images[:48], labels[:48]), (images[48:], labels[48:]))


def task_of_pairs() -> netadapt.ClassificationTask:
    images, labels = examples()
    halves = ((images[part], images[part] / 2) for part in (slice(48), slice(48, None)))
    return netadapt.ClassificationTask(
        *((inputs, of) for inputs, of in zip(halves, (labels[:48], labels[48:]), strict=True))
    )


class TaskOfDicts:
    """Its batches name the parameters, in another order than the forward has them."""

    metrics = ("accuracy",)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output, target)

    def training_batches(
        self, batch_size: int, seed: int, start_step: int = 0
    ) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
        images, labels = examples()
        for step in itertools.count(start_step):
            generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
            chosen = torch.randint(48, (batch_size,), generator=generator)
            yield {"depth": images[chosen] / 2, "image": images[chosen]}, labels[chosen]

    def evaluate(self, model: nn.Module) -> dict[str, float]:
        images, labels = examples()
        with torch.inference_mode():
            scores = model.eval()(image=images[48:], depth=images[48:] / 2)
        return {"accuracy": float((scores.argmax(1) == labels[48:]).float().mean())}


def task_of_dicts() -> TaskOfDicts:
    return TaskOfDicts()
