"""Looking at a whole set: every broken file is named, the rest is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_pairs import make_pair

from netadapt.depth.data import inspection
from netadapt.depth.data.hdf5_pairs import write_pair
from netadapt.depth.data.inspection import check_data
from netadapt.depth.data.pack_writer import pack


def test_a_sound_set_is_described(nyu_folder: Path) -> None:
    write_pair(nyu_folder / "val/official/00002.h5", *make_pair(1, 60, 80))
    seen = []
    train, holdout, val = check_data(nyu_folder, lambda *step: seen.append(step))
    assert (train.images, holdout.images, val.images) == (4, 2, 2)
    assert train.sizes == {"48×64": 4}
    assert val.sizes == {"48×64": 1, "60×80": 1}
    assert not train.broken
    depths = [make_pair(number)[1] for number in (1, 2, 4, 5)]
    valid = np.concatenate([depth[depth > 0] for depth in depths])
    assert train.depth_min_m == pytest.approx(valid.min())
    assert train.depth_max_m == pytest.approx(valid.max())
    assert train.depth_mean_m == pytest.approx(valid.mean(), rel=1e-5)
    assert train.valid_share == pytest.approx(7 / 8)
    assert seen[0] == ("train", 1, 4)
    assert seen[-1] == ("val", 2, 2)


def test_every_broken_file_is_named(nyu_folder: Path) -> None:
    (nyu_folder / "train/bath_0001/00002.h5").write_bytes(b"")
    (nyu_folder / "train/study_0002/00006.h5").write_bytes(b"\x89HDF")
    rgb, depth = make_pair(0)
    write_pair(nyu_folder / "train/bath_0001/00006.h5", rgb, np.zeros_like(depth))
    train = check_data(nyu_folder)[0]
    assert list(train.broken) == ["train/bath_0001/00002.h5", "train/study_0002/00006.h5"]
    assert train.without_depth == ("train/bath_0001/00006.h5",)
    assert train.images == 4


def test_a_split_with_nothing_sound_has_no_figures(nyu_folder: Path) -> None:
    (nyu_folder / "val/official/00001.h5").write_bytes(b"")
    val = check_data(nyu_folder)[2]
    assert val.images == 1
    assert np.isnan(val.valid_share)
    assert np.isnan(val.depth_min_m)


def test_a_pack_is_checked_by_its_checksums(nyu_folder: Path, tmp_path: Path) -> None:
    pack(nyu_folder, tmp_path / "packed", workers=1)
    assert [split.broken for split in check_data(tmp_path / "packed")] == [{}, {}, {}]
    depth = tmp_path / "packed/holdout-00000.depth.npy"
    depth.write_bytes(depth.read_bytes()[:-2] + b"\x01\x01")
    holdout = check_data(tmp_path / "packed")[1]
    assert list(holdout.broken) == ["train/bath_0001/00001.h5", "train/study_0002/00001.h5"]
    assert "holdout-00000.depth.npy" in next(iter(holdout.broken.values()))


def test_two_processes_find_what_one_finds(
    nyu_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next(nyu_folder.rglob("train/*/*.h5")).write_bytes(b"broken")
    alone = check_data(nyu_folder, workers=1)
    monkeypatch.setattr(inspection, "MANY_IMAGES", 2)
    monkeypatch.setattr(inspection, "IMAGES_AT_A_TIME", 1)
    seen: list[int] = []
    together = check_data(nyu_folder, lambda split, done, total: seen.append(done), workers=2)
    assert repr(together) == repr(alone)  # NaN is no NaN
    assert sum(len(split.broken) for split in together) == 1
    assert len(seen) == sum(split.images for split in together)
