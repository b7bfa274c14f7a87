"""A pruning run as the command line asks for it: names and paths become a network and a task.

What the search then does with them is `loop`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netadapt.depth.training.recipe import RECIPES
from netadapt.depth.training.task_data import compute_device, data_folder, open_task, ready_to_train
from netadapt.errors import InputError
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.table.table import LookupTable
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.networks.named_functions import call_named
from netadapt.networks.open_network import open_network
from netadapt.pruning.callbacks import Watcher
from netadapt.pruning.search import search
from netadapt.pruning.step import Step
from netadapt.training.finetune import FineTuning
from netadapt.training.task import Task

SHORT_TERM_LOSS = "log-l1"
SHORT_TERM_AUGMENTATION = RECIPES["default"].augmentation
"""A handful of steps should move a network towards what the holdout asks: relative errors, on
images that aren't enlarged (experiments/few-steps)."""


@dataclass(frozen=True)
class PruneJob:
    """Everything that `netadapt prune` is told, and that a resumed run must be told again."""

    budget_ms: float
    device: str = "tx2"
    model: str = "fastdepth"
    weights: str | None = None
    data: str = "rooms"
    task: str | None = None
    """`package.module:function` that gives the task; depth on `data` without one."""
    input_size: tuple[int, int] | None = None
    input_shapes: tuple[tuple[int, ...], ...] | None = None
    """Of a user's own network; those of the task's batches when neither is given."""
    finetune_steps: int = 3
    learning_rate: float = 3e-4
    batch_size: int = 8
    holdout_images: int = 32
    first_reduction: float = 0.025
    decay: float = 0.98
    width_multiple: int = 8
    compute: str | None = None
    seed: int = 0
    on_demand: bool = False
    profile: str | None = None
    """With `tracker` and `key`: where the device is that is measured on demand."""
    tracker: str | None = None
    key: str | None = None

    @classmethod
    def from_json(cls, arguments: dict[str, Any]) -> PruneJob:
        """Read what `arguments` wrote into a run.json."""
        size, shapes = arguments.get("input_size"), arguments.get("input_shapes")
        return cls(
            **{
                **arguments,
                "input_size": None if size is None else tuple(size),
                "input_shapes": None if shapes is None else tuple(map(tuple, shapes)),
            }
        )

    def arguments(self) -> dict[str, Any]:
        """The job as JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Prepared:
    """A network ready to be trained and cut, its task, and an example of its input."""

    model: nn.Module
    config: ModelConfig
    task: Task
    example: tuple[torch.Tensor, ...]


def prepare(
    job: PruneJob,
    say: Callable[[str], None] = lambda text: None,
    rendering: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Open the network and the data of `job`; `say` is told what the user should know."""
    compute = compute_device(job.compute)
    model, config = open_network(job.model, job.weights, job.input_size, job.input_shapes)
    task: Task
    if job.task is not None:
        task = call_task(job.task)
        if job.input_size is None and job.input_shapes is None:
            config = _at_shape_of_batches(config, task)
    else:
        size = config.input_shapes[0][-2:]
        folder = data_folder(job.data, rendering)
        task = open_task(
            folder,
            (size[0], size[1]),
            loss=SHORT_TERM_LOSS,
            holdout_images=job.holdout_images,
            compute=compute,
            augmentation=SHORT_TERM_AUGMENTATION,
        )
    model.to(compute)
    config = ready_to_train(model, config, task, job.seed, say)
    example = tuple(torch.zeros(shape, device=compute) for shape in config.input_shapes)
    return Prepared(model, config, task, example)


def measuring_profile(job: PruneJob) -> DeviceProfile | None:
    """The profile of the device that an on-demand job measures on; None for any other job.

    Raises InputError without such a profile, and where one is named that nothing would use.
    """
    if job.on_demand:
        name = LookupTable.read(job.device).name
        file = None if job.profile is None else Path(job.profile)
        return load_profile(name, file=file, tracker=job.tracker, key=job.key)
    for option in ("profile", "tracker", "key"):
        if getattr(job, option) is not None:
            raise InputError(
                f"--{option} says where the device is, but nothing is measured on it; add "
                f"--on-demand to measure layers that the table lacks, or leave it out"
            )
    return None


def run_job(
    job: PruneJob, prepared: Prepared, out: Path, *, resume: bool, watcher: Watcher
) -> Iterator[Step]:
    """Search for `job`, giving each step."""
    return search(
        prepared.model,
        prepared.example,
        task=prepared.task,
        budget={job.device: job.budget_ms},
        out=out,
        config=prepared.config,
        first_reduction=job.first_reduction,
        decay=job.decay,
        width_multiple=job.width_multiple,
        short_term=FineTuning(
            steps=job.finetune_steps, learning_rate=job.learning_rate, batch_size=job.batch_size
        ),
        seed=job.seed,
        on_demand=measuring_profile(job),
        resume=resume,
        arguments=job.arguments(),
        data=f"{job.task or job.data}, {job.holdout_images} holdout images",
        watcher=watcher,
    )


def _at_shape_of_batches(config: ModelConfig, task: Task) -> ModelConfig:
    """A network of the user's own whose config names no inputs gets what the task feeds it."""
    if not isinstance(config, FactoryConfig) or config.input_shapes != FactoryConfig.input_shapes:
        return config
    inputs, _ = next(iter(task.training_batches(2, 0)))
    return replace(config, input_shapes=((1, *inputs.shape[1:]),))


def call_task(name: str) -> Task:
    """The task that 'package.module:function' returns. Raises InputError when there is none."""
    task = call_named(name, "task", InputError)
    missing = [
        member
        for member in ("metrics", "loss", "training_batches", "evaluate")
        if not hasattr(task, member)
    ]
    if missing:
        raise InputError(
            f"the task that {name}() gives has no {', '.join(missing)}; see netadapt.training.task"
        )
    made: Task = task
    return made
