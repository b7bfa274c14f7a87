"""What things in rooms are made of: random materials, drawn per kind of thing.

Colours are linear RGB albedos. The draws are broad on purpose (domain randomisation): a network
must not learn that tables are brown. What a pattern looks like is left to `rendering/textures`.
"""

from __future__ import annotations

import colorsys
from random import Random
from typing import TypedDict

from netadapt.depth.rooms.scene.description import Colour, Material
from netadapt.depth.rooms.scene.pattern_kinds import (
    BLOBS,
    BRICKS,
    CARPET,
    CHECKS,
    DOTS,
    FOLDS,
    GRANITE,
    MARBLE,
    OUTSIDE,
    PANELS,
    PICTURE,
    PLAIN,
    PLANKS,
    SHEET,
    SLATS,
    SPINES,
    STRIPES,
    TILES,
    WEAVE,
    WOOD,
)

WHITE: Colour = (0.8, 0.79, 0.77)
BLACK: Colour = (0.02, 0.02, 0.022)


def new_seed(rng: Random) -> int:
    return rng.randrange(1, 1 << 20)


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """Linear RGB from hue, saturation and a *displayed* value (all 0 to 1)."""
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, min(1.0, max(0.0, saturation)), min(1.0, value))
    return r**2.2, g**2.2, b**2.2


def shade(colour: Colour, factor: float) -> Colour:
    """The colour, brighter or darker, kept below 0.92."""
    r, g, b = colour
    return min(0.92, r * factor), min(0.92, g * factor), min(0.92, b * factor)


def mixed(a: Colour, b: Colour, t: float) -> Colour:
    return (
        a[0] + (b[0] - a[0]) * t,
        a[1] + (b[1] - a[1]) * t,
        a[2] + (b[2] - a[2]) * t,
    )


def any_colour(rng: Random) -> Colour:
    return from_hsv(rng.random(), 0.9 * rng.random() ** 1.7, rng.uniform(0.12, 0.95))


def muted_colour(rng: Random) -> Colour:
    return from_hsv(rng.gauss(0.09, 0.12), abs(rng.gauss(0.0, 0.25)), rng.uniform(0.25, 0.95))


def wood_colour(rng: Random) -> Colour:
    return from_hsv(rng.gauss(0.075, 0.02), rng.uniform(0.25, 0.8), rng.uniform(0.14, 0.88))


class Finish(TypedDict, total=False):
    """The fields of `Material` that say how it shines."""

    specular: float
    gloss: float


def finish(rng: Random, glossy: float = 0.4) -> Finish:
    """Specular and gloss of a varnished or dull surface; `glossy`: how likely it is to shine."""
    if rng.random() > glossy:
        return {"specular": 0.0}
    return {"specular": rng.uniform(0.02, 0.12), "gloss": 10.0 ** rng.uniform(0.8, 2.6)}


def plain(rng: Random, colour: Colour, glossy: float = 0.3) -> Material:
    return Material(
        PLAIN,
        (colour, colour, colour),
        contrast=rng.uniform(0.02, 0.25),
        seed=new_seed(rng),
        **finish(rng, glossy),
    )


def wood(rng: Random, *, turned: bool = False, colour: Colour | None = None) -> Material:
    base = colour or wood_colour(rng)
    return Material(
        WOOD,
        (base, shade(base, rng.uniform(0.4, 0.8)), shade(base, 0.3)),
        size_m=rng.uniform(0.02, 0.09),
        contrast=rng.uniform(0.2, 0.9),
        seed=new_seed(rng),
        turned=turned,
        **finish(rng, 0.55),
    )


def furniture(rng: Random, *, turned: bool = False) -> Material:
    """Wood, paint, or laminate."""
    pick = rng.random()
    if pick < 0.55:
        return wood(rng, turned=turned)
    if pick < 0.75:
        return plain(rng, from_hsv(rng.random(), rng.uniform(0.0, 0.12), rng.uniform(0.7, 0.97)))
    if pick < 0.87:
        return plain(rng, any_colour(rng), 0.6)
    return plain(rng, from_hsv(rng.random(), rng.uniform(0.0, 0.2), rng.uniform(0.08, 0.4)), 0.5)


def metal(rng: Random) -> Material:
    value = rng.choice((0.06, 0.25, 0.45, 0.6, 0.75))
    colour = (value, value, value * rng.uniform(0.85, 1.05))
    return Material(
        PLAIN,
        (colour,) * 3,
        contrast=0.1,
        seed=new_seed(rng),
        specular=rng.uniform(0.1, 0.45),
        gloss=10.0 ** rng.uniform(1.2, 2.7),
        holes=rng.choice((0.0, 0.0, 0.3)),
    )


def panels(rng: Random, colour: Colour | None = None, *, drawers: bool | None = None) -> Material:
    """Cabinet doors or drawer fronts, as a texture."""
    base = colour or (wood_colour(rng) if rng.random() < 0.5 else any_colour(rng))
    handle = rng.choice((BLACK, (0.5, 0.5, 0.5), shade(base, 0.4)))
    in_rows = rng.random() < 0.35 if drawers is None else drawers
    return Material(
        PANELS,
        (base, shade(base, 0.6), handle),
        size_m=rng.uniform(0.35, 0.6),
        aspect=rng.uniform(0.3, 0.6) if in_rows else rng.uniform(1.3, 2.2),
        contrast=rng.random(),
        seed=new_seed(rng),
        **finish(rng, 0.5),
    )


def fabric(rng: Random) -> Material:
    base = muted_colour(rng) if rng.random() < 0.6 else any_colour(rng)
    other = any_colour(rng) if rng.random() < 0.4 else shade(base, rng.uniform(0.3, 1.8))
    third = any_colour(rng)
    texture = rng.choice(
        (PLAIN, CARPET, WEAVE, WEAVE, STRIPES, CHECKS, BLOBS, BLOBS, DOTS, PLAIN, CARPET)
    )
    size = {
        STRIPES: rng.uniform(0.02, 0.2),
        CHECKS: rng.uniform(0.03, 0.2),
        BLOBS: rng.uniform(0.03, 0.25),
        DOTS: rng.uniform(0.03, 0.12),
        WEAVE: rng.uniform(0.008, 0.03),
    }.get(texture, 0.5)
    return Material(
        texture,
        (base, other, third),
        size_m=size,
        aspect=rng.uniform(0.2, 1.6),
        contrast=rng.uniform(0.1, 0.5),
        seed=new_seed(rng),
        turned=rng.random() < 0.5,
    )


def floor(rng: Random) -> Material:
    pick = rng.random()
    if pick < 0.36:
        base = wood_colour(rng)
        return Material(
            PLANKS,
            (base, shade(base, rng.uniform(0.45, 0.85)), shade(base, 0.3)),
            size_m=rng.uniform(0.05, 0.22),
            aspect=rng.uniform(5.0, 12.0),
            contrast=rng.uniform(0.1, 0.6),
            seed=new_seed(rng),
            turned=rng.random() < 0.5,
            **finish(rng, 0.7),
        )
    if pick < 0.68:
        base = muted_colour(rng) if rng.random() < 0.8 else any_colour(rng)
        if rng.random() < 0.35:  # striped or patterned carpet
            return Material(
                rng.choice((STRIPES, BLOBS, CHECKS)),
                (base, shade(base, rng.uniform(0.5, 1.6)), shade(base, rng.uniform(0.4, 1.5))),
                size_m=rng.uniform(0.03, 0.5),
                aspect=rng.uniform(0.2, 0.7),
                contrast=0.3,
                seed=new_seed(rng),
                turned=rng.random() < 0.5,
            )
        return Material(
            CARPET,
            (base, shade(base, rng.uniform(0.7, 1.2)), base),
            size_m=rng.uniform(0.1, 1.0),
            contrast=rng.uniform(0.15, 0.7),
            seed=new_seed(rng),
        )
    base = muted_colour(rng)
    if pick < 0.9:
        size = rng.choice((0.15, 0.2, 0.3, 0.33, 0.45, 0.6))
        return Material(
            TILES,
            (base, shade(base, rng.uniform(0.6, 1.1)), shade(base, rng.choice((0.4, 0.6, 1.4)))),
            size_m=size,
            aspect=rng.choice((1.0, 1.0, 0.5)),
            contrast=rng.uniform(0.05, 0.35),
            seed=new_seed(rng),
            **finish(rng, 0.7),
        )
    return Material(
        rng.choice((MARBLE, GRANITE, PLAIN)),
        (base, shade(base, 0.6), shade(base, 1.4)),
        size_m=rng.uniform(0.02, 0.6),
        contrast=0.3,
        seed=new_seed(rng),
        **finish(rng, 0.6),
    )


def wall(rng: Random) -> Material:
    pick = rng.random()
    if pick < 0.5:
        base = from_hsv(rng.gauss(0.11, 0.06), abs(rng.gauss(0.0, 0.12)), rng.uniform(0.72, 0.97))
    elif pick < 0.82:
        base = from_hsv(rng.random(), rng.uniform(0.05, 0.4), rng.uniform(0.5, 0.95))
    else:
        base = from_hsv(rng.random(), rng.uniform(0.15, 0.7), rng.uniform(0.3, 0.85))
    texture = rng.random()
    if texture < 0.72:
        return plain(rng, base, 0.15)
    if texture < 0.84:  # wallpaper
        return Material(
            rng.choice((STRIPES, BLOBS, DOTS, BLOBS)),
            (base, shade(base, rng.uniform(0.7, 1.25)), shade(base, rng.uniform(0.5, 1.4))),
            size_m=rng.uniform(0.05, 0.3),
            aspect=rng.uniform(0.2, 0.6),
            seed=new_seed(rng),
        )
    if texture < 0.9:
        brick = from_hsv(rng.gauss(0.03, 0.03), rng.uniform(0.1, 0.6), rng.uniform(0.35, 0.85))
        return Material(
            BRICKS,
            (brick, shade(brick, 0.6), muted_colour(rng)),
            size_m=rng.uniform(0.18, 0.4),
            aspect=rng.uniform(0.3, 0.5),
            contrast=0.4,
            seed=new_seed(rng),
        )
    if texture < 0.95:
        return tiles(rng)
    panel = wood_colour(rng)
    return Material(
        PLANKS,
        (panel, shade(panel, 0.6), shade(panel, 0.3)),
        size_m=rng.uniform(0.08, 0.2),
        aspect=30.0,
        contrast=0.3,
        seed=new_seed(rng),
        turned=rng.random() < 0.7,
    )


def tiles(rng: Random) -> Material:
    base = muted_colour(rng) if rng.random() < 0.75 else any_colour(rng)
    return Material(
        TILES,
        (base, shade(base, rng.uniform(0.7, 1.2)), rng.choice((WHITE, shade(base, 0.5)))),
        size_m=rng.uniform(0.05, 0.25),
        aspect=rng.choice((1.0, 1.0, 0.5)),
        contrast=rng.uniform(0.05, 0.4),
        seed=new_seed(rng),
        specular=rng.uniform(0.02, 0.12),
        gloss=10.0 ** rng.uniform(1.5, 2.6),
    )


def counter_top(rng: Random) -> Material:
    pick = rng.random()
    if pick < 0.35:
        return wood(rng)
    base = rng.choice((BLACK, muted_colour(rng), (0.12, 0.12, 0.12), WHITE))
    return Material(
        rng.choice((GRANITE, MARBLE, PLAIN)),
        (base, shade(base, rng.uniform(0.4, 2.5)), muted_colour(rng)),
        size_m=rng.uniform(0.006, 0.03),
        contrast=0.2,
        seed=new_seed(rng),
        specular=rng.uniform(0.02, 0.2),
        gloss=10.0 ** rng.uniform(1.2, 2.6),
        holes=rng.choice((0.0, 0.0, 0.25)),
    )


def print_on(rng: Random, rim_m: float, rim: Colour, mat: Colour = WHITE) -> Material:
    """A framed picture, a poster (rim 0) or a packaging print."""
    return Material(
        PICTURE,
        (rim, mat, any_colour(rng)),
        size_m=rim_m,
        aspect=rng.choice((1.0, 1.0, 2.5)),
        seed=new_seed(rng),
        **finish(rng, 0.4),
    )


def paper(rng: Random) -> Material:
    sheet = shade(WHITE, rng.uniform(0.8, 1.1))
    return Material(SHEET, (sheet, sheet, sheet), size_m=0.012, aspect=1.0, seed=new_seed(rng))


def packaging(rng: Random) -> Material:
    pick = rng.random()
    if pick < 0.3:
        return plain(rng, any_colour(rng), 0.4)
    return Material(
        rng.choice((PICTURE, SHEET, STRIPES, BLOBS, PICTURE)),
        (any_colour(rng), any_colour(rng), any_colour(rng)),
        size_m=rng.uniform(0.004, 0.03),
        aspect=rng.uniform(0.5, 1.0),
        seed=new_seed(rng),
        **finish(rng, 0.4),
    )


def spines(rng: Random) -> Material:
    return Material(
        SPINES, (BLACK, BLACK, BLACK), size_m=rng.uniform(0.02, 0.045), seed=new_seed(rng)
    )


def curtain(rng: Random) -> Material:
    base = muted_colour(rng) if rng.random() < 0.6 else any_colour(rng)
    return Material(
        FOLDS,
        (base, any_colour(rng), base),
        size_m=rng.uniform(0.06, 0.2),
        contrast=rng.choice((0.0, 0.0, 0.7)),
        seed=new_seed(rng),
    )


def blinds(rng: Random) -> Material:
    base = rng.choice((WHITE, muted_colour(rng)))
    return Material(SLATS, (base, base, base), size_m=rng.uniform(0.02, 0.06), seed=new_seed(rng))


def pane(rng: Random, brightness: float) -> Material:
    """A window: a view that shines; depth cameras mostly see nothing there."""
    return Material(
        OUTSIDE,
        ((0.1, 0.1, 0.1),) * 3,
        seed=new_seed(rng),
        emission=brightness,
        holes=rng.choice((0.3, 0.7, 1.0)),
    )


def screen(rng: Random) -> Material:
    if rng.random() < 0.55:
        return Material(PLAIN, (BLACK,) * 3, contrast=0.1, specular=0.1, gloss=200.0, holes=0.45)
    return Material(
        PICTURE,
        (BLACK, BLACK, BLACK),
        size_m=0.012,
        aspect=1.0,
        seed=new_seed(rng),
        emission=rng.uniform(0.5, 2.0),
        holes=0.4,
    )


def mirror(rng: Random) -> Material:
    return Material(
        PLAIN, ((0.05, 0.05, 0.05),) * 3, specular=0.5, gloss=800.0, holes=rng.choice((0.2, 0.9))
    )


def glowing(colour: Colour, brightness: float) -> Material:
    return Material(PLAIN, (colour,) * 3, contrast=0.0, emission=brightness, holes=0.6)
