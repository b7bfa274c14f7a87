"""The description of a rendered scene, as arrays: all that `rendering` knows of what stands there.

How solids are collected into one is `scene_builder`'s, and what stands where `layout`'s. They are
arrays of records: compiled code reads these as fast as plain arrays, and takes one for all of them.
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


SOLID = np.dtype(
    [
        ("kind", np.int64),
        ("centre", np.float64, 3),
        ("rotation", np.float64, (3, 3)),
        ("half", np.float64, 3),
        ("map", np.float64, (3, 3)),
        ("taper", np.float64),
        ("material", np.int64),
        ("casting", np.bool_),
    ],
    align=True,
)
"""A unit cube, sphere or frustum (of `solid_kinds`) under an affine map.

centre: metres in the world; rotation: rows are its own axes in the world; half: half its size along
each of these, metres; map: from the world into the unit solid; taper: a frustum's radius at its
top, as a share of that at its foot, at most 1; material: its place among the scene's materials;
casting: whether it throws shadows.
"""

MATERIAL = np.dtype(
    [
        ("texture", np.int64),
        ("colours", np.float64, (3, 3)),
        ("size_m", np.float64),
        ("aspect", np.float64),
        ("contrast", np.float64),
        ("seed", np.int64),
        ("specular", np.float64),
        ("gloss", np.float64),
        ("emission", np.float64),
        ("holes", np.float64),
        ("turned", np.bool_),
    ],
    align=True,
)
"""The fields of `Material`."""

LAMP = np.dtype(
    [("position", np.float64, 3), ("normal", np.float64, 3), ("colour", np.float64, 3)], align=True
)
"""A point that shines; normal: zero for one that shines to all sides; colour: times its power."""


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

    solids: NDArray[np.void]
    """[N] of SOLID."""
    materials: NDArray[np.void]
    """[M] of MATERIAL."""
    lamps: NDArray[np.void]
    """[L] of LAMP."""
    groups: NDArray[np.int64]
    """[G, 2]: the lamps that are one light: the first, and how many."""
    room: Surroundings
    interests: list[Vector]
    """Points that a person would look at from near: table tops, counters, desks."""
