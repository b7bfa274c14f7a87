"""The task that a stored network is for: its run's own, or one that is named.

Asked by commands that judge a network which is there already; a run's own commands have their task
from run.json by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netadapt.errors import InputError, ModelError
from netadapt.networks.config import FactoryConfig
from netadapt.networks.named_functions import module_of
from netadapt.networks.store import find_model, read_config
from netadapt.networks.trusted_functions import (
    RUN_JSON,
    name_function,
    name_functions_of_run,
    require_trusted,
)
from netadapt.pruning.run_json import RunAbout
from netadapt.training.task import Task
from netadapt.training.tasks import TASKS, TaskRequest, open_task


def task_of_model(
    path: str, task: str | None, data: str | None, default: tuple[str, str]
) -> Callable[[], Task]:
    """What opens the task of the network at `path`, whatever `load_model` takes.

    `task` and `data` are what the user names, None for the run's own. A model folder that no run
    made is for the `default` task and data, unless its network is a user's own. Raises InputError
    at once where nothing says which task it is; opening it may raise what the task raises.
    """
    folder = find_model(path)
    config = read_config(folder)
    opened, run = _opened(folder)
    import_network_of(opened, run)
    if not opened and not isinstance(config, FactoryConfig):
        opened = {"task": default[0], "data": default[1]}
    name = task or opened.get("task")
    require_trusted_task(task, name, run)
    no_task = InputError(
        f"nothing says what task {path} is for; name it with --task package.module:function, or "
        f"--task NAME --data FOLDER"
    )
    no_data = InputError(f"on what data is the task {name} opened? Add --data FOLDER")
    name, data = task_and_data(name, data or None, opened, no_task, no_data)
    request = TaskRequest(data, config.input_shapes, opened.get("holdout_images"))
    return lambda: open_task(name, request)


def task_and_data(
    name: str | None,
    data: str | None,
    opened: Mapping[str, Any],
    no_task: InputError,
    no_data: InputError,
) -> tuple[str, str]:
    """The task's name, and what a registered one is opened on; '' for a function's.

    `data` is what the user names; None for that of the run, which was `opened` so. Raises `no_task`
    or `no_data` where nothing says it, and InputError for data that a function doesn't take.
    """
    if name is None:
        raise no_task
    if ":" in name:
        if data is not None:
            raise InputError(f"the task {name} opens its own data; leave out --data {data}")
        return name, ""
    TASKS[name]  # raises where there is none
    if data is None and opened.get("task") == name:
        data = str(opened["data"])
    if data is None:
        raise no_data
    return name, data


def import_network_of(opened: Mapping[str, Any], run: Path) -> None:
    """Import what the network of a run, `opened` so, is from: it may register the task.

    Of a run that the user began, all that it names is the user's from here on. Raises ModelError
    where the network is of a function that the user neither names nor trusts.
    """
    name_functions_of_run(run)
    if ":" in (network := str(opened.get("model", ""))):
        require_trusted(network, run / RUN_JSON)
        module_of(network, "network", ModelError)


def require_trusted_task(named: str | None, task: str | None, run: Path) -> None:
    """Raise InputError for the `task` of a run that is a function, unless the user has `named` one
    or trusts it."""
    if named is not None:
        name_function(named)
    elif task is not None and ":" in task:
        require_trusted(task, run / RUN_JSON, "task", InputError)


def _opened(folder: Path) -> tuple[dict[str, Any], Path]:
    """How the run that made the model in `folder` was opened, and its folder; {} where no run's
    command did."""
    for place in (folder, folder.parent):
        if (place / RUN_JSON).is_file():
            return dict(RunAbout.read(place).opened), place
    return {}, folder
