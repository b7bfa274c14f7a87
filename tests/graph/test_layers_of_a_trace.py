"""The layers of a trace: shapes that say what the device computes, and what fuses with what."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netadapt.graph import trace
from tests.zoo import ZOO


def texts(model: nn.Module, *shape: int) -> list[str]:
    return [str(layer.shape) for layer in trace(model, torch.zeros(shape)).layers]


class Forward(nn.Module):
    """A forward given as a function, with its layers."""

    def __init__(self, work, **layers: nn.Module) -> None:
        super().__init__()
        self.work = work
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.work(self, x)


def test_a_norm_or_activation_fuses_only_when_nobody_else_reads() -> None:
    def work(m: Forward, x: Tensor) -> Tensor:
        x = m.a(x)
        return F.relu(x) + x

    assert texts(Forward(work, a=nn.Conv2d(3, 4, 1)), 1, 3, 8, 8) == [
        "conv2d 3→4 k1 @8×8",
        "elementwise 4→4 @8×8 relu",
        "add 4→4 @8×8",
    ]


def test_a_norm_before_a_convolution_is_a_layer_of_its_own() -> None:
    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3))
    assert texts(model, 1, 3, 8, 8) == [
        "elementwise 3→3 @8×8 batch_norm+relu",
        "conv2d 3→4 k3 @8×8",
    ]


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        (nn.ReLU6(), "relu6"),
        (nn.Hardtanh(0, 6), "relu6"),
        (nn.LeakyReLU(), "leaky_relu"),
        (nn.PReLU(4), "prelu"),
        (nn.SiLU(), "silu"),
        (nn.Hardswish(), "hardswish"),
        (nn.GELU(), "gelu"),
    ],
)
def test_activations_become_part_of_the_convolution(activation: nn.Module, name: str) -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(), activation)
    assert texts(model, 1, 3, 8, 8) == [f"conv2d 3→4 k1 @8×8 {name}"]


def test_two_upsampled_maps_are_added_in_one_kernel_and_a_half() -> None:
    def work(m: Forward, x: Tensor) -> Tensor:
        up = nn.functional.interpolate
        return up(m.a(x), scale_factor=2) + up(m.b(x), scale_factor=2)

    model = Forward(work, a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 4, 1))
    assert [layer.shape.op for layer in trace(model, torch.zeros(1, 3, 8, 8)).layers].count(
        "upsample_add"
    ) == 1


def test_rounding_up_and_uneven_padding_keep_the_output_size() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 4, padding="same"), nn.MaxPool2d(3, 2, ceil_mode=True))
    graph = trace(model, torch.zeros(1, 3, 11, 14))
    assert graph.layers[0].shape.out_size == (11, 14)
    assert graph.layers[1].shape.out_size == (5, 7)


def test_what_no_table_can_hold_is_shown_with_its_share() -> None:
    model = nn.Sequential(nn.Conv3d(1, 4, 3), nn.Flatten(), nn.Linear(4 * 6**3, 2))
    graph = trace(model, torch.zeros(1, 1, 8, 8, 8))
    (lost,) = graph.uncounted
    assert (lost.op, lost.macs) == ("conv3d", 4 * 27 * 6**3)
    assert graph.macs == lost.macs + 4 * 6**3 * 2
    assert lost.macs_share == lost.macs / graph.macs
    half = graph.with_widths({"0": 2})
    assert half.uncounted[0].macs == lost.macs // 2


@pytest.mark.parametrize(
    "name",
    [
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("MobileNetV3-Small", "GoogLeNet")
        ),
        "SqueezeNet",
        "Hourglass",
    ],
)
def test_every_layer_gives_the_size_that_the_network_computes(name: str) -> None:
    """Hooks on the real network against the shapes on the graph."""
    model = ZOO[name].small().eval()
    inputs = ZOO[name].inputs()
    sizes: dict[str, tuple[int, ...]] = {}
    graph = trace(model, inputs)

    def note(path: str, output: object) -> None:
        sizes[path] = tuple(getattr(output, "shape", ()))

    for path, module in model.named_modules():
        module.register_forward_hook(lambda _m, _i, out, path=path: note(path, out))
    model(*inputs)
    compared = 0
    for layer in graph.layers:
        shape = sizes.get(layer.name, ())
        if len(shape) == 4:
            assert (layer.shape.out_channels, *layer.shape.out_size) == tuple(shape[1:])
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_is_uncounted_with_its_share(kind: type[nn.RNNBase]) -> None:
    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = kind(12, 20, num_layers=2, bidirectional=True, batch_first=True)
            self.head = nn.Linear(40, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.rnn(x)[0])

    model = Sequence()
    graph = trace(model, torch.rand(1, 7, 12))
    (lost,) = graph.uncounted
    weights = sum(p.numel() for p in model.rnn.parameters() if p.ndim == 2)
    assert lost.macs == 7 * weights
    assert graph.macs == 7 * (weights + 3 * 40)
    assert lost.macs_share > 0.9
