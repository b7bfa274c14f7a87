"""Tasks by name: what a command line's `--task` and `--data` become.

Depth is found here as any other package's task is, by an entry point of the group
'netadapt.tasks'. What a task must have is said in `task.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from netadapt.errors import InputError
from netadapt.networks.named_functions import call_named
from netadapt.registry import Registry
from netadapt.training.task import Task, require_task
from netadapt.users_code import users_code


@dataclass(frozen=True)
class TaskRequest:
    """What a task is asked for: the data, what the network takes, and where to compute.

    What an entry point of the group 'netadapt.tasks' names is called with one, and gives the task:

        def open_mine(request: netadapt.TaskRequest) -> netadapt.Task:
            images = MyImages(request.data, size=request.input_shapes[0][-2:])
            return MyTask(images, request.holdout_images, request.compute)

    `data` is a path or a name that the task knows; `input_shapes` are those of the network's inputs
    at batch 1; at most `holdout_images` are evaluated (None: all); batches should lie on
    `compute`. `progress` is told (done, total) of what takes long before the first batch.
    """

    data: str
    input_shapes: tuple[tuple[int, ...], ...]
    holdout_images: int | None = None
    compute: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Callable[[int, int], None] | None = None


TASKS: Registry[Callable[[TaskRequest], Task]] = Registry("task", group="netadapt.tasks")
"""What opens a task, by the task's name."""


def open_task(name: str, request: TaskRequest) -> Task:
    """The task of that name; or what 'package.module:function', called without arguments, gives.

    Raises InputError when there is none, or it lacks a member of `Task`; and what the task raises
    where it can't open the data.
    """
    if ":" not in name:
        opener = TASKS[name]
        with users_code(f"opening the task {name}"):
            return opener(request)
    return require_task(call_named(name, "task", InputError), f"the task that {name}() gives")
