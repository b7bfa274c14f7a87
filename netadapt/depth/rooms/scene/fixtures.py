"""What is built into kitchens and bathrooms, as compositions of solids.

Each function adds one piece to a builder's current frame: its foot at z = 0, its back along y = 0
and its front towards +y.
"""

from __future__ import annotations

from random import Random

from netadapt.depth.rooms.scene import furniture, things
from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.description import Material
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder


def kitchen_run(b: SceneBuilder, rng: Random, width: float, ceiling: float) -> None:
    """Base cabinets with a counter, a tiled wall, perhaps cabinets or shelves above, appliances."""
    h = 0.5 * width
    depth, height = rng.uniform(0.55, 0.68), rng.uniform(0.85, 0.95)
    colour = rng.choice((made_of.any_colour, made_of.wood_colour, made_of.muted_colour))(rng)
    front = made_of.panels(rng, colour)
    top = made_of.counter_top(rng)
    toe = made_of.plain(rng, made_of.BLACK)
    b.slab((-h, 0, 0.1), (h, depth - 0.03, height - 0.03), front)
    b.slab((-h, 0, 0), (h, depth - 0.09, 0.1), toe)
    handle = made_of.metal(rng)
    x = -h
    while x < h - 0.25:  # doors and drawers as solids, with handles
        w = min(rng.choice((0.3, 0.4, 0.45, 0.6, 0.6, 0.9)), h - x)
        z = rng.choice((height - 0.05, height - 0.2, height - 0.2))
        door = front if rng.random() < 0.93 else made_of.metal(rng)
        b.slab((x + 0.004, depth - 0.04, 0.12), (x + w - 0.004, depth - 0.012, z), door)
        b.slab(
            (x + 0.004, depth - 0.04, z + 0.006),
            (x + w - 0.004, depth - 0.012, height - 0.04),
            door,
        )
        if rng.random() < 0.9:
            b.box((x + 0.5 * w, depth, z - 0.05), (min(0.08, 0.3 * w), 0.012, 0.006), handle)
        x += w
    b.slab((-h, 0, height - 0.03), (h, depth, height), top)
    splash = rng.uniform(0.35, 0.6)
    if rng.random() < 0.75:
        b.slab((-h, 0.0, height), (h, 0.012, height + splash), made_of.tiles(rng))
    if rng.random() < 0.55:  # a sink with a tap
        sx = rng.uniform(-0.6, 0.6) * (h - 0.3)
        steel = made_of.metal(rng)
        b.box((sx, 0.52 * depth, height), (0.25, 0.19, 0.004), steel)
        dark = made_of.plain(rng, (0.12, 0.12, 0.13), 0.8)
        b.box((sx, 0.52 * depth, height + 0.002), (0.21, 0.15, 0.004), dark)
        b.pillar((sx, 0.1, height), 0.014, 0.22, steel)
        b.rod((sx, 0.18, height + 0.22), 0.011, 0.09, steel, roll=1.5708)
    if rng.random() < 0.4:  # a hob, an oven below it
        sx = rng.uniform(-0.6, 0.6) * (h - 0.3)
        b.box(
            (sx, 0.5 * depth, height + 0.003),
            (0.28, 0.24, 0.005),
            made_of.plain(rng, made_of.BLACK, 0.9),
        )
        b.box((sx, depth - 0.01, 0.48), (0.28, 0.012, 0.28), made_of.plain(rng, made_of.BLACK, 0.9))
        b.box((sx, depth + 0.02, 0.7), (0.22, 0.01, 0.008), handle)
        if rng.random() < 0.5:
            pot = made_of.metal(rng)
            b.pillar((sx - 0.12, 0.4 * depth, height), 0.1, 0.13, pot)
    if rng.random() < 0.35:  # a microwave oven
        sx = rng.choice((-1, 1)) * (h - 0.35)
        body = made_of.plain(rng, rng.choice((made_of.WHITE, made_of.BLACK, (0.4, 0.4, 0.4))), 0.6)
        b.slab((sx - 0.25, 0.05, height), (sx + 0.25, 0.42, height + 0.28), body)
        b.box(
            (sx - 0.06, 0.42, height + 0.14),
            (0.16, 0.004, 0.1),
            made_of.plain(rng, made_of.BLACK, 0.9),
        )
    with b.frame(0, 0.5 * depth, height):
        things.clutter(b, rng, 0.95 * width, 0.75 * depth, rng.uniform(3, 13), 0.45)
    style = rng.random()
    bottom = height + splash
    if style < 0.55:
        upper = front if rng.random() < 0.75 else made_of.panels(rng)
        high = min(ceiling - 0.05, bottom + rng.uniform(0.6, 0.9))
        x = -h
        while x < h - 0.3:
            w = min(rng.choice((0.4, 0.6, 0.8, 0.9)), h - x)
            if rng.random() < 0.85:
                b.slab((x + 0.003, 0, bottom), (x + w - 0.003, 0.33, high), upper)
                b.box((x + w - 0.05, 0.34, bottom + 0.12), (0.006, 0.01, 0.05), handle)
            x += w
    elif style < 0.85:
        for _ in range(rng.randrange(1, 3)):
            with b.frame(0, 0, bottom):
                furniture.wall_shelf(b, rng, 0.9 * width)
            bottom += 0.4
    b.interest(rng.uniform(-0.5, 0.5) * h, 0.5 * depth, height)


def fridge(b: SceneBuilder, rng: Random) -> None:
    """A fridge with a freezer, notes on its door."""
    w, d, h = rng.uniform(0.28, 0.42), rng.uniform(0.58, 0.75), rng.uniform(1.2, 1.9)
    m = (
        made_of.metal(rng)
        if rng.random() < 0.4
        else made_of.plain(
            rng,
            rng.choice((made_of.WHITE, made_of.WHITE, made_of.BLACK, made_of.any_colour(rng))),
            0.6,
        )
    )
    split = h * rng.uniform(0.3, 0.7)
    b.slab((-w, 0, 0.04), (w, d - 0.06, h), m)
    b.slab((-w, d - 0.05, 0.05), (w, d, split - 0.005), m)
    b.slab((-w, d - 0.05, split + 0.005), (w, d, h), m)
    bar = made_of.metal(rng)
    for z in (split - 0.2, split + 0.2):
        b.box((-w + 0.05, d + 0.025, z), (0.01, 0.012, 0.15), bar)
    for _ in range(rng.randrange(5)):  # notes and magnets
        b.box(
            (rng.uniform(-0.7, 0.7) * w, d + 0.002, rng.uniform(0.9, h - 0.15)),
            (rng.uniform(0.03, 0.1), 0.002, rng.uniform(0.03, 0.12)),
            made_of.packaging(rng),
        )


def enamel(rng: Random) -> Material:
    return made_of.plain(rng, made_of.shade(made_of.WHITE, rng.uniform(0.85, 1.1)), 0.9)


def tub(b: SceneBuilder, rng: Random) -> None:
    """A bathtub, perhaps with a curtain."""
    white = enamel(rng)
    h = 0.8
    b.slab((-h, 0, 0), (h, 0.7, 0.5), white)
    b.slab((-h, 0, 0.5), (h, 0.07, 0.56), white)
    b.slab((-h, 0.63, 0.5), (h, 0.7, 0.56), white)
    for x in (-h + 0.035, h - 0.035):
        b.box((x, 0.35, 0.53), (0.035, 0.35, 0.03), white)
    if rng.random() < 0.5:
        b.slab((-h, 0.66, 0.4), (0, 0.68, 2.0), made_of.curtain(rng))


def basin(b: SceneBuilder, rng: Random) -> None:
    """A wash basin on a cabinet, with a tap."""
    white = enamel(rng)
    furniture.cabinet(b, rng, 0.6, 0.45, 0.8)
    b.pillar((0, 0.25, 0.8), 0.17, 0.1, white, taper=1.35)
    tap = made_of.metal(rng)
    b.pillar((0, 0.06, 0.82), 0.015, 0.2, tap)
    b.rod((0, 0.12, 1.0), 0.012, 0.07, tap, roll=1.5708)


def toilet(b: SceneBuilder, rng: Random) -> None:
    """A toilet with its cistern."""
    white = enamel(rng)
    b.slab((-0.2, 0, 0.35), (0.2, 0.18, 0.78), white)
    b.pillar((0, 0.42, 0), 0.13, 0.4, white, taper=1.45)
    b.ball((0, 0.42, 0.41), (0.19, 0.24, 0.03), white)
