"""The linear picture: a surface's colour under its light, what shines and what mirrors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_scenes import GREY, lamp, scene_of, seen_in, view_from

from netadapt.depth.rooms.rendering.lighting import LitScreen, light_screen
from netadapt.depth.rooms.rendering.screen_lists import screen_lists
from netadapt.depth.rooms.rendering.shading import mirrored, shade_screen
from netadapt.depth.rooms.rendering.shadow_lists import shadow_lists
from netadapt.depth.rooms.rendering.view import View
from netadapt.depth.rooms.scene.description import Material, Scene, Surroundings

WALL = ((-9.0, 3.0, -9.0), (9.0, 3.1, 9.0))


def picture_of(
    scene: Scene, view: View, ceiling: float = 4.0
) -> tuple[np.ndarray, np.ndarray, LitScreen]:
    """The picture, |n . v| and the light."""
    lists = screen_lists(view, scene.solids)
    seen = seen_in(scene, view)
    lit = light_screen(1, view, seen, scene, shadow_lists(scene.lamps, scene.solids))
    return *shade_screen(view, seen, scene, lit, lists, ceiling), lit


def wall_of(material: Material) -> tuple[np.ndarray, np.ndarray, LitScreen]:
    """A wall of that material, seen straight on."""
    scene = scene_of(lambda b: b.slab(*WALL, material), lamp((1.0, 1.0, 1.0), power=5.0))
    return picture_of(scene, view_from((2, 0.5, 1.2), (2, 3, 1.2), 30, 40))


def test_a_dull_surface_shows_its_colour_times_its_light() -> None:
    material = replace(GREY, colours=((0.6, 0.3, 0.1),) * 3)
    image, cosines, lit = wall_of(material)
    expected = lit.samples["light"][..., :3] * np.array([0.6, 0.3, 0.1])
    assert image == pytest.approx(expected, rel=1e-4)
    assert cosines[15, 20] == pytest.approx(1.0, abs=1e-3)
    assert cosines[0, 0] < 0.9
    assert cosines.min() >= 0.05


def test_what_shines_shows_its_own_light_alone() -> None:
    image, _, _ = wall_of(replace(GREY, colours=((0.5, 0.25, 0.5),) * 3, emission=3.0))
    assert image == pytest.approx(np.broadcast_to((1.5, 0.75, 1.5), image.shape))


def test_no_value_exceeds_the_ceiling() -> None:
    image, _, _ = wall_of(replace(GREY, emission=100.0))
    assert (image == 4.0).all()


def test_an_edge_is_a_mixture_of_what_lies_on_its_sides() -> None:
    white, black = (replace(GREY, colours=((v, v, v),) * 3, emission=1.0) for v in (0.8, 0.0))

    def build(b) -> None:  # type: ignore[no-untyped-def]
        b.slab(*WALL, black)
        b.ball((2.0, 2.0, 1.2), (0.5, 0.5, 0.5), white)

    image, _, _ = picture_of(scene_of(build), view_from((2, 0.0, 1.2), (2, 3, 1.2), 60, 80))
    red = image[..., 0]
    between = (red > 0.05) & (red < 0.75)
    assert 10 < between.sum() < 0.05 * red.size
    assert (red == 0).sum() > 0.5 * red.size
    assert red[30, 40] == pytest.approx(0.8)


def room(*glows: tuple[float, ...]) -> Surroundings:
    return Surroundings(
        np.array([[0.0, 0.0, 0.0], [4.0, 5.0, 2.5]]),
        np.array([[0.1 * k] * 3 for k in range(6)]),
        np.array(glows, dtype=np.float64).reshape(-1, 8),
    )


@pytest.mark.parametrize("side", range(6))
def test_a_mirror_shows_the_side_of_the_room_that_its_ray_meets(side: int) -> None:
    axis, end = divmod(side, 2)
    ray = [0.01, 0.02, 0.03]
    ray[axis] = 1.0 if end else -1.0
    out = np.zeros(3)
    mirrored((2.0, 2.5, 1.2), (ray[0], ray[1], ray[2]), room(), 1e9, out)
    assert out == pytest.approx(0.1 * side, abs=1e-6)


def test_a_dull_surface_shows_the_sides_mean() -> None:
    out = np.zeros(3)
    mirrored((2.0, 2.5, 1.2), (0.0, 0.0, 1.0), room(), 0.0, out)
    assert out == pytest.approx(0.25)


def test_a_mirror_shows_a_window_where_it_is() -> None:
    window = room((3, 1.0, 3.0, 1.0, 2.0, 7.0, 8.0, 9.0))  # in the side at y = 5
    out = np.zeros(3)
    mirrored((2.0, 2.5, 1.5), (0.0, 1.0, 0.0), window, 1e9, out)
    assert out == pytest.approx((7.0, 8.0, 9.0))
    mirrored((0.5, 2.5, 1.5), (0.0, 1.0, 0.0), window, 1e9, out)  # beside it
    assert out == pytest.approx(0.3, abs=1e-6)


def test_a_glossy_surface_reflects_more_at_a_grazing_angle() -> None:
    shiny = replace(GREY, colours=((0.0, 0.0, 0.0),) * 3, specular=0.1, gloss=1e4)
    scene = scene_of(lambda b: b.slab((0, 0, -0.1), (4, 5, 0), shiny))
    high, _, _ = picture_of(scene, view_from((2, 2.4, 2.4), (2, 2.5, 0), 30, 40))
    low, _, _ = picture_of(scene, view_from((2, 0.1, 0.2), (2, 5.0, 0.0), 30, 40))
    assert low[20, 20, 1] > 1.5 * high[20, 20, 1] > 0
