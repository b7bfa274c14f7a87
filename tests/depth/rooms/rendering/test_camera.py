"""Where the camera stands and looks."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from netadapt.depth.rooms.rendering.camera import choose_pose, level_pose, look, sees
from netadapt.depth.rooms.rendering.local_frames import NOTHING
from netadapt.depth.rooms.scene.layout import sample_scene


def test_the_middle_of_the_picture_is_what_it_looks_at() -> None:
    pose = look((1.0, 0.5, 1.2), (3.0, 2.0, 0.4), 0.2)
    ahead = np.array((3.0, 2.0, 0.4)) - pose.position
    across, down, forward = pose.axes @ ahead
    assert (across, down) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert forward == pytest.approx(np.linalg.norm(ahead))
    assert pose.axes @ pose.axes.T == pytest.approx(np.eye(3))
    assert np.linalg.det(pose.axes) == pytest.approx(1.0)  # right, down, forward: no mirror image


def test_a_level_camera_has_the_sky_above_and_right_on_the_right() -> None:
    pose = look((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), 0.0)
    assert pose.axes == pytest.approx(np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]))


def test_the_field_of_view_is_the_same_at_any_size() -> None:
    pose = look((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), 0.0)
    for height, width in ((480, 640), (250, 333), (60, 80)):
        view = pose.view(height, width)
        assert width / view.focal[0] == pytest.approx(640 / 519)
        assert height / view.focal[1] == pytest.approx(480 / 519)


@pytest.mark.parametrize("scene_number", range(12))
def test_poses_lie_inside_the_room_and_look_into_it(scene_number: int) -> None:
    scene = sample_scene(6, scene_number)
    low, high = scene.room.corners
    margin = np.array((2.5, 2.5, 0.0))  # people lean over what they look at, or stand in a door
    pose = choose_pose(Random(scene_number), scene)
    assert (pose.position > low - margin).all()
    assert (pose.position < high + margin).all()
    assert 0.5 < pose.position[2] < high[2]
    depth = sees(scene, pose, 30, 40).depth
    assert (depth < NOTHING).all()
    middle = pose.position + float(np.median(depth)) * pose.axes[2]
    assert (middle > low - 1.5).all()
    assert (middle < high + 1.5).all()


def test_poses_of_a_scene_differ_and_are_drawn_from_the_seed() -> None:
    scene = sample_scene(6, 3)
    first, again, other = (choose_pose(Random(seed), scene) for seed in (1, 1, 2))
    assert np.array_equal(first.position, again.position)
    assert np.array_equal(first.axes, again.axes)
    assert not np.array_equal(first.position, other.position)


def test_a_camera_without_poses_is_level() -> None:
    scene = sample_scene(3, 2)
    pose = choose_pose(Random(3), scene, ("poses",))
    assert pose.position[2] == 1.4
    assert pose.axes[2, 2] == 0.0
    assert pose.axes[0, 2] == 0.0
    assert np.array_equal(pose.position, level_pose(Random(3), scene).position)
