"""Training a depth network from the start: the code that FastDepth never published.

Epochs, their files and going on after a kill are `training/epochs.py`'s. What depth adds: input
sizes that change, a start at the mean depth, and `samples/`, pictures of what was learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netadapt.depth.training.depth_task import DepthTask
from netadapt.depth.training.recipe import Recipe
from netadapt.errors import InputError
from netadapt.training.epochs import Progress, train_epochs
from netadapt.training.processes import Processes
from netadapt.training.task import Task
from netadapt.training.task_wrapper import DistilledTask


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
    teacher: nn.Module | None = None,
    processes: Processes | None = None,
    after_step: Callable[[Progress], None] | None = None,
    after_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> nn.Module:
    """Train `model` on `task` into the folder `out`; gives the network that was kept.

    `config` rebuilds the network and `data` names what it is trained on. `teacher`, which is not
    changed, has `recipe.teacher_share` of the loss. With several processes each takes a share of
    `recipe.batch_size`, and the first one writes. Raises RunError when `out` exists and `resume` is
    false, or was started otherwise; InputError when a loss isn't finite, or when only one of a
    teacher and its share is given.
    """
    if (teacher is not None) != (recipe.teacher_share > 0):
        raise InputError(
            "a teacher and its share of the loss go together; give --teacher and --teacher-share, "
            "or neither"
        )

    def task_at(epoch: int) -> Task:
        sized = task.at_size(recipe.size_at(epoch))
        return sized if teacher is None else DistilledTask(sized, teacher, recipe.teacher_share)

    return train_epochs(
        model.to(task.compute),
        task_at,
        recipe,
        Path(out),
        config,
        steps=recipe.epochs * recipe.steps_in(task.training_count),
        settings={"recipe": asdict(recipe), "data": data},
        seed=seed,
        resume=resume,
        processes=processes,
        begin=lambda fresh: start_at_mean_depth(fresh, task),
        after_step=after_step,
        after_epoch=after_epoch,
    )


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
