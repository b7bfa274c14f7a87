"""A worker's side: tries the errands of one search in the process that it lives in.

Processes of this machine and those of a Ray cluster have one each. What a search shares comes once,
what an iteration shares once an iteration, and then for each attempt what is its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from netadapt.errors import InputError, NetadaptError
from netadapt.pruning.attempts import Attempt, Ground, Outcome
from netadapt.pruning.executors.base import Workplace
from netadapt.pruning.executors.numerics import Numerics
from netadapt.pruning.executors.packing import (
    NETWORK,
    device_of,
    packed,
    unpacked,
    unsendable,
)
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.stages import Stage
from netadapt.remarks import LOGGER
from netadapt.training.allocator import keep_freed_memory
from netadapt.training.memory_shortage import lacked_memory
from netadapt.training.shared_batches import SharedBatches
from netadapt.training.task import Task, named
from netadapt.training.task_wrapper import TaskWrapper
from netadapt.training.tasks import NamedTask
from netadapt.users_code import told


@dataclass(frozen=True)
class Setup:
    """What a search shares with all its workers."""

    path: tuple[str, ...]
    """Where modules are looked for, and the folder of relative names."""
    folder: str
    numerics: Numerics
    device: str
    """The kind of device to compute on; of several GPUs a worker sees its own alone."""
    task: bytes | NamedTask
    wrapper: bytes | None
    """What is around a task that is opened by its name: a teacher for one."""
    classes: bytes
    """Those of the network: what can't be imported is told before anything is tried."""

    @classmethod
    def of(cls, place: Workplace) -> Setup:
        """Raises InputError for a task or a network that no other process can have."""
        packed((place.model,), NETWORK)
        wrapper = None
        if place.named_task is not None and isinstance(place.task, TaskWrapper):
            wrapper = packed(place.task.around(None), "what is around the task")
        return cls(
            tuple(sys.path),
            os.getcwd(),
            Numerics.of_this_process(),
            device_of(place.model).type,
            place.named_task or packed(place.task, named(place.task)),
            wrapper,
            packed(tuple({type(module) for module in place.model.modules()}), NETWORK),
        )


@dataclass(frozen=True)
class Errand:
    """What an attempt has for itself."""

    ticket: int
    proposal: Proposal
    kept: Mapping[str, tuple[int, ...]]
    stage: Stage
    images: int | None

    @classmethod
    def of(cls, attempt: Attempt, ticket: int) -> Errand:
        return cls(ticket, attempt.proposal, attempt.kept, attempt.stage, attempt.images)


@dataclass(frozen=True)
class Report:
    """What an errand came to, without its network; or what was raised."""

    ticket: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    samples: int = 0
    scores: tuple[float, ...] = ()
    failure: str = ""
    remarks: tuple[str, ...] = ()
    error: BaseException | None = None
    trace: str = ""

    def outcome(self, proposal: Proposal, model: Any) -> Outcome:
        """As an executor gives it. Raises what the worker's attempt raised, and passes its remarks
        on."""
        for text in self.remarks:
            LOGGER.warning("%s", text)
        if self.error is not None:
            raise self.error from RuntimeError(f"in a worker:\n{self.trace}")
        model = None if self.failure else model
        return Outcome(
            model,
            self.metrics,
            self.seconds,
            self.samples,
            self.scores,
            proposal,
            self.failure,
        )


def pack_ground(ground: Ground) -> bytes:
    """What an iteration shares, without the task, which the workers have."""
    return packed(replace(ground, task=None), NETWORK)  # type: ignore[arg-type]


class Workbench:
    """Holds a search's task and an iteration's ground, and tries errands on them.

    Raises InputError where the task can't be had in this process.
    """

    def __init__(self, setup: Setup) -> None:
        sys.path.extend(entry for entry in setup.path if entry not in sys.path)
        with contextlib.suppress(OSError):  # of another machine, that may have no such folder
            os.chdir(setup.folder)
        keep_freed_memory()
        setup.numerics.use()
        self._device = torch.device(setup.device)
        self._task = self._opened(setup)
        self._ground: Ground | None = None
        self._version = -1

    def _opened(self, setup: Setup) -> Task:
        for content, what in ((setup.classes, NETWORK), (setup.task, "the task")):
            try:
                thing = unpacked(content, self._device) if isinstance(content, bytes) else content
            except NetadaptError:
                raise
            except Exception as error:
                raise unsendable(what, told(error)) from error
        task: Task = thing.opened_on(self._device) if isinstance(thing, NamedTask) else thing
        if setup.wrapper is None:
            return task
        wrapper: TaskWrapper = unpacked(setup.wrapper, self._device)
        return wrapper.around(task)

    def stands_on(self, version: int) -> bool:
        """Whether the ground of that version is here."""
        return self._version == version

    def stand_on(self, version: int, content: bytes) -> None:
        """What the errands to come share; that of the iteration before is forgotten."""
        self._ground, self._version = None, -1
        ground: Ground = unpacked(content, self._device)
        self._ground = replace(ground, task=SharedBatches(self._task))
        self._version = version

    def tried(self, errand: Errand) -> tuple[Report, nn.Module | None]:
        """What `errand` came to, with its network; of what is raised, a report too."""
        with _remarks_heard() as remarks:
            try:
                if self._ground is None:
                    raise InputError("a worker has nothing to cut")
                attempt = Attempt(
                    0,
                    1,
                    errand.proposal,
                    errand.kept,
                    self._ground,
                    errand.stage,
                    errand.images,
                )
                outcome = attempt.run()
            except Exception as error:
                return report_of(errand.ticket, error, tuple(remarks)), None
        report = Report(
            errand.ticket,
            outcome.metrics,
            outcome.seconds,
            outcome.samples,
            outcome.scores,
            outcome.failure,
            tuple(remarks),
        )
        model = outcome.model
        return report, model if isinstance(model, nn.Module) else None


def report_of(ticket: int, error: Exception, remarks: tuple[str, ...] = ()) -> Report:
    """Of an errand that raised `error`."""
    if failure := lacked_memory(error):
        return Report(ticket, failure=failure, remarks=remarks)
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return Report(ticket, remarks=remarks, error=_portable(error), trace=trace)


def _portable(error: Exception) -> BaseException:
    """`error` itself, where it comes through to another process; else its words."""
    if isinstance(error, NetadaptError):
        return type(error)(str(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(told(error))
    return error


@contextlib.contextmanager
def _remarks_heard() -> Iterator[list[str]]:
    """What is remarked within the block, to be said by the search's own process."""
    texts: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: texts.append(record.getMessage())  # type: ignore[method-assign]
    propagated, LOGGER.propagate = LOGGER.propagate, False
    LOGGER.addHandler(handler)
    try:
        yield texts
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.propagate = propagated
