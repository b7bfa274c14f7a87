"""Operators of a user's own in the runtimes that compile in a process of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netadapt.errors import InputError
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.network_steps import read_network
from netadapt.latency.runtimes.onnxruntime.kernels import KERNELS
from netadapt.latency.runtimes.onnxruntime.onnx_graph import OnnxGraph
from netadapt.latency.runtimes.reference import compare, reference
from netadapt.latency.runtimes.registry import open_runtime
from tests.latency.runtimes.every_kind import shape
from tests.latency.runtimes.negated_op import SPEC

LAYER = shape("negated", 24, 24, size=(9, 5), activation="relu")


def test_tvms_own_process_knows_it(host_profile: DeviceProfile) -> None:
    pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")
    with OPS.temporarily("negated", SPEC), open_runtime(host_profile) as runtime:
        assert runtime.measure(LAYER).latency_ms > 0
    bare = replace(SPEC, kernels={})
    told = pytest.raises(UnsupportedLayer, match=r"tvm-cpu has no kernel for .* 'negated'")
    with OPS.temporarily("negated", bare), open_runtime(host_profile) as runtime, told:
        runtime.measure(LAYER)


def test_functions_that_another_process_cannot_find_are_told(host_profile: DeviceProfile) -> None:
    hidden = replace(SPEC, macs=lambda shape: 0)
    told = pytest.raises(InputError, match=r"'negated'.*define them at the top of a module")
    with OPS.temporarily("negated", hidden), open_runtime(host_profile) as runtime, told:
        runtime.measure(LAYER)


def test_tvms_operators_make_it() -> None:
    tvm = pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")
    from tvm import relax
    from tvm.runtime import tensor

    from netadapt.latency.runtimes.tvm.compile import make_target
    from netadapt.latency.runtimes.tvm.kernel_source import Making
    from netadapt.latency.runtimes.tvm.relax_network import build_layer

    with OPS.temporarily("negated", SPEC):
        values = reference(LAYER)
        target = make_target({"kind": "llvm", "mcpu": "native"}, 1)
        program = build_layer(LAYER, values, target, 1, Making())
        machine = relax.VirtualMachine(program.executable, tvm.cpu())
        result = machine["main"](*map(tensor, program.inputs))
        compare(LAYER, program.to_output(result), values.output)


def test_a_node_of_its_own_is_a_step() -> None:
    graph = OnnxGraph()
    graph.output(graph.node("Neg", [graph.input("x", (1, 8, 4, 6))], "y"), (1, 8, 4, 6))
    with pytest.raises(UnsupportedLayer, match="Neg 'y'"):
        read_network(graph.serialize())
    with OPS.temporarily("negated", SPEC):
        (step,) = read_network(graph.serialize()).steps
    one = (1, 1)
    assert step.shape == LayerShape("negated", 8, 8, one, one, (0, 0), one, 1, 4, 6)


def test_an_operators_own_kernel_goes_before_the_runtimes() -> None:
    """A user may know a better way to make a built-in layer."""
    import onnxruntime

    from netadapt.latency.runtimes.onnxruntime.layer_models import layer_model

    def twice(graph, shape, sources, name, values):
        return graph.node(
            "Add", [KERNELS["add"](graph, shape, sources, f"{name}.sum", values)] * 2, name
        )

    layer = shape("add", 8, 8)
    values = reference(layer)
    feeds = {f"x{i}": x for i, x in enumerate(values.inputs)}
    with OPS.temporarily("add", replace(OPS["add"], kernels={"onnxruntime": twice})):
        model = layer_model(layer, values)
    (result,) = onnxruntime.InferenceSession(model).run(None, feeds)
    assert np.array_equal(result, 2 * values.output)
