"""What lies in a region of its own (autocast, gradients on, a checkpoint) is cut and counted."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from netadapt.graph import cut, trace, zero_removed

IMAGE = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def conv(entering: int, leaving: int) -> nn.Conv2d:
    return nn.Conv2d(entering, leaving, 3, padding=1)


class Regions(nn.Module):
    """A convolution in each kind of region, one region within another, and two results of one."""

    def __init__(self) -> None:
        super().__init__()
        self.enc, self.cast, self.grad = conv(3, 32), conv(32, 48), conv(48, 32)
        self.inner, self.kept, self.out = conv(32, 40), conv(40, 24), conv(24, 10)
        self.register_buffer("shift", torch.rand(48, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        y = self.enc(x)
        with torch.autocast("cpu", enabled=False):
            y = self.cast(y.relu()).relu() + self.shift
        with torch.enable_grad():
            y = self.grad(y).relu()
            with torch.autocast("cpu", enabled=False):
                y = self.inner(y)
                z = y * 2
        y = checkpoint(self.kept, y + z, use_reentrant=False)
        return self.out(y.relu())


@pytest.fixture(scope="module")
def model() -> Regions:
    torch.manual_seed(0)
    return Regions().eval()


def test_all_is_counted(model: Regions) -> None:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(IMAGE)
    graph = trace(model, IMAGE)
    assert graph.macs == counter.get_total_flops() // 2
    assert not graph.unknown
    assert [layer.name for layer in graph.layers if layer.shape.op == "conv2d"] == [
        "enc", "cast", "grad", "inner", "kept", "out",
    ]  # fmt: skip


def test_all_is_cut(model: Regions) -> None:
    graph = trace(model, IMAGE)
    assert set(graph.widths) == {"enc", "cast", "grad", "inner", "kept"}
    keep = {name: np.arange(width)[1::2] for name, width in graph.widths.items()}
    with torch.no_grad():
        torch.testing.assert_close(
            cut(model, graph, keep)(IMAGE), zero_removed(model, graph, keep)(IMAGE)
        )
