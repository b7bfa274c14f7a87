"""How the solids of a room look: direct light, light bounced off the walls, gloss and emission.

Light comes from groups of sampled positions (windows, ceiling lamps, and virtual lamps on the
walls for bounced light). Each pixel of a 4 x 4 block asks another sample of each group and the
results are averaged over the block where the surface is the same (interleaved sampling, Keller and
Heidrich 2001), which gives soft shadows for one ray a group and pixel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netadapt.data.rooms.kernels import inlined, kernel
from netadapt.data.rooms.textures import surface_colour
from netadapt.data.rooms.tracing import BOX, ELLIPSOID, SHELL, TILE, lit, nearest

LIGHT_FLOOR_M2 = 0.15
"""Added to squared distances, so that a surface near a lamp isn't infinitely bright."""


@inlined
def surface_point(
    kind: int,
    px: float,
    py: float,
    pz: float,
    i: int,
    centres: Any,
    maps: Any,
    halves: Any,
    tapers: Any,
) -> tuple[float, float, float, float, float, float, float, bool]:
    """Normal (x, y, z), face position (u, v), half face size (u, v), and if it is the broad face.

    (px, py, pz) lies on solid i. Positions on a face are metres from its middle; `v` points up on
    upright faces.
    """
    x = px - centres[i, 0]
    y = py - centres[i, 1]
    z = pz - centres[i, 2]
    lx = maps[i, 0, 0] * x + maps[i, 0, 1] * y + maps[i, 0, 2] * z
    ly = maps[i, 1, 0] * x + maps[i, 1, 1] * y + maps[i, 1, 2] * z
    lz = maps[i, 2, 0] * x + maps[i, 2, 1] * y + maps[i, 2, 2] * z
    hx, hy, hz = halves[i, 0], halves[i, 1], halves[i, 2]
    if kind in (BOX, SHELL):
        ax, ay, az = abs(lx), abs(ly), abs(lz)
        if ax >= ay and ax >= az:
            axis = 0
            sign = 1.0 if lx > 0 else -1.0
            u, v, hu, hv, h = ly * hy, lz * hz, hy, hz, hx
        elif ay >= az:
            axis = 1
            sign = 1.0 if ly > 0 else -1.0
            u, v, hu, hv, h = lx * hx, lz * hz, hx, hz, hy
        else:
            axis = 2
            sign = 1.0 if lz > 0 else -1.0
            u, v, hu, hv, h = lx * hx, ly * hy, hx, hy, hz
        if kind == SHELL:
            sign = -sign
        scale = sign * halves[i, axis]
        return (
            maps[i, axis, 0] * scale,
            maps[i, axis, 1] * scale,
            maps[i, axis, 2] * scale,
            u,
            v,
            hu,
            hv,
            h <= hx and h <= hy and h <= hz,
        )
    if kind == ELLIPSOID:
        nx, ny, nz = lx, ly, lz
        if hz < 0.7 * min(hx, hy):  # a flat one is seen from above, or from the front
            u, v = lx * hx, ly * hy
            hu, hv = hx, hy
        elif hy < 0.7 * min(hx, hz):
            u, v = lx * hx, lz * hz
            hu, hv = hx, hz
        else:
            u = math.atan2(ly, lx) * 0.5 * (hx + hy)
            v = lz * hz
            hu, hv = 3.1416 * hx, hz
    elif abs(lz) > 0.9995:
        nx, ny, nz = 0.0, 0.0, lz
        u, v = lx * hx, ly * hy
        hu, hv = hx, hy
    else:
        k = 0.5 * (tapers[i] - 1.0)
        radius = 0.5 * (1.0 + tapers[i]) + k * lz
        nx, ny, nz = lx, ly, -k * radius
        u = math.atan2(ly, lx) * 0.5 * (hx + hy)
        v = lz * hz
        hu, hv = 3.1416 * hx, hz
    wx = maps[i, 0, 0] * nx + maps[i, 1, 0] * ny + maps[i, 2, 0] * nz
    wy = maps[i, 0, 1] * nx + maps[i, 1, 1] * ny + maps[i, 2, 1] * nz
    wz = maps[i, 0, 2] * nx + maps[i, 1, 2] * ny + maps[i, 2, 2] * nz
    length = 1.0 / math.sqrt(wx * wx + wy * wy + wz * wz + 1e-20)
    return wx * length, wy * length, wz * length, u, v, hu, hv, True


@inlined
def light_at(
    px: float,
    py: float,
    pz: float,
    nx: float,
    ny: float,
    nz: float,
    vx: float,
    vy: float,
    vz: float,
    gloss: float,
    pattern: int,
    groups: Any,
    lamps: Any,
    lamp_normals: Any,
    lamp_colours: Any,
    kinds: Any,
    maps: Any,
    tapers: Any,
    lamp_origins: Any,
    starts: Any,
    items: Any,
    blockers: Any,
    out: Any,
) -> None:
    """Irradiance (out[0:3]) and gloss (out[3:6]) at a point with normal n, seen from direction v.

    groups [G, 2]: first lamp and number of lamps; one lamp a group is asked, by `pattern`.
    lamp_normals: zero for lamps that shine to all sides.
    """
    for k in range(6):
        out[k] = 0.0
    for g in range(groups.shape[0]):
        lamp = groups[g, 0] + (pattern + 5 * g) % groups[g, 1]
        dx = px - lamps[lamp, 0]
        dy = py - lamps[lamp, 1]
        dz = pz - lamps[lamp, 2]
        square = dx * dx + dy * dy + dz * dz
        inverse = 1.0 / math.sqrt(square + 1e-9)
        facing = -(nx * dx + ny * dy + nz * dz) * inverse
        if facing <= 0.0:
            continue
        ln0, ln1, ln2 = lamp_normals[lamp, 0], lamp_normals[lamp, 1], lamp_normals[lamp, 2]
        emitted = 1.0
        if ln0 != 0.0 or ln1 != 0.0 or ln2 != 0.0:
            emitted = (ln0 * dx + ln1 * dy + ln2 * dz) * inverse
            if emitted <= 0.0:
                continue
        if not lit(
            lamp,
            dx,
            dy,
            dz,
            0.012 * inverse,
            kinds,
            maps,
            tapers,
            lamp_origins,
            starts,
            items,
            blockers,
        ):
            continue
        strength = emitted / (square + LIGHT_FLOOR_M2)
        weight = facing * strength
        for k in range(3):
            out[k] += weight * lamp_colours[lamp, k]
        if gloss > 0.0:
            hx = -dx * inverse + vx
            hy = -dy * inverse + vy
            hz = -dz * inverse + vz
            length = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
            cosine = (hx * nx + hy * ny + hz * nz) * length
            if cosine > 0.0:
                shine = (gloss + 2.0) * 0.125 * cosine**gloss * weight
                for k in range(3):
                    out[3 + k] += shine * lamp_colours[lamp, k]


@kernel
def light_screen(
    step: int,
    camera: Any,
    axes: Any,
    focal: Any,
    depth: Any,
    solid: Any,
    kinds: Any,
    centres: Any,
    maps: Any,
    halves: Any,
    tapers: Any,
    finish: Any,
    of_material: Any,
    groups: Any,
    lamps: Any,
    lamp_normals: Any,
    lamp_colours: Any,
    lamp_origins: Any,
    starts: Any,
    items: Any,
) -> tuple[Any, Any, Any]:
    """Light at every `step`-th pixel: raw [h, w, 6], normals and plane offset [h, w, 4], solid."""
    height, width = depth.shape
    rows = (height + step - 1) // step
    columns = (width + step - 1) // step
    raw = np.zeros((rows, columns, 6), dtype=np.float32)
    planes = np.zeros((rows, columns, 4), dtype=np.float32)
    seen = np.full((rows, columns), -1, dtype=np.int32)
    blockers = np.full(lamps.shape[0], -1, dtype=np.int32)
    out = np.empty(6)
    order = np.array([0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5])
    for r in range(rows):
        y = r * step
        cy = (y + 0.5 - 0.5 * height) / focal[1]
        for c in range(columns):
            x = c * step
            i = solid[y, x]
            if i < 0:
                continue
            cx = (x + 0.5 - 0.5 * width) / focal[0]
            t = depth[y, x]
            dx = axes[0, 0] * cx + axes[1, 0] * cy + axes[2, 0]
            dy = axes[0, 1] * cx + axes[1, 1] * cy + axes[2, 1]
            dz = axes[0, 2] * cx + axes[1, 2] * cy + axes[2, 2]
            px = camera[0] + t * dx
            py = camera[1] + t * dy
            pz = camera[2] + t * dz
            n = surface_point(kinds[i], px, py, pz, i, centres, maps, halves, tapers)
            planes[r, c, 0] = n[0]
            planes[r, c, 1] = n[1]
            planes[r, c, 2] = n[2]
            planes[r, c, 3] = n[0] * px + n[1] * py + n[2] * pz
            seen[r, c] = i
            inverse = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
            material = of_material[i]
            gloss = finish[material, 1] if finish[material, 0] > 0.0 else 0.0
            light_at(
                px,
                py,
                pz,
                n[0],
                n[1],
                n[2],
                -dx * inverse,
                -dy * inverse,
                -dz * inverse,
                gloss,
                order[(r & 3) * 4 + (c & 3)],
                groups,
                lamps,
                lamp_normals,
                lamp_colours,
                kinds,
                maps,
                tapers,
                lamp_origins,
                starts,
                items,
                blockers,
                out,
            )
            for k in range(6):
                raw[r, c, k] = out[k]
    return raw, planes, seen


@kernel
def smooth_light(raw: Any, planes: Any, seen: Any) -> Any:
    """Average light over the 4 x 4 pattern within one surface: [h, w, 6]."""
    rows, columns, _ = raw.shape
    out = np.zeros_like(raw)
    for r in range(rows):
        for c in range(columns):
            i = seen[r, c]
            if i < 0:
                continue
            n0, n1, n2 = planes[r, c, 0], planes[r, c, 1], planes[r, c, 2]
            offset = planes[r, c, 3]
            total = 0.0
            s0 = s1 = s2 = s3 = s4 = s5 = 0.0
            for dr in range(-2, 3):
                q = r + dr
                if q < 0 or q >= rows:
                    continue
                for dc in range(-2, 3):
                    p = c + dc
                    if p < 0 or p >= columns:
                        continue
                    if seen[q, p] < 0:
                        continue
                    dot = n0 * planes[q, p, 0] + n1 * planes[q, p, 1] + n2 * planes[q, p, 2]
                    same = seen[q, p] == i and dot > 0.7
                    flat = dot > 0.97 and abs(planes[q, p, 3] - offset) < 0.02
                    if not (same or flat):
                        continue
                    weight = 1.0
                    if dr == -2 or dr == 2:
                        weight *= 0.5
                    if dc == -2 or dc == 2:
                        weight *= 0.5
                    total += weight
                    s0 += weight * raw[q, p, 0]
                    s1 += weight * raw[q, p, 1]
                    s2 += weight * raw[q, p, 2]
                    s3 += weight * raw[q, p, 3]
                    s4 += weight * raw[q, p, 4]
                    s5 += weight * raw[q, p, 5]
            total = 1.0 / total
            out[r, c, 0] = s0 * total
            out[r, c, 1] = s1 * total
            out[r, c, 2] = s2 * total
            out[r, c, 3] = s3 * total
            out[r, c, 4] = s4 * total
            out[r, c, 5] = s5 * total
    return out


@inlined
def gather_light(
    x: int,
    y: int,
    i: int,
    nx: float,
    ny: float,
    nz: float,
    step: int,
    light: Any,
    planes: Any,
    seen: Any,
    out: Any,
) -> None:
    """The light at solid i with normal n near pixel (x, y), from the samples on that surface."""
    rows, columns, _ = light.shape
    r0 = y // step
    c0 = x // step
    if step == 1 and seen[r0, c0] == i:
        dot = nx * planes[r0, c0, 0] + ny * planes[r0, c0, 1] + nz * planes[r0, c0, 2]
        if dot > 0.9:
            for k in range(6):
                out[k] = light[r0, c0, k]
            return
    fy = y / step - r0
    fx = x / step - c0
    total = 0.0
    for k in range(6):
        out[k] = 0.0
    for dr in range(2):
        r = min(rows - 1, r0 + dr)
        for dc in range(2):
            weight = (fy if dr else 1.0 - fy) * (fx if dc else 1.0 - fx) + 1e-4
            c = min(columns - 1, c0 + dc)
            dot = nx * planes[r, c, 0] + ny * planes[r, c, 1] + nz * planes[r, c, 2]
            if seen[r, c] != i or dot < 0.8:
                continue
            total += weight
            for k in range(6):
                out[k] += weight * light[r, c, k]
    if total == 0.0:  # a sliver between the samples: whatever near lies alike, the same solid first
        for dr in range(-1, 2):
            r = min(rows - 1, max(0, r0 + dr))
            for dc in range(-1, 2):
                c = min(columns - 1, max(0, c0 + dc))
                if seen[r, c] < 0:
                    continue
                dot = nx * planes[r, c, 0] + ny * planes[r, c, 1] + nz * planes[r, c, 2]
                weight = 1e-3
                if dot > 0.8:
                    weight = 1.0 if seen[r, c] == i else 0.05
                total += weight
                for k in range(6):
                    out[k] += weight * light[r, c, k]
    if total > 0.0:
        for k in range(6):
            out[k] /= total


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
