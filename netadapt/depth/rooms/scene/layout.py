"""Draws a random indoor scene: the room's shape, its openings, its light, what stands where.

Rooms have a kind (kitchen, bedroom, office, ...) that decides the furniture. The steps are
those of `floor_plan`, `shell`, `doors_and_windows`, `lamps`, `furnishing` and `decoration`; the
camera's place is left to `rendering`.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.decoration import decorate
from netadapt.depth.rooms.scene.description import Scene
from netadapt.depth.rooms.scene.doors_and_windows import fit_openings
from netadapt.depth.rooms.scene.floor_plan import draw_plan
from netadapt.depth.rooms.scene.furnishing import furnish
from netadapt.depth.rooms.scene.lamps import bounced_light, ceiling_lamps
from netadapt.depth.rooms.scene.pattern_kinds import PLAIN
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder
from netadapt.depth.rooms.scene.shell import enclose

KINDS = (
    "kitchen",
    "kitchen",
    "kitchen",
    "dining",
    "dining",
    "living",
    "living",
    "living",
    "bedroom",
    "bedroom",
    "bedroom",
    "office",
    "office",
    "study",
    "bath",
    "store",
    "hall",
    "class",
)


def sample_scene(seed: int, scene: int, without: tuple[str, ...] = ()) -> Scene:
    """The scene of that number; the same arguments always give the same scene.

    `without` names what to leave out (`left_out_parts`).
    """
    rng = Random(f"netadapt rooms {seed}/{scene}")
    b = SceneBuilder()
    kind = rng.choice(KINDS)
    plan = draw_plan(rng, kind)
    floor, wall_materials, ceiling = enclose(b, rng, plan)
    daylight = rng.random() < 0.75
    lights, glows = fit_openings(b, rng, plan, daylight)
    lamps, lamp_glows = ceiling_lamps(b, rng, plan, daylight)
    if "furniture" not in without:
        furnish(b, rng, plan)
        decorate(b, rng, plan)
    sides = [wall_materials[k].colours[0] for k in (3, 1, 0, 2)]
    sides += [floor.colours[0], ceiling.colours[0]]
    bounce = bounced_light(rng, plan, sides)
    brightness = 0.4
    if "textures" in without:
        b.materials = [replace(material, texture=PLAIN) for material in b.materials]
    return b.scene(
        [*lights, *lamps, bounce],
        ((0.0, 0.0, 0.0), (plan.width, plan.depth, plan.height)),
        [made_of.shade(side, brightness) for side in sides],
        [*glows, *lamp_glows],
    )
