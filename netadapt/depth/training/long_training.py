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
from torch import Tensor, nn

from netadapt.depth.training.pictures import draw_depths
from netadapt.depth.training.recipe import Recipe
from netadapt.errors import InputError, RunError
from netadapt.files import write_text
from netadapt.journal import CsvJournal
from netadapt.networks.store import save_model
from netadapt.training.convolutions import faster_convolutions
from netadapt.training.optimizers import Optimizers, make_optimizers
from netadapt.training.processes import Processes
from netadapt.training.state import load_training_state, save_training_state
from netadapt.training.task import DepthTask, evaluation_mode
from netadapt.training.weight_average import WeightAverage

HISTORY = ("epoch", "size", "learning_rate", "loss", "delta1", "rmse_m", "absrel")
HISTORY_COLUMNS = (*HISTORY, "images_per_second", "seconds")


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
    history = CsvJournal(out / "history.csv", HISTORY_COLUMNS) if processes.is_first else None

    model.to(task.compute)
    state = out / "state.safetensors"
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
    average = WeightAverage(model, recipe.ema_decay) if recipe.ema_decay else None
    done = 0 if fresh else load_training_state(state, model, average, optimizers)
    if history is not None:
        history.replace(row for row in history.rows() if int(row["epoch"]) <= done)
    training = _Training(model, replica, average, optimizers, task, recipe, steps, seed, processes)
    kept = model if average is None else average.model
    for epoch in range(done, recipe.epochs):
        started = time.perf_counter()
        mean_loss = training.run_epoch(epoch, after_step)
        if history is None:
            continue
        seconds = time.perf_counter() - started
        sized = task.at_size(recipe.size_at(epoch))
        metrics = sized.evaluate(kept)
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            "size": "{}x{}".format(*sized.size),
            "learning_rate": recipe.learning_rate_at((epoch + 1) * steps - 1, steps),
            "loss": mean_loss,
            **{name: value for name, value in metrics.items() if name in HISTORY},
            "images_per_second": round(steps * recipe.batch_size / seconds, 2),
            "seconds": round(seconds, 2),
        }
        _save_samples(kept, sized, out / "samples" / f"epoch_{epoch + 1:03d}.png")
        save_model(out, kept, dict(config))
        history.append(row)
        save_training_state(
            state, model, average, optimizers, epoch + 1
        )  # last: the epoch is whole
        if after_epoch is not None:
            after_epoch(row)
    return kept


@dataclass(frozen=True)
class _Training:
    """What stays the same from epoch to epoch."""

    model: nn.Module
    replica: nn.Module
    average: WeightAverage | None
    optimizers: Optimizers
    task: DepthTask
    recipe: Recipe
    steps: int
    seed: int
    processes: Processes

    def run_epoch(self, epoch: int, after_step: Callable[[Progress], None] | None) -> float:
        """One pass over the training images; gives the mean loss."""
        self.replica.train()
        torch.manual_seed(self.seed * 100_003 + epoch)  # dropout, if any
        first = epoch * self.steps
        total = 0.0
        share = self.recipe.batch_size // self.processes.world_size
        sized = self.task.at_size(self.recipe.size_at(epoch))
        stream = sized.training_batches(share, self.seed, start_step=first)
        for step, (images, depth) in zip(range(self.steps), stream, strict=False):
            self.optimizers.set_learning_rate(
                self.recipe.learning_rate_at(first + step, self.steps)
            )
            loss = self._step(images, depth)
            if not loss < float("inf"):
                raise InputError(
                    f"the loss became {loss} in epoch {epoch + 1}; check the data with 'netadapt "
                    f"data check', or lower --learning-rate"
                )
            if self.average is not None:
                self.average.update(self.model, first + step + 1)
            total += loss
            if after_step is not None:
                progress = Progress(epoch + 1, self.recipe.epochs, step + 1, self.steps, loss)
                after_step(progress)
        return total / self.steps

    def _step(self, images: Tensor, depth: Tensor) -> float:
        self.optimizers.zero_grad()
        with faster_convolutions(images.device, bfloat16=self.recipe.autocast):
            prediction = self.replica(images)
        loss = self.task.loss(prediction.float(), depth)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizers.step()
        return float(loss.detach())


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
    file = out / "training.json"
    settings = json.loads(json.dumps(settings))
    if file.exists():
        try:
            old = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(f"{file} is damaged ({error}); start again with another --out") from None
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
    if processes.is_first and not file.exists():
        write_text(file, json.dumps(settings, indent=2) + "\n")
    processes.wait()
