"""Attempts as tasks of a Ray cluster, or of one that is started on this machine for the run.

What a search and an iteration share is put into Ray's object store once; a task is given references
to it. The network that it makes stays in the store of its node: only the chosen one is fetched. Ray
does a task again whose process or node is lost.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from netadapt.cores import WITHOUT_SPINNING, usable_cores
from netadapt.errors import DeviceError, InputError
from netadapt.extras import needed
from netadapt.pruning.attempts import Attempt, Outcome
from netadapt.pruning.executors.base import Workplace
from netadapt.pruning.executors.numerics import environment
from netadapt.pruning.executors.packing import NETWORK, packed, unpacked
from netadapt.pruning.executors.shared_parts import SharedParts
from netadapt.pruning.executors.workbench import Errand, Report, Workbench, report_of

LOCAL, AUTO = "local", "auto"

DONE_AGAIN = 2
"""How often Ray does an attempt again whose process or node was lost; then the candidate fails."""

KNOCK_S = 3.0
ANSWER_S = 10.0
"""How long a cluster may take to be connected to, and to say that it is well."""

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to Ray's makers
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class RayTasks:
    """Runs as many attempts at a time as the cluster has room for."""

    def __init__(self) -> None:
        self._ray: Any = None
        self._began = False
        self._search = uuid.uuid4().hex
        self._shared = SharedParts(lambda content: self._ray.put(content))
        self._setup: Any = None
        self._most = 1
        self._task: Any = None
        self._running: dict[Any, tuple[Attempt, Any]] = {}

    def check(self, workplace: Workplace) -> None:
        """Raises InputError where a node can't be sent what it needs."""
        self._shared.setup(workplace)

    def prepare(self, workplace: Workplace) -> None:
        """Connect to the cluster, and put there what the search shares.

        Raises MissingExtraError without Ray, InputError where the task can't be sent, DeviceError
        where the cluster can't be reached or has no GPU for a network that is on one.
        """
        setup = self._shared.setup(workplace)
        with environment(QUIET):
            ray = needed("ray", "ray")
            if not ray.is_initialized():
                _connect(ray, workplace.address or LOCAL)
                self._began = True
        self._ray = ray
        try:
            self._setup = ray.put(setup)
            room = self._room(workplace.workers)
            self._task = ray.remote(num_returns=2, max_retries=DONE_AGAIN, **room)(try_errand)
        except BaseException:
            self.close()
            raise

    def run(
        self, attempts: Sequence[Attempt], started: Callable[[Attempt], None]
    ) -> Iterator[tuple[Attempt, Outcome]]:
        queue = deque(attempts)
        try:
            while queue or self._running:
                while queue and len(self._running) < self._most:
                    attempt = queue.popleft()
                    started(attempt)
                    report, network = self._submit(attempt)
                    self._running[report] = attempt, network
                ended, _ = self._ray.wait(list(self._running), num_returns=1)
                for reference in ended:
                    attempt, network = self._running.pop(reference)
                    yield attempt, self._outcome(attempt, reference, network)
        finally:
            self._give_up()

    def close(self) -> None:
        """Give up what runs, and leave the cluster; one that was started for the run ends."""
        if self._ray is None:
            return
        self._give_up()
        self._setup = None
        self._shared.drop()
        if self._began:
            self._ray.shutdown()
        self._ray = None

    def _submit(self, attempt: Attempt) -> tuple[Any, Any]:
        """References to the report that will be, and to the network."""
        self._shared.lay(attempt.ground)
        # Within a list a reference stays one: a process that has the thing needn't fetch it.
        report, network = self._task.remote(
            self._search,
            [self._setup],
            self._shared.version,
            [self._shared.ground],
            Errand.of(attempt, 0),
        )
        return report, network

    def _outcome(self, attempt: Attempt, reference: Any, network: Any) -> Outcome:
        try:
            report: Report = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError:
            raise  # a fault of ours: what an attempt raises comes as a report
        except self._ray.exceptions.RayError as error:
            return attempt.failed(
                f"its process or node was lost {DONE_AGAIN + 1} times ({type(error).__name__})"
            )
        kept = _KeptInStore(self._ray, network, self._shared.device)
        return report.outcome(attempt.proposal, kept)

    def _room(self, workers: int | None) -> dict[str, float]:
        """What of a node a task takes; and how many tasks there may be at a time.

        Each computes with as many threads as the search's own process, and needs so many cores
        where the cluster has them.
        """
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if self._shared.device.type == "cuda":
            gpus = int(sum(node.get("GPU", 0) for node in nodes))
            if not gpus:
                raise DeviceError(
                    "the network is on a GPU and the Ray cluster has none; add --compute cpu, or "
                    "start its nodes with --num-gpus"
                )
            self._most = min(workers or gpus, gpus)
            return {"num_gpus": 1, "num_cpus": 1}
        cores = sum(node.get("CPU", 0) for node in nodes)
        widest = max((node.get("CPU", 0) for node in nodes), default=0)
        if cores < 1:
            raise DeviceError("the Ray cluster has no processor cores; start nodes with --num-cpus")
        threads = torch.get_num_threads()
        self._most = workers or max(1, int(cores // threads))
        share = cores / self._most
        each = min(threads, widest, share if share < 1 else int(share))
        return {"num_cpus": each, "num_gpus": 0}

    def _give_up(self) -> None:
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running.clear()


class _KeptInStore:
    """A network in the object store of the node that made it, until this is gone."""

    def __init__(self, ray: Any, reference: Any, device: torch.device) -> None:
        self._ray, self._reference, self._device = ray, reference, device

    def fetched(self) -> nn.Module | None:
        try:
            content: bytes | None = self._ray.get(self._reference)
        except self._ray.exceptions.RayError:
            return None  # lost, and not to be made again there
        if content is None:
            return None
        model: nn.Module = unpacked(content, self._device)
        return model


_BENCH: dict[str, Workbench] = {}
"""Of a worker's process: its workbench, under the search that it is for."""


def try_errand(
    search: str, setup: list[Any], version: int, ground: list[Any], errand: Errand
) -> tuple[Report, bytes | None]:
    """What runs on a node: the report of an errand, and its network packed."""
    import ray

    try:
        if search not in _BENCH:
            _BENCH.clear()
            _BENCH[search] = Workbench(ray.get(setup[0]))
        bench = _BENCH[search]
        if not bench.stands_on(version):
            bench.stand_on(version, ray.get(ground[0]))
    except Exception as error:
        return report_of(errand.ticket, error), None
    report, model = bench.tried(errand)
    return report, None if model is None else packed(model, NETWORK)


def _connect(ray: Any, address: str) -> None:
    """Connect this process to a cluster. Raises DeviceError where it can't be."""
    logging.getLogger("ray").setLevel(logging.ERROR)
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    try:
        with _own_signals():
            if address == LOCAL:
                with environment(WITHOUT_SPINNING), _on_loopback():
                    ray.init(
                        address=LOCAL,
                        num_cpus=usable_cores(),
                        include_dashboard=False,
                        _node_ip_address="127.0.0.1",
                        **quiet,
                    )
                return
            require_cluster(address)
            ray.init(address=address, runtime_env={"env_vars": WITHOUT_SPINNING}, **quiet)
    except (OSError, RuntimeError, ValueError, SystemExit) as error:
        raise _unreachable(address, str(error)) from error


def require_cluster(address: str) -> None:
    """Raise DeviceError where no cluster is at `address`: Ray itself would try for minutes.

    Raises InputError for what is no address, MissingExtraError without Ray.
    """
    if address == LOCAL:
        return
    with environment(QUIET):
        needed("ray", "ray")
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check"]
    if address != AUTO:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or "/" in address:
            raise InputError(
                f"the Ray cluster's address is '{address}'; expected HOST:PORT of its head (the "
                f"port is 6379 unless it was started with another), auto or local"
            )
        try:
            socket.create_connection((host, int(port)), KNOCK_S).close()
        except OSError as error:
            raise _unreachable(address, error.strerror or str(error)) from error
        command += ["--address", address]
    try:
        well = subprocess.run(
            command,
            timeout=ANSWER_S,
            env={**os.environ, **QUIET},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable(address, f"no answer within {ANSWER_S:g} s") from error
    if well.returncode != 0:
        raise _unreachable(address, "there is none, or it isn't well")


def _unreachable(address: str, why: str) -> DeviceError:
    first = next(iter(why.strip().splitlines()), "no reason given")
    return DeviceError(
        f"the Ray cluster at {address} can't be reached ({first}); start one with: "
        f"ray start --head, or take --ray local"
    )


@contextmanager
def _on_loopback() -> Iterator[None]:
    """A cluster that is started within listens on 127.0.0.1 alone.

    Ray itself does so on systems that it knows no clusters of, whatever address it is given here.
    """
    constants = needed("ray._private.ray_constants", "ray")
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def _own_signals() -> Iterator[None]:
    """What this process does at SIGTERM stays: Ray would end it in its own way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
