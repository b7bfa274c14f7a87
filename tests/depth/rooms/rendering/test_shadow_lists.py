"""Lists by directions around lamps never lack what stands in a lamp's way."""

from __future__ import annotations

import math
from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from small_scenes import GREY, lamp, random_solids, scene_of

from netadapt.depth.rooms.rendering.ray_tracing import lit
from netadapt.depth.rooms.rendering.shadow_lists import (
    FACE_TILES,
    direction_tile,
    shadow_lists,
    tile_cones,
)

TILES = 6 * FACE_TILES * FACE_TILES


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 30))
def test_no_shadow_is_lost(seed: int) -> None:
    rng = Random(seed)
    scene = scene_of(lambda b: random_solids(b, rng, 12), lamp((1.0, 1.0, 2.0), (3.0, 4.0, 2.2)))
    solids = scene.solids
    shadows = shadow_lists(scene.lamps, solids)
    casting = np.flatnonzero(solids["casting"]).astype(np.int32)
    all_starts = np.arange(2 * TILES + 1, dtype=np.int32) * np.int32(len(casting))
    all_items = np.tile(casting, 2 * TILES)
    for _ in range(200):
        which = rng.randrange(2)
        way = [rng.uniform(-3, 3) for _ in range(3)]
        blockers = np.full((2, 2), -1, dtype=np.int32)
        listed = lit(which, *way, 0.01, solids, *shadows, blockers[0])
        brute = lit(which, *way, 0.01, solids, shadows.origins, all_starts, all_items, blockers[1])
        assert listed == brute


def test_what_casts_no_shadow_is_in_no_list() -> None:
    scene = scene_of(
        lambda b: [b.ball((2, 2, z), (0.2, 0.2, 0.2), GREY, casting=z > 1) for z in (0.5, 1.5)]
    )
    assert set(shadow_lists(scene.lamps, scene.solids).items) == {1}


def test_a_direction_lies_in_the_cone_of_its_tile() -> None:
    middles, radii = tile_cones()
    rng = Random(1)
    seen = set()
    for _ in range(3000):
        way = np.array([rng.gauss(0, 1) for _ in range(3)])
        tile = direction_tile(*way)
        seen.add(tile)
        angle = math.acos(min(1.0, float(middles[tile] @ way) / float(np.linalg.norm(way))))
        assert angle <= radii[tile] + 1e-9
    assert len(seen) == TILES
