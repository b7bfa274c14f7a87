"""Patterns that mix the three colours of a material: boards, tiles, cloth, stone and the like.

Each takes a point (u, v) in metres, `footprint`, the metres that a pixel covers there, and the
material's `Pattern`, and fades out where it would be finer than a pixel. It gives a `Mixture`;
`textures` keeps that within its limits, and knows which number has which pattern.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.noise import (
    band,
    fade,
    lattice,
    layered_noise,
    ramp,
    value_noise,
)

Mixture = tuple[float, float, float]
"""How far towards the second colour, then towards the third, and the brightness of it all."""


class Pattern(NamedTuple):
    """What a material makes of its pattern."""

    size: float
    """Metres."""
    aspect: float
    contrast: float
    seed: int


@kernel
def grain(u: float, v: float, seed: int, footprint: float, size: float) -> float:
    """Wood grain along u: 0 to 1."""
    wave = v / size + 1.7 * value_noise(u * 0.35 / size, v * 0.5 / size, seed)
    rings = 0.5 + 0.5 * math.sin(6.2832 * wave)
    fine = value_noise(u * 0.7 / size, v * 9.0 / size, seed + 3)
    clear = fade(footprint, 0.6 * size)
    return 0.5 + clear * (0.32 * (rings - 0.5) + 0.55 * (fine - 0.5))


@inlined
def plain(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Plaster, paint or plastic: orange peel and wear."""
    contrast, seed = p.contrast, p.seed
    bright = 1.0 + contrast * (layered_noise(u * 1.1, v * 1.1, seed, 0.3) - 0.5)
    if footprint < 0.02:  # plaster, orange peel, wear
        fine = value_noise(u / 0.02, v / 0.02, seed + 4) - 0.5
        bright += 0.35 * contrast * fine * fade(footprint, 0.02)
    return 0.0, 0.0, bright


@inlined
def wood(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Boards with a grain along u."""
    size, contrast, seed = p.size, p.contrast, p.seed
    first = grain(u, v, seed, footprint, size)
    bright = 1.0 + 0.3 * contrast * (value_noise(u * 0.8, v * 2.0, seed + 8) - 0.5)
    return first, 0.0, bright


@inlined
def planks(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Rows of boards along u; `aspect`: length by width."""
    size, aspect, contrast, seed = p.size, p.aspect, p.contrast, p.seed
    row = math.floor(v / size)
    shift = lattice(row, 7, seed)
    column = math.floor(u / (size * aspect) + shift)
    tone = lattice(row, column, seed + 1)
    first = 0.35 * tone + 0.65 * grain(u, v, seed + row * 31 + column, footprint, 0.4 * size)
    bright = 1.0 + contrast * (tone - 0.5)
    seam = band(v + 0.5 * size, size, 0.004, footprint)
    seam = max(seam, band(u + (shift + 0.5) * size * aspect, size * aspect, 0.004, footprint))
    bright *= 1.0 - 0.55 * seam
    return first, 0.0, bright


@inlined
def tiles(u: float, v: float, footprint: float, p: Any, bricks: bool) -> Mixture:
    """Tiles or bricks with joints of the third colour; a row is `size * aspect` high."""
    size, aspect, contrast, seed = p.size, p.aspect, p.contrast, p.seed
    height = size * aspect
    row = math.floor(v / height)
    along = u
    if bricks and (row & 1):
        along += 0.5 * size
    column = math.floor(along / size)
    tone = lattice(row, column, seed)
    first = tone if bricks else 0.4 * tone
    bright = 1.0 + contrast * (lattice(row, column, seed + 1) - 0.5)
    bright *= 1.0 + 0.35 * contrast * (
        layered_noise(u * 9.0, v * 9.0, seed + 2, footprint * 9) - 0.5
    )
    joint = 0.012 if bricks else 0.006
    second = band(along + 0.5 * size, size, joint, footprint)
    second = max(second, band(v + 0.5 * height, height, joint, footprint))
    return first, second, bright


@inlined
def carpet(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Fibres, tufts and tread."""
    size, contrast, seed = p.size, p.contrast, p.seed
    fine = value_noise(u / 0.008, v / 0.008, seed) - 0.5
    middle = value_noise(u / 0.05, v / 0.05, seed + 1) - 0.5
    broad = value_noise(u / 0.6, v / 0.6, seed + 2) - 0.5
    bright = 1.0 + contrast * (
        1.2 * fine * fade(footprint, 0.008) + 0.5 * middle * fade(footprint, 0.05) + 0.3 * broad
    )
    first = ramp(value_noise(u / size, v / size, seed + 3), 0.4, 0.7)
    return first, 0.0, bright


@inlined
def stripes(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Stripes along v, a `size` apart and `size * aspect` wide, and thin lines."""
    size, aspect = p.size, p.aspect
    first = band(u, size, size * aspect, footprint)
    second = band(u + 0.37 * size, size, 0.12 * size, footprint)
    return first, second, 1.0


@inlined
def checks(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Squares half a `size` wide: like a chessboard, or crossed bands (aspect > 1)."""
    size, aspect = p.size, p.aspect
    a = band(u, size, 0.5 * size, footprint)
    b = band(v, size, 0.5 * size, footprint)
    first = 0.5 * (a + b) if aspect > 1.0 else a + b - 2.0 * a * b
    return first, 0.0, 1.0


@inlined
def marble(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Veins."""
    size, contrast, seed = p.size, p.contrast, p.seed
    turbulence = layered_noise(u / size, v / size, seed, footprint / size)
    vein = abs(math.sin(6.2832 * (0.7 * u / size + 2.2 * turbulence)))
    first = 1.0 - ramp(vein, 0.0, 0.5)
    bright = 1.0 + contrast * (turbulence - 0.5)
    return first, 0.0, bright


@inlined
def blobs(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Flat blotches of two colours."""
    size, seed = p.size, p.seed
    level = layered_noise(u / size, v / size, seed, footprint / size)
    first = ramp(level, 0.5, 0.54)
    second = ramp(value_noise(u / size * 1.7, v / size * 1.7, seed + 6), 0.72, 0.76)
    second *= fade(footprint, 0.5 * size)
    return first, second, 1.0


@inlined
def panels(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Doors or drawers (aspect < 0.8) with handles; framed and grained by `contrast`."""
    size, aspect, contrast, seed = p.size, p.aspect, p.contrast, p.seed
    height = size * aspect
    du = u / size
    du = (du - math.floor(du) - 0.5) * size
    dv = v / height
    dv = (dv - math.floor(dv) - 0.5) * height
    edge = min(0.5 * size - abs(du), 0.5 * height - abs(dv))
    bright = 1.0 - 0.75 * (1.0 - ramp(edge, 0.003, 0.004 + footprint))
    if contrast > 0.5:  # a framed door
        inner = abs(edge - 0.07)
        bright *= 1.0 - 0.35 * (1.0 - ramp(inner, 0.004, 0.008 + footprint))
    first = 0.3 * grain(v, u, seed, footprint, 0.05) if contrast > 0.25 else 0.0
    handle = abs(du - 0.38 * size) < 0.008 and abs(dv) < 0.07
    if aspect < 0.8:
        handle = abs(dv) < 0.01 and abs(du) < 0.07
    second = 1.0 if handle else 0.0
    return first, second, bright


@inlined
def granite(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Grains of two colours."""
    size, seed = p.size, p.seed
    a = value_noise(u / size, v / size, seed)
    b = value_noise(u / size * 1.9, v / size * 1.9, seed + 1)
    clear = fade(footprint, size)
    first = clear * ramp(a, 0.55, 0.7) + 0.3 * (1.0 - clear)
    second = clear * ramp(b, 0.7, 0.8) + 0.15 * (1.0 - clear)
    return first, second, 1.0


@inlined
def folds(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """A curtain that hangs in folds along v, perhaps with a print."""
    size, contrast, seed = p.size, p.contrast, p.seed
    bend = 0.6 * value_noise(u * 2.0 / size, v * 0.4, seed)
    wave = math.sin(6.2832 * (u / size + bend))
    bright = 0.72 + 0.28 * wave
    first = ramp(value_noise(u / 0.04, v / 0.05, seed + 2), 0.62, 0.7) * contrast
    return first, 0.0, bright


@inlined
def slats(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Level slats, a `size` apart."""
    size = p.size
    phase = v / size
    phase -= math.floor(phase)
    clear = fade(footprint, size)
    bright = 1.0 - clear * 0.55 * (1.0 - phase) - 0.25 * (1.0 - clear)
    return 0.0, 0.0, bright


@inlined
def weave(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Crossed threads."""
    size, contrast, seed = p.size, p.contrast, p.seed
    clear = fade(footprint, 0.5 * size)
    wave = math.sin(6.2832 * u / size) * math.sin(6.2832 * v / size)
    first = 0.5 + 0.5 * wave * clear
    bright = 1.0 + 0.4 * contrast * (value_noise(u / 0.3, v / 0.3, seed) - 0.5)
    return first, 0.0, bright


@inlined
def dots(u: float, v: float, footprint: float, p: Any) -> Mixture:
    """Discs in rows, a `size` apart."""
    size = p.size
    du = u / size
    du -= math.floor(du) + 0.5
    dv = v / size
    dv -= math.floor(dv) + 0.5
    soft = max(footprint / size, 0.01)
    inside = ramp((0.3 - math.sqrt(du * du + dv * dv)) / soft + 0.5, 0.0, 1.0)
    clear = fade(footprint, size)
    first = inside * clear + 0.28 * (1.0 - clear)
    return first, 0.0, 1.0
