"""How much light falls on a surface."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from small_scenes import GREY, lamp, random_solids, random_view, scene_of, seen_in, view_from

from netadapt.depth.rooms.rendering.lighting import (
    LIGHT_FLOOR_M2,
    SAMPLE,
    even_out,
    gather_light,
    light_at,
    light_screen,
    smooth_light,
)
from netadapt.depth.rooms.rendering.shadow_lists import shadow_lists
from netadapt.depth.rooms.scene.description import Light, Scene, Vector


def falling_on(
    scene: Scene, point: Vector, normal: Vector, gloss: float = 0.0, towards: Vector = (0, 0, 1)
) -> np.ndarray:
    """The light of the scene's first lamp: irradiance and gloss, [6]."""
    out = np.zeros(6)
    light_at(
        tuple(map(float, point)),
        tuple(map(float, normal)),
        tuple(map(float, towards)),
        gloss,
        0,
        scene.lamps,
        scene.solids,
        *shadow_lists(scene.lamps, scene.solids),
        np.full(len(scene.lamps), -1, dtype=np.int32),
        out,
    )
    return out


def room_with(light: Light, *, table: bool = False) -> Scene:
    """A floor, and perhaps a table over the point (2, 2.5)."""

    def build(b) -> None:  # type: ignore[no-untyped-def]
        b.slab((0, 0, -0.1), (4, 5, 0), GREY)
        if table:
            b.slab((1.5, 2.0, 0.7), (2.5, 3.0, 0.75), GREY)

    return scene_of(build, light)


@pytest.mark.parametrize("height", [0.5, 1.0, 2.0, 4.0])
def test_light_falls_off_with_the_square_of_the_distance(height: float) -> None:
    scene = room_with(lamp((2, 2.5, height), power=3.0))
    light = falling_on(scene, (2, 2.5, 0), (0, 0, 1))
    assert light[:3] == pytest.approx(3.0 / (height**2 + LIGHT_FLOOR_M2), rel=1e-6)


def test_slanting_light_is_weaker_by_the_cosine() -> None:
    scene = room_with(lamp((3, 2.5, 1)))
    light = falling_on(scene, (2, 2.5, 0), (0, 0, 1))[0]
    assert light == pytest.approx(0.5**0.5 / (2 + LIGHT_FLOOR_M2), rel=1e-6)
    assert falling_on(scene, (2, 2.5, 0), (0, 0, -1))[0] == 0.0  # turned away


def test_a_lamp_with_a_normal_shines_to_its_own_side_only() -> None:
    down = room_with(lamp((2, 2.5, 2), normal=(0, 0, -1)))
    up = room_with(lamp((2, 2.5, 2), normal=(0, 0, 1)))
    assert falling_on(down, (2, 2.5, 0), (0, 0, 1))[0] == pytest.approx(1 / (4 + LIGHT_FLOOR_M2))
    assert falling_on(up, (2, 2.5, 0), (0, 0, 1))[0] == 0.0


def test_what_stands_in_the_way_throws_a_shadow() -> None:
    scene = room_with(lamp((2, 2.5, 2)), table=True)
    assert falling_on(scene, (2, 2.5, 0), (0, 0, 1))[0] == 0.0
    assert falling_on(scene, (3.5, 2.5, 0), (0, 0, 1))[0] > 0.0  # beside the shadow
    assert falling_on(scene, (2, 2.5, 0.75), (0, 0, 1))[0] > 0.0  # on the table itself


def test_gloss_is_brightest_where_the_lamp_is_mirrored() -> None:
    scene = room_with(lamp((2, 2.5, 2)))
    straight = falling_on(scene, (2, 2.5, 0), (0, 0, 1), 50.0, (0, 0, 1))
    aside = falling_on(scene, (2, 2.5, 0), (0, 0, 1), 50.0, (0.8, 0, 0.6))
    assert straight[3] > 10 * aside[3] > 0
    assert (straight[:3] == aside[:3]).all()


def test_another_lamp_makes_nothing_darker() -> None:
    brighter = 0
    for seed in range(5):
        lights = [lamp((1, 1, 2.2)), lamp((3, 4, 1.5), power=2.0)]
        light = []
        for count in (1, 2):
            rng = Random(seed)
            scene = scene_of(lambda b, rng=rng: random_solids(b, rng, 12), *lights[:count])
            view = random_view(rng)
            shadows = shadow_lists(scene.lamps, scene.solids)
            lit = light_screen(1, view, seen_in(scene, view), scene, shadows)
            light.append(lit.samples["light"])
        assert (light[1] >= light[0] - 1e-6).all()
        brighter += light[1].mean() > light[0].mean()  # unless a solid surrounds the lamp
        assert light[0][..., :3].min() >= 0.02  # nothing is ever black
    assert brighter >= 3


def test_every_second_pixel_is_sampled_when_asked() -> None:
    scene = room_with(lamp((2, 2.5, 2)))
    view = view_from((2, 0.5, 1.5), (2, 2.5, 0), 31, 41)
    seen = seen_in(scene, view)
    shadows = shadow_lists(scene.lamps, scene.solids)
    full = light_screen(1, view, seen, scene, shadows)
    half = light_screen(2, view, seen, scene, shadows)
    assert half.samples.shape == (16, 21)
    assert np.array_equal(half.samples["solid"], full.samples["solid"][::2, ::2])
    assert half.samples["normal"] == pytest.approx(full.samples["normal"][::2, ::2])


def test_light_without_lamps_is_the_same_everywhere() -> None:
    scene = room_with(lamp((2, 2.5, 2)), table=True)
    view = view_from((2, 0.5, 1.5), (2, 2.5, 0), 30, 40)
    shadows = shadow_lists(scene.lamps, scene.solids)
    lit = light_screen(1, view, seen_in(scene, view), scene, shadows)
    assert np.ptp(lit.samples["light"][..., 0]) > 0.01
    even_out(lit)
    assert np.ptp(lit.samples["light"][..., :3]) == 0.0
    assert not lit.samples["light"][..., 3:].any()


def two_walls() -> np.ndarray:
    """Samples of two walls that meet in the middle, one twice as bright as the other."""
    samples = np.zeros((12, 16), SAMPLE)
    samples["solid"][:, 8:] = 1
    samples["normal"][:, :8] = (1, 0, 0)
    samples["normal"][:, 8:] = (0, 1, 0)
    samples["light"][:, :8] = 1.0
    samples["light"][:, 8:] = 2.0
    return samples


def test_light_is_averaged_within_one_surface_only() -> None:
    samples = two_walls()
    samples["light"][::2] += 0.1  # the pattern of the samples
    samples["light"][1::2] -= 0.1
    smooth = smooth_light(samples)
    assert smooth[2:-2, :8] == pytest.approx(1.0, abs=0.03)
    assert smooth[2:-2, 8:] == pytest.approx(2.0, abs=0.03)


def test_light_between_samples_is_taken_from_the_same_surface() -> None:
    samples = two_walls()
    out = np.empty(6)
    for x in range(2, 30):
        for solid, normal, light in ((0, (1.0, 0.0, 0.0), 1.0), (1, (0.0, 1.0, 0.0), 2.0)):
            if solid == (x >= 16) or x in (15, 16):
                gather_light(x, 9, solid, *normal, 2, samples, out)
                assert out == pytest.approx(light, abs=0.01)
