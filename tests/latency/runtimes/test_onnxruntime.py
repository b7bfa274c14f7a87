"""Layers and networks through onnxruntime: checked against torch, then timed."""

from __future__ import annotations

import numpy as np
import pytest

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model
from netadapt.latency.runtimes.onnxruntime.runtime import OnnxRuntime
from netadapt.latency.runtimes.reference import compare, reference
from tests.latency.runtimes.every_kind import EVERY_KIND, shape

PROFILE = DeviceProfile(name="here", runtime="onnxruntime", seconds=0.02)
WITHOUT_OPERATOR = ("gelu",)


@pytest.mark.parametrize(
    "layer", [s for s in EVERY_KIND if s.activation not in WITHOUT_OPERATOR], ids=str
)
def test_a_layer_model_computes_what_torch_computes(layer: LayerShape) -> None:
    import onnxruntime

    values = reference(layer)
    session = onnxruntime.InferenceSession(layer_model(layer, values))
    feeds = {f"x{i}": x for i, x in enumerate(values.inputs)}
    compare(layer, np.asarray(session.run(None, feeds)[0]), values.output)


def test_what_has_no_operator_is_named() -> None:
    layer = shape("linear", 17, 30, size=(6, 1), activation="gelu")
    with pytest.raises(UnsupportedLayer, match="gelu"):
        OnnxRuntime(PROFILE).measure(layer)


@pytest.mark.parametrize(
    "layer",
    [
        shape("conv2d", 64, 64, size=(28, 28), activation="relu"),
        shape("upsample_add", 32, 32, 2, activation="nearest"),
        shape("conv2d", 3, 16, 3, 2, 1, size=(64, 64), activation="relu6"),
        shape("conv2d", 24, 1, size=(28, 28), activation="relu"),
    ],
    ids=str,
)
def test_a_layer_is_timed(layer: LayerShape) -> None:
    timing = OnnxRuntime(PROFILE).measure(layer)
    assert 0 < timing.latency_ms < 50
    assert len(timing.samples_ms) >= 8


def test_much_more_arithmetic_takes_longer() -> None:
    runtime = OnnxRuntime(PROFILE)
    small = runtime.measure(shape("conv2d", 64, 64, size=(14, 14)))
    large = runtime.measure(shape("conv2d", 256, 256, size=(28, 28)))  # 64 times as much
    assert large.latency_ms > 8 * small.latency_ms
