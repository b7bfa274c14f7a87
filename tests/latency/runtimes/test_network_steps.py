"""Whole networks as steps: read from ONNX as a trace reads them, resized, run through TVM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netadapt.errors import InputError
from netadapt.graph import LayerGraph, trace
from netadapt.latency.measure.random_prunings import random_prunings
from netadapt.latency.runtimes.base import UnsupportedLayer
from netadapt.latency.runtimes.network_steps import read_network
from netadapt.latency.runtimes.onnxruntime.onnx_graph import OnnxGraph
from netadapt.latency.runtimes.reference import compare
from netadapt.networks.onnx_export import export_onnx, export_pruned

SIZE = (32, 48)
EXAMPLE = torch.zeros(1, 3, *SIZE)


class Small(nn.Module):
    """A little of everything: skip by addition and by concatenation, a transposed convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6()
        )
        self.deep = nn.Sequential(
            nn.Conv2d(16, 16, 3, 2, 1, groups=16, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU6(),
            nn.Conv2d(16, 24, 1),
            nn.ReLU(),
        )
        self.up = nn.Conv2d(24, 16, 1)
        self.wide = nn.ConvTranspose2d(32, 24, 4, 2, 1)
        self.last = nn.Conv2d(24, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.down(x)
        deep = self.up(self.deep(skip))
        deep = nn.functional.interpolate(deep, scale_factor=2, mode="nearest") + skip
        joined = torch.cat([deep, skip], dim=1)
        return torch.relu(self.last(torch.relu(self.wide(joined))))


@pytest.fixture(scope="module")
def traced() -> tuple[nn.Module, LayerGraph]:
    model = Small().eval()
    return model, trace(model, EXAMPLE)


def test_onnx_and_trace_agree_on_the_kernels(traced: tuple[nn.Module, LayerGraph]) -> None:
    model, graph = traced
    assert [s.shape for s in read_network(export_onnx(model, EXAMPLE)).steps] == [
        layer.shape for layer in graph.layers
    ]


def test_a_pruning_has_the_shapes_its_graph_says(traced: tuple[nn.Module, LayerGraph]) -> None:
    model, graph = traced
    (pruning,) = random_prunings(graph, 1, seed=3)
    assert pruning.widths != graph.widths
    steps = read_network(export_pruned(model, graph, pruning, EXAMPLE)).steps
    assert [s.shape for s in steps] == [layer.shape for layer in pruning.layers]


@pytest.mark.parametrize("embedded", [False, True], ids=["weights given", "weights within"])
@pytest.mark.parametrize("own", [False, True], ids=["TVM's operators", "netadapt's schedules"])
def test_tvm_computes_what_onnxruntime_computes(
    traced: tuple[nn.Module, LayerGraph], own: bool, embedded: bool
) -> None:
    tvm = pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")
    import onnxruntime
    from tvm import relax
    from tvm.runtime import tensor

    from netadapt.latency.runtimes.tvm import compile as tvm_build
    from netadapt.latency.runtimes.tvm import relax_network
    from netadapt.latency.runtimes.tvm.kernel_source import Making

    model, graph = traced
    (pruning,) = random_prunings(graph, 1, seed=4)
    resized = export_pruned(model, graph, pruning, EXAMPLE)
    session = onnxruntime.InferenceSession(resized)
    x = np.random.default_rng(0).random((1, 3, *SIZE), dtype=np.float32)
    expected = session.run(None, {session.get_inputs()[0].name: x})[0]
    target = tvm_build.make_target({"kind": "llvm", "mcpu": "native"}, 1)
    network = read_network(resized)
    program = (
        tvm_build.build_network(network, [x], target, embedded=embedded)
        if own
        else relax_network.build_network(network, [x], target, Making(), embedded=embedded)
    )
    assert (program.weights == ()) == embedded
    machine = relax.VirtualMachine(program.executable, tvm.cpu())
    result = machine["main"](*(tensor(a) for a in (*program.inputs, *program.weights)))
    compare("the network", program.to_output(result), np.asarray(expected))


def test_an_unknown_operator_is_named() -> None:
    graph = OnnxGraph()
    graph.output(graph.node("Erf", [graph.input("x", (1, 8, 4, 4))], "odd"), (1, 8, 4, 4))
    with pytest.raises(UnsupportedLayer, match="Erf 'odd'"):
        read_network(graph.serialize())


def test_a_map_added_as_a_constant_is_named() -> None:
    graph = OnnxGraph()
    x = graph.input("x", (1, 8, 4, 4))
    learned = graph.constant("learned", np.ones((1, 8, 4, 4), np.float32))
    graph.output(graph.node("Add", [x, learned], "shifted"), (1, 8, 4, 4))
    with pytest.raises(UnsupportedLayer, match="Add 'shifted'"):
        read_network(graph.serialize())


def test_a_scaled_gemm_is_named() -> None:
    graph = OnnxGraph()
    weight = graph.constant("weight", np.ones((8, 4), np.float32))
    bias = graph.constant("bias", np.ones(4, np.float32))
    sources = [graph.input("x", (1, 8)), weight, bias]
    graph.output(graph.node("Gemm", sources, "halved", beta=0.5), (1, 4))
    with pytest.raises(UnsupportedLayer, match="Gemm 'halved'"):
        read_network(graph.serialize())


def test_what_is_no_onnx_model_is_refused() -> None:
    with pytest.raises(InputError, match="not an ONNX model"):
        read_network(b"no model at all")
