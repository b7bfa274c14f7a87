"""How much light falls on what the camera sees: from lamps and windows, and bounced off the walls.

Light comes from groups of sampled positions (windows, ceiling lamps, and virtual lamps on the
walls for bounced light). Each pixel of a 4 x 4 block asks another sample of each group and the
results are averaged over the block where the surface is the same (interleaved sampling, Keller and
Heidrich 2001), which gives soft shadows for one ray a group and pixel.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.shadow_lists import ShadowLists
from netadapt.depth.rooms.rendering.surfaces import surface_point
from netadapt.depth.rooms.rendering.tracing import Seen, lit
from netadapt.depth.rooms.rendering.view import View, column_slope, direction, row_slope
from netadapt.depth.rooms.scene.description import Scene

LIGHT_FLOOR_M2 = 0.15
"""Added to squared distances, so that a surface near a lamp isn't infinitely bright."""


class LitScreen(NamedTuple):
    """The light on what is seen, at every `step`-th pixel (h x w of them)."""

    step: int
    light: NDArray[np.float32]
    """[h, w, 6]: irradiance (RGB) and gloss (RGB)."""
    planes: NDArray[np.float32]
    """[h, w, 4]: normal, and offset of the plane that the point lies in."""
    solid: NDArray[np.int32]
    """[h, w]: -1 where nothing is seen."""


def light_screen(
    step: int, view: View, seen: Seen, scene: Scene, shadows: ShadowLists
) -> LitScreen:
    """The light of the scene's lamps on what is seen; `shadows` are those of `shadow_lists`."""
    raw, planes, solid = sample_light(
        step, view, seen, scene.solids, scene.surfaces, scene.lamps, shadows
    )
    return LitScreen(step, smooth_light(raw, planes, solid), planes, solid)


@inlined
def light_at(
    point: tuple[float, float, float],
    normal: tuple[float, float, float],
    towards: tuple[float, float, float],
    gloss: float,
    pattern: int,
    lamps: Any,
    solids: Any,
    shadows: Any,
    blockers: Any,
    out: Any,
) -> None:
    """Irradiance (out[0:3]) and gloss (out[3:6]) at a point, as seen from direction `towards`.

    One lamp of each group is asked, by `pattern`. `blockers`: see `lit`.
    """
    px, py, pz = point
    nx, ny, nz = normal
    vx, vy, vz = towards
    groups, places, facings, colours = lamps
    for k in range(6):
        out[k] = 0.0
    for g in range(groups.shape[0]):
        lamp = groups[g, 0] + (pattern + 5 * g) % groups[g, 1]
        dx = px - places[lamp, 0]
        dy = py - places[lamp, 1]
        dz = pz - places[lamp, 2]
        square = dx * dx + dy * dy + dz * dz
        inverse = 1.0 / math.sqrt(square + 1e-9)
        facing = -(nx * dx + ny * dy + nz * dz) * inverse
        if facing <= 0.0:
            continue
        ln0, ln1, ln2 = facings[lamp, 0], facings[lamp, 1], facings[lamp, 2]
        emitted = 1.0
        if ln0 != 0.0 or ln1 != 0.0 or ln2 != 0.0:
            emitted = (ln0 * dx + ln1 * dy + ln2 * dz) * inverse
            if emitted <= 0.0:
                continue
        if not lit(lamp, dx, dy, dz, 0.012 * inverse, solids, shadows, blockers):
            continue
        strength = emitted / (square + LIGHT_FLOOR_M2)
        weight = facing * strength
        for k in range(3):
            out[k] += weight * colours[lamp, k]
        if gloss > 0.0:
            hx = -dx * inverse + vx
            hy = -dy * inverse + vy
            hz = -dz * inverse + vz
            length = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
            cosine = (hx * nx + hy * ny + hz * nz) * length
            if cosine > 0.0:
                shine = (gloss + 2.0) * 0.125 * cosine**gloss * weight
                for k in range(3):
                    out[3 + k] += shine * colours[lamp, k]


@kernel
def sample_light(
    step: int, view: Any, seen: Any, solids: Any, surfaces: Any, lamps: Any, shadows: Any
) -> tuple[Any, Any, Any]:
    """Light at every `step`-th pixel: raw [h, w, 6], normals and plane offset [h, w, 4], solid."""
    camera, depth, finish = view.position, seen.depth, surfaces.finish
    height, width = depth.shape
    rows = (height + step - 1) // step
    columns = (width + step - 1) // step
    raw = np.zeros((rows, columns, 6), dtype=np.float32)
    planes = np.zeros((rows, columns, 4), dtype=np.float32)
    solid = np.full((rows, columns), -1, dtype=np.int32)
    blockers = np.full(lamps.positions.shape[0], -1, dtype=np.int32)
    out = np.empty(6)
    order = np.array([0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5])
    for r in range(rows):
        y = r * step
        cy = row_slope(view, y)
        for c in range(columns):
            x = c * step
            i = seen.solid[y, x]
            if i < 0:
                continue
            t = depth[y, x]
            dx, dy, dz = direction(view.axes, column_slope(view, x), cy)
            px = camera[0] + t * dx
            py = camera[1] + t * dy
            pz = camera[2] + t * dz
            n = surface_point(px, py, pz, i, solids)
            planes[r, c, 0] = n[0]
            planes[r, c, 1] = n[1]
            planes[r, c, 2] = n[2]
            planes[r, c, 3] = n[0] * px + n[1] * py + n[2] * pz
            solid[r, c] = i
            inverse = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
            material = solids.materials[i]
            gloss = finish[material, 1] if finish[material, 0] > 0.0 else 0.0
            light_at(
                (px, py, pz),
                (n[0], n[1], n[2]),
                (-dx * inverse, -dy * inverse, -dz * inverse),
                gloss,
                order[(r & 3) * 4 + (c & 3)],
                lamps,
                solids,
                shadows,
                blockers,
                out,
            )
            for k in range(6):
                raw[r, c, k] = out[k]
    return raw, planes, solid


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
    x: int, y: int, i: int, nx: float, ny: float, nz: float, lit_screen: Any, out: Any
) -> None:
    """The light at solid i with normal n near pixel (x, y), from the samples on that surface."""
    step, light, planes, seen = lit_screen
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
