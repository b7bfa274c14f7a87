"""Patterns: within their limits, periodic where they say so, and gone where finer than a pixel."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netadapt.depth.rooms.rendering import mixing_patterns as mixing
from netadapt.depth.rooms.rendering import prints
from netadapt.depth.rooms.rendering.mixing_patterns import Pattern
from netadapt.depth.rooms.rendering.noise import band, fade, lattice, layered_noise, value_noise
from netadapt.depth.rooms.rendering.textures import mixture, surface_colour
from netadapt.depth.rooms.scene import materials
from netadapt.depth.rooms.scene import pattern_kinds as kinds
from netadapt.depth.rooms.scene.description import Material
from netadapt.depth.rooms.scene.scene_builder import material_records

PATTERNS = range(20)
PRINTS = (kinds.PICTURE, kinds.OUTSIDE, kinds.SHEET, kinds.SPINES)
MIXING = [kind for kind in PATTERNS if kind not in PRINTS]
COORDINATE = st.floats(-20, 20)
FOOTPRINT = st.floats(1e-4, 0.5)


def colour_of(
    material: Material, u: float, v: float, front: bool = True, footprint: float = 0.001
) -> tuple[float, float, float]:
    """On a face of 2 x 1 m."""
    record = material_records([material])[0]
    colour: tuple[float, float, float] = surface_colour(record, u, v, 1.0, 0.5, front, footprint)
    return colour


@settings(max_examples=200, deadline=None)
@given(COORDINATE, COORDINATE, st.integers(0, 1 << 20), FOOTPRINT)
def test_noise_stays_between_0_and_1(u: float, v: float, seed: int, footprint: float) -> None:
    assert 0.0 <= lattice(int(u), int(v), seed) < 1.0
    assert 0.0 <= value_noise(u, v, seed) <= 1.0
    assert 0.0 <= layered_noise(u, v, seed, footprint) <= 1.0
    assert 0.0 <= band(u, 0.3, 0.1, footprint) <= 1.0
    assert 0.0 <= fade(footprint, abs(u) + 0.01) <= 1.0
    assert 0.0 <= mixing.grain(u, v, seed, footprint, 0.05) <= 1.0


def test_noise_is_smooth_and_without_a_seam() -> None:
    xs = np.linspace(-3, 3, 601)
    values = np.array([value_noise(x, 0.4, 7) for x in xs])
    assert np.abs(np.diff(values)).max() < 0.03
    assert np.std(values) > 0.1
    assert value_noise(0.3, 0.4, 7) != value_noise(0.3, 0.4, 8)


def test_lines_cover_what_they_should_at_any_footprint() -> None:
    us = np.linspace(0.0, 3.0, 3001)
    for footprint in (0.001, 0.05, 0.2, 5.0):
        cover = np.array([band(u, 0.3, 0.1, footprint) for u in us])
        assert cover.mean() == pytest.approx(1 / 3, abs=0.02)
    assert cover == pytest.approx(1 / 3)  # far away only the mean is left


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(MIXING),
    COORDINATE,
    COORDINATE,
    FOOTPRINT,
    st.floats(0.01, 0.6),
    st.floats(0.2, 12.0),
    st.floats(0.0, 1.0),
    st.integers(1, 1 << 20),
)
def test_a_surface_is_a_mixture_of_its_colours_at_some_brightness(
    kind: int,
    u: float,
    v: float,
    footprint: float,
    size: float,
    aspect: float,
    contrast: float,
    seed: int,
) -> None:
    """Whatever the numbers: joints may be wider than tiles, or stripes than their distance."""
    white, black = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
    material = Material(kind, (white, white, white), size, aspect, contrast, seed)
    bright = colour_of(material, u, v, footprint=footprint)[0]
    assert 0.0 < bright <= 2.1
    assert mixture(kind, u, v, footprint, Pattern(size, aspect, contrast, seed))[2] <= bright + 1e-9
    for colours in ((black, white, black), (white, black, black), (black, black, white)):
        part = colour_of(replace(material, colours=colours), u, v, footprint=footprint)[0]
        assert -1e-9 <= part <= bright + 1e-9


@pytest.mark.parametrize(
    ("pattern", "aspect", "along_u", "along_v"),
    [
        (mixing.stripes, 0.4, 1.0, 0.123),  # nothing changes along v
        (mixing.checks, 0.5, 1.0, 1.0),
        (mixing.checks, 1.5, 1.0, 1.0),
        (mixing.dots, 1.0, 1.0, 1.0),
        (mixing.slats, 1.0, 0.123, 1.0),
        (mixing.weave, 1.0, 1.0, 1.0),
        (mixing.panels, 1.5, 1.0, 1.5),  # a panel is `aspect` times as high as wide
        (mixing.panels, 0.5, 1.0, 0.5),
    ],
)
def test_patterns_repeat_after_their_size(pattern, aspect, along_u, along_v) -> None:  # type: ignore[no-untyped-def]
    p = Pattern(0.25, aspect, 0.0, 3)
    rng = Random(2)
    values = set()
    for _ in range(40):
        u, v = rng.uniform(-2, 2), rng.uniform(-2, 2)
        here = pattern(u, v, 0.002, p)
        values.add(here)
        there = pattern(u + 3 * along_u * p.size, v + 2 * along_v * p.size, 0.002, p)
        # 6.2832 isn't quite a turn
        assert there == pytest.approx(here, abs=1e-3)
    assert len(values) > 1


def test_joints_of_tiles_repeat_and_those_of_bricks_are_staggered() -> None:
    p = Pattern(0.2, 0.5, 0.0, 3)
    assert mixing.tiles(0.2, 0.05, 1e-4, p, False)[1] == 1.0
    assert mixing.tiles(0.1, 0.05, 1e-4, p, False)[1] == 0.0
    assert mixing.tiles(0.1, 0.1, 1e-4, p, False)[1] == 1.0  # a row is half as high as wide
    assert mixing.tiles(0.2, 0.15, 1e-4, p, False)[1] == 1.0
    assert mixing.tiles(0.2, 0.05, 1e-4, p, True)[1] == 1.0
    assert mixing.tiles(0.2, 0.15, 1e-4, p, True)[1] == 0.0
    assert mixing.tiles(0.1, 0.15, 1e-4, p, True)[1] == 1.0


@pytest.mark.parametrize(
    "kind", [kinds.DOTS, kinds.WEAVE, kinds.GRANITE, kinds.SLATS, kinds.CHECKS]
)
def test_a_pattern_finer_than_a_pixel_is_one_colour(kind: int) -> None:
    p = Pattern(0.01, 0.5, 0.0, 3)
    far = {tuple(np.round(mixture(kind, u, 0.3 * u, 1.0, p), 6)) for u in np.linspace(0, 1, 50)}
    near = {tuple(np.round(mixture(kind, u, 0.3 * u, 1e-4, p), 6)) for u in np.linspace(0, 1, 50)}
    assert len(far) == 1
    assert len(near) > 1


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 1 << 20), st.floats(1e-4, 0.2))
def test_prints_are_colours(x: float, y: float, seed: int, footprint: float) -> None:
    for colour in (
        prints.picture(x, y, seed, footprint),
        prints.outside(x, y, seed),
        prints.sheet(x, y, y, seed, footprint, 0.8, 0.8, 0.8),
        prints.spines(4 * x - 2, y - 0.5, 0.5, 0.03, seed),
        prints.hashed_colour(int(9 * x), int(9 * y), seed),
    ):
        assert len(colour) == 3
        assert all(-1e-9 <= part <= 1.05 for part in colour)


def test_pictures_are_of_five_styles() -> None:
    """Each seed is one; all of them show something."""
    for seed in range(1, 30):
        shown = {prints.picture(x, y, seed, 0.01) for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)}
        assert len(shown) > 1, seed
    assert len({int(lattice(seed, 17, 3) * 5.0) for seed in range(1, 30)}) == 5


def test_each_pattern_has_a_look_of_its_own() -> None:
    rng = Random(0)
    points = [(rng.uniform(-0.9, 0.9), rng.uniform(-0.45, 0.45)) for _ in range(60)]
    base = Material(
        colours=((0.5, 0.4, 0.3), (0.2, 0.2, 0.4), (0.1, 0.3, 0.1)),
        size_m=0.1,
        aspect=0.5,
        contrast=0.6,
        seed=6,  # seed 5 has a view that is overexposed
    )
    looks = {}
    for kind in PATTERNS:
        colours = [colour_of(replace(base, texture=kind), u, v) for u, v in points]
        assert all(0.0 <= part <= 1.5 for colour in colours for part in colour), kind
        looks[kind] = tuple(colours)
    assert len(set(looks.values())) == len(PATTERNS)
    flat = [kind for kind, look in looks.items() if len(set(look)) == 1]
    assert flat == []


def test_an_unpatterned_material_has_its_first_colour() -> None:
    material = Material(colours=((0.5, 0.4, 0.3), (1, 1, 1), (1, 1, 1)), contrast=0.0)
    assert colour_of(material, 0.3, 0.2) == pytest.approx((0.5, 0.4, 0.3))


def test_a_print_has_a_rim_a_mat_and_nothing_on_its_sides() -> None:
    framed = Material(
        kinds.PICTURE,
        ((0.1, 0.1, 0.1), (0.9, 0.9, 0.9), (0.5, 0.5, 0.5)),
        size_m=0.02,
        aspect=2.5,
        seed=9,
    )
    assert colour_of(framed, 0.99, 0.0) == (0.1, 0.1, 0.1)
    assert colour_of(framed, 0.0, 0.49) == (0.1, 0.1, 0.1)
    assert colour_of(framed, 0.96, 0.0) == (0.9, 0.9, 0.9)
    assert colour_of(framed, 0.0, 0.0, front=False) == (0.1, 0.1, 0.1)
    assert colour_of(framed, 0.0, 0.0) == pytest.approx(
        prints.picture(0.5, 0.5, 9, 0.5 * 0.001 / 0.45)
    )


@pytest.mark.parametrize("seed", range(3))
def test_drawn_materials_give_albedos(seed: int) -> None:
    rng = Random(seed)
    for draw in (materials.wall, materials.floor, materials.fabric, materials.counter_top):
        for _ in range(20):
            material = draw(rng)
            colour = colour_of(material, rng.uniform(-1, 1), rng.uniform(-0.5, 0.5))
            assert all(0.0 <= part <= 1.3 for part in colour)
