"""Where the hand-held camera stands in a scene.

Poses are drawn as people hold a camera (looking across the room, or at a table or counter from
near) and refused when the view is empty, blocked or unlike an indoor picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.local_frames import NOTHING
from netadapt.depth.rooms.rendering.ray_tracing import Seen, trace_screen
from netadapt.depth.rooms.rendering.screen_lists import screen_lists
from netadapt.depth.rooms.rendering.view import FOCAL_PX, View, focal_lengths
from netadapt.depth.rooms.scene.description import Scene

PROBE = (15, 20)
ATTEMPTS = 40


@dataclass(frozen=True)
class Pose:
    """position [3] metres; axes [3, 3]: right, down and forward in the world."""

    position: NDArray[np.float64]
    axes: NDArray[np.float64]

    def view(self, height: int, width: int, focal_px: float = FOCAL_PX) -> View:
        """What a camera there sees at that size; the field of view is the same at any.

        `focal_px` is the focal length at 640 x 480 pixels.
        """
        focal = focal_lengths(height, width, focal_px)
        return View(self.position, self.axes, focal, height, width)


def look(
    position: tuple[float, float, float], target: tuple[float, float, float], roll: float
) -> Pose:
    """A camera at `position` that looks at `target`, turned by `roll` radians."""
    forward = np.array(target) - np.array(position)
    forward /= max(1e-6, float(np.linalg.norm(forward)))
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= max(1e-6, float(np.linalg.norm(right)))
    down = np.cross(forward, right)
    c, s = math.cos(roll), math.sin(roll)
    return Pose(np.array(position), np.stack([c * right + s * down, c * down - s * right, forward]))


def draw_pose(rng: Random, scene: Scene) -> Pose:
    """One random pose."""
    w, d, h = scene.room.corners[1]
    roll = rng.gauss(0.0, 0.05)
    if scene.interests and rng.random() < 0.6:
        x, y, z = rng.choice(scene.interests)
        a = rng.uniform(0, 2 * math.pi)
        away = rng.uniform(0.4, 2.4)
        at = (
            x + away * math.cos(a),
            y + away * math.sin(a),
            min(h - 0.2, max(0.7, rng.gauss(max(z, 0.5) + 0.65, 0.22))),
        )
        beyond = rng.uniform(0.0, 2.5)
        target = (
            x - beyond * math.cos(a) + rng.gauss(0, 0.3),
            y - beyond * math.sin(a) + rng.gauss(0, 0.3),
            z + rng.gauss(0.05, 0.25),
        )
        return look(at, target, roll)
    at = (
        rng.uniform(0.12, 0.88) * w,
        rng.uniform(0.12, 0.88) * d,
        min(h - 0.2, max(0.6, rng.gauss(1.4, 0.25))),
    )
    a = rng.uniform(0, 2 * math.pi)
    if rng.random() < 0.7:  # towards the room's farther end
        a = math.atan2(0.5 * d - at[1], 0.5 * w - at[0]) + rng.gauss(0, 0.6)
    tilt = math.tan(rng.gauss(-0.24, 0.17))
    target = (at[0] + math.cos(a), at[1] + math.sin(a), at[2] + tilt)
    return look(at, target, roll)


def sees(scene: Scene, pose: Pose, height: int, width: int, focal_px: float = FOCAL_PX) -> Seen:
    """Depth in metres and the solid of every pixel, at that size."""
    view = pose.view(height, width, focal_px)
    return trace_screen(view, scene.solids, screen_lists(view, scene.solids))


def level_pose(rng: Random, scene: Scene) -> Pose:
    """A camera on a tripod: level, 1.4 m up, anywhere in the room, turned anyhow."""
    w, d, _ = scene.room.corners[1]
    x, y = rng.uniform(0.12, 0.88) * w, rng.uniform(0.12, 0.88) * d
    a = rng.uniform(0, 2 * math.pi)
    return look((x, y, 1.4), (x + math.cos(a), y + math.sin(a), 1.4), 0.0)


def choose_pose(
    rng: Random, scene: Scene, without: tuple[str, ...] = (), focal_px: float = FOCAL_PX
) -> Pose:
    """The first pose whose view is fit to learn from; the best of the tried ones otherwise.

    `without` names what to leave out (`left_out_parts`); the view is that of the lens `focal_px`.
    """
    if "poses" in without:
        return level_pose(rng, scene)
    wanted = min(4.5, max(1.1, rng.lognormvariate(math.log(2.3), 0.35)))
    wanted_foot = rng.uniform(0.4, 0.85)  # what the lowest rows see, as a share of the median
    best: Pose | None = None
    best_cost = math.inf
    accepted = 0
    for _ in range(ATTEMPTS):
        pose = draw_pose(rng, scene)
        depth, solid, _ = sees(scene, pose, *PROBE, focal_px)
        flat = np.where(depth < 0.5 * NOTHING, depth, 20.0).ravel()
        ordered = np.sort(flat)
        near, middle, far = (float(ordered[int(q * flat.size)]) for q in (0.03, 0.5, 0.95))
        counts = np.bincount(solid.ravel() + 1)
        seen = int(np.count_nonzero(counts))
        cost = abs(math.log(middle / wanted))
        foot = float(np.median(flat[-4 * PROBE[1] :])) / middle
        cost += max(0.0, math.log(foot / wanted_foot))
        cost += 3.0 * max(0.0, 0.55 - near)
        cost += 2.0 * max(0.0, 0.6 - math.log(far / max(near, 0.05)))
        cost += 2.0 * max(0.0, int(counts.max()) / flat.size - 0.55)
        cost += 0.03 * max(0, 16 - seen)
        if ordered[0] < 0.25:
            cost += 2.0
        if cost < best_cost:
            best, best_cost = pose, cost
        accepted += cost < 0.6
        if accepted >= 4 or cost < 0.1:
            break
    assert best is not None
    return best
