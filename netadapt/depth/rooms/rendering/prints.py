"""Patterns that bring their own colours: pictures, print, book spines, the view from a window.

Which material has one, and where on a face it lies, is left to `textures`.
"""

from __future__ import annotations

import math

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.noise import band, lattice, layered_noise, ramp, value_noise

Rgb = tuple[float, float, float]
"""Linear, 0 to 1."""


@kernel
def hashed_colour(a: int, b: int, seed: int) -> Rgb:
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


@inlined
def landscape(x: float, y: float, seed: int) -> Rgb:
    """A sky and two ridges."""
    sky = 0.5 + 0.5 * y
    r, g, b = 0.45 * sky, 0.6 * sky, 0.8 * sky
    ridge = 0.35 + 0.3 * value_noise(x * 3.0, 0.5, seed)
    if y < ridge:
        r, g, b = hashed_colour(seed, 2, 7)
    if y < 0.6 * ridge + 0.2 * value_noise(x * 7.0, 3.5, seed):
        r, g, b = hashed_colour(seed, 3, 7)
    m = 0.7 + 0.6 * value_noise(x * 14.0, y * 14.0, seed + 4)
    return r * m, g * m, b * m


@inlined
def rectangles(x: float, y: float, seed: int) -> Rgb:
    """Flat rectangles in rows."""
    cells = 2 + int(4.0 * lattice(seed, 4, 5))
    cx = int(x * cells + 0.6 * lattice(int(y * cells), 3, seed))
    cy = int(y * cells)
    return hashed_colour(cx, cy, seed)


@inlined
def discs(x: float, y: float, seed: int) -> Rgb:
    """A few discs on a ground."""
    r, g, b = hashed_colour(seed, 1, 7)
    for k in range(5):
        dx = x - lattice(k, 1, seed)
        dy = y - lattice(k, 2, seed)
        radius = 0.08 + 0.3 * lattice(k, 3, seed)
        if dx * dx + dy * dy < radius * radius:
            r, g, b = hashed_colour(k, 4, seed)
    return r, g, b


@inlined
def page(x: float, y: float, seed: int, footprint: float) -> Rgb:
    """A title, a block and lines of text."""
    paper = 0.75
    if lattice(seed, 8, 1) < 0.35:
        paper = 0.06
    ink = 0.8 - paper
    r, g, b = paper, paper, paper
    if y > 0.78:
        return hashed_colour(seed, 5, 7)
    if 0.42 < y < 0.72 and 0.1 < x < 0.9:
        return hashed_colour(int(x * 5.0), int(y * 7.0), seed)
    if 0.08 < x < 0.92 and y < 0.38 and y > 0.06:
        line = band(y, 0.05, 0.022, footprint)
        word = 1.0 if lattice(int(x * 22.0), int(y * 20.0), seed) > 0.25 else 0.0
        dark = 0.8 * line * word
        r += (ink - r) * dark
        g = b = r
    return r, g, b


@inlined
def abstract(x: float, y: float, seed: int) -> Rgb:
    """Two colours that run into each other."""
    r, g, b = hashed_colour(seed, 1, 7)
    turbulence = layered_noise(x * 3.0, y * 3.0, seed, 0.0)
    r2, g2, b2 = hashed_colour(seed, 6, 7)
    mix = ramp(turbulence, 0.38, 0.6)
    return r + (r2 - r) * mix, g + (g2 - g) * mix, b + (b2 - b) * mix


@kernel
def picture(x: float, y: float, seed: int, footprint: float) -> Rgb:
    """A print, painting or screen content at (x, y) in [0, 1]^2, y upwards; the seed has a style.

    footprint: the share of its height that a pixel covers.
    """
    style = int(lattice(seed, 17, 3) * 5.0)
    if style == 0:
        return landscape(x, y, seed)
    if style == 1:
        return rectangles(x, y, seed)
    if style == 2:
        return discs(x, y, seed)
    if style == 3:
        return page(x, y, seed, footprint)
    return abstract(x, y, seed)


@kernel
def outside(x: float, y: float, seed: int) -> Rgb:
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
def sheet(
    x: float, y: float, v: float, seed: int, footprint: float, red: float, green: float, blue: float
) -> Rgb:
    """Paper of a colour with lines of print, perhaps a picture in its upper right; v in metres."""
    line = band(v, 0.012, 0.004, footprint)
    word = 1.0 if lattice(int(x * 25.0), int(v / 0.012), seed) > 0.22 else 0.0
    k = 0.7 * line * word
    if lattice(seed, 1, 2) < 0.5 and y > 0.55 and x > 0.45:
        return hashed_colour(int(x * 4.0), int(y * 4.0), seed)
    return red * (1.0 - k), green * (1.0 - k), blue * (1.0 - k)


@inlined
def spines(u: float, v: float, half_v: float, width: float, seed: int) -> Rgb:
    """A row of books of about that width, dark above them; u, v and half_v in metres."""
    cell = float(math.floor(u / width))
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
