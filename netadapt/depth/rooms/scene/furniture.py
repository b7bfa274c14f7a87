"""Tables, beds, cupboards, shelves and what else is moved in, as compositions of solids.

Each function adds one piece to a builder's current frame: its foot at z = 0, its back along y = 0
and its front towards +y where it belongs to a wall, its middle at the origin where it stands free.
Sizes are drawn around those of real furniture. Where pieces stand is decided in `furnishing`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene import seats, things
from netadapt.depth.rooms.scene.description import Material
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder


def legs(
    b: SceneBuilder, rng: Random, width: float, depth: float, height: float, material: Material
) -> None:
    """Four legs under a rectangle centred at the origin, square or round, or two side panels."""
    style = rng.random()
    thick = rng.uniform(0.015, 0.04)
    x, y = 0.5 * width - thick - 0.02, 0.5 * depth - thick - 0.02
    if style < 0.12:
        for sx in (-x, x):
            b.box((sx, 0, 0.5 * height), (0.015, 0.5 * depth - 0.02, 0.5 * height), material)
        return
    if style < 0.2:
        b.pillar((0, 0, 0), 0.05, height, material)
        b.pillar((0, 0, 0), 0.3 * min(width, depth), 0.03, material)
        return
    for sx in (-x, x):
        for sy in (-y, y):
            if style < 0.7:
                b.box((sx, sy, 0.5 * height), (thick, thick, 0.5 * height), material)
            else:
                b.pillar((sx, sy, 0), 0.6 * thick, height, material, taper=rng.choice((1.0, 1.4)))
    if rng.random() < 0.4:
        b.box((0, 0, height - 0.05), (x, y, 0.05), material)


def table(
    b: SceneBuilder, rng: Random, width: float, depth: float, height: float, density: float
) -> None:
    """A table centred at the origin with things on it."""
    top = made_of.furniture(rng, turned=width < depth)
    base = top if rng.random() < 0.6 else made_of.furniture(rng, turned=True)
    thick = rng.uniform(0.01, 0.03)
    if abs(width - depth) < 0.25 and rng.random() < 0.5:
        b.pillar((0, 0, height - 2 * thick), 0.5 * width, 2 * thick, top)
        width = depth = 0.75 * width
    else:
        b.box((0, 0, height - thick), (0.5 * width, 0.5 * depth, thick), top)
    legs(b, rng, width, depth, height - 2 * thick, base)
    if rng.random() < 0.2:  # cloth or runner
        b.box(
            (0, 0, height + 0.001),
            (0.5 * width * rng.uniform(0.3, 1.0), 0.5 * depth * rng.uniform(0.3, 1.0), 0.002),
            made_of.fabric(rng),
        )
    with b.frame(0, 0, height + 0.003):
        things.clutter(b, rng, width, depth, density)
    b.interest(0, 0, height)


def bed(b: SceneBuilder, rng: Random, width: float) -> None:
    """A bed with its head at y = 0."""
    length = rng.uniform(1.9, 2.1)
    frame = made_of.furniture(rng)
    sheet = made_of.fabric(rng)
    blanket = made_of.fabric(rng)
    h = 0.5 * width
    top = rng.uniform(0.42, 0.62)
    b.slab((-h, 0, 0.12), (h, length, top - 0.2), frame)
    b.slab((-h + 0.02, 0.03, top - 0.2), (h - 0.02, length - 0.02, top), sheet)
    start = rng.uniform(0.4, 0.9)
    b.slab((-h - 0.01, start, top - 0.25), (h + 0.01, length + 0.01, top + 0.04), blanket)
    b.ball((0, 0.6 * length, top), (0.8 * h, 0.3 * length, rng.uniform(0.05, 0.13)), blanket)
    head = rng.uniform(0.7, 1.3)
    b.slab((-h, -0.02, 0), (h, 0.03, head), made_of.fabric(rng) if rng.random() < 0.3 else frame)
    if rng.random() < 0.4:
        b.slab((-h, length, 0), (h, length + 0.04, top + 0.1), frame)
    for k in range(2 if width > 1.2 else 1):
        x = (k - 0.5) * 0.5 * width if width > 1.2 else 0.0
        cover = made_of.fabric(rng)
        b.ball((x, 0.28, top + 0.09), (min(0.36, 0.42 * h + 0.1), 0.22, 0.1), cover, roll=-0.25)
        if rng.random() < 0.5:
            seats.cushion(b, rng, x, 0.42, top, 0.4)
    for _ in range(rng.randrange(3)):
        with b.frame(
            rng.uniform(-0.6, 0.6) * h, rng.uniform(0.9, 1.7), top + 0.05, rng.uniform(-3, 3)
        ):
            things.thing(b, rng, 0.3)
    b.interest(0, 0.5 * length, top)


def cabinet(b: SceneBuilder, rng: Random, width: float, depth: float, height: float) -> None:
    """A closed cabinet, chest of drawers or wardrobe; its doors as texture or as solids."""
    carcass = made_of.furniture(rng, turned=True)
    h = 0.5 * width
    foot = rng.choice((0.0, 0.05, 0.1))
    style = rng.random()
    if style < 0.45:
        front = made_of.panels(rng, carcass.colours[0] if rng.random() < 0.6 else None)
        b.slab((-h, 0, foot), (h, depth, height), front)
    else:
        b.slab((-h, 0, foot), (h, depth - 0.02, height), carcass)
        face = carcass if style < 0.8 else made_of.furniture(rng, turned=True)
        rows = max(1, round(height / rng.choice((0.22, 0.3, 0.9, 2.0))))
        columns = max(1, round(width / rng.uniform(0.4, 0.6)))
        knob = made_of.metal(rng)
        while rows * columns > 14:
            rows -= 1
        bar = rng.random() < 0.5
        for r in range(rows):
            for c in range(columns):
                x0, x1 = -h + width * c / columns, -h + width * (c + 1) / columns
                z0, z1 = (foot + (height - foot) * (r + k) / rows for k in (0, 1))
                b.slab(
                    (x0 + 0.006, depth - 0.03, z0 + 0.006), (x1 - 0.006, depth, z1 - 0.006), face
                )
                xk = 0.5 * (x0 + x1) if rows > 1 else (x1 - 0.06 if c % 2 == 0 else x0 + 0.06)
                zk = 0.5 * (z0 + z1) if height < 1.2 or rows > 1 else 1.0
                if bar:
                    size = (0.06, 0.01, 0.007) if rows > 1 else (0.007, 0.01, 0.07)
                    b.box((xk, depth + 0.012, zk), size, knob)
                else:
                    b.ball((xk, depth + 0.012, zk), (0.015, 0.015, 0.015), knob)
    b.slab((-h - 0.01, 0, height), (h + 0.01, depth + 0.015, height + 0.025), carcass)
    if height < 1.5:
        with b.frame(0, 0.5 * depth, height + 0.025):
            things.clutter(b, rng, width, 0.8 * depth, rng.uniform(2.0, 12.0), 0.7)
        b.interest(0, 0.5 * depth, height)


def shelves(b: SceneBuilder, rng: Random, width: float, depth: float, height: float) -> None:
    """An open bookcase."""
    m = made_of.furniture(rng, turned=True)
    h = 0.5 * width
    t = 0.011
    for x in (-h + t, h - t):
        b.box((x, 0.5 * depth, 0.5 * height), (t, 0.5 * depth, 0.5 * height), m)
    if rng.random() < 0.7:
        b.slab((-h, 0, 0), (h, 0.01, height), m if rng.random() < 0.6 else made_of.furniture(rng))
    n = max(2, round(height / rng.uniform(0.28, 0.42)))
    for k in range(n + 1):
        z = 0.05 + (height - 0.06) * k / n
        b.box((0, 0.5 * depth, z), (h, 0.5 * depth, t), m)
        if k == n:
            break
        gap = (height - 0.06) / n - 2 * t
        with b.frame(0, 0.5 * depth, z + t):
            fill = rng.random()
            if fill < 0.55:
                part = rng.uniform(0.35, 1.0) * (width - 0.05)
                with b.frame(rng.choice((-1, 1)) * 0.5 * (width - 0.05 - part), 0.02):
                    things.books(b, rng, part, 0.75 * depth, 0.92 * gap)
            elif fill < 0.9:
                things.clutter(b, rng, 0.8 * width, 0.5 * depth, rng.uniform(8, 25), 0.9 * gap)
    if height < 1.4:
        with b.frame(0, 0.5 * depth, height + 0.01):
            things.clutter(b, rng, width, 0.8 * depth, 8.0, 0.5)


def wall_shelf(b: SceneBuilder, rng: Random, width: float) -> None:
    """A board on the wall with things on it."""
    depth = rng.uniform(0.15, 0.28)
    b.slab((-0.5 * width, 0, 0), (0.5 * width, depth, 0.025), made_of.furniture(rng))
    with b.frame(0, 0.5 * depth, 0.025):
        if rng.random() < 0.4:
            things.books(b, rng, rng.uniform(0.3, 0.9) * width, 0.8 * depth, 0.26)
        else:
            things.clutter(b, rng, width, 0.6 * depth, rng.uniform(15, 40), 0.35)


def desk(b: SceneBuilder, rng: Random, width: float) -> None:
    """A desk at a wall with a computer and what lies about."""
    depth, height = rng.uniform(0.55, 0.8), rng.uniform(0.7, 0.78)
    top = made_of.furniture(rng)
    b.slab((-0.5 * width, 0, height - 0.03), (0.5 * width, depth, height), top)
    with b.frame(0, 0.5 * depth):
        legs(b, rng, width, depth, height - 0.03, top if rng.random() < 0.5 else made_of.metal(rng))
    if rng.random() < 0.5:
        x = rng.choice((-1, 1)) * (0.5 * width - 0.25)
        front = made_of.panels(rng, top.colours[0], drawers=True)
        b.slab((x - 0.2, 0.05, 0.04), (x + 0.2, depth - 0.04, height - 0.05), front)
    if rng.random() < 0.7:
        x = rng.uniform(-0.25, 0.25) * width
        for k in range(rng.choice((1, 1, 2))):
            with b.frame(x + 0.62 * k, 0.22, height, rng.uniform(-0.3, 0.3)):
                things.monitor(b, rng)
        m = made_of.plain(rng, rng.choice((made_of.BLACK, (0.6, 0.6, 0.58))))
        b.box((x, depth - 0.2, height + 0.01), (0.22, 0.07, 0.01), m, yaw=rng.uniform(-0.1, 0.1))
    with b.frame(0, 0.5 * depth, height):
        things.clutter(b, rng, width, 0.9 * depth, rng.uniform(4, 14), 0.5)
    if rng.random() < 0.3:
        with b.frame(0, 0, height + rng.uniform(0.45, 0.7)):
            wall_shelf(b, rng, 0.9 * width)
    b.interest(0, 0.5 * depth, height)


def television(b: SceneBuilder, rng: Random, width: float) -> None:
    cabinet(b, rng, width, 0.42, rng.uniform(0.4, 0.6))
    w = min(0.48 * width, rng.uniform(0.35, 0.65))
    with b.frame(0, 0.2, rng.uniform(0.55, 0.65)):
        body = made_of.plain(rng, made_of.BLACK, 0.6)
        deep = rng.choice((0.03, 0.03, 0.2))
        b.box((0, -deep, 0.58 * w + 0.05), (w, deep, 0.56 * w), body)
        b.box((0, 0.002, 0.58 * w + 0.06), (w - 0.03, 0.002, 0.56 * w - 0.03), made_of.screen(rng))
        b.box((0, 0, 0.03), (0.3 * w, 0.1, 0.03), body)


def floor_lamp(b: SceneBuilder, rng: Random) -> None:
    h = rng.uniform(1.3, 1.8)
    m = made_of.metal(rng)
    b.pillar((0, 0, 0), 0.14, 0.025, m)
    b.pillar((0, 0, 0), 0.013, h, m)
    glow = made_of.glowing(made_of.from_hsv(0.1, rng.uniform(0, 0.4), 0.97), rng.uniform(1.0, 4.0))
    dull = made_of.plain(rng, made_of.muted_colour(rng))
    b.pillar(
        (0, 0, h - 0.1),
        rng.uniform(0.12, 0.22),
        0.28,
        glow if rng.random() < 0.6 else dull,
        taper=rng.choice((0.5, 0.8, 1.6)),
    )


def waste_bin(b: SceneBuilder, rng: Random) -> None:
    """A bin."""
    b.pillar(
        (0, 0, 0),
        rng.uniform(0.1, 0.16),
        rng.uniform(0.25, 0.6),
        made_of.plain(rng, made_of.any_colour(rng), 0.4),
        taper=1.25,
    )


def cartons(b: SceneBuilder, rng: Random) -> None:
    """A pile of cartons."""
    z = 0.0
    for _ in range(rng.randrange(1, 4)):
        h = rng.uniform(0.08, 0.2)
        m = made_of.plain(rng, made_of.from_hsv(0.085, 0.4, rng.uniform(0.5, 0.8)), 0.0)
        if rng.random() < 0.5:
            m = made_of.packaging(rng)
        b.box(
            (0, 0, z + h),
            (rng.uniform(0.12, 0.3), rng.uniform(0.12, 0.25), h),
            m,
            yaw=rng.uniform(-0.4, 0.4),
        )
        z += 2 * h


def bag(b: SceneBuilder, rng: Random) -> None:
    """A bag with a pocket."""
    r = rng.uniform(0.12, 0.22)
    b.ball((0, 0, 1.1 * r), (r, 0.7 * r, 1.15 * r), made_of.fabric(rng), roll=0.1)
    b.ball((0, 0.6 * r, 0.7 * r), (0.7 * r, 0.35 * r, 0.6 * r), made_of.fabric(rng))


def toys(b: SceneBuilder, rng: Random) -> None:
    """Balls and the like, strewn."""
    for _ in range(rng.randrange(2, 6)):
        s = rng.uniform(0.04, 0.14)
        b.ball(
            (rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), s),
            (s, s, s),
            made_of.plain(rng, made_of.any_colour(rng), 0.4),
        )


def pouf(b: SceneBuilder, rng: Random) -> None:
    """A pouf or basket."""
    s = rng.uniform(0.2, 0.35)
    b.pillar((0, 0, 0), s, rng.uniform(0.3, 0.45), made_of.fabric(rng), taper=0.95)


def tall_plant(b: SceneBuilder, rng: Random) -> None:
    things.plant(b, rng, rng.uniform(0.5, 1.4))


ON_THE_FLOOR: tuple[Callable[[SceneBuilder, Random], None], ...] = (
    waste_bin,
    cartons,
    cartons,
    bag,
    tall_plant,
    toys,
    pouf,
    seats.stool,
)
"""What stands about, each as likely as the others; the place in it is what is drawn."""


def floor_things(b: SceneBuilder, rng: Random) -> None:
    """One thing on the floor about the origin."""
    ON_THE_FLOOR[rng.randrange(len(ON_THE_FLOOR))](b, rng)
