"""Lists by tiles of the screen never lack what a ray meets."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from small_scenes import GREY, random_solids, random_view, scene_of, view_from

from netadapt.depth.rooms.rendering.local_frames import NOTHING, local_origins
from netadapt.depth.rooms.rendering.ray_tracing import trace_screen
from netadapt.depth.rooms.rendering.screen_lists import NEAR_M, TILE, ScreenLists, screen_lists


def everything(view, solids) -> ScreenLists:  # type: ignore[no-untyped-def]
    """Lists that leave out nothing anywhere."""
    tiles = -(-view.height // TILE) * -(-view.width // TILE)
    count = len(solids)
    return ScreenLists(
        local_origins(view.position, solids),
        np.arange(tiles + 1, dtype=np.int32) * np.int32(count),
        np.tile(np.arange(count, dtype=np.int32), tiles),
        np.zeros(count),
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 30))
def test_no_visible_solid_is_dropped(seed: int) -> None:
    rng = Random(seed)
    scene = scene_of(lambda b: random_solids(b, rng))
    view = random_view(rng)
    seen = trace_screen(view, scene.solids, screen_lists(view, scene.solids))
    expected = trace_screen(view, scene.solids, everything(view, scene.solids))
    beyond = expected.depth >= NEAR_M  # what is nearer may be cut off
    assert np.array_equal(seen.depth[beyond], expected.depth[beyond])
    assert np.array_equal(seen.solid[beyond], expected.solid[beyond])
    assert (seen.depth >= expected.depth).all()
    assert (seen.depth < NOTHING).all()  # the shell is behind everything


def test_what_lies_behind_the_camera_is_in_no_list() -> None:
    scene = scene_of(lambda b: [b.ball((2, y, 1), (0.3, 0.3, 0.3), GREY) for y in (1, 4)])
    view = view_from((2, 2.5, 1), (2, 5, 1), 48, 64)
    lists = screen_lists(view, scene.solids)
    assert set(lists.items) == {1}
    assert lists.closest[0] == NOTHING
    assert lists.closest[1] == 4 - 0.3 - 2.5
    assert 0 < len(lists.items) < len(lists.starts) - 1  # in some tiles only


def test_each_tile_lists_the_nearest_first() -> None:
    rng = Random(3)
    scene = scene_of(lambda b: random_solids(b, rng))
    lists = screen_lists(random_view(rng), scene.solids)
    for start, stop in zip(lists.starts, lists.starts[1:], strict=False):
        depths = lists.closest[lists.items[start:stop]]
        assert (np.diff(depths) >= 0).all()
        assert len(set(lists.items[start:stop])) == stop - start
