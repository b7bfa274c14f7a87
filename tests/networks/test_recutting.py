"""Networks by a function, whose cut changed sizes that their modules hold: saved and loaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from netadapt.errors import ModelError
from netadapt.graph import cut, trace
from netadapt.networks.build import describe
from netadapt.networks.config import factory_config
from netadapt.networks.store import load_model, save_model
from tests.graph.proving import random_keep
from tests.graph.test_attention import Apart, Fused, Packed, Transformer
from tests.graph.test_stored_numbers import Halved, Mixed, Sliced

IMAGE = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Windows(nn.Module):
    """16 rows of pixels, beside 16 channels that are free."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 16
        self.a, self.head = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.a(x)
        result: torch.Tensor = self.head(x.reshape(x.shape[0], -1, self.rows, 16))
        return result


def fused() -> nn.Module:
    return Transformer(Fused())


def apart() -> nn.Module:
    return Transformer(Apart())


def packed() -> nn.Module:
    return Transformer(Packed())


@pytest.mark.parametrize("network", [fused, apart, packed, Mixed, Halved, Sliced, Windows])
def test_a_cut_network_comes_back_from_its_folder(network: type[nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = network().eval()
    graph = trace(model, IMAGE)
    keep = random_keep(graph, np.random.default_rng(0))
    small = cut(model, graph, keep)
    at_widths = graph.with_widths({name: len(units) for name, units in keep.items()})
    config = factory_config(model, ((2, 3, 16, 16),), f"{__name__}:{network.__name__}")
    save_model(tmp_path / "small", small, describe(small, config, at_widths))
    again = load_model(tmp_path / "small").eval()
    with torch.no_grad():
        torch.testing.assert_close(again(IMAGE), small(IMAGE))


def test_a_size_that_the_function_no_longer_has_is_named(tmp_path: Path) -> None:
    model = Mixed().eval()
    graph = trace(model, IMAGE)
    config = factory_config(model, ((2, 3, 16, 16),), f"{__name__}:Mixed")
    small = cut(model, graph, {"a": range(5)})
    config = describe(small, config, graph.with_widths({"a": 5}))
    save_model(tmp_path / "small", small, config)
    path = tmp_path / "small" / "config.json"
    text = json.loads(path.read_text())
    assert text["numbers"] == {"splits": [5, 8, 4]}
    path.write_text(json.dumps({**text, "numbers": {"pieces": [5, 8, 4]}}))
    with pytest.raises(ModelError, match="holds no size 'pieces'"):
        load_model(tmp_path / "small")
    path.write_text(json.dumps({**text, "numbers": {"splits": [5, 0]}}))
    with pytest.raises(ModelError, match="expected a list of whole numbers"):
        load_model(tmp_path / "small")
