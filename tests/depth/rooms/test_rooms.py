"""The rooms renderer: what a data set of rendered rooms promises to those who train on it."""

from __future__ import annotations

import hashlib
import json
import os
from functools import partial
from pathlib import Path
from random import Random

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from netadapt.cli.data import app
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.rooms import packed_rooms as packing
from netadapt.depth.rooms import render_frame, render_frames, write_rooms, write_rooms_pack
from netadapt.depth.rooms.left_out_parts import PARTS
from netadapt.depth.rooms.rendering.camera import choose_pose, sees
from netadapt.depth.rooms.rendering.jit import drop_stale_kernels
from netadapt.depth.rooms.rendering.sensor import FARTHEST_M, NEAREST_M
from netadapt.depth.rooms.scene.layout import sample_scene
from netadapt.depth.rooms.writing import plan_frames
from netadapt.errors import DataError, InputError

SMALL = (60, 80)


@pytest.fixture(scope="module")
def frames() -> tuple[np.ndarray, np.ndarray]:
    """One small frame of each of 40 scenes."""
    return render_frames(5, range(40), range(1), size=SMALL)


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_a_frame_depends_on_seed_scene_and_frame_alone() -> None:
    first = render_frame(1, 4, 1, height=60, width=80)
    render_frame(9, 0, 0, height=60, width=80)
    again = render_frame(1, 4, 1, height=60, width=80)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    for other in ((2, 4, 1), (1, 5, 1), (1, 4, 2)):
        assert not np.array_equal(first[0], render_frame(*other, height=60, width=80)[0])


def test_frames_are_rgb_and_metres_with_holes(frames: tuple[np.ndarray, np.ndarray]) -> None:
    rgb, depth = frames
    assert rgb.dtype == np.uint8
    assert rgb.shape == (40, 3, *SMALL)
    assert depth.dtype == np.float32
    assert depth.shape == (40, *SMALL)
    valid = depth > 0
    assert depth[valid].min() >= NEAREST_M
    assert depth[valid].max() <= FARTHEST_M
    assert 0.01 < 1.0 - valid.mean() < 0.3
    assert np.median(valid.mean(axis=(1, 2))) > 0.85


def test_depths_are_those_of_hand_held_indoor_pictures(
    frames: tuple[np.ndarray, np.ndarray],
) -> None:
    """What NYU's frames have: medians around 2 to 3 m, and the floor nearer than the walls."""
    depth = np.where(frames[1] > 0, frames[1], np.nan)
    medians = np.nanmedian(depth.reshape(40, -1), axis=1)
    assert 1.7 < np.mean(medians) < 3.3
    assert np.std(medians) > 0.3
    upper = np.nanmedian(depth[:, :20].reshape(40, -1), axis=1)
    lower = np.nanmedian(depth[:, 40:].reshape(40, -1), axis=1)
    assert np.mean(lower < upper) > 0.8
    near, far = np.nanpercentile(depth.reshape(40, -1), (5, 95), axis=1)
    assert np.mean(far / near) > 2.0


def test_pictures_show_what_depth_measures(frames: tuple[np.ndarray, np.ndarray]) -> None:
    """Where depth jumps, brightness mostly changes: pictures and depth are of one scene."""
    rgb, depth = frames
    light = rgb.astype(np.float32).mean(1)
    steps = np.abs(np.diff(light, axis=2))
    both = (depth[:, :, 1:] > 0) & (depth[:, :, :-1] > 0)
    jump = np.abs(np.diff(np.log(np.where(depth > 0, depth, 1.0)), axis=2)) > 0.15
    assert steps[both & jump].mean() > 2.5 * steps[both & ~jump].mean()
    assert light.mean(axis=(1, 2)).min() > 8
    assert light.mean(axis=(1, 2)).max() < 250
    assert light.std(axis=(1, 2)).min() > 4


def test_recorded_depth_follows_the_geometry_with_noise_that_grows() -> None:
    errors: list[tuple[np.ndarray, np.ndarray]] = []
    for scene in range(4):
        _, recorded = render_frame(3, scene, 0)
        drawn = sample_scene(3, scene)
        pose = choose_pose(Random(f"netadapt rooms 3/{scene}/0"), drawn)
        exact = sees(drawn, pose, 480, 640).depth
        inner = recorded > 0
        errors.append((exact[inner], np.abs(recorded - exact)[inner]))
        assert np.median(np.abs(recorded - exact)[inner] / exact[inner]) < 0.01
    exact = np.concatenate([pair[0] for pair in errors])
    error = np.concatenate([pair[1] for pair in errors])
    assert np.median(error[exact > 3.0]) > 2.0 * np.median(error[exact < 1.8])


def test_the_field_of_view_does_not_change_with_the_size() -> None:
    large = render_frame(2, 7, 0, height=120, width=160)[1]
    small = render_frame(2, 7, 0, height=60, width=80)[1]
    both = (large[::2, ::2] > 0) & (small > 0)
    assert both.mean() > 0.6
    assert np.median(np.abs(large[::2, ::2] - small)[both] / small[both]) < 0.02


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_be_left_out(part: str) -> None:
    rgb, depth = render_frame(4, 6, 1, height=60, width=80)
    plainer_rgb, plainer_depth = render_frame(4, 6, 1, height=60, width=80, without=(part,))
    changed = {
        "textures": (True, False),
        "lamps": (True, False),
        "exposure": (True, False),
        "depth-noise": (False, True),
    }.get(part, (True, True))
    assert (
        not np.array_equal(rgb, plainer_rgb),
        not np.array_equal(depth, plainer_depth),
    ) == changed
    assert (plainer_depth > 0).mean() > 0.5
    if part == "depth-noise":
        both = (depth > 0) & (plainer_depth > 0)
        assert np.median(np.abs(depth - plainer_depth)[both]) < 0.05


def test_a_camera_without_poses_is_level() -> None:
    pose = choose_pose(Random(3), sample_scene(3, 2), ("poses",))
    assert pose.position[2] == 1.4
    assert pose.axes[2, 2] == 0.0
    assert pose.axes[0, 2] == 0.0


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


def test_a_pack_holds_the_same_frames_and_is_recognised(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    counts = write_rooms_pack(folder, scenes=3, frames_per_scene=2, seed=8, workers=1)
    assert counts == {"train": 2, "holdout": 2, "val": 2}
    rgb, depth = open_depth_data(folder, "val").read(1)
    expected_rgb, expected_depth = render_frame(8, 1, 1, height=250, width=333)
    assert np.array_equal(rgb, expected_rgb)
    assert np.abs(depth - expected_depth).max() <= 0.0005001
    before = digests(folder)
    write_rooms_pack(folder, scenes=3, frames_per_scene=2, seed=8)
    assert digests(folder) == before
    with pytest.raises(DataError, match="another"):
        write_rooms_pack(folder, scenes=3, frames_per_scene=2, seed=9)


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


def test_a_finished_pack_is_enlarged_even_if_that_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "SHARD_FRAMES", 2)
    make = partial(write_rooms_pack, frames_per_scene=1, seed=8, workers=1)
    whole, folder = tmp_path / "whole", tmp_path / "pack"
    make(whole, scenes=7)  # training scenes 0, 3, 4, 5 and 6
    make(folder, scenes=5)  # a full shard of them, and one that must be made anew
    kept = (folder / "train-00000.rgb.npy").stat().st_mtime_ns

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(folder, scenes=7, progress=stop)
    with pytest.raises(DataError):
        open_depth_data(folder, "train")
    make(folder, scenes=7)
    assert digests(folder) == digests(whole)
    assert (folder / "train-00000.rgb.npy").stat().st_mtime_ns == kept
    with pytest.raises(DataError, match="another"):
        make(folder, scenes=6)


def test_rooms_without_a_part_are_other_rooms(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    small = ["--scenes", "1", "--frames-per-scene", "1", "--packed", "-q"]
    parts = ["--without", "textures", "--without", "furniture"]
    run = CliRunner().invoke(app, ["rooms", str(folder), *small, *parts])
    assert run.exit_code == 0, run.output
    assert "without furniture, textures" in (folder / "README.md").read_text()
    write_rooms_pack(folder, scenes=1, frames_per_scene=1, without=["textures", "furniture"])
    with pytest.raises(DataError, match="another"):
        write_rooms_pack(folder, scenes=1, frames_per_scene=1, without=["textures"])
    with pytest.raises(InputError, match="no part 'walls'"):
        write_rooms_pack(tmp_path / "other", scenes=1, without=["walls"])
    plain = tmp_path / "plain"
    write_rooms(plain, scenes=1, frames_per_scene=1, without=["furniture"])
    write_rooms(plain, scenes=1, frames_per_scene=1, without=["furniture"])
    with pytest.raises(DataError, match="made with"):
        write_rooms(plain, scenes=1, frames_per_scene=1)


def test_rooms_that_were_begun_before_parts_could_be_left_out_go_on(tmp_path: Path) -> None:
    write_rooms(tmp_path, scenes=1, frames_per_scene=1)
    file = tmp_path / "rooms.json"
    content = json.loads(file.read_text())
    del content["settings"]["without"]
    file.write_text(json.dumps(content))
    write_rooms(tmp_path, scenes=1, frames_per_scene=1)


def test_the_command_writes_rooms(tmp_path: Path) -> None:
    target = tmp_path / "rooms"
    arguments = ["rooms", str(target), "--scenes", "1", "--frames-per-scene", "1", "--seed", "3"]
    result = CliRunner().invoke(app, [*arguments, "--packed", "--workers", "1", "--json"])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["rendered"] is True
    assert answer["images"] == {"train": 1, "holdout": 0, "val": 0}
    assert len(open_depth_data(target, "train")) == 1


def test_kernels_older_than_a_source_are_dropped(tmp_path: Path) -> None:
    """numba keeps a caller compiled when what it calls in another file has changed."""
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    source = tmp_path / "kernel.py"
    source.write_text("")
    for name, age_s in (("old.nbi", -100), ("new.nbi", 100)):
        (cache / name).write_text("")
        time_s = source.stat().st_mtime + age_s
        os.utime(cache / name, (time_s, time_s))
    drop_stale_kernels(tmp_path)
    assert [path.name for path in cache.iterdir()] == ["new.nbi"]
