"""FastDepth through the whole room: trace, widths on the graph, and the cut network itself."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from netadapt.graph import LayerGraph, cut, trace, zero_removed
from netadapt.networks import build
from tests.graph.proving import lively


@pytest.fixture(scope="module")
def fastdepth() -> tuple[nn.Module, LayerGraph, torch.Tensor]:
    torch.manual_seed(0)
    # In float64, so that the proof below is about channels and not about rounding.
    model = lively(build("fastdepth")).double()
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
    return model, trace(model, x), x


def test_layers_are_the_deployed_kernels(
    fastdepth: tuple[nn.Module, LayerGraph, torch.Tensor],
) -> None:
    graph = trace(build("fastdepth"), torch.zeros(1, 3, 224, 224), verify=False)
    texts = [str(layer.shape) for layer in graph.layers]
    assert len(texts) == 43
    assert texts[:3] == [
        "conv2d 3→32 k3 s2 @224×224 relu6",
        "depthwise 32→32 k3 @112×112 relu6",
        "conv2d 32→64 k1 @112×112 relu6",
    ]
    assert texts[-4:] == [
        "depthwise 64→64 k5 @112×112 relu",
        "conv2d 64→32 k1 @112×112 relu",
        "upsample 32→32 k2 @112×112 nearest",
        "conv2d 32→1 k1 @224×224 relu",
    ]
    assert sum(layer.shape.op == "upsample_add" for layer in graph.layers) == 3
    assert graph.layers[0].modules == ("conv0.0", "conv0.1", "conv0.2")
    assert graph.uncounted == fastdepth[1].uncounted == ()
    assert round(graph.macs / 1e9, 2) == 0.74


def test_skip_additions_and_depthwise_convolutions_join_layers(
    fastdepth: tuple[nn.Module, LayerGraph, torch.Tensor],
) -> None:
    graph = fastdepth[1]
    assert list(graph.widths) == [f"conv{i}" for i in range(14)] + ["decode_conv1", "decode_conv5"]
    conv1 = graph.group("conv1")
    assert conv1.layers == ("conv1.3", "conv2.0", "decode_conv4.1.0", "decode_conv5.0.0")
    assert "add" in conv1.couplings
    last = graph.group("decode_conv6")
    assert last.frozen
    assert last.reason == "it is the network's output"


def test_published_pruned_widths_give_the_published_macs() -> None:
    graph = trace(build("fastdepth-pruned"), torch.zeros(1, 3, 224, 224), verify=False)
    assert round(graph.macs / 1e9, 2) == 0.37
    assert graph.widths["conv1"] == 56


@pytest.mark.slow
@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(data=st.data())
def test_cut_network_equals_full_one_with_removed_channels_zeroed(
    fastdepth: tuple[nn.Module, LayerGraph, torch.Tensor], data: st.DataObject
) -> None:
    model, graph, x = fastdepth
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    keep = {}
    for name, full in graph.widths.items():
        width = data.draw(st.integers(graph.group(name).min_width, full), label=name)
        keep[name] = np.sort(random.permutation(full)[:width])
    small = cut(model, graph, keep)
    with torch.no_grad():
        torch.testing.assert_close(
            small(x), zero_removed(model, graph, keep)(x), rtol=1e-9, atol=1e-9
        )

    planned = graph.with_widths({name: len(kept) for name, kept in keep.items()})
    again = trace(small, x)
    assert again.widths == planned.widths
    assert again.layers == planned.layers
    assert again.macs == planned.macs
    assert again.params == planned.params == sum(p.numel() for p in small.parameters())


def test_cut_network_trains(fastdepth: tuple[nn.Module, LayerGraph, torch.Tensor]) -> None:
    model, graph, _ = fastdepth
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    small = cut(model, graph, {name: range(full // 2) for name, full in graph.widths.items()})
    small.train()
    small(torch.rand(2, 3, 64, 64).double()).sum().backward()
    assert all(parameter.grad is not None for parameter in small.parameters())
    assert type(small) is type(model)
    after = model.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_widths_change_in_microseconds(
    fastdepth: tuple[nn.Module, LayerGraph, torch.Tensor],
) -> None:
    graph = fastdepth[1]
    names = list(graph.widths)
    start = time.perf_counter()
    for i in range(500):
        name = names[i % len(names)]
        assert graph.with_widths({name: 2 + i % (graph.widths[name] - 1)}).layers
    # 50 µs on an idle core; the bound leaves room for a busy machine.
    assert (time.perf_counter() - start) / 500 < 2e-3
