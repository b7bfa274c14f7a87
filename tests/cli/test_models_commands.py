"""`netadapt models`, as a person types it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from command import Command, one_line
from torch import nn

from netadapt.depth.data.loader import batches
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.training.task_data import open_for_evaluation
from netadapt.networks import build, load_model, save_model
from tests.depth.fastdepth.thin import thin_widths

THIN = thin_widths(4)


def test_import_then_show(netadapt: Command, tmp_path: Path) -> None:
    torch.save(build(FastDepthConfig(widths=THIN)).state_dict(), tmp_path / "w.pth.tar")
    code, out, err = netadapt("models", "import", tmp_path / "w.pth.tar", "--out", tmp_path / "m")
    assert code == 0, err
    assert "mobilenet-nnconv5dw-skipadd" in out
    assert "decode_conv1 4" in out
    assert "0.00 " not in out  # so few weights are counted in thousands
    assert one_line(err) == f"next: netadapt evaluate {tmp_path / 'm'}"
    assert sorted(p.name for p in (tmp_path / "m").iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    code, out, err = netadapt("models", "show", tmp_path / "m", "--json")
    assert code == 0, err
    shown = json.loads(out)
    assert shown["widths"] == THIN | {"decode_conv6": 1}
    assert shown["macs"] > 0
    assert shown["batch_norm"] == "trained"


def grey() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))


def test_weights_of_a_network_of_ones_own_come_in_with_its_function(
    netadapt: Command, tmp_path: Path
) -> None:
    model = grey()
    torch.save({"state_dict": model.state_dict(), "epoch": 1}, tmp_path / "w.pth")
    own = ("--model", f"{__name__}:grey", "--out", tmp_path / "m")
    shape = ("--input-shape", "1x1x12x12")
    code, out, err = netadapt("models", "import", tmp_path / "w.pth", *own, *shape, "--json")
    assert code == 0, err
    assert json.loads(out)["input_shapes"] == [[1, 1, 12, 12]]
    image = torch.rand(1, 1, 12, 12)
    assert torch.equal(load_model(tmp_path / "m")(image), model(image))
    own = (*own[:2], "--out", tmp_path / "again", *shape)
    assert netadapt("models", "import", tmp_path / "w.pth", *own)[2] == (
        f"next: netadapt plan --model {tmp_path / 'again'}\n"
    )
    code, _, err = netadapt("models", "import", tmp_path / "w.pth", "--out", tmp_path / "n", *shape)
    assert code == 2
    assert "name it with --model" in one_line(err)
    assert not (tmp_path / "n").exists()


def test_folded_weights_say_so(netadapt: Command, shared_data: Path, tmp_path: Path) -> None:
    (file,) = (shared_data / "fastdepth_pruned").glob("*.npz")
    code, out, err = netadapt("models", "import", file, "--out", tmp_path / "m")
    assert code == 0, err
    assert "1.36 M parameters, 0.366 GMACs" in out
    assert "batch norm is folded" in err
    _, _, err = netadapt("models", "import", file, "--out", tmp_path / "n", "--quiet")
    assert err == ""


def test_the_average_of_two_networks(netadapt: Command, frames: Path, tmp_path: Path) -> None:
    config = FastDepthConfig(widths=THIN, input_size=(64, 64))
    first, second = build(config), build(config)
    for network in (first, second):  # their first layer passes the colours on
        kernels = network.get_submodule("conv0.0").weight.data.zero_()
        kernels[:3, :, 1, 1] = torch.eye(3)
    save_model(tmp_path / "a", first, config)
    save_model(tmp_path / "b", second, config)
    code, out, err = netadapt(
        "models", "average", tmp_path / "a", tmp_path / "b", "--data", frames,
        "--data", frames, "--images", 12, "--out", tmp_path / "both",
    )  # fmt: skip
    assert code == 0, err
    assert "decode_conv1 4" in out
    both = load_model(tmp_path / "both")
    for key in ("conv3.3.weight", "conv3.4.bias"):
        mean = (first.state_dict()[key] + second.state_dict()[key]) / 2
        torch.testing.assert_close(both.state_dict()[key], mean)
    code, _, _ = netadapt(
        "models", "average", tmp_path / "a", tmp_path / "b", "--data", frames,
        "--max-scale", 4, "--images", 12, "--out", tmp_path / "enlarged",
    )  # fmt: skip
    assert code == 0
    on_enlarged = load_model(tmp_path / "enlarged").get_submodule("conv0.1")
    assert not torch.equal(on_enlarged.running_mean, both.get_submodule("conv0.1").running_mean)
    norm = both.get_submodule("conv0.1")
    # Measured on the six images of either set, as they are evaluated.
    seen, _ = next(batches(open_for_evaluation(str(frames), "train"), 6, (64, 64), train=False))
    torch.testing.assert_close(norm.running_mean[:3], seen.mean((0, 2, 3)), rtol=0.01, atol=0)
    torch.testing.assert_close(norm.running_var[:3], seen.var((0, 2, 3)), rtol=0.03, atol=0)
    assert not both.training

    wide = FastDepthConfig(widths=THIN | {"conv4": 8}, input_size=(64, 64))
    save_model(tmp_path / "wide", build(wide), wide)
    for others, words in (
        ([tmp_path / "wide"], "network 2 differs from the first in conv4.3.weight"),
        ([], "give two networks or more"),
    ):
        code, _, err = netadapt(
            "models", "average", tmp_path / "a", *others, "--data", frames, "--out", tmp_path / "c"
        )
        assert code == 2
        assert words in one_line(err)
    assert not (tmp_path / "c").exists()


class Hostile:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.system, ("touch was-run",))


def test_mistakes_are_one_line_and_exit_code_2(
    netadapt: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"model": Hostile()}, "hostile.pth.tar")
    save_model("there", build(FastDepthConfig(widths=THIN)), FastDepthConfig())
    for arguments, words in (
        (("import", "hostile.pth.tar", "--out", "m"), "refused posix.system"),
        (("import", "nowhere.pth.tar", "--out", "m"), "there is no file nowhere.pth.tar"),
        (("import", "hostile.pth.tar", "--out", "there"), "exists already"),
        (("import", "hostile.pth.tar"), "--out"),
        (("show", "nothing-of-that-name"), "there is no model at nothing-of-that-name"),
    ):
        code, out, err = netadapt("models", *arguments)
        assert code == 2
        assert out == ""
        assert words in err
        assert len(err.strip().splitlines()) == 1
    assert not Path("was-run").exists()
    assert not Path("m").exists()


def test_copy_in_half_precision(netadapt: Command, tmp_path: Path) -> None:
    config = FastDepthConfig(widths=dict.fromkeys(THIN, 64))
    model = build(config).eval()
    save_model(tmp_path / "m", model, config)
    code, out, err = netadapt("models", "copy", tmp_path / "m", "--half", "--out", tmp_path / "h")
    assert code == 0, err
    assert "mobilenet-nnconv5dw-skipadd" in out
    whole, half = (tmp_path / name / "model.safetensors" for name in ("m", "h"))
    assert half.stat().st_size < 0.8 * whole.stat().st_size
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(
        load_model(tmp_path / "h")(image), model(image), atol=0.02, rtol=0.02
    )
    code, _, err = netadapt("models", "copy", tmp_path / "m", "--out", tmp_path / "h")
    assert code == 2
    assert "exists already" in err
