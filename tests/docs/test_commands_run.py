"""The commands of the pages, run as they stand in a folder that has what they name.

Files, runs and weights are small ones under the names of the pages; counts of epochs, rows and
images are made less by options behind. What isn't run, and why, is listed; both are held to the
pages: nothing is left out without a reason, and no reason is left over.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import desk
import numpy as np
import pytest
import torch
from doc_pages import GUIDES, Command, commands_of
from PIL import Image
from safetensors.torch import save_file

from netadapt.networks.open_network import open_network
from tests.cli.command import call

NOT_RUN = {
    "needs a board": (
        r"netadapt (lut|bench|export|prune).*--device (tx2|tx2-cpu|nano|my-board|jetson-trt|"
        r"android-tflite|emulated-a57)\b.*(--tracker|--max-layers|--networks|--quick|--verify|"
        r"--on-demand|--key).*",
        r"netadapt lut (build|doctor) --device tx2.*",
        r"netadapt lut doctor --device (nano|jetson-trt|android-tflite).*",
        r"netadapt bench .* --device tx2.*",
        r"netadapt export .* --format tvm.*",
        r"netadapt prune --device jetson-trt.*",
        r"(scp|ssh|adb|sudo|cmake|git|curl|uv) .*",
        r"python3? -m tvm\.exec.*",
        r"python3 NAME/run\.py.*",  # tests/deploy runs it
        r"make -j4.*",
    ),
    "needs a cluster": (r"ray .*", r".*--ray HOST.*"),
    "needs a data set, or a file of others": (
        r"tar .*",
        r".*nyu_depth_v2_labeled\.mat.*",
        r".*model_best\.pth\.tar.*",
        r"netadapt lut import profile.*",  # tests/latency/table has them
        r"netadapt data import nyu .*",
        r"netadapt data check /data.*",
        r".*walk\.mp4.*",
    ),
    "needs an extra that tests don't have": (
        r".*host-openvino.*",
        r".*host-ncnn.*",
        r".*openvino-app.*",
    ),
    "takes long": (
        r"make (prune|test|zoo|experiment|board|docs).*",
        r"netadapt (lut check .*--networks|lut build --device host-torch).*",
        r"netadapt prune .*--workers.*",
        r"torchrun .*",
        r".*--optimizer muon.*",
        r"netadapt train .* --data rooms .*",
        r"netadapt data rooms DIR .*",  # tests/depth/rooms renders some
        r".*resnet18-upproj.*",
        r"netadapt export fastdepth --precision.*",
        r"netadapt bench fastdepth .*",
        r"netadapt prune --device host-ort-int8.*",
    ),
    "sets a machine up": (
        r"make install.*",
        r"make lut.*",
        r"pip install.*",
        r"\. \.venv.*",
        r"python -m build.*",
    ),
    "is a test of another file": (
        r"\.venv/bin/pytest .*",
        r"python my_nets\.py",
        r"(make -C )?examples/cpp.*",
    ),
    "is a command's name within a sentence": (
        r"netadapt( [a-z]+){1,2}",
        r"netadapt prune --(tensorboard|strategy NAME|resume --out RUN)",
        r"netadapt prune --device NAME --on-demand",
        r"netadapt prune --budget-ms 6( --decay 0\.97)?",
        r"netadapt data pack SRC DST",
        r"netadapt .*package\.module:function.*",
        r"netadapt lut check --device NAME",
        r"netadapt (models|lut) show .*",
        r"netadapt bench (int8\.onnx|MODEL) --device NAME",
        r"netadapt evaluate int8\.onnx --data DIR",
        r"netadapt lut doctor --device NAME",
        r"netadapt lut build --device NAME.*",
    ),
}
"""Reasons, with the commands by the whole of their text."""

STANDS_FOR = {
    "MODEL": str(desk.RUN),
    "RUN": str(desk.RUN),
    "DIR": "data/kitchen",
    "NAME": "host-ort",
    "recording/": "recordings/kitchen",
}
"""What a reader puts in."""

LESS = {
    "netadapt prune": "--strategy uniform --finetune-steps 0 --holdout-images 2 "
    "--proposal-images 2 --quiet",
    "netadapt train": "--epochs 1 --out runs/new --batch-size 2 --quiet",
    "netadapt finetune": "--batch-size 4 --quiet",
    "netadapt lut build": "--max-layers 3 --quiet",
}
"""Options behind, the last of which counts."""

ON_ROOMS = re.compile(r"netadapt prune (?!.*(--data|--task|--resume))")


def reasons_of(command: Command) -> list[str]:
    text = " ".join(command.words)
    return [
        pattern
        for patterns in NOT_RUN.values()
        for pattern in patterns
        if re.fullmatch(pattern, text)
    ]


ALL = {" ".join(c.words): c for page in GUIDES for c in commands_of(page)}
RUN = {text: command for text, command in ALL.items() if not reasons_of(command)}


def test_reasons_are_of_commands() -> None:
    used = {pattern for command in ALL.values() for pattern in reasons_of(command)}
    assert not [p for patterns in NOT_RUN.values() for p in patterns if p not in used]
    assert len(RUN) > 50


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the commands name."""
    folder = tmp_path_factory.mktemp("desk")
    before = Path.cwd()
    os.chdir(folder)
    lay_out(folder)
    os.chdir(before)
    return folder


def lay_out(folder: Path) -> None:
    network, config = desk.thin()
    for name in ("runs/train", "runs/a", "runs/b", "models/official"):
        desk.save_model(folder / name, network, config)
    for name in ("nyudepthv2", "data/kitchen", "data/nyu"):
        desk.lay_frames(folder / name)
    assert call("data", "pack", "nyudepthv2", "nyu-packed", "--quiet") == 0
    official, _ = open_network("fastdepth")  # with the weights that ship
    for name in ("official.pth.tar", "mobilenet-nnconv5dw-skipadd.pth.tar"):
        torch.save({"state_dict": official.state_dict()}, folder / name)
    random = np.random.default_rng(0)
    for name in ("photo.jpg", "pictures/one.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(random.integers(0, 255, (120, 160, 3), dtype=np.uint8)).save(folder / name)
    lay_recording(folder / "recordings" / "kitchen", random)
    (folder / "my_nets.py").write_text(desk.my_nets(), encoding="utf-8")
    mine = desk.my_network(folder)
    save_file(mine.state_dict(), folder / "mine.safetensors")
    torch.save(mine.state_dict(), folder / "mine.pth")
    lay_runs()


def lay_recording(folder: Path, random: np.random.Generator) -> None:
    for kind in ("rgb", "depth"):
        (folder / kind).mkdir(parents=True)
    for number in range(10):
        rgb = random.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(rgb).save(folder / "rgb" / f"{number:04}.png")
        depth = random.integers(1000, 4000, (48, 64), dtype=np.uint16)
        Image.fromarray(depth).save(folder / "depth" / f"{number:04}.png")


def lay_runs() -> None:
    """A run of a thin FastDepth, one of a network of one's own, files exported of them."""
    of_depth = "--weights official.pth.tar --data nyu-packed --holdout-images 2 --strategy uniform"
    short = "--finetune-steps 0 --proposal-images 2 --quiet"
    run = f"--budget-ms 6 --out {desk.RUN}"
    assert call("prune", *f"{run} {of_depth} {short}".split()) == 0
    mine = "--model my_nets:network --task my_nets:task --budget-macs 90% --out runs/mine"
    assert call("prune", *f"{mine} --finetune-steps 1 --quiet".split()) == 0
    assert call("export", desk.RUN, "--out", "small.onnx", "--quiet") == 0
    shutil.copy("small.onnx", "fastdepth.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("text", RUN)
def test_runs(text: str, laid_out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "desk"
    shutil.copytree(laid_out, here, copy_function=linked)
    desk.lay_table(here)
    monkeypatch.chdir(here)
    words = [STANDS_FOR.get(word, word) for word in RUN[text].words]
    if words[0] == "python":
        assert words[1] == "-c"
        exec(words[2], {})
        return
    assert words[0] == "netadapt", "no way to run it is known"
    clear_for(words, here)
    assert call(*words[1:], *less(" ".join(words))) == 0


def linked(source: str, target: str) -> None:
    """The same file under another name where it is large; commands replace such files whole."""
    large = Path(source).suffix in (".safetensors", ".tar", ".h5", ".onnx")
    (os.link if large else shutil.copy)(source, target)


def less(text: str) -> list[str]:
    more = next((options for begins, options in LESS.items() if text.startswith(begins)), "")
    if "--resume" in text:
        more = "--quiet"  # a run is asked the same
    if text.startswith("netadapt finetune"):
        more += " --epochs 1" if "--epochs" in text or "runs/mine" not in text else " --steps 2"
    if ON_ROOMS.match(text):
        more += " --data nyu-packed --weights official.pth.tar"
    return more.split()


def clear_for(words: list[str], here: Path) -> None:
    """Take away what the command is to make."""
    targets = [words[place + 1] for place, word in enumerate(words) if word == "--out"]
    if words[1:3] in (["data", "pack"], ["data", "import"]):
        targets.append(words[4])
    if words[1] == "prune" and not targets:
        targets.append(str(desk.RUN))
    for target in targets:
        if "--resume" not in words and (here / target).is_dir():
            shutil.rmtree(here / target)
