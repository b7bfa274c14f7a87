"""Every kernel of the schedule set computes what torch computes, for x86 and compiled for ARM."""

from __future__ import annotations

import pytest

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.reference import compare, reference
from tests.latency.runtimes.every_kind import EVERY_KIND, shape

tvm = pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")

A57 = {"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a57", "mattr": ["+neon"]}


def run(layer: LayerShape, cpu: str, repeats: int = 1) -> None:
    from tvm import relax
    from tvm.runtime import tensor

    from netadapt.latency.runtimes.tvm.compile import build_layer, make_target

    values = reference(layer)
    target = make_target({"kind": "llvm", "mcpu": cpu}, 1)
    program = build_layer(layer, values, target, repeats)
    machine = relax.VirtualMachine(program.executable, tvm.cpu())
    result = machine["main"](*(tensor(a) for a in (*program.inputs, *program.weights)))
    compare(layer, program.to_output(result), values.output)


@pytest.mark.parametrize("layer", EVERY_KIND, ids=str)
def test_a_kernel_computes_what_torch_computes(layer: LayerShape) -> None:
    run(layer, "native")


@pytest.mark.parametrize("layer", EVERY_KIND[:12:3], ids=str)
def test_narrow_vectors_give_the_same(layer: LayerShape) -> None:
    run(layer, "x86-64")


def test_a_repeated_layer_gives_what_one_gives() -> None:
    run(shape("conv2d", 16, 24, activation="relu"), "native", repeats=3)


def test_arm_code_is_made_of_neon_multiply_adds() -> None:
    from netadapt.latency.runtimes.tvm.compile import make_target
    from netadapt.latency.runtimes.tvm.schedules import BUILD_OPTIONS, build, cpu_of

    target = make_target(A57, 1)
    cpu = cpu_of(target)
    assert (cpu.lanes, cpu.registers) == (4, 32)
    kernel = build(shape("conv2d", 32, 64, size=(14, 14), activation="relu"), cpu)
    with tvm.transform.PassContext(config=BUILD_OPTIONS):
        module = tvm.compile(tvm.IRModule({"main": kernel.function}), target=target)
    code = getattr(module, "mod", module).inspect_source("asm")
    assert code.count("fmla") >= 24
    assert "TVMBackendAllocWorkspace" not in code.split("main_compute")[-1][:20000]


def test_the_same_shape_gives_the_same_code() -> None:
    from netadapt.latency.runtimes.tvm.schedules import Cpu, build

    layer = shape("conv2d", 40, 56, 3, 1, 1)
    first, second = (build(layer, Cpu(16, 32)).function.script() for _ in range(2))
    assert first == second


def test_an_unknown_activation_is_named() -> None:
    from netadapt.latency.runtimes.reference import Reference
    from netadapt.latency.runtimes.tvm.compile import build_layer, make_target

    layer = shape("conv2d", 8, 8, activation="relu")
    values = reference(layer)
    odd = shape("conv2d", 8, 8, activation="mish")
    with pytest.raises(UnsupportedLayer, match="mish"):
        reference(odd)
    with pytest.raises(UnsupportedLayer, match="mish"):
        build_layer(odd, Reference(**vars(values)), make_target({"kind": "llvm"}, 1), 1)
