"""Layers and networks through PyTorch itself: as its records compute them, then timed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from netadapt.errors import DeviceError, InputError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import SMALL
from netadapt.latency.runtimes.network_steps import Network, read_network
from netadapt.latency.runtimes.reference import compare, reference
from netadapt.latency.runtimes.step_surroundings import alone, surrounded
from netadapt.latency.runtimes.torch.runtime import TorchRuntime, gpu_clocks
from netadapt.latency.runtimes.torch.step_network import StepNetwork
from tests.latency.runtimes.every_kind import EVERY_KIND, shape


def opened(precision: str = "float32", **target: object) -> TorchRuntime:
    return TorchRuntime(
        DeviceProfile("here", "torch", precision=precision, target=target, seconds=0.01)
    )


def run(network: Network) -> tuple[torch.Tensor, ...]:
    with torch.inference_mode():
        return StepNetwork(network)(*(torch.rand(size) for size in network.inputs.values()))


def test_layers_are_right_and_timed() -> None:
    """A layer that computes something else raises WrongOutput."""
    runtime = opened()
    runtime.reach()
    threads = torch.get_num_threads()
    for layer in EVERY_KIND[::2]:
        assert 0 < runtime.measure(layer).latency_ms < 50
    assert torch.get_num_threads() == threads


def test_surroundings_are_all_but_the_layer() -> None:
    layer = shape("upsample_add", 40, 40, 2, activation="nearest", size=(7, 7))
    values = reference(layer)
    full, bare = surrounded(layer, values, 3), surrounded(layer, values, 3, layers=False)
    of_it = [step for step in full.steps if step.shape == layer]
    assert len(of_it) == 3
    others = [step.shape for step in full.steps if step.shape != layer]
    # The layer's own reader is all that goes with it.
    assert len(others) - 3 == len(bare.steps) == 12
    assert len(run(full)) == 9
    assert len(run(bare)) == 6


def test_a_network_s_steps_compute_what_its_file_says() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model

    for layer in (EVERY_KIND[0], EVERY_KIND[21], EVERY_KIND[23]):
        values = reference(layer)
        model = layer_model(layer, values)
        feeds = {f"x{i}": x for i, x in enumerate(values.inputs)}
        expected = onnxruntime.InferenceSession(model).run(None, feeds)[0]
        network = StepNetwork(read_network(model))
        with torch.inference_mode():
            got = network(*(torch.from_numpy(x) for x in values.inputs))[0]
        compare(layer, got.numpy(), expected)
        assert opened().measure_network(model).latency_ms > 0


def test_what_nobody_reads_any_more_is_let_go() -> None:
    network = StepNetwork(surrounded(SMALL, reference(SMALL), 2))
    assert sum(len(names) for names in network._done) == 5  # the input, 2 feeders, 2 layers
    assert run(alone(SMALL, reference(SMALL)))[0].shape == (1, 24, 14, 14)


@pytest.mark.slow
def test_a_compiled_layer() -> None:
    runtime = opened(mode="compiled")
    runtime.reach()
    assert runtime.measure(shape("linear", 40, 24, size=(1, 1))).latency_ms > 0
    assert runtime.schedule == "torch-compiled"


def test_the_doctor_says_what_it_found() -> None:
    found = {name: step() for name, step in opened().steps()}
    assert found["device there"] == "cpu: CPU"
    assert "equal to torch's" in found["a small kernel gives the right answer"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told_before_anything_is_spent() -> None:
    with pytest.raises(DeviceError, match="finds 0 CUDA GPUs, so no 'cuda:3'"):
        opened(device="cuda:3").reach()


def test_a_compiler_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    opened().reach()
    with pytest.raises(DeviceError, match="needs a C\\+\\+ compiler"):
        opened(mode="compiled").reach()


def test_a_gpu_s_clocks_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_clocks() == "nvidia-smi isn't there to ask"
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA X, 1200 MHz, 1980 MHz'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    assert gpu_clocks().startswith("NVIDIA X, 1200 MHz, 1980 MHz (name, now, highest")


@pytest.mark.parametrize(
    ("precision", "target", "complaint"),
    [
        ("float32", {"kind": "llvm"}, "unknown key 'kind'; expected device, mode"),
        ("float32", {"mode": "fast"}, "mode is 'fast', expected eager or compiled"),
        ("float32", {"device": "abacus"}, "device is 'abacus', expected cpu, cuda"),
        ("float32", {"device": 3.5}, "device is 3.5, expected cpu"),
        ("float32", {"device": "mps"}, "device is 'mps', expected cpu, cuda"),
        ("float16", {}, "is timed in on a GPU alone"),
    ],
)
def test_a_wrong_target_is_refused(
    precision: str, target: dict[str, object], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        opened(precision, **target)
