"""The long fine-tune after a search: a run's last network, trained on into its `final/`.

For any task: the one that the run was opened with, or another that is named. Epochs, their files
and going on after a kill are `training/epochs.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from netadapt.errors import InputError, ModelError, RunError
from netadapt.journal import CsvJournal
from netadapt.networks.build import built_for_use
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.networks.store import FINAL_NAME, WEIGHTS_NAME, load_weights, read_config
from netadapt.networks.trusted_functions import name_functions_of_run
from netadapt.pruning.checkpoints import damage_of
from netadapt.pruning.records import StepRecord
from netadapt.pruning.run_folder import read_steps
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.settings import (
    LONG_BATCH_SIZE,
    LONG_EPOCHS,
    LONG_LEARNING_RATE,
    LONG_STEPS,
)
from netadapt.pruning.task_of_model import (
    import_network_of,
    require_trusted_task,
    task_and_data,
)
from netadapt.training.compute import compute_device
from netadapt.training.course import Course
from netadapt.training.epochs import Progress, train_epochs
from netadapt.training.settings import require_seed
from netadapt.training.task import (
    Task,
    evaluated,
    long_term_options_of,
    of_task,
    require_task,
    training_count_of,
)
from netadapt.training.task_wrapper import DistilledTask
from netadapt.training.tasks import TaskRequest, open_task
from netadapt.training.training_folder import (
    HISTORY_FILE,
    discard_unbegun,
    require_no_training,
)
from netadapt.users_code import users_code

LONG_TERM_COURSE = Course(
    epochs=LONG_EPOCHS,
    batch_size=LONG_BATCH_SIZE,
    optimizer="adamw",
    learning_rate=LONG_LEARNING_RATE,
    weight_decay=0.02,
    schedule="cosine",
    warmup_steps=20,
    ema_decay=0.99,
)
"""What wins back most of what the short fine-tuning of a search leaves."""


@dataclass(frozen=True)
class LongTerm:
    """What a fine-tune is asked: how long, for what, and on what; None is as the run was opened.

    `steps` is the whole length, in place of `epochs`, the passes over the training images.
    `options` are some of the task's `long_term_options`; `model`, 'package.module:function', builds
    the network given where the run doesn't say what does. With `distill` the targets are what that
    network says.
    """

    course: Course = LONG_TERM_COURSE
    """All but the length."""
    epochs: int | None = None
    steps: int | None = None
    task: str | None = None
    data: str | None = None
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    distill: bool = False
    seed: int | None = None
    compute: str | None = None


@dataclass(frozen=True)
class FineTuned:
    """Where the network is, and its metrics on the holdout before and after."""

    folder: Path
    before: Mapping[str, float]
    after: Mapping[str, float]
    epoch: int
    """The one that was kept, from 1; 0: the network as it was, since none was as good."""


def finetune_run(
    run: Path,
    asked: LongTerm | None = None,
    *,
    resume: bool = False,
    after_step: Callable[[Progress], None] | None = None,
    after_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> FineTuned:
    """Train the last network of `run` on, into `run`/final; the epoch that is best on the holdout
    is kept.

    Raises RunError when the run has its final network already and `resume` is false, or when
    nothing says what task it is for; ModelError when nothing builds its network; InputError for a
    task that isn't one.
    """
    asked, final = asked or LongTerm(), run / FINAL_NAME
    if asked.seed is not None:
        require_seed(asked.seed)
    if not resume:
        require_no_training(final)
    about, steps = RunAbout.read(run), read_steps(run)
    if not steps:
        raise RunError(f"{run} has no iteration yet; continue it with netadapt prune --resume")
    name_functions_of_run(run)
    name, data = _task_and_data(run, about, asked)
    model, config = _network(
        run, steps[-1], asked.model, f"make it again with netadapt prune --resume --out {run}"
    )
    compute = compute_device(asked.compute or about.opened.get("compute"))
    holdout_images = about.opened.get("holdout_images")
    import_network_of(about.opened, run)
    opened = open_task(name, TaskRequest(data, config.input_shapes, holdout_images, compute))
    task, options = _for_long_training(name, opened, asked.options)
    course, length = _length(name, task, asked)
    before = evaluated(model.to(compute), task)
    trained_for = task
    if asked.distill:
        teacher, _ = _network(run, steps[0], asked.model, "leave out --distill")
        trained_for = DistilledTask(task, teacher.to(compute).requires_grad_(False))
    try:
        train_epochs(
            model,
            lambda epoch: trained_for,
            course,
            final,
            config.to_json(),
            steps=length,
            settings={
                "recipe": {**asdict(course), **options, "steps": length, "distill": asked.distill},
                "task": name,
                "data": data,
            },
            seed=about.settings.seed if asked.seed is None else asked.seed,
            resume=resume,
            to_beat=before[task.metrics[0]],
            after_step=after_step,
            after_epoch=after_epoch,
        )
    except InputError:  # the task's or the user's to mend, perhaps by other options
        if not resume:
            discard_unbegun(final)
        raise
    return _found(final, task, before)


def _task_and_data(run: Path, about: RunAbout, asked: LongTerm) -> tuple[str, str]:
    """The task's name, and what a registered one is opened on."""
    name = asked.task or about.opened.get("task")
    no_task = RunError(
        f"{run} was pruned from Python, which doesn't say how its task is opened; name it with "
        f"--task package.module:function, or --task NAME --data FOLDER"
    )
    require_trusted_task(asked.task, name, run)
    no_data = InputError(
        f"{run} doesn't say on what data the task {name} is opened; add --data FOLDER"
    )
    return task_and_data(name, asked.data, about.opened, no_task, no_data)


def _network(
    run: Path, record: StepRecord, factory: str | None, if_damaged: str
) -> tuple[nn.Module, ModelConfig]:
    """The network that an iteration kept, built by `factory` where one is named."""
    folder = run / record.checkpoint
    if fault := damage_of(folder):
        raise RunError(f"{folder} is damaged ({fault}); {if_damaged}")
    config = read_config(folder)
    if isinstance(config, FactoryConfig) and factory is not None:
        config = config.made_by(factory)
    elif factory is not None:
        raise InputError(f"{run} says what builds its network, {config.name}; leave out --model")
    try:
        model = built_for_use(config)
    except ModelError as error:
        if not isinstance(config, FactoryConfig) or factory is not None:
            raise
        raise ModelError(
            f"{error}; name what builds the network that was pruned, with --model "
            f"package.module:function"
        ) from error
    load_weights(model, folder / WEIGHTS_NAME)
    return model, config


def _for_long_training(
    name: str, task: Task, options: Mapping[str, Any]
) -> tuple[Task, dict[str, Any]]:
    """The task as it is trained for long, and all of its options. Raises InputError for one that
    it hasn't."""
    known = long_term_options_of(task)
    for option in options:
        if option not in known:
            raise InputError(
                f"the task {name} has no {option} to choose; leave out --{option.replace('_', '-')}"
            )
    chosen = {**known, **options}
    what = of_task(task, "for_long_training")
    with users_code(what):
        change = getattr(task, "for_long_training", None)
        changed = task if change is None else change(**chosen)
    return require_task(changed, f"what {what} gave"), chosen


def _length(name: str, task: Task, asked: LongTerm) -> tuple[Course, int]:
    """The course, and how many steps it takes."""
    if asked.epochs is not None and asked.steps is not None:
        raise InputError("epochs and steps exclude each other; give one")
    images = training_count_of(task)
    if asked.steps is None and images is not None:
        course = replace(asked.course, epochs=asked.epochs or asked.course.epochs)
        return course, course.epochs * course.steps_in(images)
    if asked.epochs is not None:
        raise InputError(
            f"the task {name} doesn't say how many examples an epoch has (training_count); give "
            f"--steps in place of --epochs"
        )
    steps = LONG_STEPS if asked.steps is None else asked.steps
    if steps < 1:
        raise InputError(f"the steps are {steps}; expected 1 or more")
    return replace(asked.course, epochs=min(asked.course.epochs, steps)), steps


def _found(final: Path, task: Task, before: Mapping[str, float]) -> FineTuned:
    """What was kept: of the epochs that are as good as any the last one."""
    kept: dict[str, float] = dict(before)
    epoch = 0
    for row in CsvJournal.read(final / HISTORY_FILE):
        metrics = {name: float(row[name]) for name in task.metrics}
        if metrics[task.metrics[0]] >= kept[task.metrics[0]]:
            kept, epoch = metrics, int(row["epoch"])
    return FineTuned(final, before, kept, epoch)
