"""Rays against solids: what a pixel sees, and whether a lamp sees a point.

Every solid is a unit cube, sphere or frustum under an affine map, so that one ray test serves all
sizes and orientations. Which solids a ray is tested against is left to `screen_lists` and
`shadow_lists`, and light and colour to `lighting` and `shading`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.local_frames import NOTHING
from netadapt.depth.rooms.rendering.screen_lists import TILE, ScreenLists
from netadapt.depth.rooms.rendering.shadow_lists import FACE_TILES, direction_tile
from netadapt.depth.rooms.rendering.view import View, direction, slope
from netadapt.depth.rooms.scene.solid_kinds import BOX, ELLIPSOID, SHELL


@inlined
def hit_box(
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, from_within: bool
) -> float:
    """Where a ray enters the unit box, or leaves it where that is seen from within."""
    near = -1e30
    far = 1e30
    if abs(dx) > 1e-12:
        inverse = 1.0 / dx
        a = (-1.0 - ox) * inverse
        b = (1.0 - ox) * inverse
        near = max(near, min(a, b))
        far = min(far, max(a, b))
    elif abs(ox) > 1.0:
        return NOTHING
    if abs(dy) > 1e-12:
        inverse = 1.0 / dy
        a = (-1.0 - oy) * inverse
        b = (1.0 - oy) * inverse
        near = max(near, min(a, b))
        far = min(far, max(a, b))
    elif abs(oy) > 1.0:
        return NOTHING
    if abs(dz) > 1e-12:
        inverse = 1.0 / dz
        a = (-1.0 - oz) * inverse
        b = (1.0 - oz) * inverse
        near = max(near, min(a, b))
        far = min(far, max(a, b))
    elif abs(oz) > 1.0:
        return NOTHING
    if near > far or far <= 0.0:
        return NOTHING
    if from_within:
        return far
    return near if near > 0.0 else NOTHING


@inlined
def hit_ellipsoid(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    """Where a ray enters the unit sphere."""
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    c = ox * ox + oy * oy + oz * oz - 1.0
    root = b * b - a * c
    if root < 0.0:
        return NOTHING
    t = (-b - math.sqrt(root)) / a
    return t if t > 0.0 else NOTHING


@inlined
def hit_frustum(
    ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, taper: float
) -> float:
    """Where a ray meets a frustum of radius 1 at z = -1 and `taper` at z = 1."""
    # the side is x^2 + y^2 = (m + k z)^2
    m = 0.5 * (1.0 + taper)
    k = 0.5 * (taper - 1.0)
    best = NOTHING
    r0 = m + k * oz
    rd = k * dz
    a = dx * dx + dy * dy - rd * rd
    b = ox * dx + oy * dy - r0 * rd
    c = ox * ox + oy * oy - r0 * r0
    root = b * b - a * c
    if root >= 0.0 and abs(a) > 1e-12:
        root = math.sqrt(root)
        for sign in (-1.0, 1.0):
            t = (-b + sign * root) / a
            if 0.0 < t < best:
                z = oz + t * dz
                if -1.0 <= z <= 1.0:
                    best = t
    if abs(dz) > 1e-12:
        t = (-1.0 - oz) / dz
        if 0.0 < t < best:
            x = ox + t * dx
            y = oy + t * dy
            if x * x + y * y <= 1.0:
                best = t
        t = (1.0 - oz) / dz
        if 0.0 < t < best:
            x = ox + t * dx
            y = oy + t * dy
            if x * x + y * y <= taper * taper:
                best = t
    return best


@inlined
def hit(
    kind: int,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    taper: float,
) -> float:
    """The smallest positive ray parameter at which a unit solid is entered, or NOTHING.

    The ray is in the solid's own frame, where it spans [-1, 1] in each axis. A shell is a box seen
    from within: the parameter is where the ray leaves it.
    """
    if kind in (BOX, SHELL):
        return hit_box(ox, oy, oz, dx, dy, dz, kind == SHELL)
    if kind == ELLIPSOID:
        return hit_ellipsoid(ox, oy, oz, dx, dy, dz)
    return hit_frustum(ox, oy, oz, dx, dy, dz, taper)


@inlined
def nearest(
    dx: float,
    dy: float,
    dz: float,
    solids: Any,
    origins: Any,
    closest: Any,
    items: Any,
    start: int,
    stop: int,
) -> tuple[float, int]:
    """The nearest solid among items[start:stop] along a ray, and the ray parameter there.

    origins, closest, items: of `ScreenLists`.
    """
    best = NOTHING
    found = -1
    for k in range(start, stop):
        i = items[k]
        if closest[i] > best:
            break
        m = solids[i].map
        lx = m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz
        ly = m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz
        lz = m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz
        ox, oy, oz = origins[i, 0], origins[i, 1], origins[i, 2]
        t = hit(solids[i].kind, ox, oy, oz, lx, ly, lz, solids[i].taper)
        if t < best:
            best = t
            found = i
    return best, found


@inlined
def lit(
    lamp: int,
    dx: float,
    dy: float,
    dz: float,
    clearance: float,
    solids: Any,
    origins: Any,
    starts: Any,
    items: Any,
    blockers: Any,
) -> bool:
    """Whether nothing stands between a lamp and the point at lamp + (dx, dy, dz).

    `clearance` is the part of the way, at the point's end, in which a solid doesn't count: it is
    the surface itself. origins, starts, items: of `ShadowLists`. `blockers` [lamps] remembers what
    last stood in each lamp's way, which is tried first, since it mostly shades the next point too.
    """
    tile = lamp * 6 * FACE_TILES * FACE_TILES + direction_tile(dx, dy, dz)
    limit = 1.0 - clearance
    for k in range(starts[tile] - 1, starts[tile + 1]):
        i = items[k] if k >= starts[tile] else blockers[lamp]
        if i < 0:
            continue
        m = solids[i].map
        lx = m[0, 0] * dx + m[0, 1] * dy + m[0, 2] * dz
        ly = m[1, 0] * dx + m[1, 1] * dy + m[1, 2] * dz
        lz = m[2, 0] * dx + m[2, 1] * dy + m[2, 2] * dz
        ox, oy, oz = origins[lamp, i, 0], origins[lamp, i, 1], origins[lamp, i, 2]
        t = hit(solids[i].kind, ox, oy, oz, lx, ly, lz, solids[i].taper)
        if t < limit:
            blockers[lamp] = i
            return False
    return True


class Seen(NamedTuple):
    """What every pixel sees."""

    depth: NDArray[np.float32]
    """[H, W]: metres along the optical axis; NOTHING where it sees nothing."""
    solid: NDArray[np.int32]
    """[H, W]: -1 where it sees nothing."""
    face: NDArray[np.int8]
    """[H, W]: the axis of a box's face, 0 on curved solids."""


def trace_screen(view: View, solids: NDArray[np.void], lists: ScreenLists) -> Seen:
    """What every pixel of a view sees; `lists` are those of `screen_lists`."""
    return Seen(*trace_pixels(view, solids, lists))


@kernel
def trace_pixels(view: Any, solids: Any, lists: Any) -> tuple[Any, Any, Any]:
    """The fields of `Seen`."""
    # Named tuples are taken apart once: each look into one counts references.
    origins, starts, items, closest = lists
    _, axes, focal, height, width = view
    depth = np.empty((height, width), dtype=np.float32)
    solid = np.empty((height, width), dtype=np.int32)
    face = np.zeros((height, width), dtype=np.int8)
    columns = (width + TILE - 1) // TILE
    for y in range(height):
        cy = slope(y, height, focal[1])
        for x in range(width):
            tile = (y // TILE) * columns + x // TILE
            dx, dy, dz = direction(axes, slope(x, width, focal[0]), cy)
            start, stop = starts[tile], starts[tile + 1]
            t, i = nearest(dx, dy, dz, solids, origins, closest, items, start, stop)
            depth[y, x] = t
            solid[y, x] = i
            if i >= 0 and (solids[i].kind == BOX or solids[i].kind == SHELL):
                m = solids[i].map
                farthest = 0.0
                for a in range(3):
                    local = origins[i, a] + t * (m[a, 0] * dx + m[a, 1] * dy + m[a, 2] * dz)
                    if abs(local) > farthest:
                        farthest = abs(local)
                        face[y, x] = a
    return depth, solid, face
