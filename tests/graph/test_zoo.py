"""Networks by their names in the literature: traced, cut, compared, trained, stored, exported."""

from __future__ import annotations

import functools
import io
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from netadapt.depth.fastdepth.variants import variant_names
from netadapt.graph import LayerGraph, cut, trace
from netadapt.networks import build
from tests.graph.proving import lively, outputs_of, prove, random_keep
from tests.zoo import ZOO

QUICK_VARIANTS = ("mobilenet-shuffle5dw", "mobilenet-nnconv5dw-skipconcat")
QUICK_EXPORTS = ("ShuffleNetV2", "FPN")
NOT_WHOLE = {
    "ShuffleNetV1": "can only be removed all together",
    "ResNet-20 option A": "pad adds it, by a number in the network's code",
    "Hard-coded": "the network's code counts on all of them",
    "Unknown operator": "'sort'",
    "Positions": "mixes positions",
    "ESPCN": "joins it with the network's input",
    "Shapes": "spreads it over other channels",
}


@functools.cache
def traced(name: str) -> tuple[nn.Module, tuple[torch.Tensor, ...], LayerGraph]:
    torch.manual_seed(0)
    model = lively(ZOO[name].small()).double()
    inputs = tuple(tensor.double() for tensor in ZOO[name].inputs())
    return model, inputs, trace(model, inputs)


@pytest.mark.parametrize("name", ZOO)
def test_random_cut_is_the_full_network_without_those_channels(name: str) -> None:
    model, inputs, graph = traced(name)
    assert graph.widths
    prove(model, inputs, graph, random_keep(graph, np.random.default_rng(0)))


@pytest.mark.parametrize("name", ["ShuffleNetV2", "RegNetY-400MF", "MobileNetV1", "Norms"])
def test_cut_network_can_be_traced_and_cut_again(name: str) -> None:
    model, inputs, graph = traced(name)
    small = cut(model, graph, random_keep(graph, np.random.default_rng(1)))
    again = trace(small, inputs)
    assert [group.name for group in again.groups] == [group.name for group in graph.groups]
    prove(small, inputs, again, random_keep(again, np.random.default_rng(2)))


@pytest.mark.parametrize("name", ZOO)
def test_frozen_groups_say_why(name: str) -> None:
    _, _, graph = traced(name)
    reasons = {group.reason for group in graph.groups if group.frozen}
    surprising = {reason for reason in reasons if "output" not in reason}
    if name in NOT_WHOLE:
        assert any(NOT_WHOLE[name] in reason for reason in surprising)
    else:
        assert surprising <= {"split_with_sizes makes parts of [4, 10] channels"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_full_size_network(name: str) -> None:
    torch.manual_seed(0)
    entry = ZOO[name]
    model = lively(entry.full()).double()
    inputs = tuple(tensor.double() for tensor in entry.inputs(full=True))
    graph = trace(model, inputs)
    prove(model, inputs, graph, random_keep(graph, np.random.default_rng(0)))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK_VARIANTS else pytest.mark.slow)
        for name in variant_names()
    ],
)
def test_fastdepth_variant(name: str) -> None:
    torch.manual_seed(0)
    model = lively(build(name)).double()
    inputs = (torch.rand(1, 3, 64, 64, dtype=torch.float64),)
    graph = trace(model, inputs)
    frozen = [group for group in graph.groups if group.frozen]
    assert [group.reason for group in frozen] == ["it is the network's output"]
    prove(model, inputs, graph, random_keep(graph, np.random.default_rng(0)))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK_EXPORTS else pytest.mark.slow) for name in ZOO],
)
def test_cut_network_is_stored_and_exported(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    entry = ZOO[name]
    model = lively(entry.small())
    inputs = entry.inputs()
    graph = trace(model, inputs)
    keep = random_keep(graph, np.random.default_rng(0))
    small = cut(model, graph, keep)
    expected = outputs_of(small, inputs)

    save_file(small.state_dict(), tmp_path / "model.safetensors")
    again = cut(
        entry.small().eval(), graph, {name: range(len(kept)) for name, kept in keep.items()}
    )
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    for one, other in zip(outputs_of(again, inputs), expected, strict=True):
        assert torch.equal(one, other)

    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(small, inputs, dynamo=True, verbose=False)
        assert program is not None
        program.save(buffer)
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    feeds = dict(zip(names, (tensor.numpy() for tensor in inputs), strict=True))
    for one, other in zip(session.run(None, feeds), expected, strict=True):
        scale = float(other.abs().max())
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-4, atol=1e-4 * max(1.0, scale))
