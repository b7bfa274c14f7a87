"""Layers and networks through ncnn: the files written for it, and, with the extra, their times."""

from __future__ import annotations

import pytest

from netadapt.errors import MissingExtraError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import SMALL, UnsupportedLayer
from netadapt.latency.runtimes.ncnn.param_file import write_network
from netadapt.latency.runtimes.ncnn.runtime import NcnnRuntime
from netadapt.latency.runtimes.network_steps import Network, Step, read_network
from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model
from netadapt.latency.runtimes.reference import reference
from netadapt.latency.runtimes.step_surroundings import alone
from tests.latency.runtimes.every_kind import EVERY_KIND, shape

PROFILE = DeviceProfile("here", "ncnn", seconds=0.01)


@pytest.fixture
def runtime() -> NcnnRuntime:
    pytest.importorskip("ncnn", reason="the extra netadapt[ncnn] is not installed")
    return NcnnRuntime(PROFILE)


def test_every_kind_of_layer_is_right_and_timed(runtime: NcnnRuntime) -> None:
    """A layer that computes something else raises WrongOutput."""
    for layer in EVERY_KIND:
        assert 0 < runtime.measure(layer).latency_ms < 50


def test_a_network_is_timed(runtime: NcnnRuntime) -> None:
    model = layer_model(SMALL, reference(SMALL))
    assert runtime.measure_network(model).latency_ms > 0
    found = {name: step() for name, step in runtime.steps()}
    assert "equal to torch's" in found["a small kernel gives the right answer"]


def test_an_activation_is_the_convolution_s_own() -> None:
    layer = shape("conv2d", 16, 24, 3, 2, 1, activation="relu6")
    file = write_network(alone(layer, reference(layer)))
    assert file.text.splitlines() == [
        "7767517",
        "2 2",
        "Input x0 0 1 x0",
        "Convolution y 1 1 x0 y 0=24 1=3 11=3 2=1 12=1 3=2 13=2 4=1 14=1 5=1 6=3456 9=3 "
        "-23310=2,0.0,6.0",
    ]
    assert sum(map(len, file.weights)) == 4 + 4 * (3456 + 24)


def test_what_is_read_twice_is_split() -> None:
    adding = shape("add", 8, 8, size=(4, 4), activation="silu")
    steps = (Step(adding, ("x", "x"), "sum"), Step(adding, ("sum", "x"), "y"))
    network = Network(steps, {"x": (1, 8, 4, 4)}, {"y": (1, 8, 4, 4)})
    lines = write_network(network).text.splitlines()[1:]
    assert lines[:3] == [
        "6 8",
        "Input x 0 1 x",
        "Split x.split0 1 3 x x.split0 x.split1 x.split2",
    ]
    assert lines[3].startswith("BinaryOp sum.kernel 2 1 x.split")
    assert lines[4] == "Swish sum 1 1 sum.kernel sum"


@pytest.mark.parametrize(
    ("layer", "complaint"),
    [
        (shape("pool", 8, 8, 3, 1, d=2, activation="max"), "no pooling with dilation"),
        (shape("add", 8, 8, activation="mish"), "ncnn has no layer for 'mish'"),
    ],
)
def test_what_ncnn_has_not_is_named(layer, complaint: str) -> None:
    step = Step(layer, ("x",) * (1 + (layer.op == "add")), "y")
    network = Network((step,), {"x": (1, 8, 14, 14)}, {"y": ()})
    with pytest.raises(UnsupportedLayer, match=complaint):
        write_network(network)


def test_a_whole_file_is_read_and_written() -> None:
    for layer in (EVERY_KIND[0], EVERY_KIND[16], EVERY_KIND[23]):
        network = read_network(layer_model(layer, reference(layer)))
        assert write_network(network).layers[-1].split()[1] == next(iter(network.outputs))


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ncnn", None)
    with pytest.raises(MissingExtraError, match=r"netadapt\[ncnn\]"):
        NcnnRuntime(PROFILE)
