"""Procedural surface colours of the rendered rooms, evaluated at one point of a surface.

A texture mixes the three colours of a material by a pattern in metres, faded out where it would be
finer than a pixel. Which texture a piece of furniture gets is decided in `materials`.
"""

from __future__ import annotations

import math
from typing import Any

from netadapt.depth.rooms.rendering.jit import inlined, kernel
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
def lattice(ix: int, iy: int, seed: int) -> float:
    """A hash of two integers and a seed, uniform in [0, 1)."""
    h = (ix * 374761393 + iy * 668265263 + seed * 974711411) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    h ^= h >> 16
    return h * (1.0 / 4294967296.0)


@kernel
def value_noise(x: float, y: float, seed: int) -> float:
    """Smooth noise in [0, 1) with features of size one."""
    fx = math.floor(x)
    fy = math.floor(y)
    ix = int(fx)
    iy = int(fy)
    x -= fx
    y -= fy
    x = x * x * (3.0 - 2.0 * x)
    y = y * y * (3.0 - 2.0 * y)
    a = lattice(ix, iy, seed)
    b = lattice(ix + 1, iy, seed)
    c = lattice(ix, iy + 1, seed)
    d = lattice(ix + 1, iy + 1, seed)
    a += (b - a) * x
    c += (d - c) * x
    return a + (c - a) * y


@kernel
def layered_noise(x: float, y: float, seed: int, footprint: float) -> float:
    """Three octaves of noise in [0, 1); octaves finer than `footprint` (same unit) fade out."""
    total = value_noise(x, y, seed) * 0.5 + 0.25
    if footprint < 0.5:
        total += 0.3 * (value_noise(x * 2.13, y * 2.13, seed + 1) - 0.5)
    if footprint < 0.25:
        total += 0.2 * (value_noise(x * 4.41, y * 4.41, seed + 2) - 0.5)
    return total


@inlined
def ramp(x: float, lower: float, upper: float) -> float:
    """0 below `lower`, 1 above `upper`, linear between."""
    if x <= lower:
        return 0.0
    if x >= upper:
        return 1.0
    return (x - lower) / (upper - lower)


@inlined
def band(x: float, period: float, width: float, footprint: float) -> float:
    """Coverage (0 to 1) of lines of `width` repeated every `period`, seen through a pixel."""
    phase = x / period
    phase -= math.floor(phase)
    distance = abs(phase - 0.5) * period
    soft = max(footprint, 1e-4)
    cover = ramp((0.5 * width - distance) / soft + 0.5, 0.0, 1.0)
    if footprint > 0.4 * period:
        mean = width / period
        cover += (mean - cover) * min(1.0, (footprint / period - 0.4) * 2.5)
    return cover


@inlined
def fade(footprint: float, feature: float) -> float:
    """How much of a pattern of size `feature` survives a pixel of size `footprint`."""
    return 1.0 - ramp(footprint, 0.35 * feature, 1.1 * feature)


@kernel
def hashed_colour(a: int, b: int, seed: int) -> tuple[float, float, float]:
    """A colour of print and packaging: often saturated, sometimes white, grey or black."""
    hue = 6.0 * lattice(a, b, seed)
    value = 0.03 + 0.8 * lattice(a, b, seed + 5) ** 1.6
    saturation = lattice(a, b, seed + 9)
    saturation = 0.0 if saturation < 0.3 else 0.95 * saturation
    red = min(1.0, max(0.0, abs(hue - 3.0) - 1.0))
    green = min(1.0, max(0.0, 2.0 - abs(hue - 2.0)))
    blue = min(1.0, max(0.0, 2.0 - abs(hue - 4.0)))
    low = 1.0 - saturation
    return (
        value * (low + saturation * red),
        value * (low + saturation * green),
        value * (low + saturation * blue),
    )


@kernel
def grain(u: float, v: float, seed: int, footprint: float, size: float) -> float:
    """Wood grain along u: 0 to 1."""
    wave = v / size + 1.7 * value_noise(u * 0.35 / size, v * 0.5 / size, seed)
    rings = 0.5 + 0.5 * math.sin(6.2832 * wave)
    fine = value_noise(u * 0.7 / size, v * 9.0 / size, seed + 3)
    clear = fade(footprint, 0.6 * size)
    return 0.5 + clear * (0.32 * (rings - 0.5) + 0.55 * (fine - 0.5))


@kernel
def picture(
    x: float, y: float, seed: int, colours: Any, footprint: float
) -> tuple[float, float, float]:
    """A print, painting or screen content at (x, y) in [0, 1]^2, y upwards."""
    style = int(lattice(seed, 17, 3) * 5.0)
    r, g, b = hashed_colour(seed, 1, 7)
    if style == 0:  # a landscape: sky, two ridges
        sky = 0.5 + 0.5 * y
        r, g, b = 0.45 * sky, 0.6 * sky, 0.8 * sky
        ridge = 0.35 + 0.3 * value_noise(x * 3.0, 0.5, seed)
        if y < ridge:
            r, g, b = hashed_colour(seed, 2, 7)
        if y < 0.6 * ridge + 0.2 * value_noise(x * 7.0, 3.5, seed):
            r, g, b = hashed_colour(seed, 3, 7)
        m = 0.7 + 0.6 * value_noise(x * 14.0, y * 14.0, seed + 4)
        return r * m, g * m, b * m
    if style == 1:  # flat rectangles
        cells = 2 + int(4.0 * lattice(seed, 4, 5))
        cx = int(x * cells + 0.6 * lattice(int(y * cells), 3, seed))
        cy = int(y * cells)
        return hashed_colour(cx, cy, seed)
    if style == 2:  # a few discs on a ground
        for k in range(5):
            dx = x - lattice(k, 1, seed)
            dy = y - lattice(k, 2, seed)
            radius = 0.08 + 0.3 * lattice(k, 3, seed)
            if dx * dx + dy * dy < radius * radius:
                r, g, b = hashed_colour(k, 4, seed)
        return r, g, b
    if style == 3:  # a title, a block and lines of text
        paper = 0.75
        if lattice(seed, 8, 1) < 0.35:
            paper = 0.06
        ink = 0.8 - paper
        r, g, b = paper, paper, paper
        if y > 0.78:
            return hashed_colour(seed, 5, 7)
        if 0.42 < y < 0.72 and 0.1 < x < 0.9:
            r, g, b = hashed_colour(int(x * 5.0), int(y * 7.0), seed)
            return r, g, b
        if 0.08 < x < 0.92 and y < 0.38 and y > 0.06:
            line = band(y, 0.05, 0.022, footprint)
            word = 1.0 if lattice(int(x * 22.0), int(y * 20.0), seed) > 0.25 else 0.0
            dark = 0.8 * line * word
            r += (ink - r) * dark
            g = b = r
        return r, g, b
    turbulence = layered_noise(x * 3.0, y * 3.0, seed, 0.0)  # abstract
    r2, g2, b2 = hashed_colour(seed, 6, 7)
    mix = ramp(turbulence, 0.38, 0.6)
    return r + (r2 - r) * mix, g + (g2 - g) * mix, b + (b2 - b) * mix


@kernel
def outside(x: float, y: float, seed: int) -> tuple[float, float, float]:
    """What is seen through a window: sky, greenery, sometimes houses; (x, y) in [0, 1]^2."""
    style = lattice(seed, 3, 11)
    sky = 0.75 + 0.25 * y
    r, g, b = 0.85 * sky, 0.92 * sky, 1.0 * sky
    if style < 0.3:  # overexposed white
        return 1.0, 1.0, 1.0
    ridge = 0.2 + 0.6 * lattice(seed, 5, 11) + 0.3 * (layered_noise(x * 4.0, 0.3, seed, 0.0) - 0.5)
    if y < ridge:
        leaf = layered_noise(x * 13.0, y * 13.0, seed + 2, 0.0)
        r, g, b = 0.25 * leaf, 0.38 * leaf, 0.14 * leaf
        if style > 0.75:  # a façade
            wall = 0.45
            if band(x, 0.24, 0.1, 0.005) * band(y, 0.3, 0.14, 0.005) > 0.5:
                wall = 0.12
            r, g, b = wall, 0.85 * wall, 0.75 * wall
    return r, g, b


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
) -> tuple[float, float, float]:
    """The albedo of material m at (u, v) metres from a face's middle.

    half_u, half_v: half the face's size in metres; front: whether it is the broad face of its
    solid; footprint: metres a pixel covers there.
    """
    texture = surfaces.textures[m]
    colours, patterns = surfaces.colours, surfaces.patterns
    size = patterns[m, 0]
    aspect = patterns[m, 1]
    contrast = patterns[m, 2]
    seed = int(patterns[m, 3])
    first = 0.0  # towards the second colour
    second = 0.0  # towards the third colour
    bright = 1.0

    if texture in (PICTURE, OUTSIDE, SHEET):
        if not front:
            return colours[m, 0, 0], colours[m, 0, 1], colours[m, 0, 2]
        x = 0.5 + 0.5 * u / half_u
        y = 0.5 + 0.5 * v / half_v
        if texture == OUTSIDE:
            return outside(x, y, seed)
        rim = size
        edge = min(half_u - abs(u), half_v - abs(v))
        if edge < rim:
            return colours[m, 0, 0], colours[m, 0, 1], colours[m, 0, 2]
        if edge < rim * aspect:
            return colours[m, 1, 0], colours[m, 1, 1], colours[m, 1, 2]
        if texture == SHEET:
            line = band(v, 0.012, 0.004, footprint)
            word = 1.0 if lattice(int(x * 25.0), int(v / 0.012), seed) > 0.22 else 0.0
            k = 0.7 * line * word
            if lattice(seed, 1, 2) < 0.5 and y > 0.55 and x > 0.45:
                return hashed_colour(int(x * 4.0), int(y * 4.0), seed)
            p = colours[m, 2, 0]
            return p * (1.0 - k), colours[m, 2, 1] * (1.0 - k), colours[m, 2, 2] * (1.0 - k)
        inner_u = max(half_u - rim * aspect, 1e-3)
        inner_v = max(half_v - rim * aspect, 1e-3)
        return picture(
            0.5 + 0.5 * u / inner_u,
            0.5 + 0.5 * v / inner_v,
            seed,
            colours,
            0.5 * footprint / inner_v,
        )
    if texture == SPINES:
        width = size
        cell = math.floor(u / width)
        left = cell * width + 0.5 * width * lattice(int(cell), 1, seed)
        if u < left:
            cell -= 1.0
        index = int(cell)
        height = half_v * (0.55 + 0.45 * lattice(index, 2, seed))
        if v > -half_v + 2.0 * height:
            return 0.02, 0.02, 0.02
        r, g, b = hashed_colour(index, 3, seed)
        mark = lattice(index, 4, seed)
        level = v / half_v
        if level > mark - 0.3 and level < mark - 0.12:
            r, g, b = 0.5 + 0.5 * r, 0.5 + 0.5 * g, 0.5 + 0.5 * b
        seam = u - cell * width - 0.5 * width * lattice(index, 1, seed)
        bright = 0.55 + 0.45 * ramp(seam, 0.0, 0.006)
        return r * bright, g * bright, b * bright

    if texture == PLAIN:
        bright = 1.0 + contrast * (layered_noise(u * 1.1, v * 1.1, seed, 0.3) - 0.5)
        if footprint < 0.02:  # plaster, orange peel, wear
            fine = value_noise(u / 0.02, v / 0.02, seed + 4) - 0.5
            bright += 0.35 * contrast * fine * fade(footprint, 0.02)
    elif texture == WOOD:
        first = grain(u, v, seed, footprint, size)
        bright = 1.0 + 0.3 * contrast * (value_noise(u * 0.8, v * 2.0, seed + 8) - 0.5)
    elif texture == PLANKS:
        row = math.floor(v / size)
        shift = lattice(row, 7, seed)
        column = math.floor(u / (size * aspect) + shift)
        tone = lattice(row, column, seed + 1)
        first = 0.35 * tone + 0.65 * grain(u, v, seed + row * 31 + column, footprint, 0.4 * size)
        bright = 1.0 + contrast * (tone - 0.5)
        seam = band(v + 0.5 * size, size, 0.004, footprint)
        seam = max(seam, band(u + (shift + 0.5) * size * aspect, size * aspect, 0.004, footprint))
        bright *= 1.0 - 0.55 * seam
    elif texture in (TILES, BRICKS):
        height = size * aspect
        row = math.floor(v / height)
        along = u
        if texture == BRICKS and (row & 1):
            along += 0.5 * size
        column = math.floor(along / size)
        tone = lattice(row, column, seed)
        first = tone if texture == BRICKS else 0.4 * tone
        bright = 1.0 + contrast * (lattice(row, column, seed + 1) - 0.5)
        bright *= 1.0 + 0.35 * contrast * (
            layered_noise(u * 9.0, v * 9.0, seed + 2, footprint * 9) - 0.5
        )
        joint = 0.012 if texture == BRICKS else 0.006
        second = band(along + 0.5 * size, size, joint, footprint)
        second = max(second, band(v + 0.5 * height, height, joint, footprint))
    elif texture == CARPET:
        fine = value_noise(u / 0.008, v / 0.008, seed) - 0.5
        middle = value_noise(u / 0.05, v / 0.05, seed + 1) - 0.5
        broad = value_noise(u / 0.6, v / 0.6, seed + 2) - 0.5
        bright = 1.0 + contrast * (
            1.2 * fine * fade(footprint, 0.008) + 0.5 * middle * fade(footprint, 0.05) + 0.3 * broad
        )
        first = ramp(value_noise(u / size, v / size, seed + 3), 0.4, 0.7)
    elif texture == STRIPES:
        first = band(u, size, size * aspect, footprint)
        second = band(u + 0.37 * size, size, 0.12 * size, footprint)
    elif texture == CHECKS:
        a = band(u, size, 0.5 * size, footprint)
        b = band(v, size, 0.5 * size, footprint)
        first = 0.5 * (a + b) if aspect > 1.0 else a + b - 2.0 * a * b
    elif texture == MARBLE:
        turbulence = layered_noise(u / size, v / size, seed, footprint / size)
        vein = abs(math.sin(6.2832 * (0.7 * u / size + 2.2 * turbulence)))
        first = 1.0 - ramp(vein, 0.0, 0.5)
        bright = 1.0 + contrast * (turbulence - 0.5)
    elif texture == BLOBS:
        level = layered_noise(u / size, v / size, seed, footprint / size)
        first = ramp(level, 0.5, 0.54)
        second = ramp(value_noise(u / size * 1.7, v / size * 1.7, seed + 6), 0.72, 0.76)
        second *= fade(footprint, 0.5 * size)
    elif texture == PANELS:
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
    elif texture == GRANITE:
        a = value_noise(u / size, v / size, seed)
        b = value_noise(u / size * 1.9, v / size * 1.9, seed + 1)
        clear = fade(footprint, size)
        first = clear * ramp(a, 0.55, 0.7) + 0.3 * (1.0 - clear)
        second = clear * ramp(b, 0.7, 0.8) + 0.15 * (1.0 - clear)
    elif texture == FOLDS:
        bend = 0.6 * value_noise(u * 2.0 / size, v * 0.4, seed)
        wave = math.sin(6.2832 * (u / size + bend))
        bright = 0.72 + 0.28 * wave
        first = ramp(value_noise(u / 0.04, v / 0.05, seed + 2), 0.62, 0.7) * contrast
    elif texture == SLATS:
        phase = v / size
        phase -= math.floor(phase)
        clear = fade(footprint, size)
        bright = 1.0 - clear * 0.55 * (1.0 - phase) - 0.25 * (1.0 - clear)
    elif texture == WEAVE:
        clear = fade(footprint, 0.5 * size)
        wave = math.sin(6.2832 * u / size) * math.sin(6.2832 * v / size)
        first = 0.5 + 0.5 * wave * clear
        bright = 1.0 + 0.4 * contrast * (value_noise(u / 0.3, v / 0.3, seed) - 0.5)
    elif texture == DOTS:
        du = u / size
        du -= math.floor(du) + 0.5
        dv = v / size
        dv -= math.floor(dv) + 0.5
        soft = max(footprint / size, 0.01)
        inside = ramp((0.3 - math.sqrt(du * du + dv * dv)) / soft + 0.5, 0.0, 1.0)
        clear = fade(footprint, size)
        first = inside * clear + 0.28 * (1.0 - clear)

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
