"""The command as a person calls it, and what it is called with: a small network and frames."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from command import Command, call, heard

from netadapt.depth.data.hdf5_pairs import write_pair
from netadapt.depth.fastdepth.config import FastDepthConfig
from netadapt.depth.fastdepth.mobilenet import FastDepth
from netadapt.networks import build, save_model
from tests.depth.fastdepth.thin import thin_widths
from tests.traced_once import traced_once

THIN = thin_widths(16)


@pytest.fixture(scope="module", autouse=True)
def _traced_once() -> Iterator[None]:
    yield from traced_once(FastDepth)


@pytest.fixture
def netadapt(capsys: pytest.CaptureFixture[str]) -> Command:
    """Call `netadapt ARGUMENTS…`; gives the exit code, what went to stdout and to stderr."""
    return heard(capsys)


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A FastDepth of 16 channels a layer, at 64×64, whose random depths lie around 2.5 m."""
    folder = tmp_path_factory.mktemp("models") / "thin"
    config = FastDepthConfig(widths=THIN, input_size=(64, 64))
    torch.manual_seed(0)
    network = build(config)
    network.get_submodule("decode_conv6")[1].bias.data.fill_(2.5)
    for _ in range(3):  # statistics that batch norm has of images
        network(torch.rand(4, 3, 64, 64))
    save_model(folder, network, config)
    return folder


@pytest.fixture(scope="session")
def frames(tmp_path_factory) -> Path:
    """Two scenes of four frames each, one of them held out."""
    root = tmp_path_factory.mktemp("frames")
    random = np.random.default_rng(0)
    for scene in ("a", "b"):
        for name in ("00001", "00002", "00003", "00004"):
            rgb = random.integers(0, 255, (3, 60, 80), dtype=np.uint8)
            depth = random.uniform(1, 5, (60, 80)).astype(np.float32)
            write_pair(root / "train" / scene / f"{name}.h5", rgb, depth)
    return root


@pytest.fixture(scope="session")
def exported(weights, tmp_path_factory) -> Path:
    """`weights` as an ONNX file."""
    file = tmp_path_factory.mktemp("exported") / "thin.onnx"
    assert call("export", weights, "--out", file, "--quiet") == 0
    return file


@pytest.fixture(scope="session")
def finished_run(weights, frames, tmp_path_factory) -> Path:
    """A run that pruned `weights` in a few iterations."""
    out = tmp_path_factory.mktemp("runs") / "thin-run"
    options = ["--weights", weights, "--data", frames, "--out", out, "--holdout-images", "2"]
    assert call("prune", "--quiet", "--budget-ms", 0.85, "--finetune-steps", 0, *options) == 0
    assert (out / "iter_001").is_dir()  # the network given takes longer than the budget
    return out


@pytest.fixture
def run_folder(finished_run, tmp_path) -> Path:
    """A copy of the run that a test may write to."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))
