"""The plan of a room: nothing stands in another thing, or before a door."""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netadapt.depth.rooms.scene.floor_plan import Opening, Plan, draw_plan
from netadapt.depth.rooms.scene.layout import KINDS

PLANS = st.builds(
    lambda seed, kind: draw_plan(Random(seed), kind), st.integers(), st.sampled_from(KINDS)
)


def bare_plan(*openings: Opening) -> Plan:
    """A room of 4 x 3 x 2.5 m with openings in its wall 0."""
    return Plan("office", 4.0, 3.0, 2.5, [list(openings), [], [], []])


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """By how much two rectangles x0, y0, x1, y1 overlap, in metres."""
    return min(min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1]))


@settings(max_examples=200, deadline=None)
@given(PLANS)
def test_openings_lie_in_their_wall_and_apart(plan: Plan) -> None:
    for k in range(4):
        for o in plan.openings[k]:
            assert -0.5 * plan.wall(k)[3] < o.x0 < o.x1 < 0.5 * plan.wall(k)[3]
            assert 0.0 <= o.z0 < o.z1 < plan.height
            assert (o.z0 == 0.0) == (o.kind != "window")
        for a, b in combinations(plan.openings[k], 2):
            assert min(a.x1, b.x1) < max(a.x0, b.x0)


@settings(max_examples=200, deadline=None)
@given(PLANS, st.integers())
def test_no_two_pieces_share_floor(plan: Plan, seed: int) -> None:
    rng = Random(seed)
    for _ in range(30):
        plan.take_at_wall(
            rng.randrange(4), rng.uniform(-3, 3), rng.uniform(0.2, 1.0), rng.uniform(0.3, 1.0)
        )
    for a, b in combinations(plan.taken, 2):
        assert overlap(a, b) < 0.011
    for x0, y0, x1, y1 in plan.taken:
        assert -1e-9 <= x0 < x1 <= plan.width + 1e-9
        assert -1e-9 <= y0 < y1 <= plan.depth + 1e-9


@settings(max_examples=100, deadline=None)
@given(PLANS, st.integers())
def test_nothing_hangs_over_another_thing_or_an_opening(plan: Plan, seed: int) -> None:
    rng = Random(seed)
    k = rng.randrange(4)
    for _ in range(30):
        x, z = rng.uniform(-3, 3), rng.uniform(0.2, 2.0)
        plan.take_on_wall(k, x, x + rng.uniform(0.1, 1.0), z, z + rng.uniform(0.1, 0.6))
    taken = [(x0, z0, x1, z1) for x0, x1, z0, z1 in plan.walls_taken[k]]
    for a, b in combinations(taken, 2):
        assert overlap(a, b) <= 0.0
    for x0, z0, x1, z1 in taken:
        assert max(abs(x0), abs(x1)) < 0.5 * plan.wall(k)[3]
        assert z1 < plan.height
        for o in plan.openings[k]:
            assert overlap((x0, z0, x1, z1), (o.x0, o.z0, o.x1, o.z1)) < 0.0


@pytest.mark.parametrize(
    ("k", "taken"),
    [
        (0, (1.5, 0.0, 2.5, 0.6)),
        (1, (3.4, 1.0, 4.0, 2.0)),
        (2, (1.5, 2.4, 2.5, 3.0)),
        (3, (0.0, 1.0, 0.6, 2.0)),
    ],
)
def test_floor_is_taken_along_the_wall_that_was_meant(k: int, taken: tuple[float, ...]) -> None:
    plan = bare_plan()
    assert plan.take_at_wall(k, 0.0, 0.5, 0.6)
    assert plan.taken == [pytest.approx(taken)]
    assert not plan.take_at_wall(k, 0.4, 0.5, 0.6)
    assert plan.take_at_wall(k, 1.2, 0.45, 0.6) == (k in (0, 2))  # the other walls end at 1.5 m
    assert not plan.take_at_wall(k, 1.9, 0.5, 0.6)


def test_a_wall_keeps_a_margin_around_its_openings() -> None:
    plan = bare_plan(Opening("window", -0.5, 0.5, 0.9, 2.0))
    assert not plan.take_on_wall(0, 0.55, 1.0, 1.0, 1.5)
    assert plan.take_on_wall(0, 0.6, 1.0, 1.0, 1.5)
    assert plan.take_on_wall(0, -0.4, 0.4, 0.2, 0.8)  # below the window
    assert plan.take_on_wall(1, -0.4, 0.4, 1.0, 1.5)  # another wall
    assert not plan.take_on_wall(1, -0.4, 0.4, 1.0, 2.5)  # the ceiling


def test_floor_before_a_door_is_kept_free() -> None:
    doors = 0
    for seed in range(60):
        plan = draw_plan(Random(seed), "living")
        openings = [(k, o) for k in range(4) for o in plan.openings[k]]
        if len(openings) == 1 and openings[0][1].kind != "window":
            doors += 1
            k, door = openings[0]
            assert not plan.take_at_wall(k, 0.5 * (door.x0 + door.x1), 0.3, 0.5)
    assert doors > 2
