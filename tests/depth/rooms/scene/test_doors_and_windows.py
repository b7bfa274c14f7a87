"""Openings are filled where the plan has them, and windows light the room."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from small_scenes import GREY

from netadapt.depth.rooms.scene.description import Light, Vector
from netadapt.depth.rooms.scene.doors_and_windows import doorway, fit_openings
from netadapt.depth.rooms.scene.floor_plan import Opening, Plan, draw_plan
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder, solid_records
from netadapt.depth.rooms.scene.shell import enclose

WINDOW = Opening("window", -0.6, 0.6, 0.9, 2.0)


def fitted(
    k: int, opening: Opening, seed: int, daylight: bool = True
) -> tuple[SceneBuilder, list[Light], list[tuple[float, ...]]]:
    openings: list[list[Opening]] = [[], [], [], []]
    openings[k] = [opening]
    plan = Plan("office", 4.0, 5.0, 2.5, openings)
    b = SceneBuilder()
    return b, *fit_openings(b, Random(seed), plan, daylight)


@pytest.mark.parametrize(
    ("k", "middle", "inward", "side"),
    [
        (0, (2.0, 0.0), (0, 1), 2),
        (1, (4.0, 2.5), (-1, 0), 1),
        (2, (2.0, 5.0), (0, -1), 3),
        (3, (0.0, 2.5), (1, 0), 0),
    ],
)
def test_a_window_lights_the_room_from_its_place(
    k: int, middle: tuple[float, float], inward: tuple[int, int], side: int
) -> None:
    _, lights, glows = fitted(k, WINDOW, 3)
    window = lights[0]
    places = np.array(window.positions)
    assert np.abs(places[:, :2] - middle).max() < 0.61
    assert places[:, 2].min() > 0.9
    assert places[:, 2].max() < 2.0
    assert np.array(window.normals)[:, :2] == pytest.approx(np.broadcast_to(inward, (16, 2)))
    assert glows[0][0] == side
    along = 0 if k in (0, 2) else 1
    assert glows[0][1:5] == pytest.approx((middle[along] - 0.6, middle[along] + 0.6, 0.9, 2.0))


def test_no_light_comes_from_a_window_at_night_or_from_a_door() -> None:
    _, lights, glows = fitted(0, WINDOW, 3, daylight=False)
    assert lights == []
    assert glows == []
    _, lights, glows = fitted(0, Opening("closed", -0.4, 0.4, 0.0, 2.0), 3)
    assert lights == []
    assert glows == []


@pytest.mark.parametrize("seed", range(6))
def test_what_fills_an_opening_stands_in_it(seed: int) -> None:
    b, _, _ = fitted(0, WINDOW, seed)
    centres = solid_records(b.solids)["centre"]
    assert np.abs(centres[:, 0] - 2.0).max() < 1.0  # a curtain hangs beside it
    assert np.abs(centres[:, 1]).max() < 0.3
    assert centres[:, 2].max() < 2.2


def test_a_closed_door_fills_its_frame_and_an_open_one_does_not() -> None:
    def leaf(kind: str, seed: int) -> list[Vector]:
        b = SceneBuilder()
        doorway(b, Random(seed), Opening(kind, -0.4, 0.4, 0.0, 2.0), GREY, GREY)
        return [s.centre for s in b.solids if s.half[0] == 0.4 and s.half[2] > 0.9]

    assert leaf("closed", 1) == [pytest.approx((0.0, -0.05, 1.005))]
    for seed in range(5):
        assert leaf("open", seed)[0][1] > 0.1  # swung into the room
        assert leaf("gap", seed) == []


@pytest.mark.parametrize("seed", range(12))
def test_walls_have_holes_where_the_plan_has_openings(seed: int) -> None:
    """A ray through the middle of an opening, a little inside the wall, meets no wall."""
    rng = Random(seed)
    plan = draw_plan(rng, "living")
    b = SceneBuilder()
    _, walls, _ = enclose(b, rng, plan)
    assert len(walls) == 4
    thick = [s for s in b.solids if s.half[1] == pytest.approx(0.06)]  # the pieces of the walls
    assert len(thick) >= 4
    for k in range(4):
        x, y, yaw, _ = plan.wall(k)
        for o in plan.openings[k]:
            along, up = 0.5 * (o.x0 + o.x1), 0.5 * (o.z0 + o.z1)
            point = np.array(
                (
                    x + along * np.cos(yaw) + 0.06 * np.sin(yaw),
                    y + along * np.sin(yaw) - 0.06 * np.cos(yaw),
                    up,
                )
            )
            for solid in thick:
                local = np.array(solid.rotation) @ (point - solid.centre)
                assert (np.abs(local) > np.array(solid.half) - 1e-9).any()
