"""Which solids may throw a shadow, listed for every lamp by tiles of the directions around it.

Whether one does is left to `ray_tracing`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.local_frames import local_origins

FACE_TILES = 7
"""Tiles a side of each of the six faces of the cube of directions around a lamp."""
SPHERES = 16
"""A solid is bounded by so many spheres at most."""


class ShadowLists(NamedTuple):
    """What may stand in the way of L lamps' light."""

    origins: NDArray[np.float64]
    """[L, N, 3]: every lamp in the frame of every solid."""
    starts: NDArray[np.int32]
    """[L * tiles + 1]: where each lamp's and tile's part of `items` begins."""
    items: NDArray[np.int32]


def shadow_lists(lamps: NDArray[np.void], solids: NDArray[np.void]) -> ShadowLists:
    """For every lamp and tile of directions the solids that may throw a shadow there."""
    origins = np.stack([local_origins(lamp, solids) for lamp in lamps["position"]])
    middles, radii = tile_cones()
    return ShadowLists(origins, *list_around_lamps(lamps, solids, middles, radii))


@inlined
def direction_tile(x: float, y: float, z: float) -> int:
    """The tile of the cube of directions that (x, y, z) points into."""
    ax, ay, az = abs(x), abs(y), abs(z)
    if ax >= ay and ax >= az:
        face = 0 if x > 0 else 1
        a, b, m = y, z, ax
    elif ay >= az:
        face = 2 if y > 0 else 3
        a, b, m = x, z, ay
    else:
        face = 4 if z > 0 else 5
        a, b, m = x, y, az
    scale = 0.5 * FACE_TILES / m
    column = min(FACE_TILES - 1, int(a * scale + 0.5 * FACE_TILES))
    row = min(FACE_TILES - 1, int(b * scale + 0.5 * FACE_TILES))
    return (face * FACE_TILES + row) * FACE_TILES + column


@inlined
def on_cube(face: int, a: float, b: float) -> tuple[float, float, float]:
    """The point (a, b) in [-1, 1]^2 of a face of the cube of directions."""
    sign = 1.0 if face % 2 == 0 else -1.0
    if face < 2:
        return sign, a, b
    if face < 4:
        return a, sign, b
    return a, b, sign


@kernel
def tile_cones() -> tuple[Any, Any]:
    """Middle directions [T, 3] and angular radii [T] of the tiles of the cube of directions."""
    total = 6 * FACE_TILES * FACE_TILES
    middles = np.empty((total, 3))
    radii = np.zeros(total)
    for tile in range(total):
        face, place = divmod(tile, FACE_TILES * FACE_TILES)
        row, column = divmod(place, FACE_TILES)
        for corner in range(5):
            da = 0.5 if corner == 0 else float(corner & 1)
            db = 0.5 if corner == 0 else float((corner >> 1) & 1)
            a = 2.0 * (column + da) / FACE_TILES - 1.0
            b = 2.0 * (row + db) / FACE_TILES - 1.0
            vector = on_cube(face, a, b)
            length = math.sqrt(1.0 + a * a + b * b)
            if corner == 0:
                for k in range(3):
                    middles[tile, k] = vector[k] / length
            else:
                cosine = 0.0
                for k in range(3):
                    cosine += middles[tile, k] * vector[k] / length
                radii[tile] = max(radii[tile], math.acos(min(1.0, cosine)))
    return middles, radii


@inlined
def cuts(h0: float, h1: float, h2: float) -> tuple[int, int, int]:
    """Into how many parts a solid of those half sizes is cut along each of its axes."""
    thin = max(min(h0, h1, h2), 0.15 * max(h0, h1, h2))
    n0 = min(4, max(1, int(h0 / thin)))
    n1 = min(4, max(1, int(h1 / thin)))
    n2 = min(4, max(1, int(h2 / thin)))
    if n0 * n1 * n2 > SPHERES:  # only the two longest are cut
        if h0 <= h1 and h0 <= h2:
            n0 = 1
        elif h1 <= h2:
            n1 = 1
        else:
            n2 = 1
    return n0, n1, n2


@kernel
def bounding_spheres(solids: Any) -> tuple[Any, Any, Any, Any]:
    """Spheres that hold what each solid that casts shadows is made of, laid along its long axes.

    Tables and walls are much wider than thick. Gives centres [N, SPHERES, 3], how many there are
    [N] (0: no shadow), their radius [N], and that of one sphere around the whole solid [N].
    """
    count = solids.shape[0]
    sphere = np.empty((count, SPHERES, 3))
    spheres = np.zeros(count, dtype=np.int32)
    reach = np.zeros(count)
    whole = np.zeros(count)
    for i in range(count):
        if not solids[i].casting:
            continue
        centre, rotation, half = solids[i].centre, solids[i].rotation, solids[i].half
        h0, h1, h2 = half[0], half[1], half[2]
        n0, n1, n2 = cuts(h0, h1, h2)
        whole[i] = math.sqrt(h0 * h0 + h1 * h1 + h2 * h2)
        reach[i] = math.sqrt((h0 / n0) ** 2 + (h1 / n1) ** 2 + (h2 / n2) ** 2)
        for a in range(n0):
            for b in range(n1):
                for c in range(n2):
                    sx = h0 * ((2 * a + 1) / n0 - 1.0)
                    sy = h1 * ((2 * b + 1) / n1 - 1.0)
                    sz = h2 * ((2 * c + 1) / n2 - 1.0)
                    k = spheres[i]
                    for d in range(3):
                        sphere[i, k, d] = (
                            centre[d]
                            + rotation[0, d] * sx
                            + rotation[1, d] * sy
                            + rotation[2, d] * sz
                        )
                    spheres[i] = k + 1
    return sphere, spheres, reach, whole


@kernel
def list_around_lamps(lamps: Any, solids: Any, middles: Any, radii: Any) -> tuple[Any, Any]:
    """The starts and items of `ShadowLists`."""
    count = solids.shape[0]
    tiles = middles.shape[0]
    total = lamps.shape[0]
    sphere, spheres, reach, whole = bounding_spheres(solids)
    cosines = np.cos(radii)
    sines = np.sin(radii)
    found = np.zeros((total * tiles, count), dtype=np.int16)
    filled = np.zeros(total * tiles, dtype=np.int32)
    for lamp in range(total):
        first = lamp * tiles
        place = lamps[lamp].position
        for i in range(count):
            centre = solids[i].centre
            x = centre[0] - place[0]
            y = centre[1] - place[1]
            z = centre[2] - place[2]
            far = x * x + y * y + z * z > (4.0 * whole[i]) ** 2  # one sphere is tight enough
            for k in range(1 if far and spheres[i] > 0 else spheres[i]):
                radius = whole[i] if far else reach[i]
                if not far:
                    x = sphere[i, k, 0] - place[0]
                    y = sphere[i, k, 1] - place[1]
                    z = sphere[i, k, 2] - place[2]
                distance = math.sqrt(x * x + y * y + z * z)
                everywhere = distance <= radius
                inverse = 1.0 / max(distance, 1e-9)
                sine = min(1.0, radius * inverse)
                cosine = math.sqrt(1.0 - sine * sine)
                x *= inverse
                y *= inverse
                z *= inverse
                for tile in range(tiles):
                    dot = middles[tile, 0] * x + middles[tile, 1] * y + middles[tile, 2] * z
                    # cos(a + b), both angles below a right angle
                    if everywhere or dot >= cosine * cosines[tile] - sine * sines[tile]:
                        n = filled[first + tile]
                        if n == 0 or found[first + tile, n - 1] != i:
                            found[first + tile, n] = i
                            filled[first + tile] = n + 1
    starts = np.zeros(total * tiles + 1, dtype=np.int32)
    for k in range(total * tiles):
        starts[k + 1] = starts[k] + filled[k]
    items = np.empty(starts[-1], dtype=np.int32)
    for k in range(total * tiles):
        for n in range(filled[k]):
            items[starts[k] + n] = found[k, n]
    return starts, items
