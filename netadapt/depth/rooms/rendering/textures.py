"""Which pattern a material's number means, and the colour that it gives a point of a surface.

The patterns themselves are `prints` and `mixing_patterns`; which piece of furniture has which is
decided in the scene's `materials`. Another pattern takes a number in `pattern_kinds`, a function in
one of the two and a line here.
"""

from __future__ import annotations

from typing import Any

from netadapt.depth.rooms.rendering import mixing_patterns as mixing
from netadapt.depth.rooms.rendering.jit import inlined
from netadapt.depth.rooms.rendering.mixing_patterns import Mixture, Pattern
from netadapt.depth.rooms.rendering.prints import Rgb, outside, picture, sheet, spines
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


@inlined
def mixture(texture: int, u: float, v: float, footprint: float, p: Any) -> Mixture:
    """The mixture of the pattern of that number; that of a single colour for one without."""
    if texture == PLAIN:
        return mixing.plain(u, v, footprint, p)
    if texture == WOOD:
        return mixing.wood(u, v, footprint, p)
    if texture == PLANKS:
        return mixing.planks(u, v, footprint, p)
    if texture in (TILES, BRICKS):
        return mixing.tiles(u, v, footprint, p, texture == BRICKS)
    if texture == CARPET:
        return mixing.carpet(u, v, footprint, p)
    if texture == STRIPES:
        return mixing.stripes(u, v, footprint, p)
    if texture == CHECKS:
        return mixing.checks(u, v, footprint, p)
    if texture == MARBLE:
        return mixing.marble(u, v, footprint, p)
    if texture == BLOBS:
        return mixing.blobs(u, v, footprint, p)
    if texture == PANELS:
        return mixing.panels(u, v, footprint, p)
    if texture == GRANITE:
        return mixing.granite(u, v, footprint, p)
    if texture == FOLDS:
        return mixing.folds(u, v, footprint, p)
    if texture == SLATS:
        return mixing.slats(u, v, footprint, p)
    if texture == WEAVE:
        return mixing.weave(u, v, footprint, p)
    if texture == DOTS:
        return mixing.dots(u, v, footprint, p)
    return 0.0, 0.0, 1.0


@inlined
def framed_print(
    material: Any, u: float, v: float, half_u: float, half_v: float, footprint: float
) -> Rgb:
    """A print across a whole face: a rim, a mat, and a picture, a sheet or the view outside."""
    colours, seed = material.colours, material.seed
    x = 0.5 + 0.5 * u / half_u
    y = 0.5 + 0.5 * v / half_v
    if material.texture == OUTSIDE:
        return outside(x, y, seed)
    rim, aspect = material.size_m, material.aspect
    edge = min(half_u - abs(u), half_v - abs(v))
    if edge < rim:
        return colours[0, 0], colours[0, 1], colours[0, 2]
    if edge < rim * aspect:
        return colours[1, 0], colours[1, 1], colours[1, 2]
    if material.texture == SHEET:
        return sheet(x, y, v, seed, footprint, colours[2, 0], colours[2, 1], colours[2, 2])
    inner_u = max(half_u - rim * aspect, 1e-3)
    inner_v = max(half_v - rim * aspect, 1e-3)
    return picture(
        0.5 + 0.5 * u / inner_u, 0.5 + 0.5 * v / inner_v, seed, 0.5 * footprint / inner_v
    )


@inlined
def mixed_colour(material: Any, u: float, v: float, footprint: float) -> Rgb:
    """The material's three colours, mixed by its pattern."""
    colours = material.colours
    p = Pattern(material.size_m, material.aspect, material.contrast, material.seed)
    first, second, bright = mixture(material.texture, u, v, footprint, p)
    first = min(1.0, max(0.0, first))
    second = min(1.0, max(0.0, second))
    bright = max(0.05, bright)
    r = colours[0, 0] + (colours[1, 0] - colours[0, 0]) * first
    g = colours[0, 1] + (colours[1, 1] - colours[0, 1]) * first
    b = colours[0, 2] + (colours[1, 2] - colours[0, 2]) * first
    r += (colours[2, 0] - r) * second
    g += (colours[2, 1] - g) * second
    b += (colours[2, 2] - b) * second
    return r * bright, g * bright, b * bright


@inlined
def surface_colour(
    material: Any,
    u: float,
    v: float,
    half_u: float,
    half_v: float,
    front: bool,
    footprint: float,
) -> Rgb:
    """The albedo of a material (of `MATERIAL`) at (u, v) metres from a face's middle.

    half_u, half_v: half the face's size in metres; front: whether it is the broad face of its
    solid; footprint: metres a pixel covers there.
    """
    texture = material.texture
    if texture in (PICTURE, OUTSIDE, SHEET):
        if not front:
            colours = material.colours
            return colours[0, 0], colours[0, 1], colours[0, 2]
        return framed_print(material, u, v, half_u, half_v, footprint)
    if texture == SPINES:
        return spines(u, v, half_v, material.size_m, material.seed)
    return mixed_colour(material, u, v, footprint)
