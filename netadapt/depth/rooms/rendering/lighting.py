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
from netadapt.depth.rooms.rendering.ray_tracing import Seen, lit
from netadapt.depth.rooms.rendering.shadow_lists import ShadowLists
from netadapt.depth.rooms.rendering.surfaces import surface_point
from netadapt.depth.rooms.rendering.view import View, direction, slope
from netadapt.depth.rooms.scene.description import Scene

LIGHT_FLOOR_M2 = 0.15
"""Added to squared distances, so that a surface near a lamp isn't infinitely bright."""


SAMPLE = np.dtype(
    [
        ("light", np.float32, 6),
        ("normal", np.float32, 3),
        ("offset", np.float32),
        ("solid", np.int32),
    ],
    align=True,
)
"""The light at a point that is seen: irradiance (RGB) and gloss (RGB).

normal, offset: the plane that the point lies in; solid: -1 where nothing is seen.
"""


class LitScreen(NamedTuple):
    """The light on what is seen, at every `step`-th pixel."""

    step: int
    samples: NDArray[np.void]
    """[h, w] of SAMPLE."""


def light_screen(
    step: int, view: View, seen: Seen, scene: Scene, shadows: ShadowLists
) -> LitScreen:
    """The light of the scene's lamps on what is seen; `shadows` are those of `shadow_lists`."""
    rows, columns = (-(-pixels // step) for pixels in seen.depth.shape)
    samples = np.zeros((rows, columns), SAMPLE)
    sample_light(
        step, view, seen, scene.solids, scene.materials, scene.groups, scene.lamps, shadows, samples
    )
    light = smooth_light(samples)
    light[..., :3] += np.float32(0.02 + 0.06 * light[..., :3].mean())
    samples["light"] = light
    return LitScreen(step, samples)


def even_out(lit_screen: LitScreen) -> None:
    """Make the light the same everywhere, and take the gloss away."""
    light = np.ascontiguousarray(lit_screen.samples["light"])
    light[..., :3] = light[..., :3].mean()
    light[..., 3:] = 0.0
    lit_screen.samples["light"] = light


@inlined
def light_at(
    point: tuple[float, float, float],
    normal: tuple[float, float, float],
    towards: tuple[float, float, float],
    gloss: float,
    lamp: int,
    lamps: Any,
    solids: Any,
    origins: Any,
    starts: Any,
    items: Any,
    blockers: Any,
    out: Any,
) -> None:
    """Add a lamp's light at a point, as seen from direction `towards`, to out [6] of `SAMPLE`.

    origins, starts, items, blockers: see `lit`.
    """
    px, py, pz = point
    nx, ny, nz = normal
    vx, vy, vz = towards
    place, lamp_normal, colour = lamps[lamp].position, lamps[lamp].normal, lamps[lamp].colour
    dx = px - place[0]
    dy = py - place[1]
    dz = pz - place[2]
    square = dx * dx + dy * dy + dz * dz
    inverse = 1.0 / math.sqrt(square + 1e-9)
    facing = -(nx * dx + ny * dy + nz * dz) * inverse
    if facing <= 0.0:
        return
    ln0, ln1, ln2 = lamp_normal[0], lamp_normal[1], lamp_normal[2]
    emitted = 1.0
    if ln0 != 0.0 or ln1 != 0.0 or ln2 != 0.0:
        emitted = (ln0 * dx + ln1 * dy + ln2 * dz) * inverse
        if emitted <= 0.0:
            return
    if not lit(lamp, dx, dy, dz, 0.012 * inverse, solids, origins, starts, items, blockers):
        return
    strength = emitted / (square + LIGHT_FLOOR_M2)
    weight = facing * strength
    for k in range(3):
        out[k] += weight * colour[k]
    if gloss > 0.0:
        hx = -dx * inverse + vx
        hy = -dy * inverse + vy
        hz = -dz * inverse + vz
        length = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
        cosine = (hx * nx + hy * ny + hz * nz) * length
        if cosine > 0.0:
            shine = (gloss + 2.0) * 0.125 * cosine**gloss * weight
            for k in range(3):
                out[3 + k] += shine * colour[k]


@kernel
def sample_light(
    step: int,
    view: Any,
    seen: Any,
    solids: Any,
    materials: Any,
    groups: Any,
    lamps: Any,
    shadows: Any,
    samples: Any,
) -> None:
    """Fill samples [h, w] with the light at every `step`-th pixel; one lamp of a group is asked."""
    # Named tuples are taken apart once: each look into one counts references.
    depth, solid, _ = seen
    camera, axes, focal, height, width = view
    origins, starts, items = shadows
    rows, columns = samples.shape
    blockers = np.full(lamps.shape[0], -1, dtype=np.int32)
    out = np.empty(6)
    order = np.array([0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5])
    for r in range(rows):
        y = r * step
        cy = slope(y, height, focal[1])
        for c in range(columns):
            x = c * step
            sample = samples[r, c]
            i = solid[y, x]
            sample.solid = i
            if i < 0:
                continue
            t = depth[y, x]
            dx, dy, dz = direction(axes, slope(x, width, focal[0]), cy)
            px = camera[0] + t * dx
            py = camera[1] + t * dy
            pz = camera[2] + t * dz
            n = surface_point(px, py, pz, i, solids)
            sample.normal[0] = n[0]
            sample.normal[1] = n[1]
            sample.normal[2] = n[2]
            sample.offset = n[0] * px + n[1] * py + n[2] * pz
            inverse = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
            material = materials[solids[i].material]
            gloss = material.gloss if material.specular > 0.0 else 0.0
            for k in range(6):
                out[k] = 0.0
            pattern = order[(r & 3) * 4 + (c & 3)]
            for g in range(groups.shape[0]):
                light_at(
                    (px, py, pz),
                    (n[0], n[1], n[2]),
                    (-dx * inverse, -dy * inverse, -dz * inverse),
                    gloss,
                    groups[g, 0] + (pattern + 5 * g) % groups[g, 1],
                    lamps,
                    solids,
                    origins,
                    starts,
                    items,
                    blockers,
                    out,
                )
            for k in range(6):
                sample.light[k] = out[k]


@kernel
def smooth_light(samples: Any) -> Any:
    """Average light over the 4 x 4 pattern within one surface: [h, w, 6]."""
    rows, columns = samples.shape
    out = np.zeros((rows, columns, 6), dtype=np.float32)
    for r in range(rows):
        for c in range(columns):
            here = samples[r, c]
            i = here.solid
            if i < 0:
                continue
            n0, n1, n2 = here.normal[0], here.normal[1], here.normal[2]
            offset = here.offset
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
                    near = samples[q, p]
                    if near.solid < 0:
                        continue
                    dot = n0 * near.normal[0] + n1 * near.normal[1] + n2 * near.normal[2]
                    same = near.solid == i and dot > 0.7
                    flat = dot > 0.97 and abs(near.offset - offset) < 0.02
                    if not (same or flat):
                        continue
                    weight = 1.0
                    if dr == -2 or dr == 2:
                        weight *= 0.5
                    if dc == -2 or dc == 2:
                        weight *= 0.5
                    total += weight
                    s0 += weight * near.light[0]
                    s1 += weight * near.light[1]
                    s2 += weight * near.light[2]
                    s3 += weight * near.light[3]
                    s4 += weight * near.light[4]
                    s5 += weight * near.light[5]
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
    x: int, y: int, i: int, nx: float, ny: float, nz: float, step: int, samples: Any, out: Any
) -> None:
    """The light at solid i with normal n near pixel (x, y), from the samples on that surface."""
    rows, columns = samples.shape
    r0 = y // step
    c0 = x // step
    if step == 1 and samples[r0, c0].solid == i:
        here = samples[r0, c0]
        dot = nx * here.normal[0] + ny * here.normal[1] + nz * here.normal[2]
        if dot > 0.9:
            for k in range(6):
                out[k] = here.light[k]
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
            near = samples[r, c]
            dot = nx * near.normal[0] + ny * near.normal[1] + nz * near.normal[2]
            if near.solid != i or dot < 0.8:
                continue
            total += weight
            for k in range(6):
                out[k] += weight * near.light[k]
    if total == 0.0:  # a sliver between the samples: whatever near lies alike, the same solid first
        for dr in range(-1, 2):
            r = min(rows - 1, max(0, r0 + dr))
            for dc in range(-1, 2):
                c = min(columns - 1, max(0, c0 + dc))
                near = samples[r, c]
                if near.solid < 0:
                    continue
                dot = nx * near.normal[0] + ny * near.normal[1] + nz * near.normal[2]
                weight = 1e-3
                if dot > 0.8:
                    weight = 1.0 if near.solid == i else 0.05
                total += weight
                for k in range(6):
                    out[k] += weight * near.light[k]
    if total > 0.0:
        for k in range(6):
            out[k] /= total
