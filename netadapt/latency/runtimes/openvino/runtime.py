"""Timing through OpenVINO on the machine itself: its CPU, or a GPU or NPU by OpenVINO's name.

A layer's time is what a model that surrounds it as a network would takes longer than its
surroundings alone (`onnxruntime.layer_models`); OpenVINO reads both as ONNX.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from netadapt.errors import DeviceError, InputError, in_words
from netadapt.extras import needed
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
from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model, told_apart
from netadapt.latency.runtimes.onnxruntime.quantizing import quantized
from netadapt.latency.runtimes.precision import FLOAT32, PRECISIONS, schedule_in
from netadapt.latency.runtimes.reference import Array, compare, reference
from netadapt.latency.runtimes.repeating import MOST_RUNS, repeats_for, times_ms

CPU = "CPU"
_ELEMENTS = {FLOAT32: "f32", "float16": "f16", "int8": "f32"}
"""What OpenVINO is told to compute in; an int8 model says itself what is int8."""

_CAPABILITIES = {FLOAT32: "FP32", "float16": "FP16", "int8": "INT8"}
"""What a device must say that it can, by precision."""


class OpenVinoRuntime:
    """A device of OpenVINO's, `device` in the profile's [target]; the CPU where it says none.

    Raises InputError for another key there.
    """

    precisions = PRECISIONS

    def __init__(self, profile: DeviceProfile) -> None:
        self.profile = profile
        device = profile.target_over({"device": CPU})["device"]
        if not isinstance(device, str) or not device:
            raise InputError(
                f"{profile.path or profile.name}: [target] device is {device!r}, expected a name "
                f"such as CPU or GPU.0"
            )
        self.device = device
        self._openvino = needed("openvino", "openvino")
        needed("onnx", "onnx")
        self._core = self._openvino.Core()

    @property
    def schedule(self) -> str:
        return schedule_in("openvino", self.profile.precision)

    def describe(self) -> dict[str, Any]:
        return {
            "runtime": "openvino",
            "runtime_version": self._openvino.__version__,
            "target": f"{self.device}: {self._asked('FULL_DEVICE_NAME')}",
            "threads": self.profile.threads,
            "schedule": self.schedule,
        }

    def reach(self) -> None:
        """Raises DeviceError where OpenVINO finds no such device, InputError where that device
        computes in another precision than the profile's."""
        self._found()
        self._computes()

    def prepare(self, shape: LayerShape) -> None:
        """Nothing: compiling would disturb what is measured."""

    def measure(self, shape: LayerShape) -> Timing:
        values = reference(shape)
        feeds = {f"x{i}": x for i, x in enumerate(values.inputs)}
        compiled = self._compiled(layer_model(shape, values), str(shape), feeds)
        got = np.asarray(compiled(feeds)[compiled.output(0)])
        compare(shape, got, values.output, self.profile.precision)
        repeats = repeats_for(shape, self.profile.ring_mb)
        full, bare = told_apart(shape, values, repeats)
        return apart(self._whole(full, str(shape)), self._whole(bare, str(shape)), repeats)

    def measure_network(self, model: bytes) -> Timing:
        return self._whole(model, "the network", NETWORK_SHARE)

    def steps(self) -> DoctorSteps:
        yield "runtime installed", lambda: f"openvino {self._openvino.__version__}"
        yield "device there", self._found
        yield "precision", self._computes
        yield "device answers", lambda: version_of(self)
        yield "a small kernel gives the right answer", lambda: small_kernel(self)

    def close(self) -> None:
        """Nothing is held."""

    def _found(self) -> str:
        devices = list(self._core.available_devices)
        # GPU stands for GPU.0; AUTO, HETERO:… and the like are made of others.
        single = self.device.partition(":")[0]
        known = {name for device in devices for name in (device, device.partition(".")[0])}
        if single not in known and single not in ("AUTO", "HETERO", "MULTI"):
            raise DeviceError(
                f"OpenVINO finds no device '{self.device}'; there are {', '.join(devices)} "
                f"(docs/devices/openvino.md has what a GPU or NPU needs)"
            )
        return f"{self.device} of {', '.join(devices)}"

    def _computes(self) -> str:
        precision = self.profile.precision
        able = self._asked("OPTIMIZATION_CAPABILITIES")
        if isinstance(able, (list, tuple)) and _CAPABILITIES[precision] not in able:
            raise InputError(
                f"{self.profile.path or self.profile.name}: precision is '{precision}', which "
                f"{self.device} doesn't compute in; OpenVINO says that it can {', '.join(able)}"
            )
        return precision

    def _asked(self, name: str) -> Any:
        try:
            return self._core.get_property(self.device, name)
        except Exception as error:  # openvino raises plain RuntimeErrors
            raise DeviceError(
                f"OpenVINO can't ask {self.device} for its {name}: {_told(error)}"
            ) from error

    def _whole(self, model: bytes, what: str, share: float = 1.0) -> Timing:
        """A model timed from outside, for `share` times the profile's seconds."""
        compiled = self._compiled(model, what)
        request = compiled.create_infer_request()
        generator = np.random.default_rng(0)
        for port in compiled.inputs:
            values = generator.random(tuple(port.shape), dtype=np.float32)
            request.set_tensor(port, self._openvino.Tensor(values))
        run: Callable[[], Any] = request.infer
        # One thread's infer runs in the caller's thread; on another device its clock would wait.
        threads = self.profile.threads if self.device == CPU else 0
        seconds = share * self.profile.seconds
        try:
            return Timing(tuple(times_ms(run, seconds, threads=threads, most=MOST_RUNS)))
        except RuntimeError as error:
            raise DeviceError(
                f"OpenVINO on {self.device} failed while running {what}: {_told(error)}"
            ) from error

    def _compiled(self, model: bytes, what: str, feeds: dict[str, Array] | None = None) -> Any:
        precision = self.profile.precision
        if precision == "int8":
            model = quantized(model, what, feeds)
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": _ELEMENTS[precision],
            "NUM_STREAMS": 1,
        }
        if self.device == CPU:
            settings["INFERENCE_NUM_THREADS"] = self.profile.threads
        try:
            return self._core.compile_model(self._core.read_model(model), self.device, settings)
        except Exception as error:  # openvino raises plain RuntimeErrors
            raise UnsupportedLayer(f"OpenVINO can't run {what}: {_told(error)}") from error


def _told(error: Exception) -> str:
    """OpenVINO's own words: the last line, behind where in its sources it was raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else in_words(error)
