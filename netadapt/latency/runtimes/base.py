"""How one layer, or one whole network, is timed on a device: the protocol every runtime follows.

Which runtimes there are is left to `registry`; which layers to measure, and what to do with a row,
is the builder's matter.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from netadapt.errors import DeviceError
from netadapt.graph.layer_shape import LayerShape

NETWORK_SHARE = 4.0
"""A whole network is timed for so many times a layer's seconds: its own time is that of many."""


@dataclass(frozen=True)
class Timing:
    """Times of one layer or network in milliseconds, one a repeat.

    Raises DeviceError where there are none, or one that isn't above zero.
    """

    samples_ms: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.samples_ms or not all(0 < ms < math.inf for ms in self.samples_ms):
            raise DeviceError(
                f"a runtime gave times of {self.samples_ms} ms; expected one or more above zero"
            )

    @property
    def latency_ms(self) -> float:
        """The lower decile: whatever else runs on the device only ever adds time."""
        ordered = sorted(self.samples_ms)
        return ordered[(len(ordered) - 1) // 10]

    @property
    def spread_ms(self) -> float:
        """Standard deviation of the faster half, the half the latency is taken from."""
        ordered = sorted(self.samples_ms)
        fast = ordered[: (len(ordered) + 1) // 2]
        return statistics.stdev(fast) if len(fast) > 1 else 0.0


RESOLVED = 0.01
"""What a layer takes at least, as a share of the surroundings it is told from: less can't be."""


def apart(full: Timing, bare: Timing, repeats: int) -> Timing:
    """A layer from the times of a model that has it `repeats` times, and of one without it."""
    around_ms = bare.latency_ms
    return Timing(
        tuple(max(ms - around_ms, RESOLVED * around_ms) / repeats for ms in full.samples_ms)
    )


class UnsupportedLayer(DeviceError):
    """The runtime can't run a layer of this shape; a table is built without it."""


class WrongOutput(DeviceError):
    """A kernel computed something else than torch: its time must not count."""


DoctorSteps = Iterator[tuple[str, Callable[[], str]]]
"""Steps of the path to a device: what each is, and a call that tries it and says what it found."""

SMALL = LayerShape("conv2d", 16, 24, (3, 3), (1, 1), (1, 1), (1, 1), 1, 14, 14, "relu")
"""The layer that shows whether a compiled kernel gives the right answer."""


class Runtime(Protocol):
    """One device, ready to time. Milliseconds at batch 1 in the profile's precision.

    A runtime is a class called with a `DeviceProfile` (which see for what a device may say of
    itself): it checks that the profile has what it needs, raises InputError naming the profile's
    file where not, and touches no device yet. Then, in one thread:

    1. `reach` once, before anything slow.
    2. `describe` and `schedule` for the table's .toml and column; rows of another answer don't
       belong in the same table.
    3. `prepare` and `measure` for one layer after another, each as often as its times spread;
       at last `measure_network` for a few whole networks.
    4. `close` once, whatever happened before.

    `steps` takes the place of 1 to 3 when a user asks what is wrong (`lut doctor`). Between calls
    a runtime may keep a connection and what it compiled. Every method raises DeviceError within
    the profile's wall limit when the device can't be reached, dies or hangs.

    A class that computes in more than float32 has `precisions`, the names of those that a profile
    may ask for; its `schedule` must then say which one it is.

    A class that can search for faster kernels also has a class method `tuned(profile, trials,
    database)`, which `--tune` asks for: trials a layer, kept in the folder `database`.

    Example: a device whose every layer takes a microsecond for 1000 multiply-accumulates:

    >>> class Steady:
    ...     schedule = "steady-1"
    ...     def __init__(self, profile): self.profile = profile
    ...     def describe(self):
    ...         return {"runtime": "steady", "runtime_version": "1", "target": "none"}
    ...     def reach(self): pass
    ...     def prepare(self, shape): pass
    ...     def measure(self, shape): return Timing((1e-3 + shape.macs * 1e-6,))
    ...     def measure_network(self, model): return Timing((1.0,))
    ...     def steps(self): yield "a layer is timed", lambda: str(self.measure(SMALL).latency_ms)
    ...     def close(self): pass
    >>> Steady(None).measure(SMALL).latency_ms
    0.678...
    """

    def describe(self) -> dict[str, Any]:
        """What the table's .toml says of it: runtime, runtime_version, target; threads, schedule.

        The last two may be left out.
        """
        ...

    @property
    def schedule(self) -> str:
        """How kernels are made, for the table's `schedule` column."""
        ...

    def reach(self) -> None:
        """Look, quickly and before anything slow, whether the device is there and free."""
        ...

    def prepare(self, shape: LayerShape) -> None:
        """Begin to compile `shape`, so that a later `measure` finds it done; may do nothing."""
        ...

    def measure(self, shape: LayerShape) -> Timing:
        """Time one layer after comparing what it computes with torch (`reference`, `compare`).

        Raises UnsupportedLayer or WrongOutput.
        """
        ...

    def measure_network(self, model: bytes) -> Timing:
        """Time a whole network, given as an ONNX model at batch 1.

        A runtime that compiles a network otherwise than its layers, as TVM's does, compares what it
        computes first; of others `measure` has compared the layers.
        """
        ...

    def steps(self) -> DoctorSteps:
        """Every step of the path to the device, in order, for `lut doctor`.

        A step's call gives what it found, as one line, or raises a NetadaptError that says what
        to do. Steps after one that failed aren't tried.
        """
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


def local_steps(runtime: Runtime) -> DoctorSteps:
    """The steps to a device that is this machine: the package is there, a kernel is right."""
    yield "runtime installed", lambda: version_of(runtime)
    yield "a small kernel gives the right answer", lambda: small_kernel(runtime)


def version_of(runtime: Runtime) -> str:
    """A step: the runtime's name, version and target."""
    told = runtime.describe()
    return f"{told['runtime']} {told['runtime_version']}, {told['target']}"


def small_kernel(runtime: Runtime) -> str:
    """A step: one layer is made, compared and timed."""
    timing = runtime.measure(SMALL)
    return f"{SMALL}: equal to torch's, {timing.latency_ms:.3g} ms"
