"""Solids collected in nested frames, as arrays."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from small_scenes import GREY, lamp, scene_of

from netadapt.depth.rooms.scene.description import MATERIAL, SOLID, Material
from netadapt.depth.rooms.scene.scene_builder import (
    Placed,
    SceneBuilder,
    lamp_records,
    material_records,
    solid_records,
)
from netadapt.depth.rooms.scene.solid_kinds import BOX, ELLIPSOID, FRUSTUM, SHELL


def test_positions_are_in_the_current_frame_and_frames_end() -> None:
    b = SceneBuilder()
    with b.frame(1.0, 2.0, 0.5, math.pi / 2), b.frame(1.0, 0.0):
        b.box((0.5, 0.0, 0.0), (0.1, 0.2, 0.3), GREY)
        b.interest(0.0, 1.0, 0.0)
    b.box((0.5, 0.0, 0.0), (0.1, 0.2, 0.3), GREY)
    inner, outer = b.solids
    assert inner.centre == pytest.approx((1.0, 3.5, 0.5))
    assert inner.rotation[0] == pytest.approx((0.0, 1.0, 0.0))
    assert b.interests == [pytest.approx((0.0, 3.0, 0.5))]
    assert outer.centre == (0.5, 0.0, 0.0)
    assert outer.rotation == ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def test_a_frame_ends_when_its_block_fails() -> None:
    b = SceneBuilder()
    with pytest.raises(ValueError, match="no chair"), b.frame(1.0, 2.0):
        raise ValueError("no chair")
    assert b.world(0.0, 0.0, 0.0) == (0.0, 0.0, 0.0)


def test_solids_are_given_by_what_is_known_of_them() -> None:
    b = SceneBuilder()
    b.slab((1.0, 0.0, 0.0), (0.0, 2.0, 4.0), GREY)
    b.ball((0.0, 0.0, 1.0), (0.1, 0.2, 0.3), GREY)
    b.pillar((1.0, 1.0, 0.5), 0.2, 3.0, GREY)
    b.rod((1.0, 1.0, 0.5), 0.1, 2.0, GREY, casting=False)
    b.shell((-1.0, -1.0, 0.0), (5.0, 5.0, 3.0), GREY)
    kinds = [BOX, ELLIPSOID, FRUSTUM, FRUSTUM, SHELL]
    assert [solid.kind for solid in b.solids] == kinds
    assert b.solids[0].centre == (0.5, 1.0, 2.0)
    assert b.solids[0].half == (0.5, 1.0, 2.0)
    assert b.solids[2].centre == (1.0, 1.0, 2.0)
    assert b.solids[2].half == (0.2, 0.2, 1.5)
    assert [solid.casting for solid in b.solids] == [True, True, True, False, False]


def test_a_pillar_wider_at_its_top_stands_on_its_head() -> None:
    b = SceneBuilder()
    b.pillar((0.0, 0.0, 0.0), 0.2, 1.0, GREY, taper=1.5)
    solid = b.solids[0]
    assert solid.taper == pytest.approx(1 / 1.5)
    assert solid.half == pytest.approx((0.3, 0.3, 0.5))  # bounds its wide end
    assert solid.rotation[2] == (0.0, 0.0, -1.0)
    assert np.linalg.det(np.array(solid.rotation)) == pytest.approx(1.0)


def test_the_map_leads_from_the_world_into_the_unit_solid() -> None:
    b = SceneBuilder()
    with b.frame(1.0, 2.0, 0.5, 0.3):
        b.box((0.5, 0.1, 0.2), (0.4, 0.6, 0.2), GREY, yaw=1.0, pitch=0.4, roll=-0.7)
    solid = solid_records(b.solids)[0]
    assert solid["rotation"] @ solid["rotation"].T == pytest.approx(np.eye(3))
    corner = solid["centre"] + solid["rotation"].T @ solid["half"]
    assert solid["map"] @ (corner - solid["centre"]) == pytest.approx(np.ones(3))


def test_one_material_is_kept_once() -> None:
    b = SceneBuilder()
    other = replace(GREY, gloss=9.0)
    for material in (GREY, other, GREY, replace(GREY)):
        b.box((0, 0, 0), (1, 1, 1), material)
    assert b.materials == [GREY, other]
    assert [solid.material for solid in b.solids] == [0, 1, 0, 0]


def test_records_hold_all_fields() -> None:
    material = Material(3, ((0.1, 0.2, 0.3),) * 3, 0.4, 0.5, 0.6, 7, 0.08, 9.0, 1.0, 0.1, True)
    record = material_records([material])[0]
    for name, value in asdict(material).items():
        assert np.array_equal(record[name], np.array(value)), name
    assert set(MATERIAL.names or ()) == set(asdict(material))
    assert {*Placed._fields, "map"} == set(SOLID.names or ())


def test_lights_are_groups_of_lamps() -> None:
    lights = [lamp((1, 1, 2), (1, 2, 2)), lamp((3, 3, 2), normal=(0, 0, -1), power=4.0)]
    scene = scene_of(lambda b: b.box((0, 0, 0), (1, 1, 1), GREY), *lights)
    assert scene.groups.tolist() == [[0, 2], [2, 1]]
    assert np.array_equal(scene.lamps, lamp_records(lights))
    assert scene.lamps["position"][2].tolist() == [3, 3, 2]
    assert scene.lamps["normal"][:, 2].tolist() == [0, 0, -1]
    assert scene.lamps["colour"][:, 0].tolist() == [1, 1, 4]
    assert scene.room.glows.shape == (0, 8)
