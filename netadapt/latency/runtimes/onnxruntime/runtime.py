"""Timing through onnxruntime on the machine itself.

A layer's time in float32 is what onnxruntime's own profiler gives for its kernels, inside a model
that surrounds it as a network would (`layer_models`); in int8, where a layer also brings
conversions that the profiler calls by no layer's name, what such a model takes longer than its
surroundings alone. A whole network is timed from outside.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.errors import in_words
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
from netadapt.latency.runtimes.onnxruntime.layer_models import (
    layer_model,
    repeated_model,
    told_apart,
)
from netadapt.latency.runtimes.onnxruntime.quantizing import quantized
from netadapt.latency.runtimes.precision import FLOAT32, schedule_in
from netadapt.latency.runtimes.reference import Array, compare, reference
from netadapt.latency.runtimes.repeating import WARM_UP_RUNS, repeats_for, times_ms

MOST_RUNS = 200


class OnnxRuntime:
    """onnxruntime's CPU provider with the profile's number of threads, in float32 or int8."""

    precisions = (FLOAT32, "int8")

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        self._onnxruntime = needed("onnxruntime", "onnx")
        needed("onnx", "onnx")

    @property
    def schedule(self) -> str:
        return schedule_in("onnxruntime", self.profile.precision)

    def describe(self) -> dict[str, Any]:
        return {
            "runtime": "onnxruntime",
            "runtime_version": self._onnxruntime.__version__,
            "target": "CPUExecutionProvider, all graph optimizations",
            "threads": self.profile.threads,
            "schedule": self.schedule,
        }

    def reach(self) -> None:
        """Nothing: it is here."""

    def prepare(self, shape: LayerShape) -> None:
        """Nothing: onnxruntime compiles nothing ahead."""

    def measure(self, shape: LayerShape) -> Timing:
        values = reference(shape)
        feeds = {f"x{i}": x for i, x in enumerate(values.inputs)}
        session = self._session(layer_model(shape, values), str(shape), feeds=feeds)
        compare(shape, session.run(None, feeds)[0], values.output, self.profile.precision)

        repeats = repeats_for(shape, self.profile.ring_mb)
        if self.profile.precision != FLOAT32:
            full, bare = told_apart(shape, values, repeats)
            return apart(self._whole(full, str(shape)), self._whole(bare, str(shape)), repeats)
        model = repeated_model(shape, values, repeats, self.profile.ring_mb)
        with tempfile.TemporaryDirectory(prefix="netadapt-") as folder:
            session = self._session(model, str(shape), profile=Path(folder) / "profile")
            feeds = {node.name: np.ones(node.shape, np.float32) for node in session.get_inputs()}
            self._run(lambda: session.run(None, feeds), self.profile.seconds)
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        return Timing(tuple(_layer_times(events, repeats)))

    def measure_network(self, model: bytes) -> Timing:
        return self._whole(model, "the network", NETWORK_SHARE)

    def _whole(self, model: bytes, what: str, share: float = 1.0) -> Timing:
        """A model timed from outside, for `share` times the profile's seconds."""
        session = self._session(model, what)
        generator = np.random.default_rng(0)
        feeds = {
            node.name: generator.random(node.shape, dtype=np.float32)
            for node in session.get_inputs()
        }
        seconds = share * self.profile.seconds
        return Timing(tuple(self._run(lambda: session.run(None, feeds), seconds)))

    def steps(self) -> DoctorSteps:
        return local_steps(self)

    def close(self) -> None:
        """Nothing is held."""

    def _session(
        self,
        model: bytes,
        what: str,
        *,
        profile: Path | None = None,
        feeds: dict[str, Array] | None = None,
    ) -> Any:
        """A session of `model` in the profile's precision, calibrated by `feeds`."""
        onnxruntime = self._onnxruntime
        if self.profile.precision != FLOAT32:
            model = quantized(model, what, feeds)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.profile.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if profile is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(profile)
        try:
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes share no base
            raise UnsupportedLayer(f"onnxruntime can't run {what}: {in_words(error)}") from error

    def _run(self, run: Callable[[], Any], seconds: float) -> list[float]:
        return times_ms(run, seconds, threads=self.profile.threads, most=MOST_RUNS)


def _layer_times(events: list[dict[str, Any]], repeats: int) -> list[float]:
    """Milliseconds of the layer in each run, the mean over its repeats: the profiler counts whole
    microseconds, which a mean resolves and a quantile doesn't."""
    nodes: dict[str, list[float]] = {}
    for event in events:
        name = event["name"]
        if event.get("cat") != "Node" or not name.endswith("_kernel_time"):
            continue
        if event["args"].get("op_name", "").startswith("Reorder"):
            continue
        # The optimizer appends to names ('layer3_nchwc') but keeps how they begin.
        if name.startswith("layer"):
            nodes.setdefault(name, []).append(event["dur"] / 1e3)
    if not nodes:
        raise WrongOutput("onnxruntime's profile doesn't name the layer's kernels")
    runs = [sum(parts) / repeats for parts in zip(*nodes.values(), strict=True)]
    # What lasts less than the clock resolves took something nevertheless.
    return [max(run, 0.5e-3 / repeats) for run in runs[WARM_UP_RUNS:]]
