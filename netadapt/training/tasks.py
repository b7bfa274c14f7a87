"""Tasks by name: what a command line's `--task` and `--data` become.

Depth is found here as any other package's task is, by an entry point of the group
'netadapt.tasks'. What a task must have is said in `task.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

from netadapt.errors import InputError
from netadapt.networks.named_functions import call_named, module_of
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


@dataclass(frozen=True)
class NamedTask:
    """A task by its name, so that another process can open it by itself."""

    name: str
    request: TaskRequest | None = None
    """None for 'package.module:function', which takes none."""
    imports: tuple[str, ...] = ()
    """Further 'package.module:function' whose modules may register the task."""

    @classmethod
    def of_function(cls, name: str) -> NamedTask:
        """What 'package.module:function' gives. Raises InputError for another kind of name."""
        if ":" not in name:
            raise InputError(f"the task is '{name}', expected a task or 'package.module:function'")
        return cls(name)

    def opened_on(self, compute: torch.device) -> Task:
        """The task, with its batches on the device `compute`."""
        for name in self.imports:
            module_of(name, "network", InputError)
        request = self.request or TaskRequest("", ())
        return open_task(self.name, replace(request, compute=compute, progress=None))


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
