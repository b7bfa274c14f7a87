"""Collects solids, in nested frames, into the description of a scene.

A chair is built in its own frame, that in the room's. What is built is left to `layout` and the
rooms of furniture that it calls; what a scene is, to `description`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.scene.description import (
    LAMP,
    MATERIAL,
    SOLID,
    Colour,
    Light,
    Material,
    Scene,
    Surroundings,
    Vector,
)
from netadapt.depth.rooms.scene.solid_kinds import BOX, ELLIPSOID, FRUSTUM, SHELL


def opposite(vector: Vector) -> Vector:
    return -vector[0], -vector[1], -vector[2]


class Placed(NamedTuple):
    """A solid in the world; see `SOLID`."""

    kind: int
    centre: Vector
    rotation: tuple[Vector, Vector, Vector]
    half: Vector
    taper: float
    material: int
    casting: bool


@dataclass
class SceneBuilder:
    """Collects solids; positions are given in the current frame (see `frame`)."""

    materials: list[Material] = field(default_factory=list)
    solids: list[Placed] = field(default_factory=list)
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
        at = self.world(*position)
        self.solids.append(Placed(kind, at, axes, half, taper, index, casting))

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
        counts = [len(light.positions) for light in lights]
        firsts = [sum(counts[:k]) for k in range(len(counts))]
        return Scene(
            solids=solid_records(self.solids),
            materials=material_records(self.materials),
            lamps=lamp_records(lights),
            groups=np.array(list(zip(firsts, counts, strict=True)), dtype=np.int64),
            room=Surroundings(
                corners=np.array(room, dtype=np.float64),
                wall_light=np.array(wall_light, dtype=np.float64),
                glows=np.array(glows, dtype=np.float64).reshape(-1, 8),
            ),
            interests=list(self.interests),
        )


def solid_records(solids: list[Placed]) -> NDArray[np.void]:
    out = np.zeros(len(solids), SOLID)
    for name in Placed._fields:
        out[name] = [getattr(solid, name) for solid in solids]
    out["map"] = out["rotation"] / out["half"][:, :, None]
    return out


def material_records(materials: list[Material]) -> NDArray[np.void]:
    out = np.zeros(len(materials), MATERIAL)
    for field_ in fields(Material):
        out[field_.name] = [getattr(material, field_.name) for material in materials]
    return out


def lamp_records(lights: list[Light]) -> NDArray[np.void]:
    out = np.zeros(sum(len(light.positions) for light in lights), LAMP)
    out["position"] = [p for light in lights for p in light.positions]
    out["normal"] = [n for light in lights for n in light.normals]
    out["colour"] = [c for light in lights for c in light.colours]
    return out
