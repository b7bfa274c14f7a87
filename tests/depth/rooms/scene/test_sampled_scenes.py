"""Whole scenes: a pure function of seed and number, and rooms of many kinds."""

from __future__ import annotations

import numpy as np
import pytest

from netadapt.depth.rooms.scene.description import Scene
from netadapt.depth.rooms.scene.layout import sample_scene
from netadapt.depth.rooms.scene.pattern_kinds import PLAIN
from netadapt.depth.rooms.scene.solid_kinds import SHELL


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [sample_scene(4, number) for number in range(40)]


def same(a: Scene, b: Scene) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("solids", "materials", "lamps", "groups", "interests")
    )


def test_the_same_seed_gives_the_same_scene_and_another_another(scenes: list[Scene]) -> None:
    assert same(sample_scene(4, 7), scenes[7])
    assert not same(sample_scene(5, 7), scenes[7])
    assert len({scene.solids.tobytes() for scene in scenes}) == len(scenes)


def test_scenes_are_rich_and_sound(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert np.isfinite(scene.solids["map"]).all()
        assert (scene.solids["half"] > 0).all()
        assert (scene.solids["taper"] <= 1.0).all()
        assert (scene.solids["kind"] == SHELL).sum() == 1
        assert scene.solids["material"].min() >= 0
        assert scene.solids["material"].max() < len(scene.materials)
        assert scene.groups[:, 1].sum() == len(scene.lamps)
        assert scene.groups.shape[0] >= 1
        assert (scene.lamps["colour"] >= 0).all()
        assert (scene.room.corners[1] > 1.3).all()
    assert np.mean([len(scene.solids) for scene in scenes]) > 150


def test_every_lamp_but_the_sun_shines_in_the_room(scenes: list[Scene]) -> None:
    for scene in scenes:
        low, high = scene.room.corners
        places = scene.lamps["position"]
        inside = ((places > low - 0.3) & (places < high + 0.3)).all(1)
        for first, count in scene.groups:
            group = inside[first : first + count]
            assert group.all() or not group.any()
        assert inside.mean() > 0.5
        away = places[~inside]
        assert (np.linalg.norm(away - 0.5 * (low + high), axis=1) > 30).all()


def test_parts_can_be_left_out_of_a_scene() -> None:
    whole = sample_scene(4, 6)
    empty = sample_scene(4, 6, ("furniture",))
    flat = sample_scene(4, 6, ("textures",))
    assert len(empty.solids) < len(whole.solids)
    assert np.array_equal(empty.room.corners, whole.room.corners)
    assert np.array_equal(flat.solids, whole.solids)
    assert (flat.materials["texture"] == PLAIN).all()
    assert len(set(whole.materials["texture"])) > 3
