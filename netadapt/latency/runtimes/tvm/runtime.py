"""Timing through TVM, on this machine or on a board behind an RPC tracker.

All that could hang (TVM itself, the network, the board) happens in worker processes with a wall
limit; here is what to ask them, in which order, and what to tell the user when they don't answer.
"""

from __future__ import annotations

import contextlib
import pickle
import shutil
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from netadapt.errors import DeviceError, InputError, MissingExtraError
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.graph.ops.spec import OpSpec
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import (
    NETWORK_SHARE,
    DoctorSteps,
    Timing,
    small_kernel,
    version_of,
)
from netadapt.latency.runtimes.tvm.compiled import NetworkLibrary
from netadapt.latency.runtimes.tvm.kernel_source import Board, Making
from netadapt.latency.runtimes.tvm.tracker import Registered, look
from netadapt.latency.runtimes.worker import Worker, WorkerDied

START_LIMIT_S = 120.0
"""For importing tvm on a busy machine; no device is involved yet."""

COMPILE_LIMIT_S = 300.0
TRIAL_LIMIT_S = 30.0
"""Of one MetaSchedule trial: 4 to 7 s on 2 cores, and the first ones of a layer take longer."""

KERNELS_OF_A_NETWORK = 64
MOST_COMPILED_AHEAD = 8


class TvmRuntime:
    """A device behind TVM.

    Raises InputError for a profile whose [target] has no kind, MissingExtraError without TVM.
    """

    def __init__(
        self, profile: DeviceProfile, *, tune: int = 0, database: Path | None = None
    ) -> None:
        if "kind" not in profile.target:
            raise InputError(
                f"{profile.path or profile.name}: [target] lacks 'kind'; expected llvm, cuda or "
                f"another of TVM's"
            )
        if find_spec("tvm") is None:  # it is imported in processes of its own
            raise MissingExtraError.of("apache-tvm", "tvm")
        self.profile = profile
        board = None
        if profile.remote:
            board = Board(profile.tracker_address, profile.key, profile.cross_compiler)
        self._making = Making(tune, database, board)
        self._folder = tempfile.TemporaryDirectory(prefix="netadapt-")
        self._worker: Worker | None = None
        self._compiler: Worker | None = None
        self._ahead = ThreadPoolExecutor(1)
        self._compiling: dict[LayerShape, Future[Path]] = {}
        self._told: dict[str, str] = {}
        self._numbers = 0

    @classmethod
    def tuned(cls, profile: DeviceProfile, trials: int, database: Path | None) -> TvmRuntime:
        """With kernels that MetaSchedule searches for. Raises MissingExtraError without xgboost."""
        if find_spec("xgboost") is None:
            raise MissingExtraError.of("xgboost", "tune")
        return cls(profile, tune=trials, database=database)

    @property
    def schedule(self) -> str:
        return self._making.schedule(self.profile.target["kind"])

    def describe(self) -> dict[str, Any]:
        if not self._told:
            told = self.worker().call("describe", limit_s=START_LIMIT_S, what="asking for tvm")
            self._told = told
        return {
            "runtime": "tvm",
            "runtime_version": self._told["version"],
            "target": self._told["target"],
            "threads": self.profile.threads,
            "schedule": self.schedule,
        }

    def prepare(self, shape: LayerShape) -> None:
        """Compile in a second process while a board measures; this machine would be disturbed.

        Not ahead when kernels are searched for: that takes the board itself.
        """
        if not self.profile.remote or self._making.trials or shape in self._compiling:
            return
        if len(self._compiling) < MOST_COMPILED_AHEAD:
            self._compiling[shape] = self._ahead.submit(self._compile, shape)

    def measure(self, shape: LayerShape) -> Timing:
        library: Path | None = None
        if self.profile.remote and self._making.trials:
            self._let_go()
            library = self._compile(shape)
        elif self.profile.remote:
            self.prepare(shape)
            compiled = self._compiling.pop(shape, None)
            library = compiled.result() if compiled is not None else None
        seconds = self.profile.seconds
        timing: Timing = self._on_device(f"measuring {shape}", "measure", shape, library, seconds)
        return timing

    def measure_network(self, model: bytes) -> Timing:
        timing: Timing = self._on_device(
            "measuring a network", "measure_network", model, self.profile.seconds, whole=True
        )
        return timing

    def compile_network(self, model: bytes, path: Path, *, checked: bool) -> NetworkLibrary:
        """Compile a whole network, given as an ONNX model at batch 1, to a shared library.

        `checked`: run it on the device and compare; without, the device needn't be there. Raises
        UnsupportedLayer or WrongOutput.
        """
        library: NetworkLibrary
        if checked:
            library = self._on_device(
                "running a network", "checked_network_library", model, path, whole=True
            )
            return library
        self.check_cross_compiler()
        library = self.compiler().call(
            "network_library",
            model,
            path,
            limit_s=self._compile_limit_s(KERNELS_OF_A_NETWORK),
            what="compiling a network",
        )
        return library

    def steps(self) -> DoctorSteps:
        """To a board: every joint of the way, from the compiler here to the right answer there."""
        yield "runtime installed", lambda: version_of(self)
        if self.profile.remote:
            yield "cross compiler present", self._compiler_found
            yield "tracker reachable", self._tracker_found
            yield "key registered and free", self._key_found
            yield "session opens", self._session_opened
            yield "TVM versions equal", self._versions_compared
        yield "target supported", self._target_found
        yield "a small kernel gives the right answer", lambda: small_kernel(self)

    def _compiler_found(self) -> str:
        if not self.profile.cross_compiler:
            return "none needed: the device has this machine's architecture"
        return self.check_cross_compiler()

    def _tracker_found(self) -> str:
        keys = self.check_tracker().keys
        return f"{self.profile.tracker}, registered: {', '.join(keys) or 'none'}"

    def _key_found(self) -> str:
        self.check_key()
        return self.profile.key

    def _session_opened(self) -> str:
        self.connect()
        return "opened"

    def _versions_compared(self) -> str:
        version = str(self.describe()["runtime_version"])
        missing = self.missing_functions()
        if missing:
            raise DeviceError(
                f"the device's runtime lacks {len(missing)} functions of TVM {version} (such as "
                f"{missing[0]}): it is another version; install the same on both: "
                f"pip install apache-tvm=={version}"
            )
        return f"the device's runtime has every function of TVM {version}'s virtual machine"

    def _target_found(self) -> str:
        kind = str(self.profile.target["kind"])
        if not self.has_device():
            raise DeviceError(
                f"the runtime on the device can't run '{kind}': it was built without it, or finds "
                f"no such device (docs/devices/tx2.md has how to build one)"
            )
        return kind

    def close(self) -> None:
        self._ahead.shutdown(wait=False, cancel_futures=True)
        for worker in (self._worker, self._compiler):
            if worker is not None:
                worker.kill()
        self._worker = self._compiler = None
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    def worker(self) -> Worker:
        """The process that talks to the device, started where there is none."""
        if self._worker is None or not self._worker.alive:
            self._worker = self._start(
                "TvmDevice", self.profile, self._making, Path(self._folder.name), _operators()
            )
        return self._worker

    def compiler(self) -> Worker:
        """The process that compiles and needs no device, started where there is none."""
        if self._compiler is None or not self._compiler.alive:
            self._compiler = self._start("TvmCompiler", self.profile, self._making, _operators())
        return self._compiler

    def reach(self) -> None:
        """Raises DeviceError when the tracker isn't there, or has no free device of that key.

        And when there is no compiler for it here.
        """
        if self.profile.remote:
            self.check_tracker()
            self.check_key()
            self.check_cross_compiler()

    def check_cross_compiler(self) -> str:
        """The path of the compiler that links for the device, '' where this machine's own does.

        Raises DeviceError when it isn't installed.
        """
        compiler = self.profile.cross_compiler
        found = shutil.which(compiler) if compiler else ""
        if found is None:
            raise DeviceError(
                f"{compiler} is not on the PATH; on Debian or Ubuntu: sudo apt install "
                f"g++-aarch64-linux-gnu; or name another with NETADAPT_CROSS_COMPILER"
            )
        return found

    def check_tracker(self) -> Registered:
        """Raises DeviceError when no tracker answers."""
        profile = self.profile
        return look(profile.tracker_address, profile.key, profile.connect_limit_s)

    def check_key(self) -> None:
        """Raises DeviceError when no server has the key, or all are busy."""
        profile, seen = self.profile, self.check_tracker()
        others = ", ".join(seen.keys) or "none"
        if not seen.servers:
            raise DeviceError(
                f"no device is registered as '{profile.key}' at the tracker {profile.tracker} "
                f"(registered: {others}); start on the device: python3 -m tvm.exec.rpc_server "
                f"--tracker {profile.tracker} --key {profile.key}"
            )
        if not seen.free:
            raise DeviceError(
                f"the device '{profile.key}' at the tracker {profile.tracker} is registered but "
                f"not free ({seen.pending} waiting): another client holds it, or its server has "
                f"died and must be restarted"
            )

    def connect(self) -> None:
        """Open a session on the board, having looked that the request can be answered."""
        self._let_go()
        self._wait_free()
        # The server ends a session that outlives its client; ours is renewed long before.
        session_s = int(max(60, 40 * self.profile.wall_limit_s))
        self.worker().call(
            "connect",
            session_s,
            limit_s=self.profile.connect_limit_s,
            what=f"opening a session on '{self.profile.key}' (restart its server)",
        )

    def _let_go(self) -> None:
        """End the session, if any, so that the board is free for another."""
        if self._worker is not None and self._worker.alive:
            self._worker.call("disconnect", limit_s=10.0, what="ending a session")

    def _wait_free(self) -> None:
        """A server needs a moment after a session to be free again."""
        stop = time.monotonic() + self.profile.connect_limit_s / 2
        while True:
            try:
                self.check_key()
                return
            except DeviceError:
                if time.monotonic() >= stop or not self.check_tracker().servers:
                    raise
            time.sleep(0.2)

    def missing_functions(self) -> list[str]:
        """Functions of this TVM that the device's runtime lacks: none where versions are equal."""
        return list(self._ask("missing_functions"))

    def has_device(self) -> bool:
        """Whether the device's runtime can run what the target needs."""
        return bool(self._ask("has_device"))

    def _ask(self, method: str) -> Any:
        return self.worker().call(
            method, limit_s=self.profile.connect_limit_s, what=f"asking '{self.profile.name}'"
        )

    def _on_device(self, what: str, method: str, *arguments: Any, whole: bool = False) -> Any:
        """`method` of the worker that talks to the device, of a layer or a `whole` network."""
        worker = self.worker()
        if self.profile.remote and worker.call("is_worn", limit_s=10.0, what="asking the worker"):
            self.connect()
        where = self.profile.key or "this machine"
        limit_s = self.profile.wall_limit_s + NETWORK_SHARE * self.profile.seconds
        if whole:
            # Compiling and sending dozens of kernels is part of it.
            limit_s += self._compile_limit_s(KERNELS_OF_A_NETWORK)
        if not self.profile.remote:
            limit_s = max(limit_s, self._compile_limit_s())  # compiling is part of the call
        try:
            return worker.call(method, *arguments, limit_s=limit_s, what=f"{what} on {where}")
        except WorkerDied:
            raise
        except DeviceError as error:
            if type(error) is not DeviceError:
                raise
            # What TVM says when a server dies: the session is of no use any more.
            self._worker = None
            worker.kill()
            raise DeviceError(
                f"{what} on {where} failed: {error}; the rows measured so far are kept"
            ) from error

    def _compile(self, shape: LayerShape) -> Path:
        self._numbers += 1
        path = Path(self._folder.name) / f"layer-{self._numbers}.so"
        self.compiler().call(
            "layer_library",
            shape,
            path,
            limit_s=self._compile_limit_s(),
            what=f"compiling {shape}",
        )
        return path

    def _compile_limit_s(self, kernels: int = 1) -> float:
        return COMPILE_LIMIT_S + kernels * self._making.trials * TRIAL_LIMIT_S

    def _start(self, name: str, *arguments: Any) -> Worker:
        worker = Worker(
            f"netadapt.latency.runtimes.tvm.device_worker:{name}",
            *arguments,
            environment={
                "TVM_NUM_THREADS": str(self.profile.threads),
                "OMP_NUM_THREADS": "1",
            },
        )
        worker.receive(START_LIMIT_S, "starting tvm")
        return worker


def _operators() -> tuple[OpSpec, ...]:
    """The operators added in this process, for a worker to know.

    Raises InputError for one whose functions another process can't find by their names.
    """
    added = OPS.added()
    for name, spec in added.items():
        try:
            pickle.dumps(spec)
        except Exception as error:  # pickle raises what the object's parts raise
            raise InputError(
                f"TVM compiles in a process of its own, which can't find the functions of the "
                f"operator '{name}' ({error}): define them at the top of a module"
            ) from error
    return tuple(added.values())
