"""The protocol of a task: what a training or a search asks of what the network is for.

Tasks themselves are elsewhere: classification beside this, others with their applications.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeGuard

from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.networks.network_inputs import Inputs
from netadapt.registry import require_members
from netadapt.users_code import users_code

Batch = tuple[Inputs, Any]
"""What a network takes, and what its output is compared with."""


class Task(Protocol):
    """A loss, training data and an evaluation; any object that has these four members.

    A search evaluates the network given, then in each iteration draws `training_batches` with a
    seed, for all proposals alike; for each it calls `loss` once a batch and `evaluate` once at the
    end. A task keeps no state that a result depends on, so that a stopped run goes on to the same
    end: batches depend on the seed and the step alone. What `training_batches` gives lies on the
    device that the network is on.

    A network of several inputs gets them as a tuple, `((image, depth), target)`, or by the names of
    its forward's parameters, `({"image": image, "depth": depth}, target)`. `loss` is given the
    network's output as it is: a tensor, tuple, dict or dataclass, in training that of auxiliary
    heads too.

        class Parity:
            metrics = ("accuracy",)
            def loss(self, output, target):
                return nn.functional.cross_entropy(output, target)
            def training_batches(self, batch_size, seed, start_step=0):
                for step in itertools.count(start_step):
                    random = torch.Generator().manual_seed(seed * 1_000_003 + step)
                    bits = torch.randint(2, (batch_size, 8), generator=random)
                    yield bits.float(), bits.sum(1) % 2
            def evaluate(self, model):
                bits, parity = next(self.training_batches(256, seed=-1))
                return {"accuracy": float((model(bits).argmax(1) == parity).float().mean())}
    """

    metrics: tuple[str, ...]
    """The metrics of `evaluate` that a trajectory records; the search keeps the first one high."""

    def loss(self, output: Any, target: Any) -> Tensor:
        """The scalar that training makes small, of what the network gave for a batch."""
        ...

    def training_batches(self, batch_size: int, seed: int, start_step: int = 0) -> Iterator[Batch]:
        """Batches (input `[B, …]`, target `[B, …]`) without end; the same for seed and step.

        A stream that begins at `start_step` gives what one from 0 gives after so many batches.
        """
        ...

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Metrics of the model, in evaluation mode, on data that training never sees.

        A finite number for each name in `metrics`; what else there is isn't kept. Leaves
        the model in the mode that it was in.
        """
        ...


class ImageTask(Task, Protocol):
    """A task that also tells the holdout's images apart; a search then compares proposals image by
    image, at first on a few of them."""

    @property
    def holdout_count(self) -> int:
        """How many images, or other examples, `evaluate` takes the means over."""
        ...

    def evaluate_images(self, model: nn.Module, images: range) -> Mapping[str, Tensor]:
        """The metrics of each of these images of the holdout: `{name: [len(images)]}`.

        NaN for an image that a metric says nothing of. The means over all images are what
        `evaluate` gives. The first images are spread over the holdout.
        """
        ...


class LongTask(Task, Protocol):
    """A task that a long training knows more of; a task may have some of these members."""

    long_term_options: Mapping[str, Any]
    """What the user may choose of a long training, with its defaults: `{"loss": "l1"}`."""

    @property
    def training_count(self) -> int:
        """How many images, or other examples, an epoch shows. Without it steps are counted."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """Further cells of an epoch's row in history.csv, the same columns for every epoch."""
        ...

    def for_long_training(self, **options: Any) -> Task:
        """The task as it is trained for long, where a search's few steps ask for another loss or
        other augmentation; `options` are all `long_term_options`."""
        ...

    def draw_samples(self, model: nn.Module, path: Path) -> None:
        """Draw what the model makes of some examples of the holdout into a PNG."""
        ...


def tells_images(task: Task) -> TypeGuard[ImageTask]:
    """Whether `task` has what an `ImageTask` has."""
    return hasattr(task, "holdout_count") and hasattr(task, "evaluate_images")


def require_task(given: Any, what: str) -> Task:
    """`given` as a task; `what` says in an error which one it is.

    Raises InputError, naming what is missing or wrong, unless it is an object that has the members
    of a `Task`, with names in `metrics`.
    """
    methods = ("loss", "training_batches", "evaluate")
    require_members(given, what, "netadapt.Task", methods, values=("metrics",))
    names = given.metrics
    if (
        not isinstance(names, (tuple, list))
        or not names
        or not all(isinstance(name, str) and name.isprintable() and name for name in names)
        or len(set(names)) < len(names)
    ):
        raise InputError(
            f"{what} has the metrics {names!r}; expected a tuple of different names, as "
            f"('accuracy',)"
        )
    task: Task = given
    with users_code(f"holdout_count of {what}"):
        count = task.holdout_count if tells_images(task) else 1
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"{what} has the holdout_count {count!r}; expected 1 or more images")
    return task


def training_count_of(task: Task) -> int | None:
    """How many examples an epoch of `task` shows; None where it doesn't say.

    Raises InputError, naming the task, for what is no such number.
    """
    what = of_task(task, "training_count")
    with users_code(what):
        count: Any = getattr(task, "training_count", None)
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
        raise InputError(f"{what} is {count!r:.60}; expected a whole number of examples")
    return None if count is None else int(count)


def long_term_options_of(task: Task) -> dict[str, Any]:
    """What may be chosen of a long training, with its defaults; nothing where `task` doesn't say.

    Raises InputError, naming the task, for what run files can't keep.
    """
    what = of_task(task, "long_term_options")
    with users_code(what):
        options: Any = getattr(task, "long_term_options", {})
        kept = _is_json(options)
    if not isinstance(options, Mapping) or not kept:
        raise InputError(
            f"{what} are {options!r:.60}; expected texts and numbers by name, as {{'loss': 'l1'}}"
        )
    return dict(options)


def facts_of(task: Task) -> dict[str, str]:
    """Further cells of an epoch's row; none where `task` doesn't say.

    Raises InputError, naming the task, for what are no cells, or a column that the row has already.
    """
    what = of_task(task, "facts")
    with users_code(what):
        facts: Any = getattr(task, "facts", {})
    if not isinstance(facts, Mapping) or not all(isinstance(name, str) for name in facts):
        raise InputError(f"{what} are {facts!r:.60}; expected cells by column, {{'size': '224'}}")
    return dict(facts)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value if not isinstance(value, Mapping) else dict(value))
    except (TypeError, ValueError):
        return False
    return True


def of_task(task: Task, member: str) -> str:
    """How an error names a member of a task."""
    return f"{member} of {named(task)}"


def on_a_batch(task: Task) -> str:
    """How an error names the network that a batch of a task is given to."""
    return f"the network, on a batch of {named(task)},"


def training_batches_of(task: Task, batch_size: int, seed: int) -> Iterator[Batch]:
    """The training batches of a task, from its first step on.

    Raises InputError as `batches_of` does; what the task does at once is done at once.
    """
    with users_code(of_task(task, "training_batches")):
        stream = task.training_batches(batch_size, seed)
    return batches_of(task, stream)


def batches_of(task: Task, stream: Iterable[Batch]) -> Iterator[Batch]:
    """The batches of `stream`, which a task gave, as long as they are wanted.

    Raises InputError, naming the task, where it fails or ends, or a batch isn't (input, target).
    """
    what = of_task(task, "training_batches")
    with users_code(what):
        batches = iter(stream)
    count = 0
    while True:
        with users_code(what):
            batch: Any = next(batches, None)
        if batch is None:
            raise InputError(f"{what} ended after {count} batches; expected batches without end")
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            found = f"{len(batch)} parts" if isinstance(batch, (tuple, list)) else type(batch)
            raise InputError(f"{what} gave a batch of {found}; expected (input, target)")
        yield batch[0], batch[1]
        count += 1


def named(task: Task) -> str:
    """How an error names a task: by the class of the innermost, whatever is around it."""
    while hasattr(task, "inner_task"):
        task = task.inner_task
    return f"the task {type(task).__name__}"


def evaluated(model: nn.Module, task: Task) -> dict[str, float]:
    """The metrics of `model` that the task's trajectory records, as numbers.

    Raises InputError, naming the task, where `evaluate` fails or gives anything else.
    """
    what = of_task(task, "evaluate")
    with users_code(what):
        found = task.evaluate(model)
    return checked_metrics(found, task, what)


def evaluated_images(
    model: nn.Module, task: ImageTask, images: range
) -> tuple[dict[str, float], Tensor]:
    """The metrics over some images of the holdout, and the first metric of each, `[N]` on the CPU.

    Raises InputError, naming the task, where `evaluate_images` fails or gives anything else.
    """
    what = of_task(task, "evaluate_images")
    with users_code(what):
        found: Any = task.evaluate_images(model, images)
    if not isinstance(found, Mapping):
        raise InputError(f"{what} gave {type(found).__name__}; expected a tensor for each metric")
    for name in task.metrics:
        values = found.get(name)
        if not isinstance(values, Tensor) or values.shape != (len(images),):
            shape = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise InputError(f"{what} gave {shape} as {name}; expected a tensor [{len(images)}]")
    means = {name: float(found[name].double().nanmean()) for name in task.metrics}
    for name, mean in means.items():
        if math.isnan(mean):
            raise InputError(
                f"{what} gave NaN as {name} of all of the holdout's images {images.start} to "
                f"{images.stop - 1}; leave them out, or raise --proposal-images"
            )
    return checked_metrics(means, task, what), found[task.metrics[0]].double().cpu()


def evaluated_whole(model: nn.Module, task: Task) -> tuple[dict[str, float], Tensor | None]:
    """The metrics over the whole holdout, as the same task judges a part of it, and the first
    metric of each image, `[N]`, where the task tells them apart."""
    if tells_images(task):
        return evaluated_images(model, task, range(task.holdout_count))
    return evaluated(model, task), None


def checked_metrics(found: Any, task: Task, what: str) -> dict[str, float]:
    """Those of `task` among the metrics that `what` gave.

    Raises InputError, naming it, where one lacks or is no finite number.
    """
    if not isinstance(found, Mapping):
        raise InputError(
            f"{what} gave {type(found).__name__}; expected a number for each of "
            f"{', '.join(task.metrics)}"
        )
    return {name: _metric(found, name, what) for name in task.metrics}


def _metric(found: Mapping[str, Any], name: str, what: str) -> float:
    if name not in found:
        raise InputError(
            f"{what} gave no {name}; it gave {', '.join(map(str, found)) or 'nothing'}"
        )
    value = found[name]
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{what} gave {name} = {value!r:.60}; expected a finite number")
    return number
