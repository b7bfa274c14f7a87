"""Tasks by name: registered ones, and a user's own by 'package.module:function'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from netadapt.errors import InputError
from netadapt.networks.named_functions import call_named
from netadapt.registry import Registry
from netadapt.training.task import Task


@dataclass(frozen=True)
class TaskRequest:
    """What a command knows when it opens a task."""

    data: str
    input_shapes: tuple[tuple[int, ...], ...]
    holdout_images: int | None
    compute: torch.device
    progress: Callable[[int, int], None] | None = None


TASKS: Registry[Callable[[TaskRequest], Task]] = Registry("task", group="netadapt.tasks")


def open_task(name: str, request: TaskRequest) -> Task:
    """The task of that name."""
    if ":" not in name:
        return TASKS[name](request)
    task: Task = call_named(name, "task", InputError)
    missing = [
        member
        for member in ("metrics", "loss", "training_batches", "evaluate")
        if not hasattr(task, member)
    ]
    if missing:
        raise InputError(
            f"the task that {name}() gives has no {', '.join(missing)}; see netadapt.training.task"
        )
    return task
