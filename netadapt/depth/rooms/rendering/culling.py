"""Which solids a ray may meet at all, listed by where it starts and which way it goes.

Rays from the camera are sorted by tiles of the screen, and those from a lamp by tiles of the cube
of directions around it. Whether a ray meets a solid is left to `tracing`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.view import View
from netadapt.depth.rooms.scene.description import Lamps, Solids
from netadapt.depth.rooms.scene.solid_kinds import SHELL

TILE = 8
"""Pixels a side of a screen tile."""
FACE_TILES = 7
"""Tiles a side of each of the six faces of the cube of directions around a lamp."""
NEAR_M = 0.02
NOTHING = 1e30
"""The ray parameter of a miss: finite, since fast arithmetic knows no infinity."""


class ScreenLists(NamedTuple):
    """What a camera's rays may meet."""

    origins: NDArray[np.float64]
    """[N, 3]: the camera in the frame of every solid."""
    starts: NDArray[np.int32]
    """[tiles + 1]: where each tile's part of `items` begins."""
    items: NDArray[np.int32]
    """Solids, the nearest first in each tile."""
    closest: NDArray[np.float64]
    """[N]: the least depth of each solid in metres; NOTHING where it isn't in view."""


class ShadowLists(NamedTuple):
    """What may stand in the way of L lamps' light."""

    origins: NDArray[np.float64]
    """[L, N, 3]: every lamp in the frame of every solid."""
    starts: NDArray[np.int32]
    """[L * tiles + 1]: where each lamp's and tile's part of `items` begins."""
    items: NDArray[np.int32]


def screen_lists(view: View, solids: Solids) -> ScreenLists:
    """For every tile of the screen the solids that may be seen in it, the nearest first."""
    return ScreenLists(local_origins(view.position, solids), *list_on_screen(view, solids))


def shadow_lists(lamps: Lamps, solids: Solids) -> ShadowLists:
    """For every lamp and tile of directions the solids that may throw a shadow there."""
    origins = np.stack([local_origins(lamp, solids) for lamp in lamps.positions])
    middles, radii = tile_cones()
    return ShadowLists(origins, *list_around_lamps(lamps.positions, solids, middles, radii))


@kernel
def local_origins(origin: Any, solids: Any) -> Any:
    """`origin` in the frame of every solid: [N, 3]."""
    maps = solids.maps
    centres = solids.centres
    count = centres.shape[0]
    out = np.empty((count, 3))
    for i in range(count):
        x = origin[0] - centres[i, 0]
        y = origin[1] - centres[i, 1]
        z = origin[2] - centres[i, 2]
        for a in range(3):
            out[i, a] = maps[i, a, 0] * x + maps[i, a, 1] * y + maps[i, a, 2] * z
    return out


@kernel
def list_on_screen(view: Any, solids: Any) -> tuple[Any, Any, Any]:
    """The starts, items and least depths of `ScreenLists`."""
    camera, axes, focal, height, width = view
    kinds, centres, rotations, halves = (
        solids.kinds,
        solids.centres,
        solids.rotations,
        solids.halves,
    )
    count = centres.shape[0]
    rows = (height + TILE - 1) // TILE
    columns = (width + TILE - 1) // TILE
    closest = np.full(count, NOTHING)
    boxes = np.empty((count, 4), dtype=np.int32)
    corner = np.empty((8, 3))
    for i in range(count):
        boxes[i, 0] = 1
        boxes[i, 1] = 0
        if kinds[i] == SHELL:
            closest[i] = 0.0
            boxes[i, 0] = 0
            boxes[i, 1] = rows - 1
            boxes[i, 2] = 0
            boxes[i, 3] = columns - 1
            continue
        low = NOTHING
        for c in range(8):
            sx = halves[i, 0] if c & 1 else -halves[i, 0]
            sy = halves[i, 1] if c & 2 else -halves[i, 1]
            sz = halves[i, 2] if c & 4 else -halves[i, 2]
            wx = rotations[i, 0, 0] * sx + rotations[i, 1, 0] * sy + rotations[i, 2, 0] * sz
            wy = rotations[i, 0, 1] * sx + rotations[i, 1, 1] * sy + rotations[i, 2, 1] * sz
            wz = rotations[i, 0, 2] * sx + rotations[i, 1, 2] * sy + rotations[i, 2, 2] * sz
            wx += centres[i, 0] - camera[0]
            wy += centres[i, 1] - camera[1]
            wz += centres[i, 2] - camera[2]
            for a in range(3):
                corner[c, a] = axes[a, 0] * wx + axes[a, 1] * wy + axes[a, 2] * wz
            low = min(low, corner[c, 2])
        x0, x1, y0, y1 = NOTHING, -NOTHING, NOTHING, -NOTHING
        for c in range(8):
            if corner[c, 2] >= NEAR_M:
                x = corner[c, 0] / corner[c, 2]
                y = corner[c, 1] / corner[c, 2]
                x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
            for bit in (1, 2, 4):
                other = c ^ bit
                if corner[c, 2] < NEAR_M <= corner[other, 2]:
                    f = (NEAR_M - corner[c, 2]) / (corner[other, 2] - corner[c, 2])
                    x = (corner[c, 0] + f * (corner[other, 0] - corner[c, 0])) / NEAR_M
                    y = (corner[c, 1] + f * (corner[other, 1] - corner[c, 1])) / NEAR_M
                    x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
        if x0 > x1:
            continue
        px0 = max(-1e6, x0 * focal[0] + 0.5 * width - 1.0)
        px1 = min(1e6, x1 * focal[0] + 0.5 * width + 1.0)
        py0 = max(-1e6, y0 * focal[1] + 0.5 * height - 1.0)
        py1 = min(1e6, y1 * focal[1] + 0.5 * height + 1.0)
        if px1 < 0 or py1 < 0 or px0 >= width or py0 >= height:
            continue
        closest[i] = max(low, 0.0)
        boxes[i, 0] = max(0, int(py0) // TILE)
        boxes[i, 1] = min(rows - 1, int(py1) // TILE)
        boxes[i, 2] = max(0, int(px0) // TILE)
        boxes[i, 3] = min(columns - 1, int(px1) // TILE)
    order = np.argsort(closest, kind="mergesort")
    starts = np.zeros(rows * columns + 1, dtype=np.int32)
    for i in range(count):
        for r in range(boxes[i, 0], boxes[i, 1] + 1):
            for c in range(boxes[i, 2], boxes[i, 3] + 1):
                starts[r * columns + c + 1] += 1
    for k in range(rows * columns):
        starts[k + 1] += starts[k]
    items = np.empty(starts[-1], dtype=np.int32)
    filled = starts[:-1].copy()
    for position in range(count):
        i = order[position]
        for r in range(boxes[i, 0], boxes[i, 1] + 1):
            for c in range(boxes[i, 2], boxes[i, 3] + 1):
                tile = r * columns + c
                items[filled[tile]] = i
                filled[tile] += 1
    return starts, items, closest


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


@kernel
def tile_cones() -> tuple[Any, Any]:
    """Middle directions [T, 3] and angular radii [T] of the tiles of the cube of directions."""
    total = 6 * FACE_TILES * FACE_TILES
    middles = np.empty((total, 3))
    radii = np.zeros(total)
    vector = np.empty(3)
    for face in range(6):
        for row in range(FACE_TILES):
            for column in range(FACE_TILES):
                tile = (face * FACE_TILES + row) * FACE_TILES + column
                for corner in range(5):
                    da = 0.5 if corner == 0 else float(corner & 1)
                    db = 0.5 if corner == 0 else float((corner >> 1) & 1)
                    a = 2.0 * (column + da) / FACE_TILES - 1.0
                    b = 2.0 * (row + db) / FACE_TILES - 1.0
                    sign = 1.0 if face % 2 == 0 else -1.0
                    if face < 2:
                        vector[0], vector[1], vector[2] = sign, a, b
                    elif face < 4:
                        vector[0], vector[1], vector[2] = a, sign, b
                    else:
                        vector[0], vector[1], vector[2] = a, b, sign
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


@kernel
def list_around_lamps(lamps: Any, solids: Any, middles: Any, radii: Any) -> tuple[Any, Any]:
    """The starts and items of `ShadowLists`.

    A solid is bounded by up to 16 spheres laid along its two longest axes, since tables and
    walls are much wider than thick. lamps [L, 3]: positions.
    """
    casting, centres, rotations, halves = (
        solids.casting,
        solids.centres,
        solids.rotations,
        solids.halves,
    )
    count = centres.shape[0]
    tiles = middles.shape[0]
    total = lamps.shape[0]
    sphere = np.empty((count, 16, 3))
    spheres = np.zeros(count, dtype=np.int32)
    reach = np.zeros(count)
    whole = np.zeros(count)
    for i in range(count):
        if not casting[i]:
            continue
        h0, h1, h2 = halves[i, 0], halves[i, 1], halves[i, 2]
        thin = max(min(h0, h1, h2), 0.15 * max(h0, h1, h2))
        n0 = min(4, max(1, int(h0 / thin)))
        n1 = min(4, max(1, int(h1 / thin)))
        n2 = min(4, max(1, int(h2 / thin)))
        if n0 * n1 * n2 > 16:  # only the two longest are cut
            if h0 <= h1 and h0 <= h2:
                n0 = 1
            elif h1 <= h2:
                n1 = 1
            else:
                n2 = 1
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
                            centres[i, d]
                            + rotations[i, 0, d] * sx
                            + rotations[i, 1, d] * sy
                            + rotations[i, 2, d] * sz
                        )
                    spheres[i] = k + 1
    cosines = np.cos(radii)
    sines = np.sin(radii)
    found = np.zeros((total * tiles, count), dtype=np.int16)
    filled = np.zeros(total * tiles, dtype=np.int32)
    for lamp in range(total):
        first = lamp * tiles
        for i in range(count):
            x = centres[i, 0] - lamps[lamp, 0]
            y = centres[i, 1] - lamps[lamp, 1]
            z = centres[i, 2] - lamps[lamp, 2]
            far = x * x + y * y + z * z > (4.0 * whole[i]) ** 2  # one sphere is tight enough
            for k in range(1 if far and spheres[i] > 0 else spheres[i]):
                radius = whole[i] if far else reach[i]
                if not far:
                    x = sphere[i, k, 0] - lamps[lamp, 0]
                    y = sphere[i, k, 1] - lamps[lamp, 1]
                    z = sphere[i, k, 2] - lamps[lamp, 2]
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
