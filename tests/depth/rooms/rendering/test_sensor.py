"""What the cameras record of an exact picture."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from netadapt.depth.rooms.rendering.sensor import (
    BASELINE_FOCAL,
    FARTHEST_M,
    NEAREST_M,
    expose,
    record_depth,
    show,
    smooth,
)

SIZE = (120, 160)


def recorded(
    depth: np.ndarray | float,
    *,
    holes: float = 0.0,
    cosine: float = 1.0,
    loss: float = 1.0,
    noise: float = 1.0,
    border: float = 0.0,
    side: int = 1,
) -> np.ndarray:
    """What the depth camera gives for a depth image, all of one solid."""
    exact = np.broadcast_to(np.float32(depth), SIZE).copy()
    solid = np.zeros(SIZE, np.int32)
    cosines = np.full(SIZE, cosine, np.float32)
    out: np.ndarray = record_depth(
        exact, solid, cosines, np.array([holes]), 7, loss, noise, border, side
    )
    return out


@pytest.mark.parametrize("depth", [0.3, 0.44, 10.1, 30.0])
def test_nothing_is_recorded_out_of_range(depth: float) -> None:
    assert not recorded(depth).any()


@pytest.mark.parametrize("depth", [0.6, 1.0, 2.0, 4.0, 7.0])
def test_a_dull_wall_is_recorded_without_holes_or_bias(depth: float) -> None:
    found = recorded(depth)
    lost = 0.2 if depth > 6 else 0.0  # little light comes back from afar
    assert (found == 0).mean() <= lost
    assert np.median(found[found > 0]) == pytest.approx(depth, rel=0.02)
    assert found[found > 0].min() >= NEAREST_M
    assert found.max() <= FARTHEST_M


def test_disparities_are_steps_of_an_eighth_of_a_pixel() -> None:
    steps = 8 * BASELINE_FOCAL / recorded(3.0)
    assert steps == pytest.approx(np.round(steps), abs=2e-3)
    assert 1 < len(np.unique(np.round(steps))) < 40


def test_the_error_grows_with_the_square_of_the_depth() -> None:
    spread = {depth: float(np.std(recorded(depth) / 1.0)) for depth in (1.5, 3.0, 6.0)}
    assert 2.5 < spread[3.0] / spread[1.5] < 9.0
    assert 2.5 < spread[6.0] / spread[3.0] < 6.0
    assert np.std(recorded(3.0, noise=0.2)) < spread[3.0]


def test_holes_are_where_light_does_not_come_back() -> None:
    share = {holes: (recorded(2.0, holes=holes) == 0).mean() for holes in (0.0, 0.3, 0.7, 1.0)}
    assert share[0.0] == 0.0
    assert 0.0 < share[0.3] < share[0.7] < share[1.0]
    assert share[1.0] > 0.7
    assert (recorded(2.0, cosine=0.05) == 0).mean() > (recorded(2.0, cosine=0.5) == 0).mean()


def test_a_pixel_that_sees_nothing_is_a_hole() -> None:
    depth = np.full(SIZE, 2.0, np.float32)
    solid = np.zeros(SIZE, np.int32)
    solid[:, :80] = -1
    found = record_depth(depth, solid, np.ones(SIZE, np.float32), np.zeros(1), 7, 1.0, 1.0, 0.0, 1)
    assert not found[:, :80].any()
    assert found[:, 80:].all()


def test_the_border_is_lost_when_asked() -> None:
    found = recorded(2.0, border=0.1)
    assert not found[0].any()
    assert not found[:, -1].any()
    assert found[60, 80] > 0
    assert recorded(2.0).all()


@pytest.mark.parametrize("side", [1, -1])
def test_a_nearer_thing_throws_the_projectors_shadow_to_one_side(side: int) -> None:
    depth = np.full(SIZE, 4.0, np.float32)
    depth[:, 60:100] = 1.0
    holes = recorded(depth, loss=0.0, side=side) == 0
    by_column = holes.mean(0)
    # The shadow is as wide as the disparities differ: 8 pixels at this size.
    left, right = by_column[53:59].mean(), by_column[101:107].mean()
    shadow, light = (right, left) if side > 0 else (left, right)
    assert shadow > 0.7
    assert light == 0.0
    assert not by_column[:45].any()
    assert not by_column[115:].any()
    assert not holes[:, 65:95].any()


def test_a_picture_is_exposed_for_its_brightness() -> None:
    """The same scene under ten times the light gives nearly the same picture."""
    rng = np.random.default_rng(0)
    image = rng.uniform(0.05, 0.3, (*SIZE, 3)).astype(np.float32)
    dark, bright = (expose(image * k, Random(4), 5) for k in (1, 10))
    assert dark.dtype == np.uint8
    assert dark.shape == (3, *SIZE)
    assert abs(dark.astype(float).mean() - bright.astype(float).mean()) < 12
    assert np.array_equal(dark, expose(image, Random(4), 5))
    assert not np.array_equal(dark, expose(image, Random(4), 6))  # other noise


def test_brighter_is_shown_brighter() -> None:
    ramp = np.linspace(0.0, 1.0, SIZE[1], dtype=np.float32)
    image = np.broadcast_to(ramp[None, :, None], (*SIZE, 3)).copy()
    assert (np.diff(show(image).astype(int), axis=2) >= 0).all()
    developed = expose(image, Random(1), 2).astype(float).mean((0, 1))
    assert developed[-20:].mean() > developed[:20].mean() + 50


@pytest.mark.parametrize(("x", "y"), [(1.5, 0.0), (0.0, 2.0), (1.0, 1.0)])
def test_blur_keeps_light_and_spreads_it(x: float, y: float) -> None:
    flat = np.full((*SIZE, 3), 0.4, np.float32)
    assert smooth(flat, x, y) == pytest.approx(flat, rel=1e-5)
    point = np.zeros((*SIZE, 3), np.float32)
    point[60, 80] = 1.0
    spread = smooth(point, x, y)
    assert spread.sum() == pytest.approx(3.0, rel=1e-5)
    rows, columns = np.nonzero(spread[..., 0])
    assert (len(set(rows)) > 1) == (y > 0)
    assert (len(set(columns)) > 1) == (x > 0)
    assert spread[60, 80, 0] == spread.max() < 0.5
