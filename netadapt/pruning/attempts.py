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
from netadapt.training.finetune import fine_tune
from netadapt.training.settings import FineTuning
from netadapt.training.task import Task, evaluated


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to: the cut network, its metrics, and how long it took."""

    model: nn.Module
    metrics: Mapping[str, float]
    seconds: float
    of: Proposal | None = None
    """What was cut, so that outcomes aren't taken for one another; None where that isn't known."""


@dataclass(frozen=True)
class Attempt:
    """Proposal `number` of `count`; `kept` are the units that stay of its group.

    `batches_seed` picks the training batches, the same for all attempts of an iteration, so that
    they compare; `seed` fixes what the network itself draws (dropout).
    """

    number: int
    count: int
    proposal: Proposal
    kept: tuple[int, ...]
    model: nn.Module
    graph: LayerGraph
    task: Task
    short_term: FineTuning
    batches_seed: int
    seed: int

    def trained(self) -> nn.Module:
        """The network cut and fine-tuned."""
        torch.manual_seed(self.seed)
        model = cut(self.model, self.graph, {self.proposal.group: self.kept})
        fine_tune(model, self.task, self.short_term, seed=self.batches_seed)
        return model

    def run(self) -> Outcome:
        """The same, evaluated."""
        started = time.perf_counter()
        model = self.trained()
        metrics = evaluated(model, self.task)
        return Outcome(model, metrics, time.perf_counter() - started, self.proposal)
