"""The example in C++ builds with what the extra `tvm` brings, and computes what torch does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import desk
import numpy as np
import pytest
import torch
from doc_pages import ROOT

from netadapt.networks import save_model
from tests.cli.command import call

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("g++") or not shutil.which("make"), reason="needs make and a C++ compiler"
    ),
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    network, config = desk.thin()
    save_model(tmp_path / "thin", network, config)
    return tmp_path / "thin"


def built(name: str, tmp_path: Path) -> Path:
    """The example, built by its own Makefile in a copy of the folder."""
    folder = tmp_path / "cpp"
    shutil.copytree(ROOT / "examples" / "cpp", folder, ignore=shutil.ignore_patterns(name))
    command = ["make", name, f"PYTHON={sys.executable}", "CXXFLAGS=-O1 -Wall -Werror"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / name


def outputs_of(program: Path, network: Path, folder: Path, image: torch.Tensor) -> np.ndarray:
    """What the program gives for an image `[1, 3, H, W]`."""
    image.numpy().tofile(folder / "input.raw")
    command = [program, network, folder / "input.raw", folder / "output.raw", "2"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "ms, the mean of 2 runs" in ended.stdout
    return np.fromfile(folder / "output.raw", np.float32).reshape(1, 1, *image.shape[2:])


def require_alike(found: np.ndarray, model: Path, image: torch.Tensor) -> None:
    with torch.no_grad():
        expected = desk.load_model(model)(image).numpy()
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_tvm_bundle_runs_from_cpp(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("tvm", reason="the extra netadapt[tvm] is not installed")
    bundle = tmp_path / "bundle"
    options = ["--format", "tvm", "--device", "host", "--unchecked", "--out", bundle, "--quiet"]
    assert call("export", model, *options) == 0
    program = built("tvm_bundle", tmp_path)
    image = torch.rand(1, 3, *desk.SIZE)
    require_alike(outputs_of(program, bundle, tmp_path, image), model, image)
    short = tmp_path / "short.raw"
    short.write_bytes(b"1234")
    wrong = subprocess.run(
        [program, bundle, short, tmp_path / "out.raw"], capture_output=True, text=True
    )
    assert wrong.returncode == 2
    assert "not as many numbers" in wrong.stderr
