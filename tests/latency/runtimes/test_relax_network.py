"""TVM's own operators: right answers on a CPU, CUDA code for the boards, and tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netadapt.errors import DeviceError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import load_profile
from netadapt.latency.runtimes.reference import compare, reference
from netadapt.latency.runtimes.tvm import tuning as tvm_tuning
from netadapt.latency.runtimes.tvm.kernel_source import Making
from tests.latency.runtimes.every_kind import shape

tvm = pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")

LAYERS = [
    shape("conv2d", 16, 24, activation="relu"),
    shape("conv2d", 24, 24, 5, 1, 2, groups=24, size=(7, 7), activation="relu6"),
    shape("upsample_add", 40, 40, 2, activation="nearest", size=(7, 7)),
]


def run(layer: LayerShape, making: Making) -> None:
    from tvm import relax
    from tvm.runtime import tensor

    from netadapt.latency.runtimes.tvm.compile import make_target
    from netadapt.latency.runtimes.tvm.relax_network import build_layer

    values = reference(layer)
    target = make_target({"kind": "llvm", "mcpu": "native"}, 1)
    program = build_layer(layer, values, target, 2, making)
    machine = relax.VirtualMachine(program.executable, tvm.cpu())
    arrays = (np.ascontiguousarray(a) for a in (*program.inputs, *program.weights))
    compare(layer, program.to_output(machine["main"](*map(tensor, arrays))), values.output)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_operators_compute_what_torch_computes(layer: LayerShape) -> None:
    run(layer, Making())


@pytest.mark.parametrize("own", [False, True], ids=["TVM's operators", "netadapt's schedules"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_every_repeat_is_computed(layer: LayerShape, own: bool) -> None:
    """A compiler that drops results nobody reads would make a layer look as fast as it likes."""
    from netadapt.latency.runtimes.tvm import compile as tvm_build
    from netadapt.latency.runtimes.tvm import relax_network

    target = tvm_build.make_target({"kind": "llvm", "mcpu": "native"}, 1)
    values = reference(layer)
    program = (
        tvm_build.build_layer(layer, values, target, 3)
        if own
        else relax_network.build_layer(layer, values, target, 3, Making())
    )
    calls = [
        line.split()[1] for line in program.executable.as_text().splitlines() if "call" in line
    ]
    kernels = [name for name in calls if not name.startswith("vm.builtin.")]
    assert len(kernels) == 3
    assert len(set(kernels)) == 1


@pytest.mark.parametrize("device", ["tx2", "jetson-nano", "jetson-orin"])
def test_a_jetsons_gpu_gets_cuda_code(device: str) -> None:
    from netadapt.latency.runtimes.tvm.compile import make_target
    from netadapt.latency.runtimes.tvm.relax_network import build_layer

    layer = LAYERS[0]
    target = make_target(dict(load_profile(device, environment={}).target), 1)
    program = build_layer(layer, reference(layer), target, 1, Making())
    sources = [m.inspect_source() for m in _modules(program.executable.mod) if m.kind == "cuda"]
    assert len(sources) == 1
    assert "__global__ void" in sources[0]


def _modules(module: Any) -> list[Any]:
    return [module, *(inner for m in module.imports for inner in _modules(m))]


@pytest.mark.slow
def test_tuning_gives_right_answers_and_is_not_done_again(tmp_path: Path) -> None:
    making = Making(trials=2, database=tmp_path / "tuning")
    records = tmp_path / "tuning" / "database_tuning_record.json"
    run(LAYERS[0], making)
    found = records.read_text()
    assert found
    run(LAYERS[0], making)
    assert records.read_text() == found


def test_a_search_whose_trials_all_fail_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tvm_tuning, "_search", lambda *_: None)
    with pytest.raises(DeviceError, match=r"none of the 2 trials of .* see why in .*logs"):
        run(LAYERS[0], Making(trials=2, database=tmp_path / "tuning"))


def test_the_schedule_column_says_how_kernels_are_made() -> None:
    assert Making().schedule("llvm") == "netadapt-cpu-1"
    assert Making().schedule("cuda") == "dlight"
    assert Making(trials=64).schedule("llvm") == "metaschedule-64"
