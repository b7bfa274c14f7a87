"""What colour a lit surface shows the camera: its own, what it reflects, and what it emits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netadapt.depth.rooms.rendering.culling import TILE
from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.lighting import gather_light
from netadapt.depth.rooms.rendering.surfaces import surface_point
from netadapt.depth.rooms.rendering.textures import surface_colour
from netadapt.depth.rooms.rendering.tracing import nearest


@inlined
def mirrored(
    px: float,
    py: float,
    pz: float,
    rx: float,
    ry: float,
    rz: float,
    room: Any,
    wall_light: Any,
    glows: Any,
    gloss: float,
    out: Any,
) -> None:
    """What a glossy surface reflects: the empty room's six sides and its bright rectangles.

    room [2, 3]: corners; wall_light [6, 3]; glows [K, 8]: side, two intervals, colour.
    """
    best = 1e30
    side = 0
    for a in range(3):
        d = rx if a == 0 else (ry if a == 1 else rz)
        o = px if a == 0 else (py if a == 1 else pz)
        if abs(d) < 1e-6:
            continue
        end = 1 if d > 0 else 0
        t = (room[end, a] - o) / d
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
    x: int,
    y: int,
    i: int,
    t: float,
    cx: float,
    cy: float,
    camera: Any,
    axes: Any,
    pixel_angle: float,
    kinds: Any,
    centres: Any,
    maps: Any,
    halves: Any,
    tapers: Any,
    of_material: Any,
    textures: Any,
    colours: Any,
    patterns: Any,
    finish: Any,
    step: int,
    screen_light: Any,
    planes: Any,
    seen: Any,
    light: Any,
    room: Any,
    wall_light: Any,
    glows: Any,
    out: Any,
) -> float:
    """Linear RGB of a surface point seen near pixel (x, y) into out[0:3]; gives |n . v|.

    `light` [6] is filled with the screen's light at that point.
    """
    dx = axes[0, 0] * cx + axes[1, 0] * cy + axes[2, 0]
    dy = axes[0, 1] * cx + axes[1, 1] * cy + axes[2, 1]
    dz = axes[0, 2] * cx + axes[1, 2] * cy + axes[2, 2]
    px = camera[0] + t * dx
    py = camera[1] + t * dy
    pz = camera[2] + t * dz
    nx, ny, nz, u, v, hu, hv, front = surface_point(
        kinds[i], px, py, pz, i, centres, maps, halves, tapers
    )
    gather_light(x, y, i, nx, ny, nz, step, screen_light, planes, seen, light)
    length = math.sqrt(dx * dx + dy * dy + dz * dz)
    inverse = 1.0 / length
    facing = -(nx * dx + ny * dy + nz * dz) * inverse
    cosine: float = max(0.05, abs(facing))
    m = of_material[i]
    if finish[m, 4] > 0.0:
        u, v = v, u
        hu, hv = hv, hu
    footprint = t * length * pixel_angle / math.sqrt(cosine)
    r, g, b = surface_colour(textures[m], u, v, hu, hv, front, footprint, m, colours, patterns)
    emission = finish[m, 2]
    if emission > 0.0 and front:
        out[0], out[1], out[2] = r * emission, g * emission, b * emission
        return cosine
    out[0] = r * light[0]
    out[1] = g * light[1]
    out[2] = b * light[2]
    shine = finish[m, 0]
    if shine > 0.0:
        grazing = 1.0 - cosine
        fresnel = shine * (1.0 + 6.0 * grazing * grazing * grazing * grazing * grazing)
        rx = dx * inverse + 2.0 * facing * nx
        ry = dy * inverse + 2.0 * facing * ny
        rz = dz * inverse + 2.0 * facing * nz
        gr, gg, gb = out[0], out[1], out[2]
        mirrored(px, py, pz, rx, ry, rz, room, wall_light, glows, finish[m, 1], out)
        keep = 1.0 - min(0.9, fresnel)
        share = min(0.9, fresnel)
        out[0] = keep * gr + share * (out[0] + light[3])
        out[1] = keep * gg + share * (out[1] + light[4])
        out[2] = keep * gb + share * (out[2] + light[5])
    return cosine


@kernel
def shade_screen(
    step: int,
    camera: Any,
    axes: Any,
    focal: Any,
    depth: Any,
    solid: Any,
    face: Any,
    light: Any,
    planes: Any,
    seen: Any,
    kinds: Any,
    centres: Any,
    maps: Any,
    halves: Any,
    tapers: Any,
    of_material: Any,
    textures: Any,
    colours: Any,
    patterns: Any,
    finish: Any,
    room: Any,
    wall_light: Any,
    glows: Any,
    origins: Any,
    screen_starts: Any,
    screen_items: Any,
    closest: Any,
    ceiling: float,
) -> tuple[Any, Any]:
    """The linear picture [H, W, 3] and |n . v| [H, W]; pixels on an edge are averaged of
    three or four samples.

    Linear values are capped at `ceiling` before averaging, so that a lamp's rim stays smooth.
    """
    height, width = depth.shape
    image = np.zeros((height, width, 3), dtype=np.float32)
    cosines = np.zeros((height, width), dtype=np.float32)
    here = np.empty(6)
    out = np.empty(3)
    pixel_angle = 1.0 / focal[0]
    tile_columns = (width + TILE - 1) // TILE
    for y in range(height):
        cy = (y + 0.5 - 0.5 * height) / focal[1]
        for x in range(width):
            i = solid[y, x]
            if i < 0:
                continue
            cx = (x + 0.5 - 0.5 * width) / focal[0]
            f = face[y, x]
            left, right = max(0, x - 1), min(width - 1, x + 1)
            above, below = max(0, y - 1), min(height - 1, y + 1)
            samples = 1
            if (
                solid[y, left] != i
                or solid[y, right] != i
                or solid[above, x] != i
                or solid[below, x] != i
                or face[y, left] != f
                or face[y, right] != f
                or face[above, x] != f
                or face[below, x] != f
            ):
                samples = 4 if step == 1 else 3
            tile = (y // TILE) * tile_columns + x // TILE
            s0 = s1 = s2 = 0.0
            count = 0.0
            t = float(depth[y, x])
            j = i
            sx, sy = cx, cy
            for k in range(samples):
                if k > 0:
                    sx = cx + (-0.35 if k == 1 else (0.35 if k == 2 else 0.12)) / focal[0]
                    sy = cy + (-0.15 if k == 1 else (-0.3 if k == 2 else 0.38)) / focal[1]
                    t, j = nearest(
                        axes[0, 0] * sx + axes[1, 0] * sy + axes[2, 0],
                        axes[0, 1] * sx + axes[1, 1] * sy + axes[2, 1],
                        axes[0, 2] * sx + axes[1, 2] * sy + axes[2, 2],
                        kinds,
                        maps,
                        tapers,
                        origins,
                        closest,
                        screen_items,
                        screen_starts[tile],
                        screen_starts[tile + 1],
                    )
                    if j < 0:
                        continue
                cosine = colour_at(
                    x,
                    y,
                    j,
                    t,
                    sx,
                    sy,
                    camera,
                    axes,
                    pixel_angle,
                    kinds,
                    centres,
                    maps,
                    halves,
                    tapers,
                    of_material,
                    textures,
                    colours,
                    patterns,
                    finish,
                    step,
                    light,
                    planes,
                    seen,
                    here,
                    room,
                    wall_light,
                    glows,
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
