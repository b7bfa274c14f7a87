"""How one layer, or one whole network, is timed on a device: the protocol every runtime follows.

A runtime is opened for one device profile, asked for layers one after another, and closed. Which
layers to measure, and what to do with a row, is the builder's matter.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, Protocol

from netadapt.errors import DeviceError
from netadapt.graph.layer_shape import LayerShape

NETWORK_SHARE = 4.0
"""A whole network is timed for so many times a layer's seconds: its own time is that of many."""


@dataclass(frozen=True)
class Timing:
    """Times of one layer or network in milliseconds, one a repeat."""

    samples_ms: tuple[float, ...]

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


class UnsupportedLayer(DeviceError):
    """The runtime can't run a layer of this shape; a table is built without it."""


class WrongOutput(DeviceError):
    """A kernel computed something else than torch: its time must not count."""


class Runtime(Protocol):
    """One device, ready to time. Milliseconds at batch 1 in float32.

    Every method raises DeviceError within the profile's wall limit when the device can't be
    reached, dies or hangs.
    """

    def describe(self) -> dict[str, Any]:
        """What the table's .toml says of it: runtime, version, target, threads, schedule."""
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
        """Time one layer after comparing what it computes with torch.

        Raises UnsupportedLayer or WrongOutput.
        """
        ...

    def measure_network(self, model: bytes) -> Timing:
        """Time a whole network, given as an ONNX model at batch 1, after the same comparison."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...
