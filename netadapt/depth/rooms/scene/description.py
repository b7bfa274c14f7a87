"""The description of a rendered scene, as arrays: all that `rendering` knows of what stands there.

How solids are collected into one is `scene_builder`'s, and what stands where `layout`'s. The arrays
that belong together are named tuples, since compiled code takes them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.scene.pattern_kinds import PLAIN

Colour = tuple[float, float, float]
"""Linear RGB."""
Vector = tuple[float, float, float]
"""Metres, z up."""


@dataclass(frozen=True, slots=True)
class Material:
    """A texture with three linear RGB colours, and a finish.

    size_m, aspect, contrast, seed: what the texture makes of them (`pattern_kinds`); specular:
    share reflected (0 to 0.5); gloss: Phong exponent; emission: times the colour, instead of
    reflected light; holes: share of its pixels a depth camera loses; turned: exchange u and v.
    """

    texture: int = PLAIN
    colours: tuple[Colour, Colour, Colour] = ((0.5,) * 3, (0.3,) * 3, (0.1,) * 3)
    size_m: float = 0.1
    aspect: float = 1.0
    contrast: float = 0.2
    seed: int = 0
    specular: float = 0.0
    gloss: float = 20.0
    emission: float = 0.0
    holes: float = 0.0
    turned: bool = False


@dataclass(frozen=True)
class Light:
    """A group of sampled lamp positions that together give one light (or the bounced light)."""

    positions: list[Vector]
    normals: list[Vector]
    """(0, 0, 0) for a lamp that shines to all sides."""
    colours: list[Colour]


class Solids(NamedTuple):
    """N solids, each a unit cube, sphere or frustum under an affine map."""

    kinds: NDArray[np.int64]
    """[N]: of `solid_kinds`."""
    centres: NDArray[np.float64]
    """[N, 3]: metres in the world."""
    rotations: NDArray[np.float64]
    """[N, 3, 3]: rows are a solid's own axes in the world."""
    halves: NDArray[np.float64]
    """[N, 3]: half its size along each of its own axes, metres."""
    maps: NDArray[np.float64]
    """[N, 3, 3]: from the world into the unit solid."""
    tapers: NDArray[np.float64]
    """[N]: a frustum's radius at its top, as a share of that at its foot; at most 1."""
    materials: NDArray[np.int64]
    """[N]: rows of `Surfaces`."""
    casting: NDArray[np.bool_]
    """[N]: whether it throws shadows."""


class Surfaces(NamedTuple):
    """M materials."""

    textures: NDArray[np.int64]
    """[M]: of `pattern_kinds`."""
    colours: NDArray[np.float64]
    """[M, 3, 3]: three linear RGB colours."""
    patterns: NDArray[np.float64]
    """[M, 4]: size in metres, aspect, contrast, seed."""
    finish: NDArray[np.float64]
    """[M, 5]: specular, gloss, emission, holes, turned."""


class Lamps(NamedTuple):
    """L lamps in G groups, each group one light."""

    groups: NDArray[np.int64]
    """[G, 2]: first lamp, number of lamps."""
    positions: NDArray[np.float64]
    """[L, 3]"""
    normals: NDArray[np.float64]
    """[L, 3]: zero for a lamp that shines to all sides."""
    colours: NDArray[np.float64]
    """[L, 3]: linear RGB, times power."""


class Surroundings(NamedTuple):
    """The empty room, as glossy things mirror it."""

    corners: NDArray[np.float64]
    """[2, 3]: the least and the greatest x, y, z."""
    wall_light: NDArray[np.float64]
    """[6, 3]: what the room's sides look like in a mirror, roughly; low x, high x, low y, …"""
    glows: NDArray[np.float64]
    """[K, 8]: bright rectangles on the room's sides: side, two intervals, colour."""


@dataclass(frozen=True)
class Scene:
    """All that is rendered: metres, z up, the room's corner at the origin."""

    solids: Solids
    surfaces: Surfaces
    lamps: Lamps
    room: Surroundings
    interests: list[Vector]
    """Points that a person would look at from near: table tops, counters, desks."""
