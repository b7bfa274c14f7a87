"""Timing through ncnn on the machine itself: phones' and small boards' CPUs, by its Python wheel.

netadapt writes ncnn's files itself (`param_file`). A layer's time is what a network that has it in
its surroundings takes longer than these alone (`step_surroundings`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.extras import needed
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import (
    NETWORK_SHARE,
    DoctorSteps,
    Timing,
    UnsupportedLayer,
    WrongOutput,
    apart,
    local_steps,
)
from netadapt.latency.runtimes.ncnn.param_file import write_network
from netadapt.latency.runtimes.network_steps import Network, read_network
from netadapt.latency.runtimes.reference import Array, compare, reference
from netadapt.latency.runtimes.repeating import MOST_RUNS, repeats_for, times_ms
from netadapt.latency.runtimes.step_surroundings import alone, surrounded


class NcnnRuntime:
    """ncnn on the CPU with the profile's number of threads, in float32."""

    schedule = "ncnn"

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        self._ncnn = needed("ncnn", "ncnn")

    def describe(self) -> dict[str, Any]:
        return {
            "runtime": "ncnn",
            "runtime_version": self._ncnn.__version__,
            "target": "CPU",
            "threads": self.profile.threads,
            "schedule": self.schedule,
        }

    def reach(self) -> None:
        """Nothing: it is here."""

    def prepare(self, shape: LayerShape) -> None:
        """Nothing: ncnn compiles nothing ahead."""

    def measure(self, shape: LayerShape) -> Timing:
        values = reference(shape)
        run = self._ready(alone(shape, values), str(shape), values.inputs)
        got = run()[0]
        if got.size != values.output.size:
            raise WrongOutput(f"{shape}: ncnn gives {got.shape}, torch {values.output.shape}")
        compare(shape, got.reshape(values.output.shape), values.output)
        repeats = repeats_for(shape, self.profile.ring_mb)
        full = self._timed(surrounded(shape, values, repeats), str(shape))
        bare = self._timed(surrounded(shape, values, repeats, layers=False), str(shape))
        return apart(full, bare, repeats)

    def measure_network(self, model: bytes) -> Timing:
        return self._timed(read_network(model), "the network", NETWORK_SHARE)

    def steps(self) -> DoctorSteps:
        return local_steps(self)

    def close(self) -> None:
        """Nothing is held."""

    def _timed(self, network: Network, what: str, share: float = 1.0) -> Timing:
        generator = np.random.default_rng(0)
        inputs = [generator.random(size, dtype=np.float32) for size in network.inputs.values()]
        run = self._ready(network, what, tuple(inputs))
        seconds = share * self.profile.seconds
        return Timing(tuple(times_ms(run, seconds, threads=self.profile.threads, most=MOST_RUNS)))

    def _ready(
        self, network: Network, what: str, inputs: tuple[Array, ...]
    ) -> Callable[[], list[Array]]:
        """A call that runs the network once. Raises UnsupportedLayer where ncnn can't load it."""
        written = write_network(network)
        net = self._ncnn.Net()
        net.opt.num_threads = self.profile.threads
        net.opt.use_vulkan_compute = False
        for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
            setattr(net.opt, name, False)  # float32 is what the table says
        with tempfile.TemporaryDirectory(prefix="netadapt-") as folder:
            weights = Path(folder) / "network.bin"
            weights.write_bytes(b"".join(written.weights))
            if net.load_param_mem(written.text) or net.load_model(str(weights)):
                raise UnsupportedLayer(f"ncnn can't load {what}")
        # Without the batch, which ncnn hasn't; its own copies, since it only points to numpy's.
        mats = [
            self._ncnn.Mat(np.ascontiguousarray(x[0] if x.ndim == 4 else x)).clone() for x in inputs
        ]
        given = list(zip(network.inputs, mats, strict=True))
        outputs = list(network.outputs)

        def run() -> list[Array]:
            extractor = net.create_extractor()
            for name, mat in given:
                extractor.input(name, mat)
            results = []
            for name in outputs:
                code, mat = extractor.extract(name)
                if code:
                    raise UnsupportedLayer(f"ncnn can't run {what} (it gives {code} for '{name}')")
                results.append(np.array(mat))
            return results

        return run
