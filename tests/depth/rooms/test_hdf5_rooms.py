"""Rooms on disk in FastDepth's layout: splits, workers, and jobs that stop and go on."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest
from file_digests import digests

from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.rooms import write_rooms, write_rooms_pack
from netadapt.depth.rooms.frame_plan import plan_frames
from netadapt.errors import DataError


def test_no_scene_is_in_two_splits_and_holdout_follows_fastdepth() -> None:
    planned = plan_frames(60, 230)
    scenes = {
        split: {frame.scene for frame in planned if frame.split == split}
        for split in ("train", "holdout", "val")
    }
    assert not scenes["train"] & scenes["holdout"]
    assert not scenes["train"] & scenes["val"]
    assert not scenes["holdout"] & scenes["val"]
    assert len(scenes["holdout"]) == len(scenes["val"]) == 6
    for frame in planned:
        if frame.path.startswith("train/"):
            held_out = frame.path.endswith(("/00001.h5", "/00201.h5"))
            assert held_out == (frame.split == "holdout")
    paths = [frame.path for frame in planned]
    assert len(set(paths)) == len(paths)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rooms") / "set"
    counts = write_rooms(folder, scenes=4, frames_per_scene=1, seed=8)
    assert counts == {"train": 2, "holdout": 2, "val": 1}
    return folder


def test_files_are_fastdepths_layout_and_say_that_they_are_rendered(written: Path) -> None:
    for split, count in (("train", 2), ("holdout", 2), ("val", 1)):
        source = open_depth_data(written, split)
        assert len(source) == count
        rgb, depth = source.read(0)
        assert rgb.shape == (3, 480, 640)
        assert depth.shape == (480, 640)
    with h5py.File(written / "val" / "official" / "00001.h5", "r") as file:
        assert file.attrs["rendered"]
        assert file.attrs["seed"] == 8
        assert file.attrs["renderer"]
    assert json.loads((written / "rooms.json").read_text())["what"] == "rendered rooms"
    assert "none is a photograph" in (written / "README.md").read_text()


def test_bytes_are_the_same_for_any_number_of_workers(written: Path, tmp_path: Path) -> None:
    write_rooms(tmp_path / "two", scenes=4, frames_per_scene=1, seed=8, workers=2)
    assert digests(tmp_path / "two") == digests(written)


def test_a_stopped_run_goes_on_without_rendering_again(written: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    seen: list[int] = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_rooms(folder, scenes=4, frames_per_scene=1, seed=8, progress=stop)
    finished = {path: path.stat().st_mtime_ns for path in folder.rglob("*.h5")}
    assert len(finished) == 3
    broken = next(iter(finished))
    broken.write_bytes(broken.read_bytes()[:1000])  # as after a power cut
    del finished[broken]
    (broken.parent / ".00001-x1.h5").write_bytes(b"half")  # as after a kill
    write_rooms(folder, scenes=4, frames_per_scene=1, seed=8)
    assert digests(folder) == digests(written)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished


def test_a_folder_with_something_else_is_refused_untouched(written: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="seed"):
        write_rooms(written, scenes=4, frames_per_scene=1, seed=9)
    other = tmp_path / "photos"
    other.mkdir()
    (other / "holiday.jpg").write_bytes(b"jpg")
    with pytest.raises(DataError, match=r"rooms\.json"):
        write_rooms(other, scenes=1)
    with pytest.raises(DataError):
        write_rooms_pack(other, scenes=1)
    assert [path.name for path in other.iterdir()] == ["holiday.jpg"]
    with pytest.raises(DataError, match="0 scenes"):
        write_rooms(tmp_path / "none", scenes=0)
    assert not (tmp_path / "none").exists()


def test_a_finished_set_is_enlarged_to_what_it_would_have_been(
    written: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    write_rooms(folder, scenes=2, frames_per_scene=1, seed=8)
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*.h5")}
    write_rooms(folder, scenes=4, frames_per_scene=1, seed=8)
    assert digests(folder) == digests(written)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    with pytest.raises(DataError, match="made with"):
        write_rooms(folder, scenes=3, frames_per_scene=1, seed=8)


def test_rooms_that_were_begun_before_parts_could_be_left_out_go_on(tmp_path: Path) -> None:
    write_rooms(tmp_path, scenes=1, frames_per_scene=1)
    file = tmp_path / "rooms.json"
    content = json.loads(file.read_text())
    del content["settings"]["without"]
    file.write_text(json.dumps(content))
    before = digests(tmp_path)
    write_rooms(tmp_path, scenes=1, frames_per_scene=1)
    assert digests(tmp_path) == before
