"""Rays against solids, checked by geometry worked out by hand."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from small_scenes import GREY, random_solids, random_view, scene_of, seen_in, view_from

from netadapt.depth.rooms.rendering.local_frames import NOTHING
from netadapt.depth.rooms.rendering.ray_tracing import hit
from netadapt.depth.rooms.rendering.view import direction, slope
from netadapt.depth.rooms.scene.solid_kinds import BOX, ELLIPSOID, FRUSTUM, SHELL


@pytest.mark.parametrize(
    ("kind", "origin", "ray", "distance"),
    [
        (BOX, (-3, 0, 0), (1, 0, 0), 2.0),
        (BOX, (-3, 0.99, -0.99), (1, 0, 0), 2.0),
        (BOX, (-3, 1.01, 0), (1, 0, 0), NOTHING),  # beside it
        (BOX, (3, 0, 0), (1, 0, 0), NOTHING),  # behind the origin
        (BOX, (0, 0, 0), (1, 0, 0), NOTHING),  # from within
        (BOX, (-3, -3, 0), (1, 1, 0), 2.0),
        (SHELL, (0.5, 0, 0), (1, 0, 0), 0.5),  # its inner side
        (SHELL, (-3, 0, 0), (1, 0, 0), 4.0),
        (ELLIPSOID, (0, -3, 0), (0, 1, 0), 2.0),
        (ELLIPSOID, (0, -3, 0.6), (0, 1, 0), 2.2),
        (ELLIPSOID, (0, -3, 1.01), (0, 1, 0), NOTHING),
        (ELLIPSOID, (0, 0, 0), (0, 1, 0), NOTHING),
        (FRUSTUM, (-3, 0, 0), (1, 0, 0), 2.25),  # its side, of radius 0.75 half way up
        (FRUSTUM, (-3, 0, -0.999), (1, 0, 0), 2.00025),
        (FRUSTUM, (-3, 0, 1.01), (1, 0, 0), NOTHING),
        (FRUSTUM, (0.4, 0, 3), (0, 0, -1), 2.0),  # its top
        (FRUSTUM, (0.7, 0, 3), (0, 0, -1), 2.8),  # its side, beside the top
        (FRUSTUM, (0.9, 0, -3), (0, 0, 1), 2.0),  # its foot
        (FRUSTUM, (1.1, 0, -3), (0, 0, 1), NOTHING),
    ],
)
def test_a_ray_meets_a_unit_solid_where_geometry_says(
    kind: int, origin: tuple[float, ...], ray: tuple[float, ...], distance: float
) -> None:
    """The frustum's top is half as wide as its foot."""
    found = hit(kind, *map(float, origin), *map(float, ray), 0.5)
    assert found == pytest.approx(distance, rel=1e-9)


def test_a_ray_twice_as_long_meets_a_solid_at_half_the_parameter() -> None:
    rng = Random(0)
    for kind in (BOX, ELLIPSOID, FRUSTUM, SHELL):
        for _ in range(50):
            origin = [rng.uniform(-3, 3) for _ in range(3)]
            ray = [rng.uniform(-1, 1) - 0.3 * o for o in origin]
            t = hit(kind, *origin, *ray, 0.7)
            half = hit(kind, *origin, *(2 * r for r in ray), 0.7)
            assert (half == NOTHING) if t == NOTHING else (half == pytest.approx(0.5 * t))


def test_depth_is_measured_along_the_optical_axis() -> None:
    """A wall straight ahead is as deep in the picture's corner as in its middle."""
    scene = scene_of(lambda b: b.slab((-20, 3.0, -20), (20, 3.5, 20), GREY))
    seen = seen_in(scene, view_from((1.0, 0.5, 1.2), (1.0, 4.0, 1.2), 48, 64))
    assert seen.depth == pytest.approx(np.full((48, 64), 2.5), rel=1e-5)
    assert (seen.solid == 0).all()
    assert (seen.face == 1).all()


def test_a_point_at_the_depth_seen_lies_on_the_solid_seen() -> None:
    rng = Random(4)
    scene = scene_of(lambda b: random_solids(b, rng))
    view = random_view(rng)
    seen = seen_in(scene, view)
    assert len(np.unique(seen.solid)) > 5
    for y in range(view.height):
        for x in range(view.width):
            right = slope(x, view.width, view.focal[0])
            down = slope(y, view.height, view.focal[1])
            point = view.position + seen.depth[y, x] * np.array(direction(view.axes, right, down))
            solid = scene.solids[seen.solid[y, x]]
            unit = solid["map"] @ (point - solid["centre"])
            kind = solid["kind"]
            if kind in (BOX, SHELL):
                assert np.abs(unit).max() == pytest.approx(1.0, abs=1e-3)
                assert abs(unit[seen.face[y, x]]) == pytest.approx(1.0, abs=1e-3)
            elif kind == ELLIPSOID:
                assert np.linalg.norm(unit) == pytest.approx(1.0, abs=1e-3)
            else:
                radius = 0.5 * (1 + solid["taper"]) + 0.5 * (solid["taper"] - 1) * unit[2]
                side = abs(math.hypot(unit[0], unit[1]) - radius)
                assert min(side, abs(abs(unit[2]) - 1.0)) < 1e-3


def test_the_nearer_of_two_solids_is_seen_whatever_their_order() -> None:
    near, far = ((1.6, 1.5, 0.8), (2.4, 1.6, 1.6)), ((0.0, 3.0, 0.0), (4.0, 3.1, 2.5))
    for order in ((near, far), (far, near)):
        scene = scene_of(lambda b, order=order: [b.slab(*s, GREY) for s in order])
        seen = seen_in(scene, view_from((2.0, 0.0, 1.2), (2.0, 1.0, 1.2), 30, 40))
        assert seen.depth[15, 20] == pytest.approx(1.5, rel=1e-5)
        assert seen.depth[15, 2] == pytest.approx(3.0, rel=1e-5)
        assert seen.solid[15, 20] == order.index(near)
