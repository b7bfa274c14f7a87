"""What things are made of: broad draws, but within what surfaces are."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.description import Material

DRAWS: dict[str, Callable[[Random], Material]] = {
    "plain": lambda rng: made_of.plain(rng, made_of.any_colour(rng)),
    "wood": made_of.wood,
    "furniture": made_of.furniture,
    "metal": made_of.metal,
    "panels": made_of.panels,
    "fabric": made_of.fabric,
    "floor": made_of.floor,
    "wall": made_of.wall,
    "tiles": made_of.tiles,
    "counter_top": made_of.counter_top,
    "print_on": lambda rng: made_of.print_on(rng, 0.02, made_of.wood_colour(rng)),
    "paper": made_of.paper,
    "packaging": made_of.packaging,
    "spines": made_of.spines,
    "curtain": made_of.curtain,
    "blinds": made_of.blinds,
    "pane": lambda rng: made_of.pane(rng, 3.0),
    "screen": made_of.screen,
    "mirror": made_of.mirror,
    "glowing": lambda rng: made_of.glowing(made_of.muted_colour(rng), 2.0),
}


@pytest.mark.parametrize("name", DRAWS)
def test_materials_are_physical(name: str) -> None:
    rng = Random(name)
    for _ in range(200):
        m = DRAWS[name](rng)
        assert 0 <= m.texture < 20
        assert len(m.colours) == 3
        assert all(0.0 <= part <= 1.0 for colour in m.colours for part in colour)
        assert 0.001 < m.size_m < 2.0
        assert m.aspect > 0.0
        assert 0.0 <= m.contrast <= 1.0
        assert 0 <= m.seed < 1 << 20
        assert 0.0 <= m.specular <= 0.5
        assert 1.0 < m.gloss <= 1000.0
        assert 0.0 <= m.emission <= 6.0
        assert 0.0 <= m.holes <= 1.0
        assert m.emission == 0.0 or name in ("pane", "screen", "glowing")


@pytest.mark.parametrize("name", ["wood", "fabric", "floor", "wall", "packaging"])
def test_materials_are_drawn_broadly_and_from_the_seed(name: str) -> None:
    drawn = {DRAWS[name](Random(seed)) for seed in range(50)}
    assert len(drawn) == 50
    assert len({m.texture for m in drawn}) > (0 if name == "wood" else 2)
    assert DRAWS[name](Random(7)) == DRAWS[name](Random(7))


def test_colours_are_linear_and_shades_stay_below_white() -> None:
    assert made_of.from_hsv(0.0, 0.0, 0.5) == pytest.approx((0.5**2.2,) * 3)
    assert made_of.from_hsv(1.0, 1.0, 1.0) == pytest.approx((1.0, 0.0, 0.0))
    assert made_of.shade((0.8, 0.4, 0.1), 2.0) == pytest.approx((0.92, 0.8, 0.2))
    assert made_of.mixed((0.0, 0.2, 1.0), (1.0, 0.4, 0.0), 0.25) == pytest.approx(
        (0.25, 0.25, 0.75)
    )
