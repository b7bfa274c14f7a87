"""Rooms through lenses of several focal lengths."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from netadapt.cli.data import app
from netadapt.depth.data.base import read_frame
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.data.hdf5_pairs import read_frame_file
from netadapt.depth.rooms import write_rooms_pack
from netadapt.depth.rooms.frame_plan import PlannedFrame, checked_settings
from netadapt.depth.rooms.hdf5_rooms import write_frame
from netadapt.depth.rooms.rendering.camera import look, sees
from netadapt.depth.rooms.scene.layout import sample_scene
from netadapt.errors import DataError


def test_a_longer_lens_shows_the_middle_larger() -> None:
    scene = sample_scene(6, 3)
    _, high = scene.room.corners
    pose = look((high[0] / 2, high[1] / 2, 1.4), (high[0], high[1], 1.0), 0.0)
    whole = sees(scene, pose, 60, 80, 519.0).depth
    enlarged = sees(scene, pose, 60, 80, 1038.0).depth
    # Each pixel of the middle half becomes 2×2, whose mean lies in its centre on a plane.
    middle = whole[15:45, 20:60]
    mean = enlarged.reshape(30, 2, 40, 2).mean((1, 3))
    assert np.median(np.abs(mean / middle - 1)) < 0.002


def test_lenses_are_drawn_a_scene_within_the_range_from_the_seed() -> None:
    settings = checked_settings(50, 4, 7, 1, (), (45.0, 90.0))
    views = [
        2 * math.degrees(math.atan(320 / settings.focal_px(scene)))
        for scene in range(settings.scenes)
    ]
    assert 45 <= min(views) < 50
    assert 85 < max(views) <= 90
    assert settings.focal_px(3) == checked_settings(50, 4, 7, 1, (), (45.0, 90.0)).focal_px(3)
    assert settings.focal_px(3) != checked_settings(50, 4, 8, 1, (), (45.0, 90.0)).focal_px(3)
    assert checked_settings(50, 4, 7, 1, ()).focal_px(3) == 519.0


def test_the_command_writes_them_with_their_focal_lengths(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    small = ["--scenes", "1", "--frames-per-scene", "1", "--packed", "--workers", "1"]
    lens = ["--field-of-view", "80-80"]
    run = CliRunner().invoke(app, ["rooms", str(pack), *small, *lens, "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["field_of_view_deg"] == [80, 80]
    expected = 320 / math.tan(math.radians(40))
    frame = read_frame(open_depth_data(pack, "train"), 0)
    assert frame.focal_px == pytest.approx(expected * 250 / 480)
    assert "80 to 80 degrees" in (pack / "README.md").read_text()
    with pytest.raises(DataError, match="another"):
        write_rooms_pack(pack, scenes=1, frames_per_scene=1)
    write_frame(
        tmp_path,
        checked_settings(1, 1, 0, 1, (), (80.0, 80.0)),
        PlannedFrame("train", "train/a/00002.h5", 0, 0),
    )
    assert read_frame_file(tmp_path / "train/a/00002.h5").focal_px == pytest.approx(expected)


@pytest.mark.parametrize(
    ("view", "message"),
    [("90-45", "the lesser first"), ("5-60", "20 to 120"), ("60", "LOW-HIGH"), ("a-b", "LOW-HIGH")],
)
def test_a_field_of_view_that_makes_no_sense_is_named(
    tmp_path: Path, view: str, message: str
) -> None:
    run = CliRunner().invoke(app, ["rooms", str(tmp_path / "set"), "--field-of-view", view])
    assert run.exit_code != 0
    assert message in (run.output + str(run.exception))
    assert not (tmp_path / "set").exists()
