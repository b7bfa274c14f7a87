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
    surfaces: Any, m: int, u: float, v: float, half_u: float, half_v: float, footprint: float
) -> Rgb:
    """A print across a whole face: a rim, a mat, and a picture, a sheet or the view outside."""
    texture = surfaces.textures[m]
    colours, patterns = surfaces.colours, surfaces.patterns
    seed = int(patterns[m, 3])
    x = 0.5 + 0.5 * u / half_u
    y = 0.5 + 0.5 * v / half_v
    if texture == OUTSIDE:
        return outside(x, y, seed)
    rim, aspect = patterns[m, 0], patterns[m, 1]
    edge = min(half_u - abs(u), half_v - abs(v))
    if edge < rim:
        return colours[m, 0, 0], colours[m, 0, 1], colours[m, 0, 2]
    if edge < rim * aspect:
        return colours[m, 1, 0], colours[m, 1, 1], colours[m, 1, 2]
    if texture == SHEET:
        return sheet(x, y, v, seed, footprint, colours[m, 2, 0], colours[m, 2, 1], colours[m, 2, 2])
    inner_u = max(half_u - rim * aspect, 1e-3)
    inner_v = max(half_v - rim * aspect, 1e-3)
    return picture(
        0.5 + 0.5 * u / inner_u, 0.5 + 0.5 * v / inner_v, seed, 0.5 * footprint / inner_v
    )


@inlined
def mixed_colour(surfaces: Any, m: int, u: float, v: float, footprint: float) -> Rgb:
    """The material's three colours, mixed by its pattern."""
    colours, patterns = surfaces.colours, surfaces.patterns
    p = Pattern(patterns[m, 0], patterns[m, 1], patterns[m, 2], int(patterns[m, 3]))
    first, second, bright = mixture(surfaces.textures[m], u, v, footprint, p)
    first = min(1.0, max(0.0, first))
    second = min(1.0, max(0.0, second))
    bright = max(0.05, bright)
    r = colours[m, 0, 0] + (colours[m, 1, 0] - colours[m, 0, 0]) * first
    g = colours[m, 0, 1] + (colours[m, 1, 1] - colours[m, 0, 1]) * first
    b = colours[m, 0, 2] + (colours[m, 1, 2] - colours[m, 0, 2]) * first
    r += (colours[m, 2, 0] - r) * second
    g += (colours[m, 2, 1] - g) * second
    b += (colours[m, 2, 2] - b) * second
    return r * bright, g * bright, b * bright


@inlined
def surface_colour(
    surfaces: Any,
    m: int,
    u: float,
    v: float,
    half_u: float,
    half_v: float,
    front: bool,
    footprint: float,
) -> Rgb:
    """The albedo of material m at (u, v) metres from a face's middle.

    half_u, half_v: half the face's size in metres; front: whether it is the broad face of its
    solid; footprint: metres a pixel covers there.
    """
    texture = surfaces.textures[m]
    if texture in (PICTURE, OUTSIDE, SHEET):
        if not front:
            colours = surfaces.colours
            return colours[m, 0, 0], colours[m, 0, 1], colours[m, 0, 2]
        return framed_print(surfaces, m, u, v, half_u, half_v, footprint)
    if texture == SPINES:
        patterns = surfaces.patterns
        return spines(u, v, half_v, patterns[m, 0], int(patterns[m, 3]))
    return mixed_colour(surfaces, m, u, v, footprint)
