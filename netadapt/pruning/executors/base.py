"""Where the attempts of an iteration run: the protocol of executors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import nn

from netadapt.pruning.attempts import Attempt, Outcome
from netadapt.training.task import Task
from netadapt.training.tasks import NamedTask


@dataclass(frozen=True)
class Workplace:
    """What an executor that runs attempts elsewhere must know, before any of them."""

    model: nn.Module
    """The network given: its classes, and the device that it computes on."""
    task: Task
    named_task: NamedTask | None = None
    """How another process opens the task by itself; without it the task is sent there."""
    workers: int | None = None
    """At most so many attempts at a time; None: as many as the executor finds right."""
    address: str | None = None
    """Of a cluster."""


class Executor(Protocol):
    """Runs attempts: here, in processes, or on other machines.

    `run` is called once or more an iteration. An attempt is self-contained, so the order in which
    they run, and where, changes no figure: all attempts of a call mostly have the same `ground`,
    which is what may be sent once. `close` is called once, at the end of the search.

    An executor that needs to know how many attempts there may be at a time, or runs them elsewhere,
    has a method `prepare(workplace)` too, which is given a `Workplace` once, before anything is
    written: what can't work is raised there. Where it has a method `check(workplace)`, that is
    given the same before any work, to raise what can be told without starting anything.

    >>> class Backwards:
    ...     def run(self, attempts, started):
    ...         for attempt in reversed(attempts):
    ...             started(attempt)
    ...             yield attempt, attempt.run()
    ...     def close(self):
    ...         pass
    """

    def run(
        self, attempts: Sequence[Attempt], started: Callable[[Attempt], None]
    ) -> Iterator[tuple[Attempt, Outcome]]:
        """Each attempt with what it came to, as they end; `started` is told before each.

        Every attempt once: a search ends, naming the executor, where one is lost, comes twice or
        with the outcome of another. One that can't be tried comes with `attempt.failed(why)`.
        What the task or the network raises passes through.
        """
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...
