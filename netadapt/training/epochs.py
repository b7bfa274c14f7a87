"""Training epoch by epoch into a folder, so that what is killed goes on to the same result.

A training is a folder: `training.json` (everything that decides it), `history.csv` (a row an
epoch), `state.safetensors` (where it stands), and the network itself, as a model folder holds it.
Killed at any instant, it goes on from the last whole epoch. What is trained, and for what, is said
by who calls: an application from the start, `netadapt finetune` after a search.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from netadapt.errors import InputError
from netadapt.journal import CsvJournal
from netadapt.networks.store import save_model
from netadapt.training.course import Course
from netadapt.training.optimizers import Optimizers, make_optimizers
from netadapt.training.processes import Processes
from netadapt.training.state import load_training_state, save_training_state
from netadapt.training.steps import train_step
from netadapt.training.task import Task, batches_of, facts_of, named, of_task
from netadapt.training.training_folder import (
    HISTORY_FILE,
    STATE_FILE,
    history_columns,
    training_folder,
)
from netadapt.training.weight_average import set_steps_done, weight_average
from netadapt.users_code import users_code


@dataclass(frozen=True)
class Progress:
    """Where a training is: `step` of `steps` within `epoch` of `epochs`, both from 1."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float


def train_epochs(
    model: nn.Module,
    task_at: Callable[[int], Task],
    course: Course,
    out: Path,
    config: Mapping[str, Any],
    *,
    steps: int,
    settings: Mapping[str, Any],
    seed: int = 0,
    resume: bool = False,
    processes: Processes | None = None,
    begin: Callable[[nn.Module], None] = lambda model: None,
    to_beat: float | None = None,
    after_step: Callable[[Progress], None] | None = None,
    after_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> nn.Module:
    """Train `model`, which is on its device, for `steps` in all; gives it as it is at the end.

    `task_at` gives the task of an epoch, counted from 0; `config` rebuilds the network, `settings`
    are what training.json says beside it, and `begin` is told of a network that starts. Kept is the
    average of the weights where the course has one: the last epoch's; or, with `to_beat`, the first
    metric of `model` as it is given, the best epoch's, and `model` itself where none is as good.
    With several processes each takes a share of the batch, and the first one writes.

    Raises RunError when `out` exists and `resume` is false, or was started otherwise; InputError
    when a loss isn't finite.
    """
    processes = processes or Processes()
    settings = {**settings, "config": dict(config), "seed": seed}
    first_task = task_at(0)
    columns = _columns(first_task)
    older = asdict(type(course)())
    with training_folder(out, settings, older, resume=resume, processes=processes):
        history = CsvJournal(out / HISTORY_FILE, columns) if processes.is_first else None
        state = out / STATE_FILE if resume and (out / STATE_FILE).exists() else None
        if state is None:
            begin(model)
        training, done = _Training.at(state, model, course, steps, seed, processes)
        keeping = _Keeping(out, dict(config), first_task.metrics[0], to_beat)
        if history is not None:
            history.replace(row for row in history.rows() if int(row["epoch"]) <= done)
            keeping.begin(model if state is None else None, history.rows())
        for epoch in range(done, course.epochs):
            task = task_at(epoch)
            started = time.perf_counter()
            mean_loss = training.run_epoch(epoch, task, after_step)
            if history is None:
                continue
            row = training.describe_epoch(epoch, task, mean_loss, time.perf_counter() - started)
            keeping.offer(training.kept, row)
            _draw_samples(training.kept, task, out / "samples" / f"epoch_{epoch + 1:03d}.png")
            history.append(row)
            training.save(out / STATE_FILE, epoch + 1)  # the epoch is whole now
            if after_epoch is not None:
                after_epoch(row)
        return training.kept


@dataclass
class _Keeping:
    """Which network the folder holds: the last epoch's, or, with `to_beat`, the best one's by
    `metric`, where it is as good as that."""

    out: Path
    config: dict[str, Any]
    metric: str
    to_beat: float | None

    def begin(self, model: nn.Module | None, rows: Sequence[Mapping[str, str]]) -> None:
        """After the epochs of `rows`; before the first, `model` is the one to beat."""
        if self.to_beat is None:
            return
        if model is not None:
            save_model(self.out, model, self.config)
        found = (float(row[self.metric]) for row in rows)
        self.to_beat = max([self.to_beat, *(score for score in found if not math.isnan(score))])

    def offer(self, model: nn.Module, row: Mapping[str, Any]) -> None:
        """Keep what an epoch came to, if it is to be kept."""
        if self.to_beat is None or row[self.metric] >= self.to_beat:
            save_model(self.out, model, self.config)
            self.to_beat = None if self.to_beat is None else row[self.metric]


@dataclass(frozen=True)
class _Training:
    """What stays the same from epoch to epoch."""

    model: nn.Module
    replica: nn.Module
    average: AveragedModel | None
    optimizers: Optimizers
    course: Course
    steps: int
    """In all."""
    seed: int
    processes: Processes

    @classmethod
    def at(
        cls,
        state: Path | None,
        model: nn.Module,
        course: Course,
        steps: int,
        seed: int,
        processes: Processes,
    ) -> tuple[_Training, int]:
        """The training as it stands in the file `state`, or at its begin, and its whole epochs."""
        replica = processes.replicate(model)  # from here on all processes hold the same weights
        optimizers = make_optimizers(
            model,
            course.optimizer,
            learning_rate=course.learning_rate,
            momentum=course.momentum,
            weight_decay=course.weight_decay,
        )
        average = weight_average(model, course.ema_decay) if course.ema_decay else None
        training = cls(model, replica, average, optimizers, course, steps, seed, processes)
        done = 0 if state is None else load_training_state(state, model, average, optimizers)
        if average is not None:
            set_steps_done(average, training.first_step(done))
        return training, done

    def save(self, state: Path, epochs: int) -> None:
        """Write where it stands after so many whole epochs."""
        save_training_state(state, self.model, self.average, self.optimizers, epochs)

    @property
    def kept(self) -> nn.Module:
        """The network that is evaluated and saved."""
        if self.average is None:
            return self.model
        averaged: nn.Module = self.average.module
        return averaged

    def first_step(self, epoch: int) -> int:
        """How many steps come before `epoch`; all epochs are as long, give or take one."""
        return epoch * self.steps // self.course.epochs

    def run_epoch(
        self, epoch: int, task: Task, after_step: Callable[[Progress], None] | None
    ) -> float:
        """One epoch's steps; gives the mean loss."""
        self.replica.train()
        torch.manual_seed(self.seed * 100_003 + epoch)  # dropout, if any
        first, end = self.first_step(epoch), self.first_step(epoch + 1)
        course = self.course
        with users_code(of_task(task, "training_batches")):
            share = course.batch_size // self.processes.world_size
            stream = task.training_batches(share, self.seed, start_step=first)
        learning_rate_at = course.schedule_over(self.steps / course.epochs)
        total = 0.0
        for step, (inputs, target) in zip(
            range(first, end), batches_of(task, stream), strict=False
        ):
            self.optimizers.set_learning_rate(learning_rate_at(step))
            loss = train_step(
                self.replica,
                task,
                self.optimizers,
                inputs,
                target,
                bfloat16=course.autocast,
                when=f" in epoch {epoch + 1}",
            )
            if self.average is not None:
                self.average.update_parameters(self.model)
            total += loss
            if after_step is not None:
                at = step - first + 1
                after_step(Progress(epoch + 1, course.epochs, at, end - first, loss))
        return total / (end - first)

    def describe_epoch(
        self, epoch: int, task: Task, mean_loss: float, seconds: float
    ) -> dict[str, Any]:
        """The epoch's row of history.csv, with the metrics on the holdout of its task."""
        course = self.course
        with users_code(of_task(task, "evaluate")):
            metrics = task.evaluate(self.kept)
            cells = {name: float(metrics[name]) for name in task.metrics}
        first, end = self.first_step(epoch), self.first_step(epoch + 1)
        rate = course.learning_rate_at(end - 1, self.steps / course.epochs)
        return {
            "epoch": epoch + 1,
            **facts_of(task),
            "learning_rate": rate,
            "loss": mean_loss,
            **cells,
            "images_per_second": round((end - first) * course.batch_size / seconds, 2),
            "seconds": round(seconds, 2),
        }


def _columns(task: Task) -> tuple[str, ...]:
    """Those of history.csv. Raises InputError for one that the task has twice, or that is ours."""
    columns = history_columns(facts_of(task), task.metrics)
    for column in columns:
        if columns.count(column) > 1:
            raise InputError(
                f"{named(task)} has '{column}' among its metrics or facts, which history.csv has "
                f"already; give it another name"
            )
    return columns


def _draw_samples(model: nn.Module, task: Task, path: Path) -> None:
    """A picture of what the network has learned, of a task that can draw one."""
    draw = getattr(task, "draw_samples", None)
    if draw is not None:
        with users_code(of_task(task, "draw_samples")):
            draw(model, path)
