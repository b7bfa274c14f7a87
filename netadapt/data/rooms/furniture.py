"""Pieces of furniture and the things that lie on them, as compositions of solids.

Each function adds one piece to a builder's current frame: its foot at z = 0, its back along y = 0
and its front towards +y where it belongs to a wall, its middle at the origin where it stands free.
Sizes are drawn around those of real furniture. Where pieces stand is decided in `layout`.
"""

from __future__ import annotations

import math
from random import Random

from netadapt.data.rooms import materials as made_of
from netadapt.data.rooms.solids import Material, SceneBuilder


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


def thing(b: SceneBuilder, rng: Random, tallest: float) -> None:
    """One small object at the origin."""
    pick = rng.randrange(19)
    if pick == 0:  # a pile of books
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
    elif pick == 1:  # a mug
        m = made_of.plain(rng, made_of.any_colour(rng), 0.6)
        r = rng.uniform(0.032, 0.05)
        h = rng.uniform(0.07, 0.11)
        b.pillar((0, 0, 0), r, h, m, taper=rng.uniform(0.95, 1.25))
        b.box((r + 0.012, 0, 0.5 * h), (0.014, 0.005, 0.3 * h), m)
        b.pillar((0, 0, h), 0.85 * r, 0.001, made_of.plain(rng, (0.05, 0.03, 0.02)))
    elif pick in (2, 3):  # a bottle
        m = made_of.plain(rng, made_of.any_colour(rng), 0.9)
        r = rng.uniform(0.025, 0.05)
        h = min(tallest, rng.uniform(0.15, 0.32))
        b.pillar((0, 0, 0), r, 0.62 * h, m)
        b.pillar((0, 0, 0.62 * h), r, 0.2 * h, m, taper=0.35)
        b.pillar((0, 0, 0.82 * h), 0.36 * r, 0.18 * h, made_of.plain(rng, made_of.any_colour(rng)))
        if rng.random() < 0.6:
            b.pillar((0, 0, 0.15 * h), 1.01 * r, 0.3 * h, made_of.packaging(rng))
    elif pick == 4:  # a bowl, perhaps of fruit
        r = rng.uniform(0.07, 0.16)
        h = rng.uniform(0.04, 0.1)
        b.pillar(
            (0, 0, 0), 0.55 * r, h, made_of.plain(rng, made_of.any_colour(rng), 0.6), taper=1.8
        )
        if rng.random() < 0.6:
            m = made_of.plain(rng, made_of.any_colour(rng), 0.5)
            for _ in range(4):
                s = rng.uniform(0.025, 0.04)
                b.ball((rng.uniform(-0.5, 0.5) * r, rng.uniform(-0.5, 0.5) * r, h), (s, s, s), m)
    elif pick == 5:  # a plate
        b.pillar(
            (0, 0, 0),
            rng.uniform(0.07, 0.1),
            0.018,
            made_of.plain(rng, made_of.muted_colour(rng), 0.6),
            taper=1.35,
        )
    elif pick in (6, 7):  # a carton
        h = min(tallest, rng.uniform(0.05, 0.35))
        b.box(
            (0, 0, 0.5 * h),
            (rng.uniform(0.03, 0.16), rng.uniform(0.03, 0.12), 0.5 * h),
            made_of.packaging(rng),
        )
    elif pick in (8, 9):  # papers, a magazine, a mat
        for _ in range(rng.randrange(1, 4)):
            b.box(
                (rng.uniform(-0.08, 0.08), rng.uniform(-0.08, 0.08), rng.uniform(0.001, 0.006)),
                (rng.choice((0.075, 0.105)), rng.choice((0.105, 0.15)), 0.001),
                made_of.paper(rng) if rng.random() < 0.6 else made_of.packaging(rng),
                yaw=rng.uniform(-1.5, 1.5),
            )
    elif pick == 10:  # a laptop
        body = made_of.plain(rng, rng.choice((made_of.BLACK, (0.4, 0.4, 0.42))), 0.5)
        b.box((0, 0, 0.01), (0.17, 0.12, 0.01), body)
        b.box((0, 0, 0.0205), (0.15, 0.06, 0.001), made_of.plain(rng, made_of.BLACK))
        if tallest > 0.25:
            lean = rng.uniform(0.1, 0.6)
            y = -0.12 - 0.11 * math.sin(lean)
            z = 0.01 + 0.11 * math.cos(lean)
            b.box((0, y, z), (0.17, 0.005, 0.11), body, roll=lean)
            b.box((0, y + 0.006, z), (0.16, 0.001, 0.1), made_of.screen(rng), roll=lean)
    elif pick == 11:  # a monitor
        if tallest > 0.45:
            monitor(b, rng)
        else:
            thing(b, rng, tallest)
    elif pick == 12:  # a table lamp
        if tallest > 0.4:
            table_lamp(b, rng)
        else:
            thing(b, rng, tallest)
    elif pick == 13:  # a pot plant
        if tallest > 0.3:
            plant(b, rng, rng.uniform(0.2, 0.45))
        else:
            thing(b, rng, tallest)
    elif pick == 14:  # a leaning picture or notice
        h = min(0.9 * tallest, rng.uniform(0.1, 0.35))
        lean = rng.uniform(0.1, 0.4)
        b.box(
            (0, 0, 0.5 * h * math.cos(lean)),
            (rng.uniform(0.06, 0.2), 0.006, 0.5 * h),
            made_of.print_on(rng, rng.uniform(0.0, 0.02), made_of.any_colour(rng)),
            roll=lean,
        )
    elif pick == 15:  # a row of jars
        r = rng.uniform(0.025, 0.06)
        h = min(tallest, rng.uniform(0.07, 0.25))
        m = made_of.plain(rng, made_of.any_colour(rng), 0.8)
        lid = made_of.plain(rng, made_of.any_colour(rng), 0.5)
        for k in range(rng.randrange(1, 5)):
            s = rng.uniform(0.7, 1.1)
            b.pillar(((k - 1.5) * 2.3 * r, 0, 0), r, h * s, m)
            b.pillar(((k - 1.5) * 2.3 * r, 0, h * s), r * 0.9, 0.015, lid)
    elif pick == 16:  # a kettle or vase
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
    elif pick == 17:  # books standing
        books(b, rng, rng.uniform(0.15, 0.5), 0.16, min(tallest, 0.27))
    else:  # a soft or round thing
        r = min(0.4 * tallest, rng.uniform(0.03, 0.14))
        b.ball(
            (0, 0, 0.8 * r),
            (r * rng.uniform(0.8, 1.6), r * rng.uniform(0.7, 1.2), 0.8 * r),
            made_of.fabric(rng),
        )


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


def chair(b: SceneBuilder, rng: Random, style: dict[str, object]) -> None:
    """A chair centred at the origin, its front towards +y; `style` is shared by a set of chairs."""
    frame: Material = style["frame"]  # type: ignore[assignment]
    cover: Material = style["cover"]  # type: ignore[assignment]
    w: float = style["width"]  # type: ignore[assignment]
    seat: float = style["seat"]  # type: ignore[assignment]
    top: float = style["top"]  # type: ignore[assignment]
    back: int = style["back"]  # type: ignore[assignment]
    h = 0.5 * w
    t = 0.018
    if back == 5:  # office chair
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
        return
    for x in (-h + t, h - t):
        b.box((x, h - t, 0.5 * seat), (t, t, 0.5 * seat), frame)
        b.box((x, -h + t, 0.5 * top), (t, t, 0.5 * top), frame, roll=0.04)
    b.box((0, 0, seat - 0.02), (h, h, 0.022), cover)
    b.box((0, 0, seat - 0.06), (h - t, h - t, 0.02), frame)
    y = -h + t - 0.02
    if back == 0:  # upright slats
        n = rng.choice((3, 4, 5))
        for k in range(n):
            x = (k + 0.5) / n * (w - 4 * t) - (h - 2 * t)
            b.box((x, y, 0.5 * (seat + top)), (0.014, 0.008, 0.5 * (top - seat)), frame)
        b.box((0, y, top - 0.04), (h, 0.013, 0.045), frame)
    elif back == 1:  # level slats
        n = rng.choice((2, 3, 4, 5))
        for k in range(n):
            z = seat + 0.1 + (top - seat - 0.13) * (k + 0.5) / n
            b.box((0, y, z), (h - t, 0.009, 0.32 * (top - seat - 0.1) / n), frame)
        b.box((0, y, top - 0.035), (h, 0.013, 0.04), frame)
    elif back == 2:  # a solid back
        b.box((0, y, 0.5 * (seat + top) + 0.07), (h - t, 0.014, 0.5 * (top - seat) - 0.07), cover)
    elif back == 3:  # crossed
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
    if rng.random() < 0.4:
        for x in (-h + t, h - t):
            b.box((x, 0, 0.45 * seat), (0.6 * t, h - t, 0.6 * t), frame)


def chair_style(rng: Random, back: int | None = None) -> dict[str, object]:
    frame = made_of.furniture(rng, turned=True) if rng.random() < 0.75 else made_of.metal(rng)
    return {
        "frame": frame,
        "cover": made_of.fabric(rng) if rng.random() < 0.5 else frame,
        "width": rng.uniform(0.38, 0.5),
        "seat": rng.uniform(0.42, 0.48),
        "top": rng.uniform(0.78, 1.1),
        "back": rng.choice((0, 0, 1, 1, 2, 3, 4)) if back is None else back,
    }


def stool(b: SceneBuilder, rng: Random) -> None:
    h = rng.choice((0.45, 0.65, 0.75))
    m = made_of.furniture(rng)
    r = rng.uniform(0.15, 0.2)
    b.pillar((0, 0, h - 0.04), r, 0.04, m)
    for k in range(4):
        a = 0.785 + 1.571 * k
        b.pillar((0.8 * r * math.cos(a), 0.8 * r * math.sin(a), 0), 0.015, h - 0.04, m)


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
        clutter(b, rng, width, depth, density)
    b.interest(0, 0, height)


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
            cushion(b, rng, x, 0.42, top, 0.4)
    for _ in range(rng.randrange(3)):
        with b.frame(
            rng.uniform(-0.6, 0.6) * h, rng.uniform(0.9, 1.7), top + 0.05, rng.uniform(-3, 3)
        ):
            thing(b, rng, 0.3)
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
            clutter(b, rng, width, 0.8 * depth, rng.uniform(2.0, 12.0), 0.7)
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
                    books(b, rng, part, 0.75 * depth, 0.92 * gap)
            elif fill < 0.9:
                clutter(b, rng, 0.8 * width, 0.5 * depth, rng.uniform(8, 25), 0.9 * gap)
    if height < 1.4:
        with b.frame(0, 0.5 * depth, height + 0.01):
            clutter(b, rng, width, 0.8 * depth, 8.0, 0.5)


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
        clutter(b, rng, 0.95 * width, 0.75 * depth, rng.uniform(3, 13), 0.45)
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
                wall_shelf(b, rng, 0.9 * width)
            bottom += 0.4
    b.interest(rng.uniform(-0.5, 0.5) * h, 0.5 * depth, height)


def wall_shelf(b: SceneBuilder, rng: Random, width: float) -> None:
    """A board on the wall with things on it."""
    depth = rng.uniform(0.15, 0.28)
    b.slab((-0.5 * width, 0, 0), (0.5 * width, depth, 0.025), made_of.furniture(rng))
    with b.frame(0, 0.5 * depth, 0.025):
        if rng.random() < 0.4:
            books(b, rng, rng.uniform(0.3, 0.9) * width, 0.8 * depth, 0.26)
        else:
            clutter(b, rng, width, 0.6 * depth, rng.uniform(15, 40), 0.35)


def fridge(b: SceneBuilder, rng: Random) -> None:
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
                monitor(b, rng)
        m = made_of.plain(rng, rng.choice((made_of.BLACK, (0.6, 0.6, 0.58))))
        b.box((x, depth - 0.2, height + 0.01), (0.22, 0.07, 0.01), m, yaw=rng.uniform(-0.1, 0.1))
    with b.frame(0, 0.5 * depth, height):
        clutter(b, rng, width, 0.9 * depth, rng.uniform(4, 14), 0.5)
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


def floor_things(b: SceneBuilder, rng: Random) -> None:
    """A bin, bag, carton, basket, toy or pile on the floor."""
    pick = rng.randrange(8)
    if pick == 0:
        b.pillar(
            (0, 0, 0),
            rng.uniform(0.1, 0.16),
            rng.uniform(0.25, 0.6),
            made_of.plain(rng, made_of.any_colour(rng), 0.4),
            taper=1.25,
        )
    elif pick in (1, 2):
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
    elif pick == 3:
        r = rng.uniform(0.12, 0.22)
        b.ball((0, 0, 1.1 * r), (r, 0.7 * r, 1.15 * r), made_of.fabric(rng), roll=0.1)
        b.ball((0, 0.6 * r, 0.7 * r), (0.7 * r, 0.35 * r, 0.6 * r), made_of.fabric(rng))
    elif pick == 4:
        plant(b, rng, rng.uniform(0.5, 1.4))
    elif pick == 5:
        for _ in range(rng.randrange(2, 6)):
            s = rng.uniform(0.04, 0.14)
            b.ball(
                (rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), s),
                (s, s, s),
                made_of.plain(rng, made_of.any_colour(rng), 0.4),
            )
    elif pick == 6:
        s = rng.uniform(0.2, 0.35)
        b.pillar((0, 0, 0), s, rng.uniform(0.3, 0.45), made_of.fabric(rng), taper=0.95)
    else:
        stool(b, rng)


def bath(b: SceneBuilder, rng: Random, width: float) -> None:
    """A bathtub, basin or toilet with its back along y = 0."""
    white = made_of.plain(rng, made_of.shade(made_of.WHITE, rng.uniform(0.85, 1.1)), 0.9)
    if width > 1.3:
        h = 0.5 * width
        b.slab((-h, 0, 0), (h, 0.7, 0.5), white)
        b.slab((-h, 0, 0.5), (h, 0.07, 0.56), white)
        b.slab((-h, 0.63, 0.5), (h, 0.7, 0.56), white)
        for x in (-h + 0.035, h - 0.035):
            b.box((x, 0.35, 0.53), (0.035, 0.35, 0.03), white)
        if rng.random() < 0.5:
            b.slab((-h, 0.66, 0.4), (0, 0.68, 2.0), made_of.curtain(rng))
    elif width > 0.6:
        cabinet(b, rng, 0.6, 0.45, 0.8)
        b.pillar((0, 0.25, 0.8), 0.17, 0.1, white, taper=1.35)
        tap = made_of.metal(rng)
        b.pillar((0, 0.06, 0.82), 0.015, 0.2, tap)
        b.rod((0, 0.12, 1.0), 0.012, 0.07, tap, roll=1.5708)
    else:
        b.slab((-0.2, 0, 0.35), (0.2, 0.18, 0.78), white)
        b.pillar((0, 0.42, 0), 0.13, 0.4, white, taper=1.45)
        b.ball((0, 0.42, 0.41), (0.19, 0.24, 0.03), white)
