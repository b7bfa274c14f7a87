"""Bad input: one clear line, the right exit code, and nothing lost or half-written."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import one_line

TABLES = Path(__file__).parents[2] / "lookup_tables"


@pytest.fixture
def table(tmp_path) -> Path:
    """A copy of the shipped TX2 table that a test may damage."""
    for suffix in ("csv", "toml"):
        shutil.copy(TABLES / f"tx2.published.{suffix}", tmp_path / f"board.{suffix}")
    shutil.copytree(TABLES / "networks", tmp_path / "networks")
    return tmp_path / "board.csv"


@pytest.fixture
def prune(netadapt, weights, frames, tmp_path):
    """`netadapt prune` on small weights and frames; options given replace these, None is a flag."""

    def run(**options):
        given = {
            "budget_ms": 1.0,
            "weights": weights,
            "data": frames,
            "out": tmp_path / "run",
            "finetune_steps": 0,
            "holdout_images": 2,
            **options,
        }
        words = ((f"--{name.replace('_', '-')}", value) for name, value in given.items())
        parts = (part for pair in words for part in pair if part is not None)
        code, _, err = netadapt("prune", "--quiet", *parts)
        return code, err

    return run


def rewrite(path: Path, change) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def test_no_such_table(prune):
    code, err = prune(device="tx3")
    assert code == 2
    assert "tx3" in one_line(err)
    assert "tx2" in err  # the ones there are


def test_a_table_without_a_column(prune, table):
    rewrite(table, lambda lines: [line.rsplit(",", 4)[0] for line in lines])
    code, err = prune(device=table)
    assert code == 2
    assert "spread_ms" in one_line(err) or "samples" in err


@pytest.mark.parametrize(
    "latency",
    ["-0.5", "nan", *(pytest.param(text, marks=pytest.mark.slow) for text in ("fast", "0", "inf"))],
)
def test_a_latency_that_is_none(prune, table, latency):
    def change(lines):
        cells = lines[4].split(",")
        cells[11] = latency
        return [*lines[:4], ",".join(cells), *lines[5:]]

    rewrite(table, change)
    code, err = prune(device=table)
    assert code == 2
    line = one_line(err)
    assert "latency_ms" in line
    assert "row 4" in line or "line 5" in line or "row 5" in line


@pytest.mark.parametrize("budget", ["0", "-3", "nan", "soon"])
def test_a_budget_that_is_none(prune, budget):
    code, err = prune(budget_ms=budget)
    assert code == 2
    assert "budget" in one_line(err)


def test_a_budget_that_cannot_be_met(prune, tmp_path):
    code, err = prune(budget_ms=0.001)
    assert code == 4
    assert "ms at its smallest widths" in one_line(err)


def test_a_truncated_hdf5_file(prune, frames, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(frames, damaged)
    file = damaged / "train" / "a" / "00001.h5"
    file.write_bytes(file.read_bytes()[:300])
    code, err = prune(data=damaged)
    assert code == 2
    assert "train/a/00001.h5" in one_line(err)


@pytest.mark.slow
def test_depth_of_another_shape_than_rgb(prune, frames, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(frames, damaged)
    with h5py.File(damaged / "train" / "b" / "00001.h5", "r+") as file:
        del file["depth"]
        file["depth"] = np.ones((30, 80), np.float32)
    code, err = prune(data=damaged)
    assert code == 2
    assert "(30, 80)" in one_line(err)
    assert "train/b/00001.h5" in err


def test_weights_that_do_not_fit(prune, weights, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(weights, other)
    config = (other / "config.json").read_text()
    (other / "config.json").write_text(config.replace('"conv3": 16', '"conv3": 24'))
    code, err = prune(weights=other)
    assert code == 2
    assert "conv3" in one_line(err)
    assert "24" in err
    assert "16" in err


def test_a_run_that_exists(prune, tmp_path):
    code, err = prune(budget_ms=0.85)
    assert code == 0, err
    assert (tmp_path / "run" / "iter_001").is_dir()  # a step was taken
    before = (tmp_path / "run" / "trajectory.csv").read_bytes()
    code, err = prune(budget_ms=0.85)
    assert code == 2
    assert "--resume" in one_line(err)
    assert "--out" in err
    assert (tmp_path / "run" / "trajectory.csv").read_bytes() == before


def test_a_folder_that_is_no_run(prune, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    code, err = prune()
    assert code == 2
    assert "not a run's folder" in one_line(err)
    assert (tmp_path / "run" / "thesis.txt").read_text() == "precious"


def test_a_full_disk(prune, tmp_path):
    """A file-size limit stands for the disk: the weights of a checkpoint don't fit."""
    out = tmp_path / "run"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        code, err = prune(budget_ms=0.85)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2, err
    assert "cannot write" in one_line(err)
    assert not list(out.rglob("model.safetensors"))
    assert not list(out.rglob(".*safetensors"))
    code, err = prune(budget_ms=0.85, resume=None)
    assert code == 0, err
    assert (out / "iter_001" / "model.safetensors").is_file()  # a step was taken


@pytest.mark.parametrize(
    "arguments",
    [
        ("prune",),
        ("prune", "--budget-ms", "6", "--strategy", "lucky"),
        ("prune", "--budget-ms", "6", "--input-size", "big"),
        ("prune", "--budget-ms", "6", "--input-size", "100x100"),
        ("prune", "--budget-ms", "6", "--model", "fastdeep"),
        ("prune", "--budget-ms", "6", "--model", "nosuch.module:net"),
        ("prune", "--budget-ms", "6", "--weights", "nowhere"),
        ("prune", "--budget-ms", "6", "--data", "nowhere"),
        ("evaluate", "nowhere"),
        ("finetune", "nowhere"),
        ("predict",),
        ("predict", "nowhere.jpg"),
        ("train", "--recipe", "secret"),
        ("train", "--epochs", "0"),
    ],
)
def test_usage_is_one_line_too(netadapt, arguments, tmp_path, monkeypatch, weights):
    monkeypatch.chdir(tmp_path)
    if "--model" not in arguments and "--weights" not in arguments and arguments[0] == "prune":
        arguments = (*arguments, "--weights", weights)
    if arguments[0] == "predict":
        arguments = (*arguments, "--model", weights)
    code, _, err = netadapt(*arguments)
    assert code == 2, err
    one_line(err)


def test_a_device_without_a_table_is_told_before_data_are_made(netadapt, monkeypatch):
    monkeypatch.setattr(
        "netadapt.pruning.job.open_task", lambda *_: pytest.fail("data were opened")
    )
    code, _, err = netadapt("prune", "--budget-ms", "6", "--device", "nowhere")
    assert code == 2
    assert one_line(err).startswith("netadapt: there is no table for the device 'nowhere'")
