"""Attempts in processes of this machine: one a GPU where there are GPUs, else sharing its cores.

A worker is sent the task once, what an iteration shares once an iteration, and for each attempt
what is cut. It keeps the network that came of it; only the one that is chosen is fetched. What a
worker does with all this is in `workbench`, how it lives in `process_entry`.
"""

from __future__ import annotations

import atexit
import os
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context
from typing import Any

import torch
from torch import nn

from netadapt.cores import WITHOUT_SPINNING, usable_cores
from netadapt.errors import InputError
from netadapt.pruning.attempts import Attempt, Outcome
from netadapt.pruning.executors.base import Workplace
from netadapt.pruning.executors.numerics import environment
from netadapt.pruning.executors.packing import unpacked
from netadapt.pruning.executors.process_entry import serve
from netadapt.pruning.executors.shared_parts import SharedParts
from netadapt.pruning.executors.workbench import Errand, Report, Setup

DONE_AGAIN = 2
"""How often an attempt is done again whose process ended under it; then the candidate fails."""

CONTEXT = get_context("spawn")  # a fork of a process in which torch has threads would hang

Message = tuple[Any, ...]


class WorkerProcesses:
    """Runs as many attempts at a time as it has processes, which it starts when it needs them."""

    def __init__(self) -> None:
        self._workers: list[_Worker] = []
        self._news: list[_Worker] = []
        """Workers of which something was heard that `run` hasn't looked at."""
        self._most = 1
        self._gpus: tuple[str, ...] = ()
        self._shared = SharedParts()
        self._setup: Setup | None = None
        self._tickets = 0
        self._false_starts = 0

    def check(self, workplace: Workplace) -> None:
        """Raises InputError where a worker can't be sent what it needs."""
        self._shared.setup(workplace)

    def prepare(self, workplace: Workplace) -> None:
        """Start the first worker and wait until it has the task.

        Raises InputError where it can't have it.
        """
        self._setup = self._shared.setup(workplace)
        if self._shared.device.type == "cuda":
            self._gpus = _visible_gpus()
        self._most = workplace.workers or len(self._gpus) or usable_cores()
        atexit.register(self.close)  # before multiprocessing's own end, which waits for processes
        try:
            self._start()
            while not any(worker.ready for worker in self._workers):
                self._hear()
        except BaseException:
            self.close()
            raise

    def run(
        self, attempts: Sequence[Attempt], started: Callable[[Attempt], None]
    ) -> Iterator[tuple[Attempt, Outcome]]:
        queue = deque(attempts)
        told: set[int] = set()
        deaths: Counter[int] = Counter()
        running: dict[int, Attempt] = {}
        try:
            while queue or running:
                while len(self._workers) < min(self._most, len(queue) + len(running)):
                    self._start()
                for worker in self._workers:
                    if queue and worker.ready and worker.ticket is None:
                        attempt = queue.popleft()
                        if id(attempt) not in told:
                            told.add(id(attempt))
                            started(attempt)
                        running[self._give(worker, attempt)] = attempt
                if not self._news:
                    self._hear()
                news, self._news = self._news, []
                for worker in news:
                    while worker.reports:
                        report = worker.reports.popleft()
                        if (done := running.pop(report.ticket, None)) is None:
                            continue  # of a call that was given up
                        kept = _KeptByWorker(self, worker, report.ticket)
                        yield done, report.outcome(done.proposal, kept)
                    if worker.ended and worker.ticket in running:
                        lost = running.pop(worker.ticket)
                        deaths[id(lost)] += 1
                        if deaths[id(lost)] <= DONE_AGAIN:
                            queue.appendleft(lost)
                        else:
                            yield (
                                lost,
                                lost.failed(
                                    f"the process that tried it ended {deaths[id(lost)]} times "
                                    f"({worker.ended}), as it does for want of memory"
                                ),
                            )
        finally:
            self._news.clear()
            for worker in self._workers:
                worker.reports.clear()

    def close(self) -> None:
        """End all workers, whatever they are doing."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join()
        self._shared.drop()
        atexit.unregister(self.close)

    def fetch(self, worker: _Worker, ticket: int) -> nn.Module | None:
        """The network that `worker` made; None where that has ended."""
        if worker.ended or worker not in self._workers:
            return None
        while worker.ticket is not None and not worker.ended:  # it is at a call that was given up
            self._hear()
        worker.send("fetch", ticket)
        while worker.fetched is None and not worker.ended:
            self._hear()
        content, worker.fetched = worker.fetched, None
        if content is None or content[0] is None:
            return None
        model: nn.Module = unpacked(content[0], self._shared.device)
        return model

    def _start(self) -> None:
        number = len(self._workers)
        variables = dict(WITHOUT_SPINNING)
        if self._gpus:
            taken = Counter(worker.gpu for worker in self._workers)
            gpu = min(self._gpus, key=lambda name: taken[name])
            variables["CUDA_VISIBLE_DEVICES"] = gpu
        else:
            gpu = ""
        worker = _Worker(number, gpu)
        self._workers.append(worker)
        worker.start(variables)

    def _give(self, worker: _Worker, attempt: Attempt) -> int:
        """Have `worker` try `attempt`; gives the ticket of it."""
        self._shared.lay(attempt.ground)
        self._tickets += 1
        worker.ticket = self._tickets
        if worker.version != self._shared.version:
            worker.version = self._shared.version
            worker.forgotten.clear()
            worker.send("ground", self._shared.version, self._shared.ground)
        forgotten, worker.forgotten = worker.forgotten, []
        worker.send("try_", Errand.of(attempt, self._tickets), forgotten)
        return self._tickets

    def _hear(self) -> None:
        """Wait until a worker says something or ends, and take note of it."""
        by_handle: dict[Any, _Worker] = {}
        for worker in self._workers:
            by_handle[worker.connection] = by_handle[worker.process.sentinel] = worker
        heard = {id(by_handle[handle]): by_handle[handle] for handle in connection.wait(by_handle)}
        for worker in heard.values():
            message = worker.receive()
            if message is None:
                self._workers.remove(worker)
                worker.join()
                self._require_started(worker)
            elif message[0] == "here":
                worker.send("setup", self._setup)
            elif message[0] == "ready":
                if message[1] is not None:
                    message[1].outcome(None, None)  # raises
                    raise InputError(f"a worker could not begin: {message[1].failure}")
                worker.ready = True
                self._false_starts = 0
            elif message[0] == "model":
                worker.fetched = message[1:]
            else:
                worker.ticket = None
                worker.reports.append(message[1])
        self._news += heard.values()

    def _require_started(self, ended: _Worker) -> None:
        """Raise InputError where workers end before they have begun."""
        if ended.ready:
            return
        self._false_starts += 1
        code = ended.process.exitcode or 0
        if code >= 0 or self._false_starts > DONE_AGAIN:
            raise InputError(
                f"a worker ended before it had begun ({ended.ended}); a script that calls "
                f"netadapt.search with workers does so under: if __name__ == '__main__': "
                f"(NETADAPT_DEBUG=1 shows what the worker says)"
            )
        if not self._workers:
            self._start()


class _KeptByWorker:
    """A network in the process that made it, until this is gone."""

    def __init__(self, executor: WorkerProcesses, worker: _Worker, ticket: int) -> None:
        self._executor, self._worker, self._ticket = executor, worker, ticket

    def fetched(self) -> nn.Module | None:
        return self._executor.fetch(self._worker, self._ticket)

    def __del__(self) -> None:
        self._worker.forgotten.append(self._ticket)


class _Worker:
    """A process as its parent sees it."""

    def __init__(self, number: int, gpu: str) -> None:
        self.gpu = gpu
        self.ready = False
        self.version = 0
        """Of the ground that it has."""
        self.ticket: int | None = None
        """Of the errand that it is at."""
        self.forgotten: list[int] = []
        self.reports: deque[Report] = deque()
        self.fetched: Message | None = None
        self.ended = ""
        """How it ended: 'SIGKILL', 'exit code 1'; '' while it lives."""
        self.connection, self._theirs = CONTEXT.Pipe()
        # No daemon: a task's own loader may start processes.
        self.process = CONTEXT.Process(
            target=serve, args=(self._theirs,), name=f"netadapt-worker-{number}"
        )

    def start(self, variables: Mapping[str, str]) -> None:
        with environment(variables), _interrupts_held():
            self.process.start()
        self._theirs.close()

    def send(self, name: str, *content: Any) -> None:
        with suppress(OSError):  # it has ended, which is heard
            self.connection.send((name, *content))

    def receive(self) -> Message | None:
        """What it says, after it was found to do so or to have ended; None for the latter."""
        with suppress(EOFError, OSError):
            if self.connection.poll():
                message: Message = self.connection.recv()
                return message
        self.kill()
        self.process.join()
        code = self.process.exitcode or 0
        self.ended = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return None

    def kill(self) -> None:
        pid = self.process.pid
        if pid is None or not self.process.is_alive():
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)  # what a task's loader started too
        self.process.kill()  # it may not have a group yet

    def join(self) -> None:
        if self.process.pid is not None:
            self.process.join()
        self.ended = self.ended or "closed"
        self.connection.close()


def _visible_gpus() -> tuple[str, ...]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    if named:
        return tuple(name.strip() for name in named.split(","))[:count]
    return tuple(str(number) for number in range(count))


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process that is started within never gets Ctrl-C's signal; this one gets it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
