"""Frames of rooms: what a data set of them promises to those who train on it."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from netadapt.depth.rooms import render_frame
from netadapt.depth.rooms.left_out_parts import PARTS
from netadapt.depth.rooms.rendering.camera import choose_pose, sees
from netadapt.depth.rooms.rendering.sensor import FARTHEST_M, NEAREST_M
from netadapt.depth.rooms.scene.layout import sample_scene

SMALL = (60, 80)


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
