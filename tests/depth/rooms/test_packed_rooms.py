"""Rooms rendered straight into a packed set."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from file_digests import digests
from typer.testing import CliRunner

from netadapt.cli.data import app
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.data.pack import INDEX_FILE, Shard
from netadapt.depth.data.pack_writer import write_shard
from netadapt.depth.rooms import packed_rooms, render_frame, write_rooms, write_rooms_pack
from netadapt.errors import DataError, InputError
from netadapt.locks import held


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


def test_a_finished_pack_is_enlarged_even_if_that_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_rooms, "SHARD_FRAMES", 2)
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


def test_who_waited_for_a_rendering_takes_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def black(target: Path, settings: object, named: object, shard: Shard) -> Shard:
        frames = len(shard.names)
        rgb, depth = np.zeros((frames, 3, 250, 333), np.uint8), np.zeros((frames, 250, 333))
        return write_shard(target, shard, rgb, depth.astype(np.uint16))

    monkeypatch.setattr(packed_rooms, "render_shard", black)
    folder = tmp_path / "pack"
    make = partial(write_rooms_pack, folder, scenes=3, frames_per_scene=1, workers=1)
    made = make()
    index = (folder / INDEX_FILE).rename(tmp_path / INDEX_FILE)
    monkeypatch.setattr(packed_rooms, "fill_pack", lambda *_, **__: pytest.fail("rendered again"))
    with ThreadPoolExecutor() as threads:
        with held(folder, DataError):
            with pytest.raises(DataError, match="being written by another process"):
                make()
            waiting = threads.submit(make, wait=True)
            time.sleep(0.3)
            index.rename(folder / INDEX_FILE)
        assert waiting.result(timeout=30) == made


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


def test_the_command_writes_rooms(tmp_path: Path) -> None:
    target = tmp_path / "rooms"
    arguments = ["rooms", str(target), "--scenes", "1", "--frames-per-scene", "1", "--seed", "3"]
    result = CliRunner().invoke(app, [*arguments, "--packed", "--workers", "1", "--json"])
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert answer["rendered"] is True
    assert answer["images"] == {"train": 1, "holdout": 0, "val": 0}
    assert len(open_depth_data(target, "train")) == 1
