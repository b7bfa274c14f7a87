"""The executors that have names; `netadapt.pruning.executors.base` says what one is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from netadapt.registry import Registry

if TYPE_CHECKING:
    from netadapt.pruning.executors.base import Executor

EXECUTORS: Registry[Callable[[], Executor]] = Registry(
    "executor",
    {
        "local": "netadapt.pruning.executors.local:LocalExecutor",
        "processes": "netadapt.pruning.executors.worker_processes:WorkerProcesses",
        "ray": "netadapt.pruning.executors.ray_tasks:RayTasks",
    },
    group="netadapt.executors",
)


def executor_for(workers: int | None, address: str | None) -> str:
    """The name of the executor that goes with so many workers, or with a Ray cluster's address."""
    if address is not None:
        return "ray"
    return "local" if workers is None else "processes"


def register_executor(
    name: str, executor: Callable[[], Executor], *, module: str = ""
) -> Callable[[], Executor]:
    """Know an executor by `name`; gives it back.

    `executor` is a class of the protocol `netadapt.Executor`, called without arguments when a
    search begins. Raises InputError where the name is taken.

        netadapt.register_executor("backwards", Backwards)

    `module`: `__name__`, where an installed package declares this very name as an entry point.
    """
    return EXECUTORS.register(name, executor, module=module)
