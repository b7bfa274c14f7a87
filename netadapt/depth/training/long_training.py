"""Training a depth network from the start: the code that FastDepth never published.

A training is a folder: `training.json` (everything that decides it), `history.csv` (a row an
epoch), `samples/` (what it has learned, as pictures), `state.safetensors` (where it stands), and
the network itself, as a model folder holds it. Killed at any instant, it goes on from the last
whole epoch to the same result.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.pictures import draw_depths
from netadapt.depth.training.recipe import Recipe
from netadapt.depth.training.training_folder import HISTORY_FILE, SETTINGS_FILE, STATE_FILE
from netadapt.errors import InputError, RunError, in_words
from netadapt.files import write_text
from netadapt.journal import CsvJournal
from netadapt.networks.store import save_model
from netadapt.remarks import remark
from netadapt.training.modes import evaluation_mode
from netadapt.training.optimizers import Optimizers, make_optimizers
from netadapt.training.processes import Processes
from netadapt.training.state import load_training_state, save_training_state
from netadapt.training.steps import train_step
from netadapt.training.weight_average import set_steps_done, weight_average

HISTORY_COLUMNS = (
    *("epoch", "size", "learning_rate", "loss"),
    *DepthTask.metrics,
    *("images_per_second", "seconds"),
)


@dataclass(frozen=True)
class Progress:
    """Where a training is: `step` of `steps` within `epoch` of `epochs`, both from 1."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float


def train(
    model: nn.Module,
    task: DepthTask,
    recipe: Recipe,
    out: Path | str,
    config: Mapping[str, Any],
    *,
    seed: int = 0,
    resume: bool = False,
    data: str = "",
    processes: Processes | None = None,
    after_step: Callable[[Progress], None] | None = None,
    after_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> nn.Module:
    """Train `model` on `task` into the folder `out`; gives the network that was kept.

    `config` rebuilds the network and `data` names what it is trained on. With several processes
    each takes a share of `recipe.batch_size`, and the first one writes. Raises RunError when `out`
    exists and `resume` is false, or was started otherwise; InputError when a loss isn't finite.
    """
    processes = processes or Processes()
    out = Path(out)
    steps = len(task.train) // recipe.batch_size
    if steps == 0:
        raise InputError(
            f"{len(task.train)} training images are fewer than a batch of {recipe.batch_size}; "
            f"use a smaller --batch-size or more data"
        )
    settings = {"recipe": asdict(recipe), "config": dict(config), "seed": seed, "data": data}
    _open_folder(out, settings, resume, processes)
    history = CsvJournal(out / HISTORY_FILE, HISTORY_COLUMNS) if processes.is_first else None

    model.to(task.compute)
    state = out / STATE_FILE
    fresh = not (resume and state.exists())
    if fresh:
        start_at_mean_depth(model, task)
    replica = processes.replicate(model)  # from here on all processes hold the same weights
    optimizers = make_optimizers(
        model,
        recipe.optimizer,
        learning_rate=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )
    average = weight_average(model, recipe.ema_decay) if recipe.ema_decay else None
    done = 0 if fresh else load_training_state(state, model, average, optimizers)
    if average is not None:
        set_steps_done(average, done * steps)
    if history is not None:
        history.replace(row for row in history.rows() if int(row["epoch"]) <= done)
    training = _Training(model, replica, average, optimizers, task, recipe, steps, seed, processes)
    for epoch in range(done, recipe.epochs):
        started = time.perf_counter()
        mean_loss = training.run_epoch(epoch, after_step)
        if history is None:
            continue
        seconds = time.perf_counter() - started
        sized = training.task_of(epoch)  # its holdout is read once, for the row and the samples
        row = training.describe_epoch(epoch, sized, mean_loss, seconds)
        _save_samples(training.kept, sized, out / "samples" / f"epoch_{epoch + 1:03d}.png")
        save_model(out, training.kept, dict(config))
        history.append(row)
        save_training_state(
            state, model, average, optimizers, epoch + 1
        )  # last: the epoch is whole
        if after_epoch is not None:
            after_epoch(row)
    return training.kept


@dataclass(frozen=True)
class _Training:
    """What stays the same from epoch to epoch."""

    model: nn.Module
    replica: nn.Module
    average: AveragedModel | None
    optimizers: Optimizers
    task: DepthTask
    recipe: Recipe
    steps: int
    seed: int
    processes: Processes

    @property
    def kept(self) -> nn.Module:
        """The network that is evaluated and saved."""
        if self.average is None:
            return self.model
        averaged: nn.Module = self.average.module
        return averaged

    def run_epoch(self, epoch: int, after_step: Callable[[Progress], None] | None) -> float:
        """One pass over the training images; gives the mean loss."""
        self.replica.train()
        torch.manual_seed(self.seed * 100_003 + epoch)  # dropout, if any
        first = epoch * self.steps
        total = 0.0
        share = self.recipe.batch_size // self.processes.world_size
        stream = self.task_of(epoch).training_batches(share, self.seed, start_step=first)
        learning_rate_at = self.recipe.schedule_over(self.steps)
        for step, (images, depth) in zip(range(self.steps), stream, strict=False):
            self.optimizers.set_learning_rate(learning_rate_at(first + step))
            loss = train_step(
                self.replica,
                self.task,
                self.optimizers,
                images,
                depth,
                bfloat16=self.recipe.autocast,
                when=f" in epoch {epoch + 1}",
            )
            if self.average is not None:
                self.average.update_parameters(self.model)
            total += loss
            if after_step is not None:
                progress = Progress(epoch + 1, self.recipe.epochs, step + 1, self.steps, loss)
                after_step(progress)
        return total / self.steps

    def describe_epoch(
        self, epoch: int, sized: DepthTask, mean_loss: float, seconds: float
    ) -> dict[str, Any]:
        """The epoch's row of history.csv, with the metrics on the holdout of its `task_of`."""
        metrics = sized.evaluate(self.kept)
        last_step = (epoch + 1) * self.steps - 1
        return {
            "epoch": epoch + 1,
            "size": "{}x{}".format(*sized.size),
            "learning_rate": self.recipe.learning_rate_at(last_step, self.steps),
            "loss": mean_loss,
            **{name: metrics[name] for name in DepthTask.metrics},
            "images_per_second": round(self.steps * self.recipe.batch_size / seconds, 2),
            "seconds": round(seconds, 2),
        }

    def task_of(self, epoch: int) -> DepthTask:
        """The task at the epoch's input size."""
        return self.task.at_size(self.recipe.size_at(epoch))


@torch.no_grad()
def start_at_mean_depth(model: nn.Module, task: DepthTask) -> None:
    """Let a fresh network begin at the mean depth of some training images, not at zero.

    The shift of its last batch norm is the depth it predicts everywhere before it has learned
    anything; small steps would take a thousand of them to get there from zero.
    """
    last = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)][-1:]
    if last and last[0].num_features == 1 and not last[0].bias.any():
        _, depth = next(iter(task.training_batches(32, seed=0)))
        last[0].bias.fill_(float(depth[depth > 0].mean()))


def _save_samples(model: nn.Module, task: DepthTask, path: Path, count: int = 4) -> None:
    images, depth = next(task.evaluation_batches())
    images, depth = images[:count], depth[:count]
    with evaluation_mode(model), torch.inference_mode():
        draw_depths(images, depth, model(images), path)


def _open_folder(out: Path, settings: dict[str, Any], resume: bool, processes: Processes) -> None:
    file = out / SETTINGS_FILE
    settings = json.loads(json.dumps(settings))
    if file.exists():
        try:
            old = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(
                f"{file} is damaged ({in_words(error)}); start again with another --out"
            ) from None
        if not resume:
            raise RunError(
                f"{out} exists already; add --resume to continue it, or choose another folder"
            )
        # What an older version couldn't say was as a bare recipe says.
        old["recipe"] = {**asdict(Recipe()), **old.get("recipe", {})}
        for key, value in settings.items():
            if old.get(key) != value:
                raise RunError(
                    f"{out} was started with another {key} ({old.get(key)}, not {value}); resume "
                    f"it as it was, or choose another folder"
                )
    elif out.exists() and any(out.iterdir()):
        raise RunError(f"{out} exists and is not a training's folder; choose another --out")
    processes.wait()
    if resume and processes.is_first and not file.exists():
        remark(f"{out} holds no training: this begins one")
    if processes.is_first and not file.exists():
        write_text(file, json.dumps(settings, indent=2) + "\n")
    processes.wait()
