"""A device that exists only on paper: times from a formula, for tests of all that is above.

Its latencies are those of a roofline with a fixed cost a kernel, with reproducible noise; nothing
is compiled or run. A profile gets it only by asking for the runtime 'fake' by name.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import DoctorSteps, Timing, UnsupportedLayer, local_steps

GMACS_PER_S = 20.0
GBYTES_PER_S = 5.0
KERNEL_MS = 0.01


class FakeRuntime:
    """Times by formula. `noise`: relative standard deviation; `refused`: ops it can't run."""

    schedule = "fake-1"

    def __init__(
        self, profile: DeviceProfile, *, noise: float = 0.01, refused: tuple[str, ...] = ()
    ) -> None:
        self.profile = profile
        self.noise = noise
        self.refused = refused
        self.asked: list[LayerShape] = []

    def describe(self) -> dict[str, Any]:
        return {
            "runtime": "fake",
            "runtime_version": "1",
            "target": "none",
            "threads": self.profile.threads,
            "schedule": self.schedule,
        }

    def reach(self) -> None:
        """Nothing: it is here."""

    def prepare(self, shape: LayerShape) -> None:
        """Nothing."""

    def measure(self, shape: LayerShape) -> Timing:
        self.asked.append(shape)
        if shape.op in self.refused:
            raise UnsupportedLayer(f"{shape}: the fake device has no kernel for it")
        generator = np.random.default_rng(zlib.crc32(f"{shape!r}{len(self.asked)}".encode()))
        samples = exact_ms(shape) * (1 + self.noise * np.abs(generator.standard_normal(20)))
        return Timing(tuple(float(s) for s in samples))

    def measure_network(self, model: bytes) -> Timing:
        from netadapt.latency.runtimes.network_steps import read_network

        total = sum(exact_ms(step.shape) for step in read_network(model).steps)
        return Timing((total,))

    def steps(self) -> DoctorSteps:
        return local_steps(self)

    def close(self) -> None:
        """Nothing is held."""


def exact_ms(shape: LayerShape) -> float:
    """The fake device's latency without noise."""
    height, width = shape.out_size
    values = shape.in_channels * shape.in_height * shape.in_width
    values += shape.out_channels * height * width + shape.weights
    return KERNEL_MS + max(shape.macs / GMACS_PER_S, 4 * values / GBYTES_PER_S) / 1e6
