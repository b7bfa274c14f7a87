"""A room's own light: lamps at the ceiling and elsewhere, and what its sides throw back.

Daylight is left to `doors_and_windows`, and how light falls on things to `rendering`.
"""

from __future__ import annotations

import math
from random import Random

from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.description import Colour, Light, Vector
from netadapt.depth.rooms.scene.floor_plan import Plan
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder

LAMPS_PER_LIGHT = 16
"""Points that a window, the ceiling's lamps or the bounced light is made of."""


def made_of_light(tint: Colour, power: float) -> Colour:
    """Light of that tint and power."""
    return tint[0] * power, tint[1] * power, tint[2] * power


def ceiling_lamps(
    b: SceneBuilder, rng: Random, plan: Plan, daylight: bool
) -> tuple[list[Light], list[tuple[float, ...]]]:
    """Lamps at the ceiling, and lamps somewhere in the room."""
    lights: list[Light] = []
    glows: list[tuple[float, ...]] = []
    w, d, h = plan.width, plan.depth, plan.height
    warm = made_of.mixed((1.0, 0.78, 0.52), (0.95, 1.0, 1.05), rng.random())
    on = not daylight or rng.random() < 0.55
    style = rng.choice(("panel", "panel", "globe", "shade", "spots", "bare", "arms"))
    glow = made_of.glowing(warm, rng.uniform(2.0, 6.0)) if on else made_of.plain(rng, made_of.WHITE)
    spots = rng.randrange(1, 4) if style in ("panel", "spots") else 1
    positions: list[Vector] = []
    half = (0.1, 0.1)
    for i in range(spots):
        x = w * ((i + 0.5) / spots if spots > 1 else rng.uniform(0.3, 0.7))
        y = d * rng.uniform(0.3, 0.7)
        if style == "panel":
            half = rng.choice(((0.3, 0.3), (0.6, 0.1), (0.08, 0.6), (0.6, 0.3)))
            b.box((x, y, h - 0.02), (*half, 0.02), glow, casting=False)
            drop = 0.05
            glows.append(
                (5, x - half[0], x + half[0], y - half[1], y + half[1], *(3.0 * c for c in warm))
            )
        elif style == "globe":
            drop = rng.uniform(0.15, 0.6)
            r = rng.uniform(0.1, 0.2)
            b.ball((x, y, h - drop), (r, r, r * rng.uniform(0.5, 1.0)), glow, casting=False)
            b.rod((x, y, h - 0.5 * drop), 0.008, 0.5 * drop, made_of.metal(rng), casting=False)
        elif style == "shade":
            drop = rng.uniform(0.4, 0.9)
            cover = made_of.plain(rng, made_of.any_colour(rng))
            b.pillar((x, y, h - drop), rng.uniform(0.15, 0.3), 0.2, cover, taper=0.5, casting=False)
            b.rod((x, y, h - 0.5 * drop), 0.006, 0.5 * drop, made_of.metal(rng), casting=False)
        elif style == "arms":
            drop = rng.uniform(0.4, 0.9)
            brass = made_of.metal(rng)
            b.rod((x, y, h - 0.5 * drop), 0.012, 0.5 * drop, brass, casting=False)
            arms = rng.randrange(3, 7)
            for arm in range(arms):
                a = 6.2832 * arm / arms
                with b.frame(x, y, h - drop, a):
                    b.rod((0.15, 0, 0), 0.01, 0.15, brass, pitch=1.5708, casting=False)
                    b.ball((0.3, 0, 0.06), (0.04, 0.04, 0.07), glow, casting=False)
        elif style == "bare":
            drop = 0.12
            b.ball((x, y, h - 0.08), (0.16, 0.16, 0.08), glow, casting=False)
        else:
            drop = 0.06
            b.pillar((x, y, h - 0.02), 0.06, 0.02, glow, casting=False)
        for _ in range(LAMPS_PER_LIGHT // spots):
            positions.append(
                (
                    x + rng.uniform(-1, 1) * half[0],
                    y + rng.uniform(-1, 1) * half[1],
                    h - drop - 0.02,
                )
            )
    if on:
        normal = (0.0, 0.0, -1.0) if style in ("panel", "spots", "shade") else (0.0, 0.0, 0.0)
        power = rng.uniform(2.0, 8.0)
        lights.append(
            Light(
                positions, [normal] * len(positions), [made_of_light(warm, power)] * len(positions)
            )
        )
    if rng.random() < 0.35 or not (on or daylight):  # a lamp in the room, or a flash
        at = (rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * d, rng.uniform(1.0, 1.9))
        spread = [
            (at[0] + rng.gauss(0, 0.06), at[1] + rng.gauss(0, 0.06), at[2] + rng.gauss(0, 0.06))
            for _ in range(4)
        ]
        power = rng.uniform(0.7, 3.0)
        lamp = made_of_light((1.0, 0.75, 0.45), power)
        lights.append(Light(spread, [(0.0, 0.0, 0.0)] * 4, [lamp] * 4))
    return lights, glows


def bounced_light(rng: Random, plan: Plan, sides: list[Colour]) -> Light:
    """Virtual lamps on the room's six sides, coloured as they are: the light they throw back."""
    w, d, h = plan.width, plan.depth, plan.height
    e = 0.08
    positions: list[Vector] = []
    normals: list[Vector] = []
    colours: list[Colour] = []
    power = math.exp(rng.uniform(math.log(1.2), math.log(10.0)))
    for i in range(LAMPS_PER_LIGHT):
        side = (5, 5, 5, 5, 0, 1, 2, 3, 0, 1, 2, 3, 5, 5, 5, 4)[i]
        x, y, z = rng.uniform(0.1, 0.9) * w, rng.uniform(0.1, 0.9) * d, rng.uniform(0.35, 0.95) * h
        axis, end = divmod(side, 2)
        place = [x, y, z]
        place[axis] = (plan.width, plan.depth, plan.height)[axis] - e if end else e
        normal = [0.0, 0.0, 0.0]
        normal[axis] = -1.0 if end else 1.0
        colour = made_of.mixed(sides[side], (0.6, 0.6, 0.6), 0.4)
        positions.append((place[0], place[1], place[2]))
        normals.append((normal[0], normal[1], normal[2]))
        colours.append(made_of_light(colour, power * (1.3 if side == 5 else 1.0)))
    return Light(positions, normals, colours)
