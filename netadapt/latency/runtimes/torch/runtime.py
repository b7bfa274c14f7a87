"""Timing through PyTorch itself on this machine: its CPU or a CUDA GPU, eager or compiled.

A layer's time is what a module that surrounds it as a network would takes longer than its
surroundings alone (`step_surroundings`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from netadapt.errors import DeviceError, InputError, in_words
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import (
    NETWORK_SHARE,
    DoctorSteps,
    Timing,
    UnsupportedLayer,
    apart,
    small_kernel,
    version_of,
)
from netadapt.latency.runtimes.network_steps import Network, read_network
from netadapt.latency.runtimes.precision import FLOAT32, schedule_in
from netadapt.latency.runtimes.reference import compare, reference
from netadapt.latency.runtimes.repeating import (
    FEWEST_RUNS,
    MOST_RUNS,
    WARM_UP_RUNS,
    repeats_for,
    times_ms,
)
from netadapt.latency.runtimes.step_surroundings import alone, surrounded
from netadapt.latency.runtimes.torch.step_network import as_module

MOST_REPEATS_COMPILED = 4
"""Each is compiled with all its repeats, which takes seconds."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""glibc's numbers for `mallopt`."""

MODES = ("eager", "compiled")
_DTYPES = {FLOAT32: torch.float32, "float16": torch.float16}

Run = Callable[[], tuple[torch.Tensor, ...]]


class TorchRuntime:
    """PyTorch on `device` ('cpu', 'cuda', 'cuda:1') in `mode`, both of the profile's [target].

    'compiled' is torch.compile with its defaults. float32 is computed as such, without TF32.
    Raises InputError for another key or value there, and for float16 on a CPU.
    """

    precisions = tuple(_DTYPES)

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        where = f"{profile.path or profile.name}: [target]"
        target = profile.target_over({"device": "cpu", "mode": "eager"})
        if target["mode"] not in MODES:
            raise InputError(f"{where} mode is '{target['mode']}', expected {' or '.join(MODES)}")
        try:
            self.device = torch.device(target["device"])
        except (RuntimeError, TypeError):
            self.device = torch.device("meta")
        if self.device.type not in ("cpu", "cuda"):
            raise InputError(
                f"{where} device is {target['device']!r}, expected cpu, cuda or cuda:1"
            )
        if self.device.type == "cpu" and profile.precision != FLOAT32:
            raise InputError(
                f"{profile.path or profile.name}: precision is '{profile.precision}', which torch "
                f"is timed in on a GPU alone; expected {FLOAT32} on a CPU"
            )
        self.mode = str(target["mode"])
        _keep_memory()

    @property
    def schedule(self) -> str:
        return schedule_in(f"torch-{self.mode}", self.profile.precision)

    def describe(self) -> dict[str, Any]:
        return {
            "runtime": "torch",
            "runtime_version": torch.__version__,
            "target": f"{self.device}: {self._name()}, {self.mode}",
            "threads": self.profile.threads,
            "schedule": self.schedule,
        }

    def reach(self) -> None:
        """Raises DeviceError where torch has no such GPU, or no compiler for its own code."""
        self._found()
        self._compiler_found()

    def prepare(self, shape: LayerShape) -> None:
        """Nothing: compiling would disturb what is measured."""

    def measure(self, shape: LayerShape) -> Timing:
        values = reference(shape)
        with self._alone_here():
            run = self._ready(alone(shape, values), str(shape), values.inputs)
            got = run()[0].float().cpu().numpy()
            compare(shape, got, values.output, self.profile.precision)
            repeats = repeats_for(shape, self.profile.ring_mb)
            if self.mode == "compiled":
                repeats = min(repeats, MOST_REPEATS_COMPILED)
            full = self._timed(surrounded(shape, values, repeats), str(shape))
            bare = self._timed(surrounded(shape, values, repeats, layers=False), str(shape))
        return apart(full, bare, repeats)

    def measure_network(self, model: bytes) -> Timing:
        with self._alone_here():
            return self._timed(read_network(model), "the network", NETWORK_SHARE)

    def steps(self) -> DoctorSteps:
        yield "device there", self._found
        if self.mode == "compiled":
            yield "compiler present", self._compiler_found
        if self.device.type == "cuda":
            yield "clocks", gpu_clocks
        yield "runtime installed", lambda: version_of(self)
        yield "a small kernel gives the right answer", lambda: small_kernel(self)

    def close(self) -> None:
        """Nothing is held."""

    def _name(self) -> str:
        if self.device.type == "cpu":
            return "CPU"
        return str(torch.cuda.get_device_name(self.device))

    def _found(self) -> str:
        if self.device.type == "cuda":
            count = torch.cuda.device_count() if torch.cuda.is_available() else 0
            if (self.device.index or 0) >= count:
                raise DeviceError(
                    f"torch {torch.__version__} finds {count} CUDA GPUs, so no '{self.device}'; "
                    f'install a torch built for CUDA and NVIDIA\'s driver, or take device = "cpu"'
                )
        return f"{self.device}: {self._name()}"

    def _compiler_found(self) -> str:
        if self.mode != "compiled" or self.device.type != "cpu":
            return "none needed"
        compilers = (os.environ.get("CXX", ""), "g++", "clang++", "c++")
        found = next((path for name in compilers if name and (path := shutil.which(name))), None)
        if found is None:
            raise DeviceError(
                "torch.compile needs a C++ compiler for the CPU and finds none; on Debian or "
                "Ubuntu: sudo apt install g++; or name one with CXX"
            )
        return found

    @contextmanager
    def _alone_here(self) -> Iterator[None]:
        """The profile's threads, no gradients, no TF32, for the block: a search may run beside."""
        threads = torch.get_num_threads()
        torch.set_num_threads(self.profile.threads)
        try:
            with (
                torch.inference_mode(),
                torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("ignore")  # what torch says of its own compiler
                yield
        finally:
            torch.set_num_threads(threads)

    def _ready(self, network: Network, what: str, inputs: tuple[Any, ...] | None = None) -> Run:
        """A call that runs the network once, already warm. Raises UnsupportedLayer."""
        dtype = _DTYPES[self.profile.precision]
        generator = np.random.default_rng(0)
        given = inputs or [
            generator.random(size, dtype=np.float32) for size in network.inputs.values()
        ]
        tensors = [torch.from_numpy(x).to(self.device, dtype) for x in given]
        module: Any = as_module(network).to(self.device, dtype)
        try:
            if self.mode == "compiled":
                torch.compiler.reset()  # code of another layer isn't looked through
                module = torch.compile(module, dynamic=False)
            module(*tensors)
        except torch.cuda.OutOfMemoryError as error:
            raise UnsupportedLayer(f"{what} doesn't fit the memory of {self.device}") from error
        except Exception as error:  # torch's compilers raise classes without a base
            raise UnsupportedLayer(
                f"torch can't run {what} {self.mode}: {in_words(error)}"
            ) from error
        return lambda: module(*tensors)

    def _timed(self, network: Network, what: str, share: float = 1.0) -> Timing:
        run = self._ready(network, what)
        seconds = share * self.profile.seconds
        if self.device.type == "cuda":
            return Timing(tuple(_gpu_times_ms(run, seconds)))
        threads = self.profile.threads
        return Timing(tuple(times_ms(run, seconds, threads=threads, most=MOST_RUNS)))


def _keep_memory() -> None:
    """Have the C library keep the memory that it is given back, up to a gigabyte.

    By itself glibc gives large blocks back to the system at one time and keeps them at another, so
    that a layer takes twice as long or not, by what was freed before it.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 32 << 20)  # the most that it takes
        library.mallopt(_TRIM_THRESHOLD, 1 << 30)


def gpu_clocks() -> str:
    """A step: the GPU's clock and its highest, which should be the same while measuring."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return "nvidia-smi isn't there to ask"
    asked = "--query-gpu=name,clocks.sm,clocks.max.sm"
    told = subprocess.run(
        [program, asked, "--format=csv,noheader"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    lines = told.stdout.strip().splitlines()
    if told.returncode or not lines:
        return "nvidia-smi doesn't say"
    return f"{'; '.join(lines)} (name, now, highest; fix it with: sudo nvidia-smi -lgc MHZ)"


def _gpu_times_ms(run: Run, seconds: float) -> list[float]:
    """Milliseconds of each call by the GPU's own events, for about `seconds`."""
    samples: list[float] = []
    total = 0.0
    for index in range(WARM_UP_RUNS + MOST_RUNS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        run()
        end.record()
        end.synchronize()
        if index >= WARM_UP_RUNS:
            samples.append(start.elapsed_time(end))
            total += samples[-1] / 1e3
        if len(samples) >= FEWEST_RUNS and total >= seconds:
            break
    return samples
