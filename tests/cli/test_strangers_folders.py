"""Folders that name functions, on the command line: a stranger's are refused, one's own go on."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command import one_line

from netadapt.networks import trusted_functions

OWN = """
import torch
from torch import nn
from netadapt import ClassificationTask

def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1152, 2))

def task():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(32, 3, 8, 8, generator=generator)
    labels = torch.arange(32) % 2
    return ClassificationTask((images, labels), (images, labels))
"""
PRUNE = ("prune", "--model", "mine:network", "--task", "mine:task", "--input-shape", "1x3x8x8")


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(trusted_functions, "_NAMED", set())
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    Path("mine.py").write_text(OWN)
    Path("x.png").touch()
    return tmp_path


def forget() -> None:
    """As a new process: nothing was named in it."""
    trusted_functions._NAMED.clear()


@pytest.mark.slow
def test_a_run_of_ones_own_goes_on_and_a_strangers_asks(netadapt, place: Path) -> None:
    budget = ("--device", "macs", "--budget-ms", "80%", "--finetune-steps", 1)
    assert netadapt(*PRUNE, *budget, "--first-reduction", 0.2, "--out", "run", "--quiet")[0] == 0
    run = Path("run")
    forget()
    assert netadapt("prune", "--resume", "--out", run, "--quiet")[0] == 0
    forget()
    assert netadapt("models", "show", run)[0] == 0
    forget()
    tuning = ("finetune", run, "--steps", 2, "--quiet")
    assert netadapt(*tuning)[0] == 0

    content = json.loads((run / "run.json").read_text())
    del content["seal"]  # as it comes from another machine
    (run / "run.json").write_text(json.dumps(content))
    for command in (
        ("prune", "--resume", "--out", run),
        ("models", "show", run),
        ("models", "copy", run, "--out", "copied"),
        ("plan", "--model", run),
        ("evaluate", run, "--data", "rooms"),
        ("predict", "x.png", "--model", run),
        ("export", run, "--out", "net.onnx", "--quiet"),
        ("bench", run, "--device", "host-torch"),
        ("lut", "estimate", "--device", "tx2", "--model", run, "--quiet"),
        (*tuning, "--resume"),
    ):
        forget()
        code, _, err = netadapt(*command)
        assert code == 2
        assert "asks for the function mine:" in one_line(err)
        assert "--trust-factory" in err
    for command in (
        ("prune", "--resume", "--out", run, "--quiet"),
        ("models", "show", run),
        (*tuning, "--resume"),
    ):
        forget()
        code, _, err = netadapt(*command, "--trust-factory")
        assert code == 0, err
        forget()
    assert netadapt(*PRUNE, "--resume", "--out", run, "--quiet")[0] == 0
