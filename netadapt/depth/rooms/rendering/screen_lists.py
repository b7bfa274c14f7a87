"""Which solids a camera's rays may meet, listed by tiles of the screen.

Whether a ray meets a solid is left to `ray_tracing`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.jit import inlined, kernel
from netadapt.depth.rooms.rendering.local_frames import NOTHING, local_origins
from netadapt.depth.rooms.rendering.view import View
from netadapt.depth.rooms.scene.solid_kinds import SHELL

TILE = 8
"""Pixels a side of a screen tile."""
NEAR_M = 0.02
"""What is nearer to the camera may be left out."""


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


def screen_lists(view: View, solids: NDArray[np.void]) -> ScreenLists:
    """For every tile of the screen the solids that may be seen in it, the nearest first."""
    return ScreenLists(local_origins(view.position, solids), *list_on_screen(view, solids))


@inlined
def corners_before(view: Any, solids: Any, i: int, corner: Any) -> float:
    """Fill corner [8, 3] with a solid's corners in the camera's frame; gives the least depth."""
    centre, rotation, half = solids[i].centre, solids[i].rotation, solids[i].half
    camera, axes = view.position, view.axes
    low = NOTHING
    for c in range(8):
        sx = half[0] if c & 1 else -half[0]
        sy = half[1] if c & 2 else -half[1]
        sz = half[2] if c & 4 else -half[2]
        wx = rotation[0, 0] * sx + rotation[1, 0] * sy + rotation[2, 0] * sz
        wy = rotation[0, 1] * sx + rotation[1, 1] * sy + rotation[2, 1] * sz
        wz = rotation[0, 2] * sx + rotation[1, 2] * sy + rotation[2, 2] * sz
        wx += centre[0] - camera[0]
        wy += centre[1] - camera[1]
        wz += centre[2] - camera[2]
        for a in range(3):
            corner[c, a] = axes[a, 0] * wx + axes[a, 1] * wy + axes[a, 2] * wz
        low = min(low, corner[c, 2])
    return low


@inlined
def slopes_of(corner: Any) -> tuple[float, float, float, float]:
    """The least and greatest slopes, right and down, at which a box of those corners is seen.

    What lies nearer than NEAR_M is cut off; the least exceeds the greatest if nothing is left.
    """
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
    return x0, x1, y0, y1


@inlined
def into_tiles(order: Any, boxes: Any, rows: int, columns: int) -> tuple[Any, Any]:
    """Solids listed by tile, in that order; boxes [N, 4]: first and last row and column of each."""
    count = order.shape[0]
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
    return starts, items


@kernel
def list_on_screen(view: Any, solids: Any) -> tuple[Any, Any, Any]:
    """The starts, items and least depths of `ScreenLists`."""
    _, _, focal, height, width = view
    count = solids.shape[0]
    rows = (height + TILE - 1) // TILE
    columns = (width + TILE - 1) // TILE
    closest = np.full(count, NOTHING)
    boxes = np.empty((count, 4), dtype=np.int32)
    corner = np.empty((8, 3))
    for i in range(count):
        boxes[i, 0] = 1
        boxes[i, 1] = 0
        if solids[i].kind == SHELL:
            closest[i] = 0.0
            boxes[i, 0] = 0
            boxes[i, 1] = rows - 1
            boxes[i, 2] = 0
            boxes[i, 3] = columns - 1
            continue
        low = corners_before(view, solids, i, corner)
        x0, x1, y0, y1 = slopes_of(corner)
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
    starts, items = into_tiles(np.argsort(closest, kind="mergesort"), boxes, rows, columns)
    return starts, items, closest
