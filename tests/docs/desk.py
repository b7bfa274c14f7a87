"""What a reader of the documentation has before them: a run, data, weights and files of their own.

Small, but of the same kinds and under the names that the pages use.
"""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import numpy as np
import torch
from doc_pages import ROOT, blocks_of
from torch import nn

from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.mobilenet import FastDepth
from netadapt.networks import build
from netadapt.networks.store import load_model, save_model
from tests.depth.fastdepth.thin import thin_widths

__all__ = ["load_model", "save_model"]

RUN = Path("runs") / "fastdepth-tx2-6ms"
SIZE = (64, 64)


def my_nets() -> str:
    """The module of a network and a task of one's own, as the page has it."""
    page = ROOT / "docs" / "your-own-network.md"
    return next(block.text for block in blocks_of(page) if "my_nets.py" in block.text)


def my_network(folder: Path) -> nn.Module:
    """What the module builds, found where it lies."""
    names = runpy.run_path(str(folder / "my_nets.py"), run_name="my_nets")
    network: nn.Module = names["network"]()
    return network


def thin() -> tuple[FastDepth, FastDepthConfig]:
    """A FastDepth of 16 channels a layer, whose random depths lie around 2.5 m."""
    config = FastDepthConfig(widths=thin_widths(16), input_size=SIZE)
    torch.manual_seed(0)
    network = build(config)
    network.get_submodule("decode_conv6")[1].bias.data.fill_(2.5)
    for _ in range(3):  # statistics that batch norm has of images
        network(torch.rand(4, 3, *SIZE))
    return network, config


def lay_run(desk: Path) -> None:
    """The run of `make prune`: its rows as they are kept, and a thin network at their end."""
    run = desk / RUN
    run.mkdir(parents=True)
    kept = ROOT / "experiments" / "fastdepth-tx2-6ms"
    for name in ("trajectory.csv", "candidates.csv"):
        shutil.copy(kept / name, run / name)
    last = (run / "trajectory.csv").read_text("utf-8").splitlines()[-1].split(",")[0]
    network, config = thin()
    save_model(run / f"iter_{int(last):03}", network, config)


def lay_frames(folder: Path, *, scenes: int = 3, frames: int = 8) -> None:
    """RGB and depth in FastDepth's layout, a few scenes to train on and one of val."""
    from netadapt.depth.data.hdf5_pairs import write_pair

    random = np.random.default_rng(0)
    places = [folder / "train" / f"scene_{number}" for number in range(scenes)]
    for place in [*places, folder / "val" / "official"]:
        for number in range(frames):
            rgb = random.integers(0, 255, (3, 120, 160), dtype=np.uint8)
            depth = random.uniform(1, 5, (120, 160)).astype(np.float32)
            write_pair(place / f"{number + 1:05}.h5", rgb, depth)  # 00001 is held out


def lay_table(desk: Path) -> None:
    """A measured table of this machine: layers of FastDepth, and those of the digits' network."""
    kept = ROOT / "experiments" / "lut-check"
    target = desk / "lookup_tables" / "host-ort.csv"
    target.parent.mkdir(exist_ok=True)
    shutil.copy(kept / "host-ort.toml", target.parent)
    digits = (ROOT / "experiments" / "digits" / target.name).read_text("utf-8")
    rows = (kept / target.name).read_text("utf-8") + digits.split("\n", 1)[1]
    target.write_text(rows, encoding="utf-8")
