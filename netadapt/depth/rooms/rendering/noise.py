"""What patterns are made of: hashed and smooth noise, and lines seen through a pixel.

Lengths are in any unit, the same in all arguments of a call; `footprint` is what a pixel covers.
Which pattern is made of them is left to `mixing_patterns`, `prints` and `sensor`.
"""

from __future__ import annotations

import math

from netadapt.depth.rooms.rendering.jit import inlined, kernel


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
