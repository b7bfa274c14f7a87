"""`netadapt data`, as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from command import Command, one_line
from PIL import Image

from tests.depth.data.mat_files import write_mat, write_mat_splits


def in_a_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from netadapt.cli import main; main()", "data"]
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


class Answer(NamedTuple):
    """Of a command, named as a process names it."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def data(netadapt: Command) -> Callable[..., Answer]:
    """`netadapt data ARGUMENTS…` in this process: another takes seconds to import what it needs."""
    return lambda *arguments: Answer(*netadapt("data", *arguments))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    root = tmp_path / "kitchen"
    root.mkdir()
    for number in range(5):
        Image.new("RGB", (64, 48), (number, 9, 9)).save(root / f"{number}.color.png")
        depth = np.full((48, 64), 2000, np.uint16)
        Image.fromarray(depth).save(root / f"{number}.depth.png")
    return root


def test_import_check_index_and_pack(
    data: Callable[..., Answer], recording: Path, tmp_path: Path
) -> None:
    imported = in_a_process("import", recording, tmp_path / "set", "--holdout", "0.4", "--json")
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)["holdout"] == 2
    checked = data("check", tmp_path / "set")
    assert checked.returncode == 0, checked.stderr
    assert "train: 3 images (3 of 48×64)" in checked.stdout
    assert "depth 2.00 to 2.00 m" in checked.stdout
    indexed = data("index", tmp_path / "set", "--quiet")
    assert indexed.stdout.splitlines()[0] == f"{tmp_path / 'set' / 'train.txt'}: 3 files"
    assert indexed.stderr == ""
    packed = data("pack", tmp_path / "set", tmp_path / "packed", "--quiet")
    assert packed.stdout.strip().endswith("250×333 pixels; train 3, holdout 2, val 2")
    again = data("pack", tmp_path / "set", tmp_path / "packed")
    assert again.returncode == 2
    assert "holds a finished data set already" in again.stderr
    timed = data("bench", tmp_path / "set", "--seconds", "0.1", "--json")
    assert [form["form"] for form in json.loads(timed.stdout)["forms"]] == [
        "hdf5",
        "pack",
        "memory",
    ]


def test_import_with_a_split_file(
    netadapt: Command, recording: Path, weights: Path, tmp_path: Path
) -> None:
    split = tmp_path / "split.csv"
    split.write_text("file,split,scene\n0,train,a\n1,train,b\n2,train,c\n3,test,d\n4,test,d\n")
    arguments = ("data", "import", recording, tmp_path / "set", "--split", split)
    code, out, err = netadapt(*arguments, "--holdout", "0.4", "--quiet")
    assert (code, err) == (0, "")
    assert "2 pairs to train on, 1 held out, 2 to evaluate on (val), median depth 2.00 m" in out
    code, out, _ = netadapt("evaluate", weights, "--data", tmp_path / "set", "--json")
    assert (code, json.loads(out)["images"]) == (0, 2)
    split.write_text("file,scene\n0,a\n")
    code, _, err = netadapt(*arguments[:3], tmp_path / "other", "--split", split)
    assert code == 2
    assert "has no column 'split'" in one_line(err)


def test_import_of_nyu_s_own_file(netadapt: Command, tmp_path: Path) -> None:
    mat = tmp_path / "labeled.mat"
    write_mat(mat, np.zeros((3, 3, 6, 8), np.uint8), np.full((3, 6, 8), 2.0, np.float32), "abc")
    splits = write_mat_splits(tmp_path / "splits.mat", [1, 2], [3])
    code, out, err = netadapt(
        "data", "import", mat, tmp_path / "set", "--splits", splits, "--holdout", 0.5, "--json"
    )
    assert (code, err) == (0, "")
    imported = json.loads(out)
    assert [imported[key] for key in ("train", "holdout", "val", "median_depth_m")] == [1, 1, 1, 2]
    for source, options, message in (
        (mat, (), "the official split is a file of 3 kB, http://horatio.cs.nyu.edu/"),
        (mat, ("--splits", splits, "--depth", "*.png"), "--depth is for a folder of pairs"),
        (mat, ("--splits", splits, "--depth-scale", 5000), "--depth-scale is for a folder of"),
        (tmp_path, ("--splits", splits), "--splits is for nyu_depth_v2_labeled.mat"),
        (splits, ("--all-as", "val"), "cannot be read as MATLAB 7.3"),
    ):
        code, _, err = netadapt("data", "import", source, tmp_path / "other", *options)
        assert (code, message in err, "Traceback" in err) == (2, True, False), err


def test_check_names_broken_files_with_exit_code_2(
    data: Callable[..., Answer], recording: Path, tmp_path: Path
) -> None:
    data("import", recording, tmp_path / "set")
    broken = tmp_path / "set/train/kitchen/00002.h5"
    broken.write_bytes(broken.read_bytes()[:500])
    checked = data("check", tmp_path / "set")
    assert checked.returncode == 2
    assert f"broken: {broken}: cannot be read as HDF5" in checked.stdout
    assert "Traceback" not in checked.stderr
    as_json = data("check", tmp_path / "set", "--json")
    assert as_json.returncode == 2
    assert list(json.loads(as_json.stdout)["splits"][0]["broken"]) == ["train/kitchen/00002.h5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "nowhere"), "nowhere: no such folder"),
        (("import", "nowhere", "out"), "nowhere: no such folder"),
        (("pack", "nowhere", "out"), "nothing to pack"),
        (("index", "nowhere"), "no HDF5 files to list"),
        (("bench", "nowhere"), "nowhere"),
        (("import", "nowhere"), "DST"),
    ],
)
def test_mistakes_take_one_line(
    data: Callable[..., Answer], arguments: tuple[str, ...], message: str
) -> None:
    failed = data(*arguments)
    assert failed.returncode == 2
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr


def test_every_command_shows_an_example(data: Callable[..., Answer]) -> None:
    for command in ("import", "check", "index", "pack", "bench"):
        shown = data(command, "--help")
        assert shown.returncode == 0
        assert f"netadapt data {command}" in shown.stdout
