"""What stands in a room stands inside its walls, and belongs there."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from netadapt.depth.rooms.scene.decoration import decorate
from netadapt.depth.rooms.scene.floor_plan import Plan, draw_plan
from netadapt.depth.rooms.scene.furnishing import STANDING, at_wall, drawn_sizes, furnish
from netadapt.depth.rooms.scene.layout import KINDS
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder, solid_records

ROOM_KINDS = sorted(set(KINDS))


def furnished(kind: str, seed: int) -> tuple[Plan, SceneBuilder]:
    rng = Random(seed)
    plan = draw_plan(rng, kind)
    b = SceneBuilder()
    furnish(b, rng, plan)
    return plan, b


@pytest.mark.parametrize("kind", ROOM_KINDS)
def test_furniture_stands_inside_the_walls_and_on_the_floor(kind: str) -> None:
    counts = []
    for seed in range(6):
        plan, b = furnished(kind, seed)
        counts.append(len(b.solids))
        if not b.solids:
            continue
        solids = solid_records(b.solids)
        reach = np.abs(solids["rotation"] * solids["half"][:, :, None]).sum(1)
        low, high = solids["centre"] - reach, solids["centre"] + reach
        inside = (low[:, :2] > -0.12) & (high[:, :2] < np.array((plan.width, plan.depth)) + 0.12)
        assert inside.all(1).mean() > 0.97  # a chair may be pushed askew into a wall
        assert (solids["centre"][:, :2] > -0.5).all()
        assert (solids["centre"][:, :2] < np.array((plan.width, plan.depth)) + 0.5).all()
        assert low[:, 2].min() > -0.15  # a bag's or leg's round end
        assert high[:, 2].max() < plan.height + 0.1
    assert max(counts) > 20


def test_no_two_pieces_stand_in_one_another() -> None:
    for kind in ROOM_KINDS:
        for seed in range(6):
            plan, _ = furnished(kind, seed)
            for i, a in enumerate(plan.taken):
                for b in plan.taken[:i]:
                    across = min(a[2], b[2]) - max(a[0], b[0])
                    along = min(a[3], b[3]) - max(a[1], b[1])
                    assert min(across, along) < 0.011


@pytest.mark.parametrize("piece", sorted(STANDING))
def test_each_piece_can_be_set_against_a_wall(piece: str) -> None:
    for seed in range(8):
        b, rng = SceneBuilder(), Random(seed)
        plan = Plan("office", 5.0, 5.0, 2.5, [[], [], [], []])
        assert at_wall(b, rng, plan, piece)
        assert len(plan.taken) == 1
        x0, y0, x1, y1 = plan.taken[0]
        solids = solid_records(b.solids)
        assert len(solids) > 0
        aside = 1.0 if piece == "desk" else 0.3  # a desk's chair stands before it
        assert (solids["centre"][:, 0] > x0 - aside).all()
        assert (solids["centre"][:, 0] < x1 + aside).all()
        assert (solids["centre"][:, 1] > y0 - aside).all()
        assert (solids["centre"][:, 1] < y1 + aside).all()


def test_every_piece_that_a_room_wants_is_known() -> None:
    """And the sizes are drawn for each, whichever it is: the draws' order is part of a room."""
    assert set(drawn_sizes(Random(0), 2.4)) == set(STANDING)


def test_pictures_hang_on_the_walls() -> None:
    for seed in range(5):
        rng = Random(seed)
        plan = draw_plan(rng, "living")
        b = SceneBuilder()
        decorate(b, rng, plan)
        solids = solid_records(b.solids)
        distance = np.stack(
            [
                solids["centre"][:, 0],
                plan.width - solids["centre"][:, 0],
                solids["centre"][:, 1],
                plan.depth - solids["centre"][:, 1],
            ]
        ).min(0)
        assert distance.min() > -0.05
        assert distance.max() < 0.45
        assert solids["centre"][:, 2].max() < plan.height
