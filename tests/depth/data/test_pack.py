"""Packing: the same pixels, resumable, refusing what isn't its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_pairs import make_pair

from netadapt.depth.data import open_depth_data, pack_writer
from netadapt.depth.data.geometry import to_working
from netadapt.depth.data.hdf5_pairs import write_pair
from netadapt.depth.data.loader import batches
from netadapt.depth.data.pack import damaged_shards
from netadapt.depth.data.pack_writer import pack
from netadapt.errors import DataError, OutputError
from netadapt.locks import held


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.iterdir()}


def test_a_pack_shows_what_the_files_show(nyu_folder: Path, tmp_path: Path) -> None:
    index = pack(nyu_folder, tmp_path / "packed", workers=1, shard_images=3)
    assert index.counts == {"train": 4, "holdout": 2, "val": 1}
    assert [shard.stem for shard in index.splits["train"]] == ["train-00000", "train-00001"]
    for split in ("train", "holdout", "val"):
        original = open_depth_data(nyu_folder, split)
        packed = open_depth_data(tmp_path / "packed", split)
        assert list(packed.names) == list(original.names)
        for ours, theirs in zip(
            batches(packed, 2, (32, 32), train=False),
            batches(original, 2, (32, 32), train=False),
            strict=True,
        ):
            assert torch.equal(ours[0], theirs[0])
            assert torch.equal(ours[1] > 0, theirs[1] > 0)
            assert (ours[1] - theirs[1]).abs().max() <= 0.00051


def test_a_pack_trains_on_the_same_batches(nyu_folder: Path, tmp_path: Path) -> None:
    pack(nyu_folder, tmp_path / "packed", workers=1)
    x, y = next(batches(open_depth_data(tmp_path / "packed", "train"), 4, (32, 32), train=True))
    again_x, again_y = next(batches(open_depth_data(nyu_folder, "train"), 4, (32, 32), train=True))
    assert torch.equal(x, again_x)
    assert (y - again_y).abs().max() <= 0.00051


def test_several_processes_write_the_same_files(nyu_folder: Path, tmp_path: Path) -> None:
    seen = []
    pack(nyu_folder, tmp_path / "one", workers=1, shard_images=2)
    pack(
        nyu_folder,
        tmp_path / "two",
        workers=2,
        shard_images=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert seen[-1] == (7, 7)


PACK_AND_DIE = """
import os, sys
from netadapt.depth.data import pack_writer
done = 0
def stop(*_):
    global done
    done += 1
    if done == 2:
        os.kill(os.getpid(), 9)
pack_writer.pack(sys.argv[1], sys.argv[2], workers=1, shard_images=2, progress=stop)
"""


def test_a_killed_run_goes_on(
    nyu_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "packed"
    killed = subprocess.run([sys.executable, "-c", PACK_AND_DIE, str(nyu_folder), str(target)])
    assert killed.returncode == -signal.SIGKILL
    (target / ".train-00001.rgb-abc.npy").write_bytes(b"half")
    with pytest.raises(DataError, match="no data set in it"):
        open_depth_data(target, "train")
    packed_again = []
    original = pack_writer._pack_shard

    def record(*arguments: object) -> pack_writer.Shard:
        shard = original(*arguments)  # type: ignore[arg-type]
        packed_again.append(shard.stem)
        return shard

    monkeypatch.setattr(pack_writer, "_pack_shard", record)
    pack(nyu_folder, target, workers=1, shard_images=2)
    assert packed_again == ["holdout-00000", "val-00000"]
    monkeypatch.undo()
    pack(nyu_folder, tmp_path / "whole", workers=1, shard_images=2)
    assert files(target) == files(tmp_path / "whole")


def test_a_pack_of_many_shards_holds_few_files_open(
    nyu_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netadapt.depth.data.pack.OPEN_SHARDS", 2)
    pack(nyu_folder, tmp_path / "packed", workers=1, shard_images=1)
    packed, original = (
        open_depth_data(root, "train") for root in (tmp_path / "packed", nyu_folder)
    )
    before = len(os.listdir("/proc/self/fd"))
    for index in (0, 1, 2, 3, 0, 2):
        expected, _ = to_working(*original.read(index))
        np.testing.assert_array_equal(packed.read(index)[0], expected)
    assert len(os.listdir("/proc/self/fd")) <= before + 4


def test_nothing_is_overwritten(nyu_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "packed"
    pack(nyu_folder, target, workers=1)
    before = files(target)
    with pytest.raises(DataError, match="holds a finished data set already"):
        pack(nyu_folder, target, workers=1)
    assert files(target) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="exists and is not empty"):
        pack(nyu_folder, tmp_path / "other")
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / pack_writer.PLAN_FILE).write_text("{}")
    with pytest.raises(DataError, match="beginnings of another data set"):
        pack(nyu_folder, tmp_path / "begun")


def test_what_cannot_be_packed_is_named(nyu_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to pack"):
        pack(tmp_path, tmp_path / "packed")
    write_pair(nyu_folder / "train/study_0002/00007.h5", *make_pair(0, 50, 50))
    with pytest.raises(DataError, match=r"00007\.h5: is 333×333 at working size, .* 250×333"):
        pack(nyu_folder, tmp_path / "packed", workers=1)
    (nyu_folder / "train/study_0002/00007.h5").write_bytes(b"")
    with pytest.raises(DataError, match=r"00007\.h5: cannot be read as HDF5"):
        pack(nyu_folder, tmp_path / "packed2", workers=2, shard_images=2)


def test_images_of_another_size_but_the_same_aspect_pack_together(
    nyu_folder: Path, tmp_path: Path
) -> None:
    write_pair(nyu_folder / "train/study_0002/00007.h5", *make_pair(0, 96, 128))
    assert pack(nyu_folder, tmp_path / "packed", workers=1).counts["train"] == 5


def test_a_full_disk_is_said_before_anything_is_packed(
    nyu_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(pack_writer.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="takes 3 MB and 0 MB are free"):
        pack(nyu_folder, tmp_path / "packed", workers=1)


def test_damage_is_found_by_its_checksum_and_at_reading(nyu_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "packed"
    pack(nyu_folder, target, workers=1)
    assert [wrong for _, wrong in damaged_shards(target)] == ["", "", ""]
    rgb = target / "train-00000.rgb.npy"
    content = bytearray(rgb.read_bytes())
    content[-1] ^= 1
    rgb.write_bytes(content)
    assert [wrong for _, wrong in damaged_shards(target)] == [
        "train-00000.rgb.npy: missing or changed since packing",
        "",
        "",
    ]
    rgb.write_bytes(content[:-5])
    with pytest.raises(DataError, match=r"train-00000\.rgb\.npy: cannot be mapped"):
        open_depth_data(target, "train").read(0)
    np.save(rgb, np.zeros((1, 2)))
    with pytest.raises(DataError, match=r"holds float64 \(1, 2\), index\.json says uint8"):
        open_depth_data(target, "train").read(0)
    index = json.loads((target / "index.json").read_text())
    del index["height"]
    (target / "index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=r"index\.json: malformed"):
        open_depth_data(target, "train")


def test_a_damaged_header_is_named(nyu_folder: Path, tmp_path: Path) -> None:
    pack(nyu_folder, tmp_path / "pack", workers=1)
    shard = next((tmp_path / "pack").glob("train-*.rgb.npy"))
    content = bytearray(shard.read_bytes())
    for place in range(10, 60):  # a header is Python's own text
        for damage in b"(\x00'{":
            shard.write_bytes(content[:place] + bytes([damage]) + content[place + 1 :])
            with suppress(DataError):
                open_depth_data(tmp_path / "pack", "train").read(0)


def test_a_split_that_is_not_packed_is_named(nyu_folder: Path, tmp_path: Path) -> None:
    (nyu_folder / "val/official/00001.h5").unlink()
    pack(nyu_folder, tmp_path / "packed", workers=1)
    with pytest.raises(DataError, match=r"no split 'val'; it has train \(4\), holdout \(2\)"):
        open_depth_data(tmp_path / "packed", "val")


def test_reading_a_pack_is_ten_times_as_fast(tmp_path: Path) -> None:
    root = tmp_path / "nyu"
    for number in range(12):
        write_pair(root / "train/room" / f"{number + 2:05d}.h5", *make_pair(number, 480, 640))
    pack(root, tmp_path / "packed", workers=1)
    seconds = []
    for source in (open_depth_data(root, "train"), open_depth_data(tmp_path / "packed", "train")):
        source.read(0)
        start = time.process_time()
        for index in range(12):
            rgb, _ = source.read(index)
            rgb.copy()
        seconds.append(time.process_time() - start)
    assert seconds[1] * 10 < seconds[0]


def test_a_pack_killed_after_its_index_is_finished_by_the_same_call(
    nyu_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "packed"
    with monkeypatch.context() as patch:
        patch.setattr(pack_writer, "release", lambda *_: pytest.exit("killed"))
        with pytest.raises(pytest.exit.Exception):
            pack(nyu_folder, target, workers=1)
    assert (target / pack_writer.PLAN_FILE).exists()
    monkeypatch.setattr(pack_writer, "_pack_shard", lambda *_: pytest.fail("made again"))
    pack(nyu_folder, target, workers=1)
    assert not (target / pack_writer.PLAN_FILE).exists()
    assert len(open_depth_data(target, "train").names) == 4


def test_what_a_kill_in_the_first_write_leaves_is_no_other_set(
    nyu_folder: Path, tmp_path: Path
) -> None:
    target = tmp_path / "packed"
    target.mkdir()
    (target / ".packing-x1.json").touch()
    (target / ".lock").write_text("1")
    pack(nyu_folder, target, workers=1)
    assert not [file for file in target.iterdir() if file.name.startswith(".")]


def test_two_packings_into_one_folder_are_refused(nyu_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "packed"
    with held(target, DataError), pytest.raises(DataError, match="written by another process"):
        pack(nyu_folder, target, workers=1)
