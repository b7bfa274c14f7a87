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

from netadapt.errors import InputError, RunError
from netadapt.files import write_text
from netadapt.journal import CsvJournal
from netadapt.networks.store import save_model
from netadapt.training.averaging import WeightAverage
from netadapt.training.finetune import parameter_groups
from netadapt.training.pictures import draw_depths
from netadapt.training.processes import Processes
from netadapt.training.recipe import Recipe
from netadapt.training.task import DepthTask, evaluation_mode
from netadapt.training.training_state import load_training_state, save_training_state

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
    optimizer = _optimizer(model, recipe)
    average = WeightAverage(model, recipe.ema_decay) if recipe.ema_decay else None
    done = 0
    if resume and (out / "state.safetensors").exists():
        done = load_training_state(out / "state.safetensors", model, average, optimizer)
    if history is not None:
        history.replace(row for row in history.rows() if int(row["epoch"]) <= done)
    replica = processes.replicate(model)
    for epoch in range(done, recipe.epochs):
        started = time.perf_counter()
        size = recipe.size_at(epoch)
        sized = task.at_size(size)
        torch.manual_seed(seed * 100_003 + epoch)
        mean_loss = _run_epoch(
            replica, model, average, sized, recipe, optimizer, epoch, steps, seed, processes,
            after_step,
        )  # fmt: skip
        if not processes.is_first or history is None:
            continue
        kept = model if average is None else average.model
        seconds = time.perf_counter() - started
        row: dict[str, Any] = {
            "epoch": epoch + 1,
            "size": f"{size[0]}x{size[1]}",
            "learning_rate": recipe.learning_rate_at((epoch + 1) * steps - 1, steps),
            "loss": mean_loss,
            **{k: v for k, v in sized.evaluate(kept).items() if k in HISTORY},
            "images_per_second": round(steps * recipe.batch_size / seconds, 2),
            "seconds": round(seconds, 2),
        }
        _save_samples(kept, sized, out / "samples" / f"epoch_{epoch + 1:03d}.png")
        save_model(out, kept, dict(config))
        save_training_state(out / "state.safetensors", model, average, optimizer, epoch + 1)
        history.append(row)
        if after_epoch is not None:
            after_epoch(row)
    return model if average is None else average.model


def _run_epoch(
    replica: nn.Module,
    model: nn.Module,
    average: WeightAverage | None,
    task: DepthTask,
    recipe: Recipe,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    steps: int,
    seed: int,
    processes: Processes,
    after_step: Callable[[Progress], None] | None,
) -> float:
    """One pass; gives the mean loss."""
    replica.train()
    total = 0.0
    share = recipe.batch_size // processes.world_size
    stream = task.training_batches(share, seed, start_step=epoch * steps)
    for step, (images, depth) in zip(range(steps), stream, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(epoch * steps + step, steps)
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(task.compute.type, torch.bfloat16, enabled=recipe.autocast):
            prediction = replica(images)
        loss = task.loss(prediction.float(), depth)
        value = float(loss.detach())
        if not value < float("inf"):
            raise InputError(
                f"the loss became {value} in epoch {epoch + 1}; check the data with 'netadapt data "
                f"check', or lower --learning-rate"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if average is not None:
            average.update(model, epoch * steps + step + 1)
        total += value
        if after_step is not None:
            after_step(Progress(epoch + 1, recipe.epochs, step + 1, steps, value))
    return total / steps


def _save_samples(model: nn.Module, task: DepthTask, path: Path, count: int = 4) -> None:
    images, depth = next(task.evaluation_batches())
    images, depth = images[:count], depth[:count]
    with evaluation_mode(model), torch.inference_mode():
        draw_depths(images, depth, model(images), path)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    groups = parameter_groups(model, recipe.weight_decay)
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum)


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
                f"{out} exists already; add --resume to continue it, or choose another --out"
            )
        for key, value in settings.items():
            if old.get(key) != value:
                raise RunError(
                    f"{out} was started with another {key} ({old.get(key)}, not {value}); resume "
                    f"it as it was, or choose another --out"
                )
    elif out.exists() and any(out.iterdir()):
        raise RunError(f"{out} exists and is not a training's folder; choose another --out")
    processes.wait()
    if processes.is_first and not file.exists():
        write_text(file, json.dumps(settings, indent=2) + "\n")
    processes.wait()
