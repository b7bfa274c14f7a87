"""What a user may name as a network and as weights, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from netadapt.depth.fastdepth import family
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.errors import ModelError, WeightsError
from netadapt.networks import build, save_model
from netadapt.networks.config import FactoryConfig
from netadapt.networks.open_network import build_network, open_network, with_inputs
from tests.depth.fastdepth.thin import thin_widths

THIN = thin_widths(8)
HERE = "tests.networks.test_open_network:pair"


def pair() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 2, 1))


class Outsider(nn.Module):
    """A class that nobody lists."""


@pytest.fixture
def tensors(tmp_path: Path) -> tuple[Path, torch.Tensor]:
    """A file of weights for `pair`, and one of them."""
    model = pair()
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors", model.get_parameter("1.weight")


def test_a_function_takes_a_file_of_weights(tensors: tuple[Path, torch.Tensor]) -> None:
    file, weight = tensors
    model, config = open_network(HERE, str(file), input_size=(16, 24))
    assert torch.equal(model.get_parameter("1.weight"), weight)
    assert not model.training
    assert config == FactoryConfig(HERE, input_shapes=((1, 3, 16, 24),))


def test_weights_of_another_network_are_refused(
    tmp_path: Path, tensors: tuple[Path, torch.Tensor]
) -> None:
    save_model(tmp_path / "m", pair(), FactoryConfig(HERE))
    assert open_network(HERE, str(tmp_path / "m"))[1].name == HERE
    with pytest.raises(WeightsError, match=r"holds tests\.networks.*:pair, not json:dumps"):
        open_network("json:dumps", str(tmp_path / "m"))
    with pytest.raises(WeightsError, match="is no variant of FastDepth"):
        open_network("fastdepth", str(tensors[0]))
    with pytest.raises(WeightsError, match="no shipped weights for resnet18-upproj"):
        open_network("resnet18-upproj")
    with pytest.raises(WeightsError, match="there is no model at nowhere"):
        open_network(HERE, "nowhere")
    with pytest.raises(ModelError, match="weights of its own"):
        open_network(str(tmp_path / "m"), "fastdepth")


def test_a_networks_name_may_be_that_of_its_shipped_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = build(FastDepthConfig(widths=THIN))
    save_model(Path("models/fastdepth"), shipped, FastDepthConfig(widths=THIN))
    monkeypatch.setitem(family.DEFAULT_WEIGHTS, "fastdepth", "fastdepth")
    key = "conv4.0.weight"
    opened, _ = open_network("fastdepth")
    assert torch.equal(opened.get_parameter(key), shipped.get_parameter(key))
    other = build(FastDepthConfig(widths=THIN))
    torch.save(other.state_dict(), "other.pth.tar")
    opened, _ = open_network("fastdepth", "other.pth.tar")
    assert torch.equal(opened.get_parameter(key), other.get_parameter(key))
    full, _ = build_network("fastdepth")  # as it is built, at its full widths
    assert full.get_parameter(key).shape != shipped.get_parameter(key).shape


def test_checkpoints_of_the_family_come_in_by_their_file(tmp_path: Path) -> None:
    model = build(FastDepthConfig(widths=THIN))
    torch.save(model.state_dict(), tmp_path / "w.pth.tar")
    opened, config = open_network("fastdepth", str(tmp_path / "w.pth.tar"), input_size=(64, 32))
    assert config == FastDepthConfig(widths=THIN | {"decode_conv6": 1}, input_size=(64, 32))
    key = "conv4.0.weight"
    assert torch.equal(opened.get_parameter(key), model.get_parameter(key))
    with pytest.raises(WeightsError, match="don't fit the network"):
        open_network(HERE, str(tmp_path / "w.pth.tar"))


def test_a_function_takes_the_state_dict_that_torch_saved(tmp_path: Path) -> None:
    model = pair()
    wrapped = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": wrapped}, tmp_path / "w.pth")
    opened, _ = open_network(HERE, str(tmp_path / "w.pth"))
    assert torch.equal(opened.get_parameter("0.weight"), model.get_parameter("0.weight"))
    torch.save(model, tmp_path / "whole.pth")
    whole, _ = open_network(HERE, str(tmp_path / "whole.pth"))  # of torch's own classes
    assert torch.equal(whole.get_parameter("0.weight"), model.get_parameter("0.weight"))
    torch.save(Outsider(), tmp_path / "theirs.pth")
    with pytest.raises(WeightsError, match=r"refused .*Outsider.*save only its state_dict"):
        open_network(HERE, str(tmp_path / "theirs.pth"))


def test_inputs_are_replaced_where_the_network_can_take_them() -> None:
    _, config = build_network("fastdepth", input_size=(64, 96))
    assert config.input_shapes == ((1, 3, 64, 96),)
    with pytest.raises(ModelError, match="multiples of 32 pixels"):
        build_network("fastdepth", input_size=(50, 96))
    with pytest.raises(ModelError, match="one image of 3 channels"):
        build_network("fastdepth", input_shapes=((1, 1, 64, 64),))
    _, config = build_network(HERE, input_shapes=((1, 3, 9, 9),))
    assert config.input_shapes == ((1, 3, 9, 9),)
    with pytest.raises(ModelError, match="exclude each other"):
        with_inputs(config, (8, 8), ((1, 3, 8, 8),))
