"""Small things, as compositions of solids: what lies on tables, shelves and sills.

Each function adds one to a builder's current frame, standing on z = 0 about the origin. Sizes are
drawn around those of real things.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder


def clutter(
    b: SceneBuilder, rng: Random, width: float, depth: float, density: float, tallest: float = 0.6
) -> None:
    """Things on a top of width x depth centred at the origin; density: pieces per square metre."""
    count = min(18, int(1.5 * width * depth * density + rng.random()))
    for _ in range(count):
        x = rng.uniform(-0.46, 0.46) * width
        y = rng.uniform(-0.42, 0.42) * depth
        with b.frame(x, y, 0.0, rng.uniform(-3.1, 3.1) if rng.random() < 0.6 else 0.0):
            thing(b, rng, tallest)


def pile_of_books(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A pile of books."""
    z = 0.0
    for _ in range(rng.randrange(1, 6)):
        h = rng.uniform(0.008, 0.04)
        if z + h > tallest:
            break
        b.box(
            (0, 0, z + 0.5 * h),
            (rng.uniform(0.07, 0.12), rng.uniform(0.1, 0.16), 0.5 * h),
            made_of.packaging(rng),
            yaw=rng.uniform(-0.4, 0.4),
        )
        z += h


def mug(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A mug."""
    m = made_of.plain(rng, made_of.any_colour(rng), 0.6)
    r = rng.uniform(0.032, 0.05)
    h = rng.uniform(0.07, 0.11)
    b.pillar((0, 0, 0), r, h, m, taper=rng.uniform(0.95, 1.25))
    b.box((r + 0.012, 0, 0.5 * h), (0.014, 0.005, 0.3 * h), m)
    b.pillar((0, 0, h), 0.85 * r, 0.001, made_of.plain(rng, (0.05, 0.03, 0.02)))


def bottle(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A bottle."""
    m = made_of.plain(rng, made_of.any_colour(rng), 0.9)
    r = rng.uniform(0.025, 0.05)
    h = min(tallest, rng.uniform(0.15, 0.32))
    b.pillar((0, 0, 0), r, 0.62 * h, m)
    b.pillar((0, 0, 0.62 * h), r, 0.2 * h, m, taper=0.35)
    b.pillar((0, 0, 0.82 * h), 0.36 * r, 0.18 * h, made_of.plain(rng, made_of.any_colour(rng)))
    if rng.random() < 0.6:
        b.pillar((0, 0, 0.15 * h), 1.01 * r, 0.3 * h, made_of.packaging(rng))


def bowl(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A bowl, perhaps of fruit."""
    r = rng.uniform(0.07, 0.16)
    h = rng.uniform(0.04, 0.1)
    b.pillar((0, 0, 0), 0.55 * r, h, made_of.plain(rng, made_of.any_colour(rng), 0.6), taper=1.8)
    if rng.random() < 0.6:
        m = made_of.plain(rng, made_of.any_colour(rng), 0.5)
        for _ in range(4):
            s = rng.uniform(0.025, 0.04)
            b.ball((rng.uniform(-0.5, 0.5) * r, rng.uniform(-0.5, 0.5) * r, h), (s, s, s), m)


def plate(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A plate."""
    b.pillar(
        (0, 0, 0),
        rng.uniform(0.07, 0.1),
        0.018,
        made_of.plain(rng, made_of.muted_colour(rng), 0.6),
        taper=1.35,
    )


def carton(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A carton."""
    h = min(tallest, rng.uniform(0.05, 0.35))
    b.box(
        (0, 0, 0.5 * h),
        (rng.uniform(0.03, 0.16), rng.uniform(0.03, 0.12), 0.5 * h),
        made_of.packaging(rng),
    )


def papers(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """Papers, a magazine, a mat."""
    for _ in range(rng.randrange(1, 4)):
        b.box(
            (rng.uniform(-0.08, 0.08), rng.uniform(-0.08, 0.08), rng.uniform(0.001, 0.006)),
            (rng.choice((0.075, 0.105)), rng.choice((0.105, 0.15)), 0.001),
            made_of.paper(rng) if rng.random() < 0.6 else made_of.packaging(rng),
            yaw=rng.uniform(-1.5, 1.5),
        )


def laptop(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A laptop."""
    body = made_of.plain(rng, rng.choice((made_of.BLACK, (0.4, 0.4, 0.42))), 0.5)
    b.box((0, 0, 0.01), (0.17, 0.12, 0.01), body)
    b.box((0, 0, 0.0205), (0.15, 0.06, 0.001), made_of.plain(rng, made_of.BLACK))
    if tallest > 0.25:
        lean = rng.uniform(0.1, 0.6)
        y = -0.12 - 0.11 * math.sin(lean)
        z = 0.01 + 0.11 * math.cos(lean)
        b.box((0, y, z), (0.17, 0.005, 0.11), body, roll=lean)
        b.box((0, y + 0.006, z), (0.16, 0.001, 0.1), made_of.screen(rng), roll=lean)


def leaning_picture(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A leaning picture or notice."""
    h = min(0.9 * tallest, rng.uniform(0.1, 0.35))
    lean = rng.uniform(0.1, 0.4)
    b.box(
        (0, 0, 0.5 * h * math.cos(lean)),
        (rng.uniform(0.06, 0.2), 0.006, 0.5 * h),
        made_of.print_on(rng, rng.uniform(0.0, 0.02), made_of.any_colour(rng)),
        roll=lean,
    )


def jars(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A row of jars."""
    r = rng.uniform(0.025, 0.06)
    h = min(tallest, rng.uniform(0.07, 0.25))
    m = made_of.plain(rng, made_of.any_colour(rng), 0.8)
    lid = made_of.plain(rng, made_of.any_colour(rng), 0.5)
    for k in range(rng.randrange(1, 5)):
        s = rng.uniform(0.7, 1.1)
        b.pillar(((k - 1.5) * 2.3 * r, 0, 0), r, h * s, m)
        b.pillar(((k - 1.5) * 2.3 * r, 0, h * s), r * 0.9, 0.015, lid)


def kettle(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A kettle or vase."""
    r = rng.uniform(0.05, 0.09)
    h = min(tallest, rng.uniform(0.14, 0.3))
    m = (
        made_of.metal(rng)
        if rng.random() < 0.5
        else made_of.plain(rng, made_of.any_colour(rng), 0.7)
    )
    b.pillar((0, 0, 0), r, 0.8 * h, m, taper=rng.uniform(0.5, 1.2))
    b.ball((0, 0, 0.8 * h), (0.6 * r, 0.6 * r, 0.12 * h), m)
    b.box((1.2 * r, 0, 0.5 * h), (0.01, 0.01, 0.3 * h), made_of.plain(rng, made_of.BLACK))


def soft_thing(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """A soft or round thing."""
    r = min(0.4 * tallest, rng.uniform(0.03, 0.14))
    b.ball(
        (0, 0, 0.8 * r),
        (r * rng.uniform(0.8, 1.6), r * rng.uniform(0.7, 1.2), 0.8 * r),
        made_of.fabric(rng),
    )


def if_it_fits(
    needed: float, make: Callable[[SceneBuilder, Random], None]
) -> Callable[[SceneBuilder, Random, float], None]:
    """What `make` makes where there is more than `needed` metres of room, else another thing."""

    def fitting(b: SceneBuilder, rng: Random, tallest: float) -> None:
        if tallest > needed:
            make(b, rng)
        else:
            thing(b, rng, tallest)

    return fitting


def pot_plant(b: SceneBuilder, rng: Random) -> None:
    plant(b, rng, rng.uniform(0.2, 0.45))


def standing_books(b: SceneBuilder, rng: Random, tallest: float) -> None:
    books(b, rng, rng.uniform(0.15, 0.5), 0.16, min(tallest, 0.27))


def books(b: SceneBuilder, rng: Random, width: float, depth: float, height: float) -> None:
    """A standing row of books centred at the origin: single solids where few, else spines."""
    if height < 0.05:
        return
    if rng.random() < 0.45:
        h = height * rng.uniform(0.75, 0.98)
        b.box((0, 0, 0.5 * h), (0.5 * width, 0.5 * depth, 0.5 * h), made_of.spines(rng))
        return
    x = -0.5 * width
    while x < 0.5 * width - 0.02:
        t = rng.uniform(0.015, 0.055)
        h = height * rng.uniform(0.6, 0.98)
        b.box(
            (x + 0.5 * t, rng.uniform(-0.2, 0.1) * depth, 0.5 * h),
            (0.48 * t, 0.4 * depth, 0.5 * h),
            made_of.plain(rng, made_of.any_colour(rng), 0.3),
        )
        x += t
        if rng.random() < 0.05:
            x += rng.uniform(0.05, 0.2)


def monitor(b: SceneBuilder, rng: Random) -> None:
    w, h = rng.uniform(0.2, 0.32), rng.uniform(0.14, 0.2)
    body = made_of.plain(rng, rng.choice((made_of.BLACK, (0.3, 0.3, 0.3), (0.6, 0.58, 0.52))))
    lift = rng.uniform(0.08, 0.18)
    b.box((0, -0.05, 0.01), (0.12, 0.08, 0.01), body)
    b.box((0, -0.06, 0.5 * lift), (0.03, 0.015, 0.5 * lift + 0.05), body)
    back = rng.choice((0.02, 0.02, 0.15))
    b.box((0, -back, lift + h), (w, back, h), body)
    b.box((0, 0.001, lift + h), (w - 0.015, 0.001, h - 0.015), made_of.screen(rng))


def table_lamp(b: SceneBuilder, rng: Random) -> None:
    h = rng.uniform(0.25, 0.45)
    m = made_of.metal(rng) if rng.random() < 0.5 else made_of.furniture(rng)
    b.pillar((0, 0, 0), rng.uniform(0.06, 0.1), 0.03, m)
    b.pillar((0, 0, 0), rng.uniform(0.012, 0.05), h, m)
    colour = made_of.from_hsv(0.1, rng.uniform(0.0, 0.4), 0.95)
    lamp = (
        made_of.glowing(colour, rng.uniform(1.0, 3.0))
        if rng.random() < 0.5
        else made_of.plain(rng, made_of.muted_colour(rng))
    )
    r = rng.uniform(0.1, 0.18)
    b.pillar((0, 0, 0.85 * h), r, rng.uniform(0.14, 0.25), lamp, taper=rng.uniform(0.45, 0.9))


def plant(b: SceneBuilder, rng: Random, height: float) -> None:
    pot = 0.22 * height + 0.04
    r = 0.14 * height + 0.04
    b.pillar((0, 0, 0), r, pot, made_of.plain(rng, made_of.muted_colour(rng)), taper=1.2)
    b.pillar((0, 0, 0), 0.012, 0.7 * height, made_of.plain(rng, (0.1, 0.06, 0.03)))
    for _ in range(rng.randrange(7, 18)):
        green = made_of.plain(
            rng, made_of.from_hsv(rng.gauss(0.28, 0.04), 0.6, rng.uniform(0.2, 0.6))
        )
        a = rng.uniform(0, 6.28)
        d = rng.uniform(0.2, 1.0) * 0.38 * height
        size = rng.uniform(0.08, 0.2) * height
        b.ball(
            (d * math.cos(a), d * math.sin(a), rng.uniform(0.4, 0.95) * height),
            (size, 0.35 * size, 0.12 * size),
            green,
            yaw=a,
            pitch=rng.uniform(-1.2, 0.9),
        )


THINGS: tuple[Callable[[SceneBuilder, Random, float], None], ...] = (
    pile_of_books,
    mug,
    bottle,
    bottle,
    bowl,
    plate,
    carton,
    carton,
    papers,
    papers,
    laptop,
    if_it_fits(0.45, monitor),
    if_it_fits(0.4, table_lamp),
    if_it_fits(0.3, pot_plant),
    leaning_picture,
    jars,
    kettle,
    standing_books,
    soft_thing,
)
"""What lies about, each as likely as the others; the place in it is what is drawn."""


def thing(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """One small object at the origin, at most about `tallest` metres high."""
    THINGS[rng.randrange(len(THINGS))](b, rng, tallest)
