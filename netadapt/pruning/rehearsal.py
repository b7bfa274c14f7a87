"""One step of training before a search spends anything: does the network learn from its task?

And does it still when it is cut? A trace follows a network in evaluation; what runs in training
alone (auxiliary heads, a loss on inner features) may count on widths that evaluation is free of.
Then what tells proposals and units apart is asked once: faults in it are found here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import torch
from torch import nn

from netadapt.errors import InputError, NetadaptError
from netadapt.graph import LayerGraph, cut
from netadapt.graph.network_copy import copied
from netadapt.networks.network_inputs import fed
from netadapt.pruning.importance.base import Importance, scores_by
from netadapt.pruning.proposals import smallest_widths
from netadapt.pruning.settings import SearchSettings
from netadapt.registry import ships
from netadapt.training.finetune import fine_tune
from netadapt.training.modes import training_mode
from netadapt.training.task import (
    Batch,
    Task,
    evaluated_images,
    tells_images,
    training_batches_of,
)
from netadapt.training.task_wrapper import TaskWrapper
from netadapt.users_code import told, users_code


def rehearsed(
    model: nn.Module, graph: LayerGraph, task: Task, settings: SearchSettings
) -> dict[str, str]:
    """Train a copy of `model` for one step; the groups of `graph` that training counts on, and why.

    `model` and the random numbers to come stay as they are. Raises InputError, naming the network
    or the task, where it can't be trained even whole.
    """
    with torch.random.fork_rng():
        one_step = replace(settings.short_term, steps=1)
        fine_tune(copied(model), task, one_step, seed=settings.seed)
        batch = _batch(task, settings)
        widths = {
            name: width
            for name, width in smallest_widths(graph, settings.step).items()
            if width < graph.group(name).width
        }
        if _fault(model, graph, task, batch, widths) is None:
            return {}
        found: dict[str, str] = {}
        sound: dict[str, int] = {}
        for name, width in widths.items():
            fault = _fault(model, graph, task, batch, {**sound, name: width})
            if fault is None:
                sound[name] = width
            else:
                found[name] = f"training counts on its width: {fault}"
        return found


def rehearse_judging(
    model: nn.Module,
    graph: LayerGraph,
    task: Task,
    settings: SearchSettings,
    importance: Importance,
) -> None:
    """Evaluate a copy of `model` as a proposal is, and score its units.

    An importance of the user's own is asked as an iteration asks it, one that ships is given one
    batch. Raises InputError, naming the part that fails or gives what it shouldn't.
    """
    with torch.random.fork_rng():
        whole = copied(model)
        if tells_images(task):
            count = min(settings.proposal_images, task.holdout_count)
            evaluated_images(whole, task, range(count))
        given = _FirstBatch(task) if ships(importance) else task
        torch.manual_seed(settings.seed)
        with suppress(_EnoughError):
            scores_by(importance, str(settings.importance), whole, graph, given, settings.seed)


class _EnoughError(NetadaptError):
    """A batch was worked on; it goes up through all that tells a user's errors from ours."""


class _FirstBatch(TaskWrapper):
    """Ends who asks for a second training batch."""

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        yield next(iter(super().training_batches(batch_size, seed, start_step)))
        raise _EnoughError


def _batch(task: Task, settings: SearchSettings) -> Batch:
    return next(training_batches_of(task, settings.short_term.batch_size, settings.seed))


def _fault(
    model: nn.Module, graph: LayerGraph, task: Task, batch: Batch, widths: dict[str, int]
) -> str | None:
    """What the network, cut to `widths`, raises in training; None where it runs."""
    if not widths:
        return None
    narrow = cut(model, graph, {name: range(width) for name, width in widths.items()})
    inputs, target = batch
    try:
        with training_mode(narrow), users_code("training the cut network"):
            task.loss(fed(narrow, inputs), target)
    except InputError as error:
        return told(error.__cause__ or error)
    return None
