"""Where on a solid a point lies: its normal, and its place on the face it belongs to.

Which point a ray meets is left to `ray_tracing`, and what colour it has there to `textures`.
"""

from __future__ import annotations

import math
from typing import Any

from netadapt.depth.rooms.rendering.jit import inlined
from netadapt.depth.rooms.scene.solid_kinds import BOX, ELLIPSOID, SHELL


@inlined
def surface_point(
    px: float, py: float, pz: float, i: int, solids: Any
) -> tuple[float, float, float, float, float, float, float, bool]:
    """Normal (x, y, z), face position (u, v), half face size (u, v), and if it is the broad face.

    (px, py, pz) lies on solid i. Positions on a face are metres from its middle; `v` points up on
    upright faces.
    """
    kind, taper = solids[i].kind, solids[i].taper
    centre, m, half = solids[i].centre, solids[i].map, solids[i].half
    x = px - centre[0]
    y = py - centre[1]
    z = pz - centre[2]
    lx = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z
    ly = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z
    lz = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z
    hx, hy, hz = half[0], half[1], half[2]
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
        scale = sign * half[axis]
        return (
            m[axis, 0] * scale,
            m[axis, 1] * scale,
            m[axis, 2] * scale,
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
        k = 0.5 * (taper - 1.0)
        radius = 0.5 * (1.0 + taper) + k * lz
        nx, ny, nz = lx, ly, -k * radius
        u = math.atan2(ly, lx) * 0.5 * (hx + hy)
        v = lz * hz
        hu, hv = 3.1416 * hx, hz
    wx = m[0, 0] * nx + m[1, 0] * ny + m[2, 0] * nz
    wy = m[0, 1] * nx + m[1, 1] * ny + m[2, 1] * nz
    wz = m[0, 2] * nx + m[1, 2] * ny + m[2, 2] * nz
    length = 1.0 / math.sqrt(wx * wx + wy * wy + wz * wz + 1e-20)
    return wx * length, wy * length, wz * length, u, v, hu, hv, True
