"""A proposal to be tried: everything that cutting, fine-tuning and evaluating it needs.

An attempt depends on nothing but itself, so that an executor may run it where it likes, in any
order, as often as it likes, and always get the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.graph import LayerGraph, cut
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.stages import SHORT_TERM, Stage
from netadapt.training.finetune import fine_tune, renew_statistics
from netadapt.training.memory_shortage import lacked_memory
from netadapt.training.settings import FineTuning
from netadapt.training.task import Task, evaluated, evaluated_images, tells_images


class KeptModel(Protocol):
    """A cut network that stays where it was made until somebody wants it.

    It is given up there when the last reference to this is gone.
    """

    def fetched(self) -> nn.Module | None:
        """The network; None where it was lost, and must be made again."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to: the cut network, its metrics, and how long it took."""

    model: nn.Module | KeptModel | None
    metrics: Mapping[str, float]
    seconds: float
    samples: int = 0
    """The images that it was trained on."""
    scores: tuple[float, ...] = ()
    """The first metric of each image that it was judged on; empty where a task tells none apart."""
    of: Proposal | None = None
    """What was cut, so that outcomes aren't taken for one another; None where that isn't known."""
    failure: str = ""
    """Why there are no metrics; the search goes on without the proposal."""


@dataclass(frozen=True)
class Ground:
    """What all attempts of an iteration share: the network that they cut, and how it is trained.

    `batches_seed` picks the training batches, the same for all, so that they compare; `seed` fixes
    what the network itself draws (dropout).
    """

    model: nn.Module
    graph: LayerGraph
    task: Task
    short_term: FineTuning
    batches_seed: int
    seed: int


@dataclass(frozen=True)
class Attempt:
    """Proposal `number` of `count`; `kept` are the units that stay, of each group that it cuts."""

    number: int
    count: int
    proposal: Proposal
    kept: Mapping[str, tuple[int, ...]]
    ground: Ground = field(repr=False)
    stage: Stage = SHORT_TERM
    images: int | None = None
    """How many of the holdout's images it is judged on; None: all, by the task's `evaluate`."""

    def trained(self) -> tuple[nn.Module, int]:
        """The network cut and taken as far as the stage says, and the images it was trained on."""
        ground = self.ground
        torch.manual_seed(ground.seed)
        model = cut(ground.model, ground.graph, self.kept)
        settings = self.stage.fine_tuning(ground.short_term)
        seed = ground.batches_seed
        samples = fine_tune(model, ground.task, settings, seed=seed)
        if batches := self.stage.statistics_batches:
            size = settings.batch_size
            renew_statistics(model, ground.task, batches, batch_size=size, seed=seed)
        return model, samples

    def run(self) -> Outcome:
        """The same, evaluated; where memory doesn't suffice, an outcome that says so."""
        started = time.perf_counter()
        failure = ""
        try:
            model, samples = self.trained()
            metrics, scores = self._judged(model)
        except Exception as error:
            failure = lacked_memory(error)
            if not failure and isinstance(error, InputError):
                raise type(error)(f"the candidate {self.proposal}: {error}") from error
            if not failure:
                raise
        seconds = time.perf_counter() - started
        if failure:  # here nothing holds the failed network any more
            return self.failed(failure, seconds)
        return Outcome(model, metrics, seconds, samples, scores, self.proposal)

    def failed(self, why: str, seconds: float = 0.0) -> Outcome:
        """An outcome without network and metrics."""
        return Outcome(None, {}, seconds, of=self.proposal, failure=why)

    def _judged(self, model: nn.Module) -> tuple[Mapping[str, float], tuple[float, ...]]:
        task = self.ground.task
        if self.images is None or not tells_images(task):
            return evaluated(model, task), ()
        metrics, each = evaluated_images(model, task, range(self.images))
        return metrics, tuple(each.tolist())
