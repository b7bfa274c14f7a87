"""Checkpoints as training programs leave them: unwrapped, said, and other formats named."""

from __future__ import annotations

import argparse
import logging
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from netadapt.errors import WeightsError
from netadapt.networks.checkpoint_tensors import checkpoint_tensors
from netadapt.networks.open_network import open_network

HERE = "tests.networks.test_wrapped_checkpoints"


class Plain(nn.Module):
    """A network with names of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)

    def forward(self, image: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(image))
        return out


class Holding(nn.Module):
    """A network that holds another one, under the name that others strip."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Plain()

    def forward(self, image: Tensor) -> Tensor:
        out: Tensor = self.model(image)
        return out


def state(value: float, prefix: str = "", inner: str = "") -> dict[str, Tensor]:
    """Weights that are all `value`, with a prefix; `inner` stands after the first name."""
    found = {key: torch.full_like(tensor, value) for key, tensor in Plain().state_dict().items()}
    return {prefix + key.replace(".", f".{inner}", 1): item for key, item in found.items()}


def weight(file: Path | str, network: str = "Plain") -> float:
    """The first weight of the network opened with the checkpoint."""
    model, _ = open_network(f"{HERE}:{network}", str(file))
    return next(model.parameters()).flatten()[0].item()


BOTH = {"state_dict": state(1, "module."), "state_dict_ema": state(2), "epoch": 3}
NESTED = {"model": {"net": state(1), "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}}}
LIGHTNING = {
    "state_dict": {**state(1, "model."), **state(2, "ema_model."), "loss.weight": torch.ones(2)},
    "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(2)}}}],
    "pytorch-lightning_version": "2.1",
    "callbacks": {"EMA": {"state_dict": state(3)}},
}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (state(1), ""),
        (state(1, "module._orig_mod."), "took 'module.' and '_orig_mod.' off"),
        (state(1, "_orig_mod.module."), "took '_orig_mod.' and 'module.' off"),
        (state(1, "", "_orig_mod."), "took '_orig_mod.' off"),
        (state(1, "net."), "took 'net.' off"),
        (state(1, "backbone.encoder."), "took 'backbone.encoder.' off"),
        ({"state_dict": state(1), "args": argparse.Namespace(lr=0.1)}, ""),
        ({"model_state": state(1, "model.")}, "took the weights under 'model_state'"),
        ({"ema": state(1)}, "took the weights under 'ema'"),
        (NESTED, "took the weights under 'model.net'"),
        (BOTH, r"took the weights under 'state_dict'; .*w\.pth@state_dict_ema"),
        (LIGHTNING, r"took 'model\.' off .* left \d+ others out .*w\.pth@ema_model"),
        ({"network_fn": state(1), "optimizer": {"state": {}}}, "under 'network_fn'"),
        (AveragedModel(Plain()).state_dict() | state(1, "module."), "took 'module.' off"),
    ],
)
def test_wrappers_come_off_and_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, value: Any, said: str
) -> None:
    torch.save(value, tmp_path / "w.pth")
    with caplog.at_level(logging.WARNING, "netadapt"):
        assert weight(tmp_path / "w.pth") == 1
    if said:
        assert any(re.search(said, text) for text in caplog.messages), caplog.messages
    else:
        assert not caplog.messages


def test_the_other_weights_are_taken_by_their_name(tmp_path: Path) -> None:
    for value, part in ((BOTH, "state_dict_ema"), (LIGHTNING, "ema_model")):
        torch.save(value, tmp_path / "w.pth")
        assert weight(f"{tmp_path / 'w.pth'}@{part}") == 2
        with pytest.raises(WeightsError, match="has no weights named nothing"):
            checkpoint_tensors(Path(f"{tmp_path / 'w.pth'}@nothing"))


def test_a_network_that_holds_the_stripped_name_gets_it_back(tmp_path: Path) -> None:
    torch.save(state(1), tmp_path / "w.pth")
    assert weight(tmp_path / "w.pth", "Holding") == 1
    torch.save({"state_dict": state(1, "model.model.")}, tmp_path / "w.pth")
    assert weight(tmp_path / "w.pth", "Holding") == 1
    torch.save(state(1, "model."), tmp_path / "w.pth")
    assert weight(tmp_path / "w.pth", "Holding") == 1


def test_several_networks_are_not_guessed_between(tmp_path: Path) -> None:
    torch.save({"student": state(1), "teacher": state(2)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"several networks: student, teacher; .*@student"):
        weight(tmp_path / "w.pth")
    assert weight(f"{tmp_path / 'w.pth'}@teacher") == 2
    torch.save({**state(1, "student."), **state(2, "teacher.")}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"several times: student, teacher; .*@student"):
        weight(tmp_path / "w.pth")
    assert weight(f"{tmp_path / 'w.pth'}@teacher") == 2


def test_a_counter_that_overflowed_in_half_precision_is_no_fault(tmp_path: Path) -> None:
    value = {key: tensor.half() for key, tensor in state(1).items()}
    value["norm.num_batches_tracked"] = torch.tensor(torch.inf, dtype=torch.float16)
    torch.save(value, tmp_path / "w.pth")
    model, _ = open_network(f"{HERE}:Plain", str(tmp_path / "w.pth"))
    assert model.get_buffer("norm.num_batches_tracked").item() == 65504
    value["norm.running_var"] = torch.full((8,), torch.inf, dtype=torch.float16)
    torch.save(value, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"norm\.running_var; if it was saved in half precision"):
        weight(tmp_path / "w.pth")


def test_the_format_is_told_by_the_bytes_and_not_by_the_name(tmp_path: Path) -> None:
    save_file(state(1), tmp_path / "w.pth")
    assert weight(tmp_path / "w.pth") == 1
    torch.save(state(1), tmp_path / "w.safetensors")
    assert weight(tmp_path / "w.safetensors") == 1
    np.savez(tmp_path / "w.npz", **{key: item.numpy() for key, item in state(1).items()})
    assert weight(tmp_path / "w.npz") == 1


def test_the_advice_for_torch_s_own_programs_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    network, image = Plain().eval(), torch.zeros(1, 3, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated; its files are still about
        torch.jit.trace(network, image).save("script.pt")
    torch.export.save(torch.export.export(network, (image,)), "exported.pt2")
    for file, what in (("script.pt", "TorchScript"), ("exported.pt2", "torch.export")):
        with pytest.raises(WeightsError, match=what) as refused:
            weight(file)
        advice = "torch.save" + str(refused.value).partition("torch.save")[2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(advice, {"torch": torch})
        assert weight("weights.pth") == network.conv.weight.flatten()[0].item()
        with pytest.raises(WeightsError, match=what):
            open_network(file)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "a MATLAB file: read it with scipy"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5 .* h5py"),
        (b"\x08\x07\x12\x07pytorch\x1a\x05", "an ONNX graph: .*state_dict"),
        (b"\x93NUMPY\x01\x00", "single NumPy array"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS.* git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x1f\x8b\x08\x00", "compressed file: unpack"),
        (b"", "is empty: not a checkpoint"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, head: bytes, said: str) -> None:
    (tmp_path / "w.pth").write_bytes(head)
    with pytest.raises(WeightsError, match=said):
        weight(tmp_path / "w.pth")
