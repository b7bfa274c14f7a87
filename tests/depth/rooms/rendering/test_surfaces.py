"""Normals and places on a face."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from small_scenes import GREY, random_solids, scene_of

from netadapt.depth.rooms.rendering.surfaces import surface_point
from netadapt.depth.rooms.scene.description import Vector
from netadapt.depth.rooms.scene.solid_kinds import BOX, ELLIPSOID, FRUSTUM

SCENE = scene_of(
    lambda b: [
        b.box((0, 0, 1), (0.5, 0.1, 1.0), GREY),
        b.ball((0, 0, 1), (0.5, 0.5, 0.5), GREY),
        b.pillar((0, 0, 0), 0.4, 2.0, GREY),
        b.shell((0, 0, 0), (4, 5, 2.5), GREY),
        b.pillar((0, 0, 0), 0.4, 2.0, GREY, taper=0.5),
    ]
)


@pytest.mark.parametrize(
    ("solid", "point", "normal"),
    [
        (0, (0.5, 0.0, 1.2), (1, 0, 0)),
        (0, (0.2, -0.1, 1.2), (0, -1, 0)),
        (0, (0.2, 0.05, 2.0), (0, 0, 1)),
        (1, (0.3, 0.0, 1.4), (0.6, 0, 0.8)),
        (2, (0.0, 0.4, 1.0), (0, 1, 0)),
        (2, (0.1, 0.0, 2.0), (0, 0, 1)),
        (3, (4.0, 2.0, 1.0), (-1, 0, 0)),  # a shell's point inwards
        (3, (2.0, 2.0, 0.0), (0, 0, 1)),
        (4, (0.3, 0.0, 1.0), (0.995, 0, 0.0995)),  # 0.2 m narrower over 2 m
    ],
)
def test_normals_point_out_of_a_solid(solid: int, point: Vector, normal: Vector) -> None:
    found = surface_point(*map(float, point), solid, SCENE.solids)
    assert found[:3] == pytest.approx(normal, abs=1e-3)


def test_a_place_on_a_box_is_metres_from_its_faces_middle() -> None:
    _, _, _, u, v, half_u, half_v, front = surface_point(0.2, -0.1, 1.7, 0, SCENE.solids)
    assert (u, v) == pytest.approx((0.2, 0.7))
    assert (half_u, half_v) == pytest.approx((0.5, 1.0))
    assert front
    assert not surface_point(0.5, 0.0, 1.2, 0, SCENE.solids)[7]  # its narrow side


def test_normals_of_turned_solids_are_of_unit_length_and_across_the_surface() -> None:
    rng = Random(6)
    solids = scene_of(lambda b: random_solids(b, rng)).solids
    for i, solid in enumerate(solids[1:], start=1):
        way = np.array([rng.gauss(0, 1) for _ in range(3)])
        if solid["kind"] == BOX:
            unit = way / np.abs(way).max()
        elif solid["kind"] == ELLIPSOID:
            unit = way / np.linalg.norm(way)
        else:
            assert solid["kind"] == FRUSTUM
            unit = np.array([0.3, 0.2, 1.0])  # its top
        point = solid["centre"] + solid["rotation"].T @ (unit * solid["half"])
        normal = np.array(surface_point(*point, i, solids)[:3])
        assert np.linalg.norm(normal) == pytest.approx(1.0, abs=1e-6)
        assert normal @ (point - solid["centre"]) > 0.0
