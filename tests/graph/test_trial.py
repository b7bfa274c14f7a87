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


def test_numbers_that_leave_the_range_of_float32_are_compared_in_double() -> None:
    """As those of hundreds of blocks do, each of which adds to what it is given."""
    model = Written(lambda _, y: y * 1e20 * 1e20)
    assert "a" not in reasons(trace(model, IMAGE))


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


def gated(y: Tensor, open: Tensor) -> Tensor:
    """Channels picked by number, where `open` says so."""
    return y + torch.cat([y[:, 16:], y[:, :16]], 1) * open


@pytest.mark.parametrize(
    ("between", "image"),
    [
        (lambda x, y: gated(y, x.mean(1, keepdim=True) > 128), IMAGE * 255),
        (lambda x, y: gated(y, x.amin(1, keepdim=True) < 0), IMAGE - 0.5),
    ],
    ids=["of 0 to 255", "signed"],
)
def test_a_branch_that_the_example_would_wake_is_awake(
    between: Callable[[Tensor, Tensor], Tensor], image: Tensor
) -> None:
    class Seeing(Written):
        def forward(self, x: Tensor) -> Tensor:
            return self.head(between(x, self.a(x).relu()))

    assert not trace(Seeing(lambda _, y: y), image).widths


def test_a_fault_in_a_small_output_shows_beside_a_large_one() -> None:
    class Both(Written):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            y = self.a(x).relu()
            return {
                "large": self.head(y) * 1e5,
                "small": self.head(shuffled(y)),
                "n": (y > 0).sum(),
            }

    assert not trace(Both(lambda _, y: y), IMAGE).widths


def test_a_number_that_equals_a_width_and_counts_something_else_is_let_be() -> None:
    class Scaled(Written):
        def __init__(self) -> None:
            super().__init__(lambda s, y: y * s.scale)
            self.scale = 32

    model = Scaled()
    graph = trace(model, IMAGE)
    small = cut(model, graph, {"a": range(8)})
    assert graph.widths == {"a": 32}
    assert small.scale == 32


@pytest.mark.parametrize(
    "between",
    [
        lambda _, y: y * (1.0 if y.shape[1] > 20 else 5.0),
        lambda _, y: y[:, : y.shape[1] - y.shape[1] % 2],
    ],
    ids=["another factor", "even"],
)
def test_widths_at_which_the_code_does_something_else_are_left_out(
    between: Callable[[nn.Module, Tensor], Tensor],
) -> None:
    graph = trace(Written(between), IMAGE)
    for width in graph.group("a").allowed_widths(1):
        assert width > 20 or width % 2 == 0
        assert graph.widths


def test_a_cut_network_runs_in_training_too() -> None:
    class Seen(Written):
        """Keeps a running mean of its own, in training alone."""

        def __init__(self) -> None:
            super().__init__(lambda _, y: y)
            self.register_buffer("seen", torch.zeros(32))

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x)
            if self.training:
                self.seen.mul_(0.9).add_(y.mean((0, 2, 3)))
            return self.head(y)

    model = Seen()
    graph = trace(model, IMAGE)
    cut(model, graph, {name: range(8) for name in graph.widths}).train()(IMAGE)
    assert graph.widths == {"a": 32}


def test_groups_of_one_width_that_must_be_equal_become_one() -> None:
    class NonLocal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = 16
            self.a, self.head = conv(3, 32), conv(32, 4)
            self.theta, self.phi, self.g = (nn.Conv2d(32, 16, 1) for _ in range(3))
            self.back = nn.Conv2d(16, 32, 1)

        def forward(self, x: Tensor) -> Tensor:
            y = self.a(x)
            sides = (len(y), self.inner, -1)
            theta, phi, g = (f(y).view(sides) for f in (self.theta, self.phi, self.g))
            weights = (theta.transpose(1, 2) @ phi).softmax(-1)
            mixed = (g @ weights.transpose(1, 2)).view(len(y), self.inner, *y.shape[2:])
            return self.head(y + self.back(mixed))

    model = NonLocal()
    graph = trace(model, IMAGE)
    for seed in range(3):
        random = np.random.default_rng(seed)
        widths = {name: int(random.integers(2, width)) for name, width in graph.widths.items()}
        cut(model, graph, {name: range(width) for name, width in widths.items()})(IMAGE)
    assert set(graph.widths) == {"a", "theta"}
