"""Small things: they stand on their place, are of a thing's size, and fit where they must."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from netadapt.depth.rooms.scene.furniture import ON_THE_FLOOR
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder, solid_records
from netadapt.depth.rooms.scene.things import THINGS, books, clutter, thing


def bounds(b: SceneBuilder) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest corner of all that was built."""
    solids = solid_records(b.solids)
    reach = np.abs(solids["rotation"] * solids["half"][:, :, None]).sum(1)
    return (solids["centre"] - reach).min(0), (solids["centre"] + reach).max(0)


@pytest.mark.parametrize("index", range(len(THINGS)))
@pytest.mark.parametrize("tallest", [0.12, 0.6])
def test_a_thing_stands_on_its_place(index: int, tallest: float) -> None:
    for seed in range(10):
        b = SceneBuilder()
        THINGS[index](b, Random(seed), tallest)
        if not b.solids:
            continue  # no room for it at all
        low, high = bounds(b)
        assert -0.06 < low[2] < 0.1
        assert high[2] < max(0.35, 1.6 * tallest)
        assert (high - low)[:2].max() < 1.0
        assert (low[:2] < 0.05).all()
        assert (high[:2] > -0.15).all()


def test_each_seed_gives_one_thing_and_all_are_met() -> None:
    counts = []
    for seed in range(200):
        b, again = SceneBuilder(), SceneBuilder()
        thing(b, Random(seed), 0.6)
        thing(again, Random(seed), 0.6)
        assert b.solids == again.solids
        counts.append(tuple(solid.kind for solid in b.solids))
    assert len(set(counts)) > 15


def test_clutter_lies_on_its_top_and_grows_with_it() -> None:
    numbers = []
    for width in (0.3, 1.0, 3.0):
        total = 0
        for seed in range(20):
            b = SceneBuilder()
            clutter(b, Random(seed), width, 0.6, 8.0)
            total += len(b.solids)
            for solid in b.solids:
                assert abs(solid.centre[0]) < 0.5 * width + 0.4
                assert abs(solid.centre[1]) < 0.3 + 0.4
        numbers.append(total)
    assert numbers[0] < numbers[1] < numbers[2]


def test_books_fill_their_row_and_need_some_height() -> None:
    for seed in range(20):
        b = SceneBuilder()
        books(b, Random(seed), 0.8, 0.2, 0.3)
        low, high = bounds(b)
        assert low[0] == pytest.approx(-0.4, abs=0.01)
        assert 0.2 < high[0] < 0.46
        assert 0.1 < high[2] < 0.3
        flat = SceneBuilder()
        books(flat, Random(seed), 0.8, 0.2, 0.04)
        assert not flat.solids


@pytest.mark.parametrize("index", range(len(ON_THE_FLOOR)))
def test_what_is_left_on_the_floor_stands_there(index: int) -> None:
    for seed in range(10):
        b = SceneBuilder()
        ON_THE_FLOOR[index](b, Random(seed))
        low, high = bounds(b)
        assert -0.1 < low[2] < 0.05
        assert 0.05 < high[2] < 1.6
        assert (high - low)[:2].max() < 1.3
