"""FastDepth's HDF5 layout: its splits, and broken files named in one line."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from tiny_pairs import make_pair

from netadapt.depth.data import ArraySource, open_depth_data
from netadapt.depth.data.hdf5_pairs import (
    read_pair,
    split_by_rule,
    write_lists,
    write_pair,
    write_splits,
)
from netadapt.depth.rooms.frame_plan import plan_frames
from netadapt.errors import DataError


def write_raw(path: Path, **datasets: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
    return path


def test_splits_of_few_scenes_are_fastdepths(nyu_folder: Path) -> None:
    assert open_depth_data(nyu_folder, "train").names == [
        "train/bath_0001/00002.h5",
        "train/bath_0001/00006.h5",
        "train/study_0002/00002.h5",
        "train/study_0002/00006.h5",
    ]
    assert open_depth_data(nyu_folder, "holdout").names == [
        "train/bath_0001/00001.h5",
        "train/study_0002/00001.h5",
    ]
    assert open_depth_data(nyu_folder, "val").names == ["val/official/00001.h5"]


def test_reads_what_was_written(nyu_folder: Path) -> None:
    rgb, depth = open_depth_data(nyu_folder, "holdout").read(1)
    expected_rgb, expected_depth = make_pair(3)
    assert rgb.dtype == np.uint8
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(rgb, expected_rgb)
    np.testing.assert_array_equal(depth, expected_depth)


def test_hidden_files_are_no_pairs(nyu_folder: Path) -> None:
    names = open_depth_data(nyu_folder, "train").names
    for half_written in ("train/bath_0001/.00002-x1.h5", "train/.trash/00002.h5"):
        (nyu_folder / half_written).parent.mkdir(exist_ok=True)
        (nyu_folder / half_written).write_bytes(b"half")
    assert open_depth_data(nyu_folder, "train").names == names


def test_the_holdout_of_many_scenes_is_whole_scenes() -> None:
    train = [f"train/room_{scene:02d}/{n:05d}.h5" for scene in range(20) for n in range(1, 6)]
    splits = split_by_rule(train, ["val/official/00001.h5"])
    assert sorted(splits["train"] + splits["holdout"]) == train
    assert len(splits["holdout"]) == 10
    scenes = {split: {name.split("/")[1] for name in splits[split]} for split in splits}
    assert len(scenes["holdout"]) == 2
    assert not scenes["holdout"] & scenes["train"]
    # Where FastDepth's names cut no scene, as rendered rooms have them, they are the holdout.
    rooms = [frame.path for frame in plan_frames(60, 4)]
    of_rooms = split_by_rule([path for path in rooms if path.startswith("train/")], [])
    assert {name.rpartition("/")[2] for name in of_rooms["holdout"]} == {"00001.h5", "00201.h5"}
    assert len(of_rooms["holdout"]) == 12


def fastdepth_lists(shared_data: Path) -> list[str]:
    """The 48,238 names of FastDepth's layout, below its folder."""
    lists = shared_data / "nyu_lists"
    train = gzip.decompress((lists / "nyudepth_hdf5_train.csv.gz").read_bytes()).decode()
    val = (lists / "nyudepth_hdf5_val.csv").read_text()
    rows = train.splitlines()[1:] + val.splitlines()[1:]
    return [row.strip().removeprefix("data/nyudepth_hdf5/") for row in rows]


def test_no_scene_of_nyu_is_on_both_sides(shared_data: Path) -> None:
    names = fastdepth_lists(shared_data)
    splits = split_by_rule(
        *(sorted(name for name in names if name.startswith(part)) for part in ("train/", "val/"))
    )
    assert sum(map(len, splits.values())) == 47584 + 654
    assert len(splits["holdout"]) == pytest.approx(4758, rel=0.02)
    scenes = {split: {name.split("/")[1] for name in splits[split]} for split in splits}
    assert len(scenes["train"]) + len(scenes["holdout"]) == 280


@pytest.mark.slow
def test_all_of_nyu_is_listed(shared_data: Path, tmp_path: Path) -> None:
    for name in fastdepth_lists(shared_data):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert sum(write_lists(tmp_path).values()) == 48238


def test_a_list_of_splits_overrides_the_rule(nyu_folder: Path) -> None:
    held_out = ["train/study_0002/00006.h5"]
    write_splits(
        nyu_folder, {"train": ["train/bath_0001/00001.h5"], "holdout": held_out, "val": held_out}
    )
    assert open_depth_data(nyu_folder, "train").names == ["train/bath_0001/00001.h5"]
    assert open_depth_data(nyu_folder, "val").names == held_out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "expected an object"),
        (json.dumps({"train": [], "val": []}), "'holdout' is not a list"),
    ],
)
def test_a_malformed_list_of_splits_is_named(nyu_folder: Path, content: str, message: str) -> None:
    (nyu_folder / "splits.json").write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        open_depth_data(nyu_folder, "train")
    assert "splits.json" in str(caught.value)


def test_missing_splits_and_folders_are_named(nyu_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no split 'test'; expected one of train, holdout, val"):
        open_depth_data(nyu_folder, "test")
    with pytest.raises(DataError, match="no such folder"):
        open_depth_data(tmp_path / "nowhere", "train")
    (tmp_path / "pictures").mkdir()
    with pytest.raises(DataError, match="netadapt data import"):
        open_depth_data(tmp_path / "pictures", "train")
    (nyu_folder / "val/official/00001.h5").unlink()
    with pytest.raises(DataError, match="holdout' may serve"):
        open_depth_data(nyu_folder, "val")


RGB, DEPTH = make_pair(0)


@pytest.mark.parametrize(
    ("datasets", "message"),
    [
        ({"rgb": RGB}, "no dataset 'depth' in it; it holds rgb"),
        ({"depth": DEPTH}, "no dataset 'rgb'"),
        ({"rgb": RGB, "depth": DEPTH[1:]}, r"depth has shape \(47, 64\), expected \(48, 64\)"),
        ({"rgb": RGB.transpose(1, 2, 0), "depth": DEPTH}, r"expected \(3, height, width\)"),
        ({"rgb": RGB.astype(np.float32), "depth": DEPTH}, "rgb is float32, expected uint8"),
        ({"rgb": RGB, "depth": DEPTH.astype(np.uint16)}, "depth is uint16, expected float32"),
        ({"rgb": RGB, "depth": np.where(DEPTH > 2, np.nan, DEPTH)}, "not finite"),
        ({"rgb": RGB, "depth": np.where(DEPTH > 2, np.inf, DEPTH)}, "not finite"),
        ({"rgb": RGB, "depth": DEPTH - 1}, "goes down to -1 m"),
        ({"rgb": RGB, "depth": DEPTH * 1000}, "is it in millimetres"),
    ],
)
def test_a_file_that_holds_no_such_pair_is_named(
    tmp_path: Path, datasets: dict[str, np.ndarray], message: str
) -> None:
    path = write_raw(tmp_path / "00007.h5", **datasets)
    with pytest.raises(DataError, match=message) as caught:
        read_pair(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_a_truncated_file_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "00007.h5"
    write_pair(path, RGB, DEPTH)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match="cannot be read as HDF5") as caught:
        read_pair(path)
    assert "00007.h5" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damage_inside_the_data_is_named(tmp_path: Path) -> None:
    path = tmp_path / "00007.h5"
    write_pair(path, *make_pair(0, 480, 640))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"00007\.h5"):
        read_pair(path)


def test_no_bad_pair_is_written(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        write_pair(tmp_path / "00001.h5", RGB, DEPTH * 1000)
    assert not list(tmp_path.iterdir())


WRITE_WITH_LITTLE_ROOM = """
import resource, sys
import numpy as np
from netadapt.depth.data.hdf5_pairs import write_pair
from netadapt.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
rgb = np.random.default_rng(0).integers(0, 256, (3, 480, 640), dtype=np.uint8)
try:
    write_pair(sys.argv[1], rgb, np.ones((480, 640), np.float32))
except OutputError as error:
    print(error)
"""


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    written = subprocess.run(
        [sys.executable, "-c", WRITE_WITH_LITTLE_ROOM, str(tmp_path / "00001.h5")],
        capture_output=True,
        text=True,
    )
    assert written.stderr == ""
    assert written.stdout.startswith(f"cannot write {tmp_path / '00001.h5'}")
    assert not list(tmp_path.iterdir())


def test_arrays_are_checked_once_and_named() -> None:
    with pytest.raises(DataError, match="kitchen: depth goes down"):
        ArraySource([RGB], [DEPTH - 1], ["kitchen"])
    with pytest.raises(DataError, match="2 rgb images, 1 depth images"):
        ArraySource([RGB, RGB], [DEPTH])


def test_lists_hold_absolute_paths(nyu_folder: Path, tmp_path: Path) -> None:
    assert write_lists(nyu_folder) == {"train": 4, "holdout": 2, "val": 1}
    assert (nyu_folder / "holdout.txt").read_text().splitlines() == [
        str(nyu_folder / "train/bath_0001/00001.h5"),
        str(nyu_folder / "train/study_0002/00001.h5"),
    ]
    write_lists(nyu_folder, tmp_path / "lists")
    paths = (tmp_path / "lists/train.txt").read_text().splitlines()
    assert len(paths) == 4
    assert all(Path(path).is_file() and Path(path).is_absolute() for path in paths)
    with pytest.raises(DataError, match="no HDF5 files to list"):
        write_lists(tmp_path / "lists")


def test_a_size_that_no_image_has_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Compressed, gigabytes of zeros take a kilobyte."""
    path = tmp_path / "00001.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("rgb", (3, 30_000, 30_000), np.uint8, chunks=True, compression="gzip")
        file.create_dataset("depth", (30_000, 30_000), np.float32, chunks=True, compression="gzip")
    with pytest.raises(DataError, match="'rgb' is 3 x 30000 x 30000, more than one image"):
        read_pair(path)
