"""Networks judged in processes that may die: each has limits of time and memory, and gives a row
whatever becomes of it. What is done in a child is `netadapt_side.py`'s and `pruning_side.py`'s.
"""

from __future__ import annotations

import multiprocessing
import resource
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess

import torch

from experiments.zoo import netadapt_side, pruning_side
from experiments.zoo.check import one_line
from experiments.zoo.networks import Network
from experiments.zoo.results import Row

CPU_LIMIT_S, TIME_LIMIT_S = 300, 1200
"""Of a network: processor seconds, and seconds of waiting on a machine that does other work."""
MEMORY_LIMIT = 12 * 2**30


def judged(
    networks: Iterable[Network], seed: int, *, pruning: bool, jobs: int = 1
) -> Iterator[Row]:
    """The networks' rows as they come, `jobs` networks at a time; `pruning`: torch-pruning too."""
    waiting = deque(networks)
    running: list[_Child] = []
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(_Child(waiting.popleft(), seed, pruning))
        first = min(child.end for child in running)
        ready = wait([child.receiver for child in running], max(0.0, first - time.monotonic()))
        for child in list(running):
            child.attend(child.receiver in ready)
            if child.finished:
                running.remove(child)
                yield child.row


class _Child:
    """A process that judges one network, and its row so far."""

    def __init__(self, network: Network, seed: int, pruning: bool) -> None:
        fork = multiprocessing.get_context("fork")  # all packages are imported and warm
        self.row = Row(network.name, network.family)
        self.finished = False
        self.end = time.monotonic() + TIME_LIMIT_S
        self.receiver, sender = fork.Pipe(duplex=False)
        self.process: ForkProcess = fork.Process(
            target=_work, args=(sender, network, seed, pruning)
        )
        self.process.start()
        sender.close()

    def attend(self, ready: bool) -> None:
        """Take what it has sent; end it where its time is over."""
        try:
            if ready:
                state, self.finished = self.receiver.recv()
                self.row = Row(**state)
            elif time.monotonic() > self.end:
                self._failed("timeout", f"no end within {TIME_LIMIT_S} s")
        except EOFError:
            self.process.join()
            if self.process.exitcode == -signal.SIGXCPU:
                self._failed("timeout", f"no end within {CPU_LIMIT_S} processor seconds")
            else:
                code = self.process.exitcode
                self._failed("crash", f"the process died with exit code {code}")
        if self.finished:
            self.process.kill()
            self.process.join()
            self.receiver.close()

    def _failed(self, kind: str, message: str) -> None:
        self.finished = True
        if self.row.verdict:  # so it was torch-pruning's turn
            self.row = replace(self.row, tp_verdict=kind, tp_message=message)
        else:
            self.row = replace(self.row, verdict=kind, message=message)


def _work(sender: Connection, network: Network, seed: int, pruning: bool) -> None:
    """In the child: netadapt's part of the row first, so that it is there if the rest dies."""
    torch.set_num_threads(1)  # the parent's other threads aren't here
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 5))
    row = Row(network.name, network.family)
    judge = None
    try:
        judge = netadapt_side.fill(row, network, seed)
    except Exception as error:
        row.verdict, row.message = "crash", f"zoo: {one_line(error)}"
    sender.send((asdict(row), not pruning or judge is None))
    if pruning and judge is not None:
        try:
            pruning_side.fill(row, judge, seed)
        except Exception as error:
            row.tp_verdict, row.tp_message = "crash", f"zoo: {one_line(error)}"
        sender.send((asdict(row), True))
