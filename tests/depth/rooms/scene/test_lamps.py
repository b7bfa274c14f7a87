"""A room's own light: lamps where they can hang, and what the room's sides throw back."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from netadapt.depth.rooms.scene.floor_plan import Plan
from netadapt.depth.rooms.scene.lamps import LAMPS_PER_LIGHT, bounced_light, ceiling_lamps
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder

PLAN = Plan("office", 4.0, 5.0, 2.5, [[], [], [], []])
SIDES = [(0.1 * k, 0.2, 0.3) for k in range(1, 7)]


@pytest.mark.parametrize("seed", range(20))
def test_a_room_at_night_is_lit_from_within(seed: int) -> None:
    b = SceneBuilder()
    lights, glows = ceiling_lamps(b, Random(seed), PLAN, daylight=False)
    assert lights
    for light in lights:
        places = np.array(light.positions)
        assert (places > -0.01).all()
        assert (places < (4.01, 5.01, 2.5)).all()
        assert len(light.normals) == len(light.colours) == len(places)
        assert np.array(light.colours).min() > 0.0
    for side, a0, a1, b0, b1, *colour in glows:
        assert side == 5  # a panel in the ceiling
        assert a0 < a1
        assert b0 < b1
        assert len(colour) == 3
    assert not any(solid.casting for solid in b.solids)  # a lamp doesn't shade its own light


def test_by_day_lamps_may_be_off() -> None:
    lit = [bool(ceiling_lamps(SceneBuilder(), Random(s), PLAN, True)[0]) for s in range(60)]
    assert 20 < sum(lit) < 60


def test_bounced_light_comes_from_the_sides_and_has_their_colour() -> None:
    light = bounced_light(Random(1), PLAN, SIDES)
    places, normals = np.array(light.positions), np.array(light.normals)
    assert len(places) == LAMPS_PER_LIGHT
    high = np.array((4.0, 5.0, 2.5))
    assert (places > 0).all()
    assert (places < high).all()
    middle = 0.5 * high
    assert (((middle - places) * normals).sum(1) > 0).all()  # all shine inwards
    assert {tuple(abs(n)) for n in normals} == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    red = {tuple(n): c[0] / c[1] for n, c in zip(light.normals, light.colours, strict=True)}
    assert red[(1.0, 0.0, 0.0)] < red[(-1.0, 0.0, 0.0)] < red[(0.0, 0.0, -1.0)]
