"""An operator that only its user knows: traced, cut, measured and pruned without a line of ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import netadapt
from netadapt.errors import ModelError
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.planner import Planner
from netadapt.latency.measure.table_build import build_table
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.features import family, features, is_memory_bound
from netadapt.latency.runtimes.base import UnsupportedLayer, WrongOutput
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.latency.table.table import LookupTable
from netadapt.training.classification import ClassificationTask
from netadapt.training.finetune import FineTuning
from tests.graph.ops.gated_conv import SPEC, GatedConv, GatedNet
from tests.graph.proving import prove

EXAMPLE = torch.zeros(1, 3, 32, 32)
PROFILE = DeviceProfile(name="here", runtime="onnxruntime", seconds=0.01)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with OPS.temporarily("gated_conv", SPEC):
        yield


def the_shape(entering: int = 3, leaving: int = 32) -> LayerShape:
    one = (1, 1)
    return LayerShape("gated_conv", entering, leaving, (3, 3), one, one, one, 1, 32, 32)


def task() -> ClassificationTask:
    generator = torch.Generator().manual_seed(1)

    def draw(count: int) -> tuple[Tensor, Tensor]:
        labels = torch.randint(3, (count,), generator=generator)
        images = torch.rand(count, 3, 32, 32, generator=generator)
        images[torch.arange(count), labels] += 0.5
        return images, labels

    return ClassificationTask(draw(32), draw(32))


def test_a_trace_counts_it_and_finds_what_can_be_cut() -> None:
    graph = netadapt.trace(GatedNet(), EXAMPLE)
    assert [layer.name for layer in graph.layers] == ["first", "second", "mean", "head"]
    first, second = graph.layers[:2]
    assert first.shape == the_shape()
    assert first.macs == 2 * 3 * 9 * 32 * 32 * 32
    assert second.shape.out_size == (16, 16)
    assert not graph.uncounted
    assert not graph.unknown
    assert graph.widths == {"first": 32, "second": 32}  # the trial cut froze neither


def test_a_row_of_it_survives_a_table() -> None:
    shape = the_shape()
    assert LayerShape.from_row(dict(shape.to_row())) == shape
    assert (family(shape), is_memory_bound(shape)) == ("gated_conv", False)
    assert shape.weights == 64 * 3 * 9
    assert np.isfinite(features(shape)).all()


def test_a_cut_is_the_full_network_without_those_channels() -> None:
    model = GatedNet().double().eval()
    inputs = (torch.rand(1, 3, 32, 32, dtype=torch.float64),)
    graph = netadapt.trace(model, inputs)
    keep = {"first": np.arange(1, 32, 2), "second": np.array([0, 3, 4, 9, 30])}
    small = prove(model, inputs, graph, keep)
    assert small.second.weight.shape == (10, 16, 3, 3)
    assert small.second.out_channels == 5


def test_its_kernel_is_compared_with_its_reference() -> None:
    with open_runtime(PROFILE) as runtime:
        assert runtime.measure(the_shape()).latency_ms > 0
        wrong = replace(SPEC, forward=lambda s, x, w, b: SPEC.forward(s, x, w, b) + 0.1)
        with OPS.temporarily("gated_conv", wrong), pytest.raises(WrongOutput, match="gated_conv"):
            runtime.measure(the_shape())


def test_a_runtime_without_a_kernel_of_it_says_so() -> None:
    bare = replace(SPEC, kernels={})
    told = pytest.raises(UnsupportedLayer, match=r"onnxruntime has no kernel .* 'gated_conv'")
    with OPS.temporarily("gated_conv", bare), open_runtime(PROFILE) as runtime, told:
        runtime.measure(the_shape())


def test_a_record_that_counts_wrong_channels_is_told() -> None:
    wrong = replace(SPEC, shape=lambda call, given: the_shape(leaving=64))
    told = pytest.raises(ModelError, match=r"gives 32, but .* 'gated_conv' reads has 3 and 64")
    with OPS.temporarily("gated_conv", wrong), told:
        netadapt.trace(GatedConv(3, 32, 3), EXAMPLE)


def test_without_a_coupling_it_is_counted_and_left_whole() -> None:
    with OPS.temporarily("gated_conv", replace(SPEC, couple=None)):
        graph = netadapt.trace(GatedNet(), EXAMPLE)
    assert [layer.shape.op for layer in graph.layers][:2] == ["gated_conv", "gated_conv"]
    assert "tests::gated_conv" in graph.unknown
    assert not graph.widths


def test_a_network_of_it_is_measured_and_pruned(tmp_path: Path) -> None:
    model, path = GatedNet(), tmp_path / "here.csv"
    graph = netadapt.trace(model, EXAMPLE)
    with open_runtime(PROFILE) as runtime:
        build_table(PROFILE, runtime, Planner(graph), path, tolerance=1e-3, max_layers=40)
    table = LookupTable.read(path)
    assert {e.source for e in table.entries if e.shape.op == "gated_conv"} == {"measured"}
    full_ms = LatencyEstimator(table).network(graph).ms
    result = netadapt.prune(
        model,
        EXAMPLE,
        task=task(),
        budget={str(path): 0.6 * full_ms},
        out=tmp_path / "run",
        short_term=FineTuning(steps=2, batch_size=8, learning_rate=0.01),
        first_reduction=0.2,
    )
    last = result.trajectory.iloc[-1]
    assert last["latency_ms"] <= 0.6 * full_ms
    assert last["params"] == sum(p.numel() for p in result.model.parameters()) < graph.params
    again = netadapt.load_model(tmp_path / "run")
    image = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(again(image), result.model.eval()(image))
