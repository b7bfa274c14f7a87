"""The protocol of a task: what a training or a search asks of what the network is for.

Tasks themselves are elsewhere: classification beside this, others with their applications.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from netadapt.errors import InputError

MEMBERS = ("metrics", "loss", "training_batches", "evaluate")
"""What an object must have to be a task."""


class Task(Protocol):
    """A loss, training data and an evaluation; any object that has these four members.

    A search evaluates the network given, then for each proposal draws `training_batches` with a
    seed, calls `loss` once a batch and `evaluate` once at the end. A task keeps no state that a
    result depends on, so that a stopped run goes on to the same end: batches depend on the seed and
    the step alone. What `training_batches` gives lies on the device that the network is on.

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

    def loss(self, output: Any, target: Tensor) -> Tensor:
        """The scalar that training makes small, of what the network gave for a batch."""
        ...

    def training_batches(
        self, batch_size: int, seed: int, start_step: int = 0
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches (input `[B, …]`, target `[B, …]`) without end; the same for seed and step.

        A stream that begins at `start_step` gives what one from 0 gives after so many batches.
        """
        ...

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Metrics of the model, in evaluation mode, on data that training never sees.

        Leaves the model in the mode that it was in.
        """
        ...


def require_task(given: Any, what: str) -> Task:
    """`given` as a task; `what` says in an error which one it is.

    Raises InputError, naming what is missing, unless it has the members of a `Task`.
    """
    missing = [member for member in MEMBERS if not hasattr(given, member)]
    if missing:
        raise InputError(f"{what} has no {', '.join(missing)}; see netadapt.training.task")
    task: Task = given
    return task
