"""Chairs, stools, armchairs and sofas, as compositions of solids.

Each function adds one to a builder's current frame, its foot at z = 0; a sofa's back is along
y = 0, the others stand about the origin. All face +y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.description import Material
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder


@dataclass(frozen=True, slots=True)
class ChairStyle:
    """What the chairs of a set share; metres."""

    frame: Material
    cover: Material
    width: float
    seat: float
    top: float
    back: int
    """0 upright slats, 1 level slats, 2 solid, 3 crossed, 4 upholstered, 5 an office chair."""


def chair(b: SceneBuilder, rng: Random, style: ChairStyle) -> None:
    """A chair centred at the origin, its front towards +y."""
    if style.back == 5:
        office_chair(b, rng, style)
    else:
        four_legged_chair(b, rng, style)


def office_chair(b: SceneBuilder, rng: Random, style: ChairStyle) -> None:
    """A chair on a star of five feet, perhaps with arms."""
    frame, cover, seat, top = style.frame, style.cover, style.seat, style.top
    h = 0.5 * style.width
    for k in range(5):
        a = 1.2566 * k
        b.box((0.14 * math.cos(a), 0.14 * math.sin(a), 0.06), (0.15, 0.02, 0.015), frame, yaw=a)
    b.pillar((0, 0, 0.05), 0.025, seat - 0.08, frame)
    b.box((0, 0, seat - 0.03), (h, h, 0.035), cover)
    b.box(
        (0, -h, 0.5 * (seat + top) + 0.08),
        (0.9 * h, 0.03, 0.5 * (top - seat) - 0.06),
        cover,
        roll=0.12,
    )
    b.box((0, -h - 0.03, seat + 0.05), (0.03, 0.02, 0.15), frame)
    if rng.random() < 0.5:
        for x in (-h - 0.03, h + 0.03):
            b.box((x, 0, seat + 0.2), (0.025, 0.13, 0.012), frame)
            b.box((x, 0, seat + 0.08), (0.01, 0.02, 0.12), frame)


def four_legged_chair(b: SceneBuilder, rng: Random, style: ChairStyle) -> None:
    """A chair on four legs, perhaps with bars between them."""
    frame, cover, w, seat, top = style.frame, style.cover, style.width, style.seat, style.top
    h = 0.5 * w
    t = 0.018
    for x in (-h + t, h - t):
        b.box((x, h - t, 0.5 * seat), (t, t, 0.5 * seat), frame)
        b.box((x, -h + t, 0.5 * top), (t, t, 0.5 * top), frame, roll=0.04)
    b.box((0, 0, seat - 0.02), (h, h, 0.022), cover)
    b.box((0, 0, seat - 0.06), (h - t, h - t, 0.02), frame)
    chair_back(b, rng, style)
    if rng.random() < 0.4:
        for x in (-h + t, h - t):
            b.box((x, 0, 0.45 * seat), (0.6 * t, h - t, 0.6 * t), frame)


def chair_back(b: SceneBuilder, rng: Random, style: ChairStyle) -> None:
    """What the back legs of a chair hold."""
    frame, cover, w, seat, top = style.frame, style.cover, style.width, style.seat, style.top
    h = 0.5 * w
    t = 0.018
    y = -h + t - 0.02
    if style.back == 0:  # upright slats
        n = rng.choice((3, 4, 5))
        for k in range(n):
            x = (k + 0.5) / n * (w - 4 * t) - (h - 2 * t)
            b.box((x, y, 0.5 * (seat + top)), (0.014, 0.008, 0.5 * (top - seat)), frame)
        b.box((0, y, top - 0.04), (h, 0.013, 0.045), frame)
    elif style.back == 1:  # level slats
        n = rng.choice((2, 3, 4, 5))
        for k in range(n):
            z = seat + 0.1 + (top - seat - 0.13) * (k + 0.5) / n
            b.box((0, y, z), (h - t, 0.009, 0.32 * (top - seat - 0.1) / n), frame)
        b.box((0, y, top - 0.035), (h, 0.013, 0.04), frame)
    elif style.back == 2:  # a solid back
        b.box((0, y, 0.5 * (seat + top) + 0.07), (h - t, 0.014, 0.5 * (top - seat) - 0.07), cover)
    elif style.back == 3:  # crossed
        for roll in (0.6, -0.6):
            b.box(
                (0, y, 0.5 * (seat + top) + 0.04),
                (0.012, 0.008, 0.55 * (top - seat)),
                frame,
                pitch=roll,
            )
        b.box((0, y, top - 0.03), (h, 0.012, 0.03), frame)
    else:  # upholstered
        b.box((0, -h + 0.04, 0.5 * (seat + top)), (h, 0.05, 0.5 * (top - seat)), cover, roll=0.08)


def chair_style(rng: Random, back: int | None = None) -> ChairStyle:
    """A style, with that back if one is given."""
    frame = made_of.furniture(rng, turned=True) if rng.random() < 0.75 else made_of.metal(rng)
    return ChairStyle(
        frame=frame,
        cover=made_of.fabric(rng) if rng.random() < 0.5 else frame,
        width=rng.uniform(0.38, 0.5),
        seat=rng.uniform(0.42, 0.48),
        top=rng.uniform(0.78, 1.1),
        back=rng.choice((0, 0, 1, 1, 2, 3, 4)) if back is None else back,
    )


def stool(b: SceneBuilder, rng: Random) -> None:
    h = rng.choice((0.45, 0.65, 0.75))
    m = made_of.furniture(rng)
    r = rng.uniform(0.15, 0.2)
    b.pillar((0, 0, h - 0.04), r, 0.04, m)
    for k in range(4):
        a = 0.785 + 1.571 * k
        b.pillar((0.8 * r * math.cos(a), 0.8 * r * math.sin(a), 0), 0.015, h - 0.04, m)


def cushion(b: SceneBuilder, rng: Random, x: float, y: float, z: float, lean: float) -> None:
    s = rng.uniform(0.18, 0.26)
    b.ball((x, y, z + 0.8 * s), (s, 0.08, s * 0.85), made_of.fabric(rng), roll=lean)


def sofa(b: SceneBuilder, rng: Random, width: float) -> None:
    """A sofa or armchair with its back along y = 0."""
    cover = made_of.fabric(rng)
    seat_cover = cover if rng.random() < 0.8 else made_of.fabric(rng)
    depth = rng.uniform(0.75, 0.95)
    seat = rng.uniform(0.36, 0.46)
    top = rng.uniform(0.7, 0.95)
    arm = rng.uniform(0.1, 0.2)
    arm_top = rng.uniform(seat + 0.08, seat + 0.25)
    h = 0.5 * width
    foot = rng.uniform(0.02, 0.14)
    b.slab((-h, 0.02, foot), (h, depth, seat - 0.12), cover)
    b.box((0, 0.12, 0.5 * (top + foot)), (h, 0.1, 0.5 * (top - foot)), cover, roll=0.08)
    for x in (-h + 0.5 * arm, h - 0.5 * arm):
        b.slab((x - 0.5 * arm, 0.02, foot), (x + 0.5 * arm, depth, arm_top), cover)
        if rng.random() < 0.6:
            b.rod((x, 0.5 * depth, arm_top), 0.5 * arm, 0.49 * depth, cover, roll=1.5708)
    n = max(1, round((width - 2 * arm) / 0.65))
    w = (width - 2 * arm) / n
    for k in range(n):
        x = -h + arm + (k + 0.5) * w
        b.slab((x - 0.49 * w, 0.2, seat - 0.13), (x + 0.49 * w, depth + 0.01, seat), seat_cover)
        b.box((x, 0.26, seat + 0.2), (0.49 * w, 0.07, 0.22), seat_cover, roll=0.2)
        b.ball((x, 0.32, seat + 0.22), (0.46 * w, 0.08, 0.2), seat_cover, roll=0.2)
        if rng.random() < 0.5:
            cushion(b, rng, x + rng.uniform(-0.15, 0.15), 0.42, seat, 0.35)
    if foot > 0.05:
        m = made_of.furniture(rng)
        for x in (-h + 0.08, h - 0.08):
            for y in (0.1, depth - 0.08):
                b.box((x, y, 0.5 * foot), (0.025, 0.025, 0.5 * foot), m)


def wing_chair(b: SceneBuilder, rng: Random) -> None:
    """An upholstered armchair with a high back, centred, facing +y."""
    cover = made_of.fabric(rng)
    w, d, seat, top = 0.36, 0.38, rng.uniform(0.4, 0.47), rng.uniform(0.95, 1.2)
    b.slab((-w, -d, 0.16), (w, d, seat), cover)
    b.box((0, -d, 0.5 * (top + 0.2)), (w, 0.08, 0.5 * (top - 0.2)), cover, roll=0.14)
    b.rod((0, -d - 0.06, top - 0.06), 0.1, w, cover, pitch=1.5708)
    for x in (-w, w):
        b.box((x, 0, 0.42), (0.06, d, 0.24), cover)
        b.box((x, -0.65 * d, 0.5 * (top + seat)), (0.035, 0.14, 0.45 * (top - seat)), cover)
        b.rod((x, 0.0, 0.66), 0.065, d, cover, roll=1.5708)
    m = made_of.wood(rng)
    for x in (-w + 0.05, w - 0.05):
        for y in (-d + 0.05, d - 0.05):
            b.pillar((x, y, 0), 0.022, 0.17, m, taper=1.5)
