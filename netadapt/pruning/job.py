"""A pruning run as the command line asks for it: names and paths become a network and a task.

What the search then does with them is `search`'s affair. Which kind of task it is comes by name:
nothing here knows one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from netadapt.errors import InputError, ModelError, RunError
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.table.table import LookupTable, find_table
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.networks.named_functions import module_of
from netadapt.networks.network_inputs import in_order, tensors_in
from netadapt.networks.open_network import open_network
from netadapt.networks.trusted_functions import (
    RUN_JSON,
    name_functions_of_run,
    require_trusted,
    require_trusted_profile,
)
from netadapt.pruning.begin import search
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.constraints.registry import devices_of, read_budget
from netadapt.pruning.executors.ray_tasks import require_cluster
from netadapt.pruning.feasibility import Reach
from netadapt.pruning.forecast import Forecast, Possible, forecast
from netadapt.pruning.importance.registry import IMPORTANCES
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.search import Search
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.strategies.registry import STRATEGIES
from netadapt.training.batch_norm_restoring import ready_to_train
from netadapt.training.compute import compute_device
from netadapt.training.task import Task, of_task, training_batches_of
from netadapt.training.tasks import NamedTask, TaskRequest, open_task


@dataclass(frozen=True)
class OpenedBy:
    """How a run's network and task are opened, and where its device is; kept in run.json."""

    model: str
    task: str
    """A registered task's name, or `package.module:function` that gives one."""
    data: str
    """What a registered task is opened on: a folder, or a name that the task knows."""
    weights: str | None = None
    holdout_images: int | None = None
    input_size: tuple[int, int] | None = None
    input_shapes: tuple[tuple[int, ...], ...] | None = None
    """Of a user's own network; those of the task's batches when neither is given."""
    compute: str | None = None
    threads: int | None = None
    """Of the processor, for each candidate: they decide how sums are rounded."""
    workers: int | None = None
    ray: str | None = None
    on_demand: bool = False
    profile: str | None = None
    """With `tracker` and `key`: where the device is that is measured on demand."""
    tracker: str | None = None
    key: str | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> OpenedBy:
        """Read what `to_json` wrote. Raises InputError for a field that there isn't."""
        content = dict(value)
        size, shapes = content.get("input_size"), content.get("input_shapes")
        try:
            content["input_size"] = None if size is None else _whole_numbers(size)
            content["input_shapes"] = None if shapes is None else tuple(map(_whole_numbers, shapes))
            opened = cls(**content)
        except TypeError as error:
            raise InputError(f"the run was opened by another version ({error})") from error
        for entry in fields(cls):
            held: object = getattr(opened, entry.name)
            kinds = _KINDS.get(str(entry.type))
            if kinds is not None and type(held) not in kinds:
                raise InputError(f"{entry.name} is {held!r:.80}, expected {entry.type}")
        return opened

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)


_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int | None": (int, type(None)),
    "bool": (bool,),
}
"""What a field of `OpenedBy` may hold, by its annotation."""


def _whole_numbers(value: Any) -> tuple[int, ...]:
    if not all(isinstance(number, int) and 0 < number < 1 << 31 for number in value):
        raise TypeError(f"{value!r:.80} are no sizes")
    return tuple(value)


@dataclass(frozen=True)
class PruneJob:
    """Everything that `netadapt prune` is told, and that a resumed run remembers."""

    budget: Mapping[str, float | str]
    opened: OpenedBy
    settings: SearchSettings = field(default_factory=SearchSettings)

    @classmethod
    def of_run(cls, run: Path, options: Mapping[str, Any] | None = None) -> PruneJob:
        """The job that began the run at `run`, changed by the values of some `options`.

        Raises RunError for one that Python began, InputError for one whose network or task is a
        function, or whose device has a profile, that the user neither names nor trusts.
        """
        about = RunAbout.read(run)
        if not about.opened:
            raise RunError(
                f"{run} was pruned from Python, which doesn't say how its task is opened; go on "
                f"from Python with netadapt.search(…, out='{run}', resume=True)"
            )
        try:
            opened = OpenedBy.from_json(about.opened)
        except InputError as error:
            raise RunError(f"{run / RUN_JSON}: {error}; start a new run with --out") from error
        job = cls(about.as_asked, opened, about.settings).changed(options or {})
        name_functions_of_run(run)
        for option, what, kind in (("model", "network", ModelError), ("task", "task", InputError)):
            name = getattr(job.opened, option)
            if ":" in name and option not in (options or {}):
                require_trusted(name, run / RUN_JSON, what, kind)
        if job.opened.profile is not None and "profile" not in (options or {}):
            require_trusted_profile(job.opened.profile, run / RUN_JSON)
        return job

    def with_budget(
        self,
        device: str | None,
        ms: float | str | None,
        others: Iterable[tuple[str, float | str]] = (),
    ) -> PruneJob:
        """With `ms` on a device, and `others`, names with amounts; None leaves each as it is.

        Without a `device` it is the first that a budget is on. Raises InputError where no budget is
        left to go by, or one is given twice.
        """
        budget = dict(self.budget)
        old = next(iter((*devices_of(budget), *budget)), None)
        device = device or old
        if old is not None and device != old:
            budget = {str(device) if n == old else n: most for n, most in budget.items()}
        given = [*others] if ms is None or device is None else [(device, ms), *others]
        for index, (name, most) in enumerate(given):
            if name in dict(given[:index]):
                raise InputError(f"the budget of {name} is given twice; give it once")
            budget[name] = most
        if not budget or (ms is not None and device is None):
            raise InputError("there is no budget: give the latency to reach, --budget-ms 6")
        read_budget(budget)
        return replace(self, budget=budget)

    def changed(self, options: Mapping[str, Any]) -> PruneJob:
        """With the values of some options, by the names of their fields or settings."""
        own = {entry.name for entry in fields(OpenedBy)}
        opened = {name: value for name, value in options.items() if name in own}
        settings = {name: value for name, value in options.items() if name not in own}
        return replace(
            self,
            opened=replace(self.opened, **opened),
            settings=self.settings.changed(settings),
        )


@dataclass(frozen=True)
class Prepared:
    """A network ready to be trained and cut, its task, and an example of its input."""

    model: nn.Module
    config: ModelConfig
    task: Task
    example: tuple[torch.Tensor, ...]
    named_task: NamedTask
    """How another process opens the task."""


def prepare(
    job: PruneJob,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Open the network and the task of `job`; `say` is told what the user should know.

    `progress` is told of data that are made on first use. What can be wrong in the job itself is
    said first.
    """
    read_budget(job.budget)
    opened = job.opened
    for named, what, error in (
        (opened.model, "network", ModelError),
        (opened.task, "task", InputError),
    ):
        if ":" in named:
            module_of(named, what, error)  # it may register a strategy or an importance
    for registry, name in (
        (STRATEGIES, job.settings.strategy),
        (IMPORTANCES, job.settings.importance),
    ):
        if name is not None:
            registry[name]  # raises where there is none
    for device in devices_of(job.budget):
        find_table(device)  # before data are made, which takes minutes
    if opened.ray is not None:
        require_cluster(opened.ray)
    compute = compute_device(opened.compute)
    model, config = open_network(
        opened.model, opened.weights, opened.input_size, opened.input_shapes
    )
    if opened.weights is None and ":" in opened.model:
        say(f"the weights are those that {opened.model} gives; for trained ones add --weights FILE")
    request = TaskRequest(opened.data, config.input_shapes, opened.holdout_images, compute)
    task = open_task(opened.task, replace(request, progress=progress))
    named_task = NamedTask(
        opened.task,
        None if ":" in opened.task else request,
        (opened.model,) if ":" in opened.model else (),
    )
    if opened.input_size is None and opened.input_shapes is None:
        config = _at_shape_of_batches(config, model, task)
    model.to(compute)
    config = ready_to_train(model, config, task, job.settings.seed, say)
    example = tuple(torch.zeros(shape, device=compute) for shape in config.input_shapes)
    return Prepared(model, config, task, example, named_task)


def measuring_profiles(job: PruneJob) -> tuple[DeviceProfile, ...]:
    """The profiles of the devices that a job measures on, the first device's first.

    On demand all of the budget's, verified the first; none for any other job. Raises InputError
    without such a profile, and where one is named that nothing would use.
    """
    opened, verified = job.opened, job.settings.verify_every > 0
    named = [option for option in ("profile", "tracker", "key") if getattr(opened, option)]
    if not opened.on_demand and not verified:
        for option in named:
            raise InputError(
                f"--{option} says where the device is, but nothing is measured on it; add "
                f"--on-demand to measure layers that the table lacks, or --verify to time whole "
                f"networks, or leave it out"
            )
        return ()
    devices = devices_of(job.budget)
    if not devices:
        raise InputError(
            f"nothing can be measured on a device: the budget is on {', '.join(job.budget)}; give "
            f"one on a device, as --budget tx2=6, or leave out --on-demand and --verify"
        )
    devices = devices if opened.on_demand else devices[:1]
    if len(devices) > 1 and named:
        raise InputError(
            f"--{named[0]} says where one device is, and the budget is on {', '.join(devices)}; "
            f"write it into a profile for each: devices/NAME.toml"
        )
    file = None if opened.profile is None else Path(opened.profile)
    return tuple(
        load_profile(LookupTable.read(name).name, file=file, tracker=opened.tracker, key=opened.key)
        for name in devices
    )


def start(
    job: PruneJob,
    prepared: Prepared,
    out: Path,
    *,
    resume: bool,
    callbacks: Iterable[Callback] = (),
) -> Search:
    """The search of `job`."""
    profiles = measuring_profiles(job)
    return search(
        **_told(job, prepared, callbacks),
        out=out,
        workers=job.opened.workers,
        ray=job.opened.ray,
        named_task=prepared.named_task,
        on_demand=profiles if job.opened.on_demand else (),
        verify_on=profiles[0] if job.settings.verify_every else None,
        resume=resume,
    )


def look_ahead(
    job: PruneJob, prepared: Prepared, callbacks: Iterable[Callback] = ()
) -> tuple[Forecast, dict[str, float], list[Reach]]:
    """What the search of `job` would take, its budgets as numbers, and what is possible.

    Nothing is written, and nothing measured on a device.
    """
    possible = Possible()
    told = _told(job, prepared, [*callbacks, possible])
    with search(**told, written=False) as found:
        return forecast(found), found.budget, possible.reaches


def _told(job: PruneJob, prepared: Prepared, callbacks: Iterable[Callback]) -> dict[str, Any]:
    """What `search` is told of `job`, wherever it leaves its run."""
    settings = {entry.name: getattr(job.settings, entry.name) for entry in fields(SearchSettings)}
    return {
        "model": prepared.model,
        "example_input": prepared.example,
        "task": prepared.task,
        "budget": job.budget,
        "config": prepared.config,
        "opened": job.opened.to_json(),
        "callbacks": callbacks,
        **settings,
    }


def is_begun(run: Path) -> bool:
    """Whether there is a run at `run` to go on with."""
    return (run / RUN_JSON).exists()


def _at_shape_of_batches(config: ModelConfig, model: nn.Module, task: Task) -> ModelConfig:
    """A network of the user's own whose config names no inputs gets what the task feeds it."""
    if not isinstance(config, FactoryConfig) or config.input_shapes != FactoryConfig.input_shapes:
        return config
    inputs, _ = next(training_batches_of(task, 2, 0))
    tensors_in(inputs, of_task(task, "training_batches"))
    shapes = tuple((1, *tensor.shape[1:]) for tensor in in_order(model, inputs))
    return config.with_input_shapes(shapes)
