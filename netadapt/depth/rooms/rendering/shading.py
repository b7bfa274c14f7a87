"""What colour a lit surface shows the camera: its own, what it reflects, and what it emits.

How much light falls on it is left to `lighting`, its own colour to `textures`, and what a camera
makes of the linear picture to `sensor`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.lighting import LitScreen, gather_light
from netadapt.depth.rooms.rendering.ray_tracing import Seen, nearest
from netadapt.depth.rooms.rendering.screen_lists import TILE, ScreenLists
from netadapt.depth.rooms.rendering.surfaces import surface_point
from netadapt.depth.rooms.rendering.textures import surface_colour
from netadapt.depth.rooms.rendering.view import View, direction, slope
from netadapt.depth.rooms.scene.description import Scene


@inlined
def mirrored(
    point: tuple[float, float, float],
    ray: tuple[float, float, float],
    room: Any,
    gloss: float,
    out: Any,
) -> None:
    """What a glossy surface reflects: the empty room's six sides and its bright rectangles.

    `ray` is the direction from `point` that it reflects; `room` is the scene's `Surroundings`.
    """
    px, py, pz = point
    rx, ry, rz = ray
    corners, wall_light, glows = room
    best = 1e30
    side = 0
    for a in range(3):
        d = rx if a == 0 else (ry if a == 1 else rz)
        o = px if a == 0 else (py if a == 1 else pz)
        if abs(d) < 1e-6:
            continue
        end = 1 if d > 0 else 0
        t = (corners[end, a] - o) / d
        if 0.0 < t < best:
            best = t
            side = 2 * a + end
    dull = 30.0 / (30.0 + gloss)  # a dull surface blurs the sides into one
    for k in range(3):
        mean = 0.0
        for other in range(6):
            mean += wall_light[other, k] / 6.0
        out[k] = wall_light[side, k] + dull * (mean - wall_light[side, k])
    hx = px + best * rx
    hy = py + best * ry
    hz = pz + best * rz
    soft = 0.03 + 2.0 / (4.0 + gloss) * best
    for g in range(glows.shape[0]):
        if int(glows[g, 0]) != side:
            continue
        p = hy if side < 2 else hx
        q = hy if side > 3 else hz
        wa = min(p - glows[g, 1], glows[g, 2] - p) / soft + 0.5
        wb = min(q - glows[g, 3], glows[g, 4] - q) / soft + 0.5
        w = min(1.0, max(0.0, wa)) * min(1.0, max(0.0, wb))
        for k in range(3):
            out[k] += w * (glows[g, 5 + k] - out[k])


@inlined
def colour_at(
    pixel: tuple[int, int],
    point: tuple[float, float, float],
    ray: tuple[float, float, float],
    t: float,
    i: int,
    pixel_angle: float,
    solids: Any,
    materials: Any,
    room: Any,
    step: int,
    samples: Any,
    out: Any,
) -> float:
    """Linear RGB of a point of solid i seen near a pixel (x, y) into out[0:3]; gives |n . v|.

    The ray meets the point at t; pixel_angle: radians a pixel; step, samples: of `LitScreen`. The
    light there is left in out[3:9].
    """
    px, py, pz = point
    dx, dy, dz = ray
    nx, ny, nz, u, v, hu, hv, front = surface_point(px, py, pz, i, solids)
    light = out[3:9]
    gather_light(pixel[0], pixel[1], i, nx, ny, nz, step, samples, light)
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    inverse = 1.0 / length
    facing = -(nx * dx + ny * dy + nz * dz) * inverse
    cosine: float = max(0.05, abs(facing))
    material = materials[solids[i].material]
    if material.turned:
        u, v = v, u
        hu, hv = hv, hu
    footprint = t * length * pixel_angle / math.sqrt(cosine)
    r, g, b = surface_colour(material, u, v, hu, hv, front, footprint)
    emission = material.emission
    if emission > 0.0 and front:
        out[0], out[1], out[2] = r * emission, g * emission, b * emission
        return cosine
    out[0] = r * light[0]
    out[1] = g * light[1]
    out[2] = b * light[2]
    shine = material.specular
    if shine > 0.0:
        grazing = 1.0 - cosine
        fresnel = shine * (1.0 + 6.0 * grazing * grazing * grazing * grazing * grazing)
        rx = dx * inverse + 2.0 * facing * nx
        ry = dy * inverse + 2.0 * facing * ny
        rz = dz * inverse + 2.0 * facing * nz
        gr, gg, gb = out[0], out[1], out[2]
        mirrored(point, (rx, ry, rz), room, material.gloss, out)
        keep = 1.0 - min(0.9, fresnel)
        share = min(0.9, fresnel)
        out[0] = keep * gr + share * (out[0] + light[3])
        out[1] = keep * gg + share * (out[1] + light[4])
        out[2] = keep * gb + share * (out[2] + light[5])
    return cosine


@inlined
def on_edge(x: int, y: int, solid: Any, face: Any) -> bool:
    """Whether a pixel's neighbours see another solid, or another face of it."""
    height, width = solid.shape
    i = solid[y, x]
    f = face[y, x]
    left, right = max(0, x - 1), min(width - 1, x + 1)
    above, below = max(0, y - 1), min(height - 1, y + 1)
    edge: bool = (
        solid[y, left] != i
        or solid[y, right] != i
        or solid[above, x] != i
        or solid[below, x] != i
        or face[y, left] != f
        or face[y, right] != f
        or face[above, x] != f
        or face[below, x] != f
    )
    return edge


def shade_screen(
    view: View, seen: Seen, scene: Scene, lit_screen: LitScreen, lists: ScreenLists, ceiling: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The linear picture [H, W, 3] and |n . v| [H, W]; pixels on an edge are averaged of
    three or four samples.

    Linear values are capped at `ceiling` before averaging, so that a lamp's rim stays smooth.
    """
    image, cosines = shade_pixels(
        view, seen, scene.solids, scene.materials, scene.room, lit_screen, lists, ceiling
    )
    return image, cosines


@kernel
def shade_pixels(
    view: Any,
    seen: Any,
    solids: Any,
    materials: Any,
    room: Any,
    lit_screen: Any,
    lists: Any,
    ceiling: float,
) -> tuple[Any, Any]:
    """What `shade_screen` gives."""
    # Named tuples are taken apart once: each look into one counts references.
    depth, solid, face = seen
    camera, axes, focal, height, width = view
    origins, starts, items, closest = lists
    step, samples = lit_screen
    image = np.zeros((height, width, 3), dtype=np.float32)
    cosines = np.zeros((height, width), dtype=np.float32)
    out = np.empty(9)
    pixel_angle = 1.0 / focal[0]
    tile_columns = (width + TILE - 1) // TILE
    for y in range(height):
        cy = slope(y, height, focal[1])
        for x in range(width):
            i = solid[y, x]
            if i < 0:
                continue
            cx = slope(x, width, focal[0])
            rays = 1
            if on_edge(x, y, solid, face):
                rays = 4 if step == 1 else 3
            tile = (y // TILE) * tile_columns + x // TILE
            s0 = s1 = s2 = 0.0
            count = 0.0
            t = float(depth[y, x])
            j = i
            dx, dy, dz = direction(axes, cx, cy)
            for k in range(rays):
                if k > 0:
                    sx = cx + (-0.35 if k == 1 else (0.35 if k == 2 else 0.12)) / focal[0]
                    sy = cy + (-0.15 if k == 1 else (-0.3 if k == 2 else 0.38)) / focal[1]
                    dx, dy, dz = direction(axes, sx, sy)
                    start, stop = starts[tile], starts[tile + 1]
                    t, j = nearest(dx, dy, dz, solids, origins, closest, items, start, stop)
                    if j < 0:
                        continue
                cosine = colour_at(
                    (x, y),
                    (camera[0] + t * dx, camera[1] + t * dy, camera[2] + t * dz),
                    (dx, dy, dz),
                    t,
                    j,
                    pixel_angle,
                    solids,
                    materials,
                    room,
                    step,
                    samples,
                    out,
                )
                if k == 0:
                    cosines[y, x] = cosine
                s0 += min(ceiling, out[0])
                s1 += min(ceiling, out[1])
                s2 += min(ceiling, out[2])
                count += 1.0
            image[y, x, 0] = s0 / count
            image[y, x, 1] = s1 / count
            image[y, x, 2] = s2 / count
    return image, cosines
