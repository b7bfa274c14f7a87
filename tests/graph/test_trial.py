"""What a trace can't see in its numbers, trial cuts find: each network here hides one thing."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from torch import Tensor, nn

import netadapt
from netadapt.errors import ModelError
from netadapt.graph import LayerGraph, cut, trace, zero_removed
from netadapt.graph.trial import NOTHING, RANDOM

IMAGE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def conv(entering: int, leaving: int) -> nn.Conv2d:
    return nn.Conv2d(entering, leaving, 3, padding=1)


class Written(nn.Module):
    """`between` is what lies between two convolutions; the module's own code has the rest."""

    def __init__(self, between: Callable[[nn.Module, Tensor], Tensor], width: int = 32) -> None:
        super().__init__()
        self.between = between
        self.a, self.head = conv(3, width), conv(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self, self.a(x).relu()))


def shuffled(y: Tensor) -> Tensor:
    """A shuffle whose 8 is written down."""
    return y.view(len(y), -1, 8, 16, 16).transpose(1, 2).reshape(y.shape)


def reasons(graph: LayerGraph) -> dict[str, str]:
    return {group.name: group.reason for group in graph.groups if group.frozen}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_channels_picked_by_number_are_found_in_any_precision(dtype: torch.dtype) -> None:
    model = Written(lambda _, y: shuffled(y)).to(dtype)
    assert "by number" in reasons(trace(model, IMAGE.to(dtype)))["a"]


@dataclass
class Answer:
    y: Tensor


torch.export.register_dataclass(Answer)


class InAnswer(Written):
    def forward(self, x: Tensor) -> Answer:
        return Answer(super().forward(x))


class Labels(Written):
    """Gives whole numbers, among them most often the same one."""

    def forward(self, x: Tensor) -> Tensor:
        bias = torch.zeros(10, device=x.device)
        bias[3] = 50.0
        return (super().forward(x) + bias.view(1, -1, 1, 1)).argmax(1)


class Holes(Written):
    """NaN where there is nothing to say."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return torch.where(torch.ones_like(y).cumsum(2) > 3, y, torch.full_like(y, float("nan")))


@pytest.mark.parametrize("kind", [InAnswer, Labels, Holes])
def test_every_kind_of_output_is_compared(kind: type[Written]) -> None:
    assert "by number" in reasons(trace(kind(lambda _, y: shuffled(y)), IMAGE))["a"]
    assert "a" not in reasons(trace(kind(lambda _, y: y), IMAGE))


class DeadBranch(nn.Module):
    """As ConvNeXt and CaiT begin: the branch counts for a millionth, or for nothing."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.a, self.m, self.p, self.head = conv(3, 32), conv(32, 32), conv(32, 32), conv(32, 10)
        self.gamma = nn.Parameter(torch.full((32, 1, 1), gamma))

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x).relu()
        return self.head(y + self.gamma * self.p(shuffled(self.m(y).relu()))).relu()


@pytest.mark.parametrize("gamma", [1e-6, 0.0])
def test_a_branch_that_is_dead_at_the_beginning_is_awake_in_a_trial(gamma: float) -> None:
    model = DeadBranch(gamma)
    with torch.no_grad():
        model.head.bias.fill_(-1e6)  # the last ReLU is dead too
    found = reasons(trace(model, IMAGE))
    assert "by number" in found["m"]
    assert "a" not in found


def test_a_network_of_which_nothing_can_be_compared_is_not_cut() -> None:
    class Constant(Written):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros_like(super().forward(x))

    assert reasons(trace(Constant(lambda _, y: y), IMAGE))["a"] == NOTHING


def test_what_is_random_is_called_so() -> None:
    model = Written(lambda _, y: y + torch.randn_like(y))
    state = torch.get_rng_state()
    assert reasons(trace(model, IMAGE))["a"] == RANDOM
    assert torch.equal(torch.get_rng_state(), state)


def at_multiples(multiple: int) -> Callable[[nn.Module, Tensor], Tensor]:
    def between(_: nn.Module, y: Tensor) -> Tensor:
        assert int(y.shape[1]) % multiple == 0, f"{y.shape[1]} channels"
        return y

    return between


@pytest.mark.parametrize("multiple", [8, 16])
def test_the_widths_that_the_code_takes_are_learned(multiple: int) -> None:
    graph = trace(Written(at_multiples(multiple), width=64), IMAGE)
    group = graph.group("a")
    assert not group.frozen
    assert group.allowed_widths(8) == tuple(range(multiple, 65, multiple))
    assert group.allowed_widths(1) == group.allowed_widths(8)
    with pytest.raises(ModelError, match="the network's code works at"):
        graph.with_widths({"a": 63})


def test_a_width_that_the_code_branches_on_is_left_out() -> None:
    model = Written(lambda _, y: y if y.shape[1] > 8 else 2 * y)
    graph = trace(model, IMAGE)
    assert graph.group("a").allowed_widths(8) == (16, 24, 32)
    with pytest.raises(ModelError, match="can't keep 8 of its units"):
        cut(model, graph, {"a": range(8)})


class Attention(nn.Module):
    """As SegFormer reduces its keys: reshaped to the channels of what it is given."""

    def __init__(self, blocks: int = 1) -> None:
        super().__init__()
        self.a, self.b = conv(3, 32), conv(32, 32)
        self.reduce = nn.ModuleList(conv(32, 32) for _ in range(blocks))
        self.other = conv(32, 32)
        self.head = conv(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x).relu()
        for reduce in self.reduce:
            batch, channels, height, width = y.shape
            y = reduce(y).reshape(batch, channels, height, width)
        z = self.b(y).relu()
        return self.head(self.other(z).reshape(z.shape))


def attention() -> nn.Module:
    torch.manual_seed(0)
    return Attention()


@pytest.mark.parametrize("blocks", [1, 2])
def test_groups_that_must_be_equally_wide_become_one(blocks: int) -> None:
    model = Attention(blocks)
    graph = trace(model, IMAGE)
    assert set(graph.widths) == {"a", "b"}
    assert set(graph.group("a").layers) == {"a", *(f"reduce.{i}" for i in range(blocks))}
    assert "equally wide" in " ".join(graph.group("a").couplings)
    keep = {"a": np.arange(5, 17), "b": np.arange(0, 32, 2)}
    with torch.no_grad():
        torch.testing.assert_close(
            cut(model, graph, keep)(IMAGE), zero_removed(model, graph, keep)(IMAGE)
        )


def test_a_network_with_joined_groups_is_loaded_again(tmp_path: Path) -> None:
    model = attention()
    graph = trace(model, IMAGE)
    narrow = cut(model, graph, {"a": range(16)})
    config = netadapt.save_model(tmp_path, narrow, graph.with_widths({"a": 16}))
    assert config.widths["a"] == config.widths["reduce"] == 16
    assert torch.equal(netadapt.load_model(tmp_path)(IMAGE), narrow(IMAGE))


def test_a_trial_leaves_the_network_as_it_was() -> None:
    model = DeadBranch(0.5).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trace(model, IMAGE)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def normed() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the old way, which checkpoints still have
        return nn.utils.weight_norm(conv(32, 10))


def masked() -> nn.Module:
    layer = conv(32, 10)
    torch.nn.utils.prune.l1_unstructured(layer, "weight", 0.5)
    return layer


@pytest.mark.parametrize("last", [normed, masked])
def test_a_network_that_keeps_what_it_computed_is_copied(last: Callable[[], nn.Module]) -> None:
    model = nn.Sequential(conv(3, 32), nn.ReLU(), conv(32, 32), nn.ReLU(), last())
    model(IMAGE)  # the weight hangs on a gradient now
    graph = trace(model, IMAGE)
    assert "0" in graph.widths
    cut(model, graph, {"0": range(16)})(IMAGE)


class Hooked(Written):
    """A hook fills a dict of this network's, which a copy's hook would fill too."""

    def __init__(self) -> None:
        super().__init__(lambda s, y: s.held["a"])
        held = self.held = {}
        self.a.register_forward_hook(lambda module, inputs, output: held.update(a=output))


def test_a_network_whose_copy_cannot_run_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"a copy of Hooked, .*test_trial\.py:\d+ in .*: KeyError: 'a'"
    ):
        trace(Hooked(), IMAGE)


def test_compiled_torchscript_is_named() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.script(nn.Sequential(conv(32, 32), nn.ReLU()))
    with pytest.raises(ModelError, match="1 is compiled TorchScript, which can't be cut"):
        trace(nn.Sequential(conv(3, 32), script, conv(32, 10)), IMAGE)


def test_a_trained_norm_of_tiny_variance_blows_no_rounding_up() -> None:
    """Ten layers that each multiply by 1,000, and saturate: rounding would decide the output."""
    layers = [nn.Sequential(conv(32, 32), nn.BatchNorm2d(32), nn.ReLU6()) for _ in range(10)]
    model = nn.Sequential(conv(3, 32), *layers, conv(32, 4), nn.ReLU())
    for layer in layers:
        layer[1].running_var.fill_(1e-9)
    graph = trace(model, IMAGE)
    assert len(graph.widths) == 11
    assert not any(group.only_widths for group in graph.groups)
