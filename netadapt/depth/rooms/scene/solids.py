"""The description of a rendered scene: solids, their materials, the lamps.

`SceneBuilder` collects solids in nested frames (a chair in its own frame, in the room's), and
`Scene` holds them as arrays for the ray tracer. What stands in a room is decided in `layout`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.textures import PLAIN
from netadapt.depth.rooms.scene.solid_kinds import BOX, ELLIPSOID, FRUSTUM, SHELL

Colour = tuple[float, float, float]
Vector = tuple[float, float, float]


def opposite(vector: Vector) -> Vector:
    return -vector[0], -vector[1], -vector[2]


@dataclass(frozen=True, slots=True)
class Material:
    """A texture with three linear RGB colours, and a finish.

    size_m, aspect, contrast, seed: what the texture makes of them (`textures`); specular: share
    reflected (0 to 0.5); gloss: Phong exponent; emission: times the colour, instead of reflected
    light; holes: share of its pixels a depth camera loses; turned: exchange u and v.
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
    colours: list[Colour]


@dataclass(frozen=True)
class Scene:
    """Arrays of N solids, M materials, G light groups and their lamps; metres, z up."""

    kinds: NDArray[np.int64]
    centres: NDArray[np.float64]
    rotations: NDArray[np.float64]
    """[N, 3, 3]: rows are a solid's own axes in the world."""
    halves: NDArray[np.float64]
    maps: NDArray[np.float64]
    """[N, 3, 3]: from the world into the unit solid."""
    tapers: NDArray[np.float64]
    of_material: NDArray[np.int64]
    casting: NDArray[np.bool_]
    textures: NDArray[np.int64]
    colours: NDArray[np.float64]
    patterns: NDArray[np.float64]
    finish: NDArray[np.float64]
    """[M, 5]: specular, gloss, emission, holes, turned."""
    groups: NDArray[np.int64]
    lamps: NDArray[np.float64]
    lamp_normals: NDArray[np.float64]
    lamp_colours: NDArray[np.float64]
    room: NDArray[np.float64]
    """[2, 3]: corners of the room."""
    wall_light: NDArray[np.float64]
    """[6, 3]: what the room's sides look like in a mirror, roughly."""
    glows: NDArray[np.float64]
    """[K, 8]: bright rectangles on the room's sides: side, two intervals, colour."""
    interests: list[Vector]
    """Points that a person would look at from near: table tops, counters, desks."""


@dataclass
class SceneBuilder:
    """Collects solids; positions are given in the current frame (see `frame`)."""

    materials: list[Material] = field(default_factory=list)
    solids: list[tuple[int, Vector, tuple[Vector, Vector, Vector], Vector, float, int, bool]] = (
        field(default_factory=list)
    )
    interests: list[Vector] = field(default_factory=list)
    _indices: dict[Material, int] = field(default_factory=dict)
    _x: float = 0.0
    _y: float = 0.0
    _z: float = 0.0
    _yaw: float = 0.0

    @contextmanager
    def frame(self, x: float, y: float, z: float = 0.0, yaw: float = 0.0) -> Iterator[None]:
        """Inside the block, positions are relative to (x, y, z), turned by `yaw` radians."""
        before = (self._x, self._y, self._z, self._yaw)
        self._x, self._y, self._z = self.world(x, y, z)
        self._yaw += yaw
        try:
            yield
        finally:
            self._x, self._y, self._z, self._yaw = before

    def world(self, x: float, y: float, z: float) -> Vector:
        """The current frame's (x, y, z) in the world."""
        c, s = math.cos(self._yaw), math.sin(self._yaw)
        return self._x + c * x - s * y, self._y + s * x + c * y, self._z + z

    def interest(self, x: float, y: float, z: float) -> None:
        """Mark a place worth looking at from near."""
        self.interests.append(self.world(x, y, z))

    def add(
        self,
        kind: int,
        position: Vector,
        half: Vector,
        material: Material,
        *,
        yaw: float = 0.0,
        pitch: float = 0.0,
        roll: float = 0.0,
        taper: float = 1.0,
        casting: bool = True,
    ) -> None:
        """Add a solid; angles in radians, about z, then y, then x of its own."""
        index = self._indices.get(material)
        if index is None:
            index = len(self.materials)
            self._indices[material] = index
            self.materials.append(material)
        cz, sz = math.cos(self._yaw + yaw), math.sin(self._yaw + yaw)
        if pitch == 0.0 and roll == 0.0:
            axes = ((cz, sz, 0.0), (-sz, cz, 0.0), (0.0, 0.0, 1.0))
        else:
            cy, sy = math.cos(pitch), math.sin(pitch)
            cx, sx = math.cos(roll), math.sin(roll)
            axes = (
                (cz * cy, sz * cy, -sy),
                (cz * sy * sx - sz * cx, sz * sy * sx + cz * cx, cy * sx),
                (cz * sy * cx + sz * sx, sz * sy * cx - cz * sx, cy * cx),
            )
        half = (max(half[0], 5e-4), max(half[1], 5e-4), max(half[2], 5e-4))
        if taper > 1.0:  # stood on its head, so that `half` bounds it
            along, across, up = axes
            axes = (along, opposite(across), opposite(up))
            half = (half[0] * taper, half[1] * taper, half[2])
            taper = 1.0 / taper
        self.solids.append((kind, self.world(*position), axes, half, taper, index, casting))

    def box(self, position: Vector, half: Vector, material: Material, **more: Any) -> None:
        """A box by its middle and half sizes."""
        self.add(BOX, position, half, material, **more)

    def slab(self, low: Vector, high: Vector, material: Material, **more: Any) -> None:
        """A box by two opposite corners."""
        middle = tuple(0.5 * (a + b) for a, b in zip(low, high, strict=True))
        half = tuple(0.5 * abs(b - a) for a, b in zip(low, high, strict=True))
        self.add(BOX, middle, half, material, **more)  # type: ignore[arg-type]

    def ball(self, position: Vector, half: Vector, material: Material, **more: Any) -> None:
        """An ellipsoid by its middle and half axes."""
        self.add(ELLIPSOID, position, half, material, **more)

    def pillar(
        self,
        position: Vector,
        radius: float,
        height: float,
        material: Material,
        *,
        taper: float = 1.0,
        **more: Any,
    ) -> None:
        """A standing cylinder or cone stump by the middle of its foot; `taper` = top / foot."""
        x, y, z = position
        self.add(
            FRUSTUM,
            (x, y, z + 0.5 * height),
            (radius, radius, 0.5 * height),
            material,
            taper=taper,
            **more,
        )

    def rod(
        self, position: Vector, radius: float, half_length: float, material: Material, **more: Any
    ) -> None:
        """A cylinder by its middle, along its own z (turn it by pitch and roll)."""
        self.add(FRUSTUM, position, (radius, radius, half_length), material, **more)

    def shell(self, low: Vector, high: Vector, material: Material) -> None:
        """A box seen from within: the outermost walls."""
        middle = tuple(0.5 * (a + b) for a, b in zip(low, high, strict=True))
        half = tuple(0.5 * (b - a) for a, b in zip(low, high, strict=True))
        self.add(SHELL, middle, half, material, casting=False)  # type: ignore[arg-type]

    def scene(
        self,
        lights: list[Light],
        room: tuple[Vector, Vector],
        wall_light: list[Colour],
        glows: list[tuple[float, ...]],
    ) -> Scene:
        """Everything collected, as arrays."""
        rotations = np.array([solid[2] for solid in self.solids])
        halves = np.array([solid[3] for solid in self.solids])
        groups = []
        first = 0
        for light in lights:
            groups.append((first, len(light.positions)))
            first += len(light.positions)
        return Scene(
            kinds=np.array([solid[0] for solid in self.solids], dtype=np.int64),
            centres=np.array([solid[1] for solid in self.solids]),
            rotations=rotations,
            halves=halves,
            maps=np.ascontiguousarray(rotations / halves[:, :, None]),
            tapers=np.array([solid[4] for solid in self.solids]),
            of_material=np.array([solid[5] for solid in self.solids], dtype=np.int64),
            casting=np.array([solid[6] for solid in self.solids]),
            textures=np.array([m.texture for m in self.materials], dtype=np.int64),
            colours=np.array([m.colours for m in self.materials], dtype=np.float64),
            patterns=np.array(
                [(m.size_m, m.aspect, m.contrast, m.seed) for m in self.materials], dtype=np.float64
            ),
            finish=np.array(
                [
                    (m.specular, m.gloss, m.emission, m.holes, float(m.turned))
                    for m in self.materials
                ],
                dtype=np.float64,
            ),
            groups=np.array(groups, dtype=np.int64),
            lamps=np.array([p for light in lights for p in light.positions], dtype=np.float64),
            lamp_normals=np.array([n for light in lights for n in light.normals], dtype=np.float64),
            lamp_colours=np.array([c for light in lights for c in light.colours], dtype=np.float64),
            room=np.array(room, dtype=np.float64),
            wall_light=np.array(wall_light, dtype=np.float64),
            glows=np.array(glows, dtype=np.float64).reshape(-1, 8),
            interests=list(self.interests),
        )
