"""Networks as one file of Python: they compute the same where there is no netadapt."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netadapt import cut, trace
from netadapt.deploy.base import ExportRequest
from netadapt.deploy.factory_code import factory_code
from netadapt.deploy.pytorch_format import loaded
from netadapt.deploy.registry import export
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.variants import variant_config
from netadapt.errors import ModelError
from netadapt.networks import build, load_model, save_model
from netadapt.networks.build import describe
from netadapt.networks.config import FactoryConfig
from netadapt.networks.function_network import RegisteredConfig
from netadapt.networks.trusted_functions import trusting_folders
from tests.depth.fastdepth.thin import thin_widths

OWN = """
import torch
from torch import nn

class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(3, 12, 3, padding=1)
        self.twin = nn.Conv2d(3, 12, 3, padding=1)
        self.twin.weight = self.wide.weight
        self.norm = nn.BatchNorm2d(12)
        self.slim = nn.utils.parametrizations.weight_norm(nn.Conv2d(12, 8, 1))
        self.register_buffer("scale", torch.arange(8.0).reshape(8, 1, 1), persistent=False)
        self.head = nn.Linear(8, 5)

    def forward(self, image):
        x = self.norm(self.wide(image) + self.twin(image.flip(3)))
        x = self.slim(x.relu()).relu() * self.scale
        return {"logits": self.head(x.mean((2, 3))), "features": x}

def own():
    return Own()
"""

PROGRAM = """
import sys
sys.modules["netadapt"] = None     # importing it is an ImportError
import numpy, torch
from network import load
network = load()
with torch.no_grad():
    given = network(torch.from_numpy(numpy.load("input.npy")))
given = given.values() if isinstance(given, dict) else [given]
numpy.savez("output.npz", *[tensor.numpy() for tensor in given])
assert not any(name.startswith("netadapt.") for name in sys.modules)
"""


def elsewhere(folder: Path, image: Tensor) -> list[np.ndarray]:
    """What the exported network gives in a process without netadapt."""
    np.save(folder / "input.npy", image.numpy())
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    with np.load(folder / "output.npz") as held:
        return [held[name] for name in held]


def used(network: nn.Module, size: int = 32) -> nn.Module:
    """With statistics of its own in its batch norms."""
    network.train()
    for _ in range(2):
        network(torch.rand(2, 3, size, size))
    return network.eval()


def test_fastdepth_without_netadapt(tmp_path: Path) -> None:
    config = FastDepthConfig(widths={**thin_widths(8), "conv0": 5}, input_size=(32, 64))
    torch.manual_seed(0)
    save_model(tmp_path / "thin", used(build(config)), config)
    product = export("pytorch", ExportRequest(str(tmp_path / "thin"), tmp_path / "out"))
    assert sorted(file.name for file in product.place.iterdir()) == [
        "model.safetensors", "network.py",
    ]  # fmt: skip
    code = (product.place / "network.py").read_text()
    assert "self.conv0 = first_conv(5)" in code
    assert "self.conv1 = separable(5, 8, stride=1)" in code
    assert "output: depth in metres" in code
    image = torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        expected = load_model(tmp_path / "thin")(image).numpy()
    (got,) = elsewhere(product.place, image)
    assert expected.max() > 0
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "name",
    [
        "mobilenet-nnconv5-skipconcat",
        "mobilenet-blconv5dw",
        "mobilenet-shuffle5dw",
        "mobilenet-deconv3dw",
        "mobilenet-upproj",
        "resnet18-nnconv5dw-skipadd",
        "resnet18-upconv",
        "resnet50-nnconv5-skipconcat",
        "resnet50-deconv5",
    ],
)
def test_every_variant_is_told(name: str) -> None:
    found = variant_config(name)
    assert found is not None
    widths = {
        layer: width if width in (1, 4) and "decode" in layer else 8
        for layer, width in found.complete().widths.items()
    }
    config = FastDepthConfig(found.encoder, found.decoder, found.skip, widths)
    network, names = build(config).eval(), dict[str, object]()
    exec(compile(config.standalone_code(), name, "exec"), names)
    again: nn.Module = names["build"]()  # type: ignore[operator]
    again.load_state_dict(network.state_dict())
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        expected = network(image)
        torch.testing.assert_close(again.eval()(image), expected, rtol=0, atol=0)
    assert expected.max() > 0


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's network of two outputs, cut, in a folder beside its module."""
    (tmp_path / "own_nets.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_nets", raising=False)
    config = FactoryConfig("own_nets:own", input_shapes=((1, 3, 8, 8),))
    torch.manual_seed(0)
    network = used(build(config), 8)
    graph = trace(network, torch.zeros(1, 3, 8, 8))
    keep = {group.name: range(1, group.width, 2) for group in graph.groups if not group.frozen}
    assert keep
    small = cut(network, graph, keep=keep)
    widths = graph.with_widths({name: len(kept) for name, kept in keep.items()})
    save_model(tmp_path / "own", small, describe(small, config, widths))
    return tmp_path / "own"


def test_a_network_of_ones_own_without_netadapt(own: Path, tmp_path: Path) -> None:
    product = export("pytorch", ExportRequest(str(own), tmp_path / "out"))
    code = (product.place / "network.py").read_text()
    assert "from own_nets import own as make" in code
    assert "'wide': {'out_channels': 6, 'weight': (6, 3, 3, 3), 'bias': (6,)}" in code
    image = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        expected = load_model(own)(image)
    logits, features = elsewhere(product.place, image)
    np.testing.assert_array_equal(logits, expected["logits"].numpy())
    np.testing.assert_array_equal(features, expected["features"].numpy())
    again: Any = loaded(product.place / "network.py", "the network")
    assert again.wide.weight is again.twin.weight


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 1))


def test_a_network_that_has_a_name() -> None:
    config = RegisteredConfig("plain", make=plain)
    code = factory_code(config, plain(), "the network")
    assert "from test_pytorch_format import plain as make" in code.text
    assert "CHANGED = {}" in code.text
    local = RegisteredConfig("local", make=lambda: plain())
    with pytest.raises(ModelError, match="which no other program can import; move the function"):
        factory_code(local, plain(), "the network")


def test_a_function_that_isn_t_there(tmp_path: Path, own: Path) -> None:
    (own / "config.json").write_text(
        (own / "config.json").read_text().replace('"own_nets:own"', '"own_nets:away"')
    )
    missing = pytest.raises(ModelError, match="has no function 'away'")
    with trusting_folders(), missing:
        export("pytorch", ExportRequest(str(own), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
