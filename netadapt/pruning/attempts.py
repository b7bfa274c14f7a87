"""A proposal to be tried: everything that cutting, fine-tuning and evaluating it needs.

An attempt depends on nothing but itself, so that an executor may run it where it likes, in any
order, as often as it likes, and always get the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from netadapt.graph import LayerGraph, cut
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.stages import SHORT_TERM, Stage
from netadapt.training.finetune import fine_tune, renew_statistics
from netadapt.training.settings import FineTuning
from netadapt.training.task import Task, evaluated, evaluated_images, tells_images


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to: the cut network, its metrics, and how long it took."""

    model: nn.Module
    metrics: Mapping[str, float]
    seconds: float
    samples: int = 0
    """The images that it was trained on."""
    scores: tuple[float, ...] = ()
    """The first metric of each image that it was judged on; empty where a task tells none apart."""
    of: Proposal | None = None
    """What was cut, so that outcomes aren't taken for one another; None where that isn't known."""


@dataclass(frozen=True)
class Attempt:
    """Proposal `number` of `count`; `kept` are the units that stay, of each group that it cuts.

    `batches_seed` picks the training batches, the same for all attempts of an iteration, so that
    they compare; `seed` fixes what the network itself draws (dropout).
    """

    number: int
    count: int
    proposal: Proposal
    kept: Mapping[str, tuple[int, ...]]
    model: nn.Module
    graph: LayerGraph
    task: Task
    short_term: FineTuning
    batches_seed: int
    seed: int
    stage: Stage = SHORT_TERM
    images: int | None = None
    """How many of the holdout's images it is judged on; None: all, by the task's `evaluate`."""

    def trained(self) -> tuple[nn.Module, int]:
        """The network cut and taken as far as the stage says, and the images it was trained on."""
        torch.manual_seed(self.seed)
        model = cut(self.model, self.graph, self.kept)
        settings = self.stage.fine_tuning(self.short_term)
        samples = fine_tune(model, self.task, settings, seed=self.batches_seed)
        if batches := self.stage.statistics_batches:
            size = settings.batch_size
            renew_statistics(model, self.task, batches, batch_size=size, seed=self.batches_seed)
        return model, samples

    def run(self) -> Outcome:
        """The same, evaluated."""
        started = time.perf_counter()
        model, samples = self.trained()
        scores: tuple[float, ...] = ()
        if self.images is not None and tells_images(self.task):
            metrics, each = evaluated_images(model, self.task, range(self.images))
            scores = tuple(each.tolist())
        else:
            metrics = evaluated(model, self.task)
        seconds = time.perf_counter() - started
        return Outcome(model, metrics, seconds, samples, scores, self.proposal)
