"""Layers and networks through OpenVINO: checked against torch, then timed; needs the extra."""

from __future__ import annotations

import pytest

from netadapt.errors import DeviceError, InputError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import SMALL, UnsupportedLayer
from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model
from netadapt.latency.runtimes.openvino.runtime import OpenVinoRuntime
from netadapt.latency.runtimes.reference import reference
from tests.latency.runtimes.every_kind import EVERY_KIND, shape

pytest.importorskip("openvino", reason="the extra netadapt[openvino] is not installed")

WITHOUT_OPERATOR = ("gelu",)


def opened(precision: str = "float32", **target: object) -> OpenVinoRuntime:
    return OpenVinoRuntime(
        DeviceProfile("here", "openvino", precision=precision, target=target, seconds=0.01)
    )


@pytest.mark.parametrize(("precision", "each"), [("float32", 4), ("int8", 12)])
def test_layers_are_right_and_timed(precision: str, each: int) -> None:
    """A kernel that computes something else raises WrongOutput."""
    runtime = opened(precision)
    runtime.reach()
    layers = [s for s in EVERY_KIND if s.activation not in WITHOUT_OPERATOR]
    for layer in layers[::each]:
        timing = runtime.measure(layer)
        assert 0 < timing.latency_ms < 50
    assert runtime.schedule == {"float32": "openvino", "int8": "openvino-int8"}[precision]


def test_a_network_and_much_more_arithmetic() -> None:
    runtime = opened()
    network = layer_model(SMALL, reference(SMALL))
    assert runtime.measure_network(network).latency_ms > 0
    small = runtime.measure(shape("conv2d", 64, 64, size=(14, 14)))
    large = runtime.measure(shape("conv2d", 256, 256, size=(28, 28)))  # 64 times as much
    assert large.latency_ms > 8 * small.latency_ms


def test_the_doctor_says_what_it_found() -> None:
    found = {name: step() for name, step in opened().steps()}
    assert found["device there"].startswith("CPU of ")
    assert "equal to torch's" in found["a small kernel gives the right answer"]


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(DeviceError, match=r"finds no device 'NPU\.7'; there are .*CPU"):
        opened(device="NPU.7").reach()


def test_a_precision_that_the_device_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = opened("float16")
    monkeypatch.setattr(runtime, "_asked", lambda name: ["FP32", "BF16"])
    with pytest.raises(InputError, match=r"which CPU doesn't compute in; .* FP32, BF16"):
        runtime.reach()


@pytest.mark.parametrize(
    ("target", "complaint"),
    [({"kind": "llvm"}, "unknown key 'kind'"), ({"device": 3}, "device is 3, expected a name")],
)
def test_a_wrong_target_is_refused(target: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        opened(**target)


def test_what_it_can_not_run_is_told_in_a_line() -> None:
    with pytest.raises(UnsupportedLayer, match="OpenVINO can't run the network") as caught:
        opened().measure_network(b"no network")
    assert "\n" not in str(caught.value)
