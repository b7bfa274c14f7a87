"""Rays in the frame of every solid, where each of them is a unit cube, sphere or frustum.

Which solids a ray may meet is left to `screen_lists` and `shadow_lists`, whether it does to
`ray_tracing`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from netadapt.depth.rooms.rendering.jit import kernel

NOTHING = 1e30
"""The ray parameter of a miss: finite, since fast arithmetic knows no infinity."""


@kernel
def local_origins(origin: Any, solids: Any) -> Any:
    """`origin` in the frame of every solid: [N, 3]."""
    count = solids.shape[0]
    out = np.empty((count, 3))
    for i in range(count):
        centre, to_unit = solids[i].centre, solids[i].map
        x = origin[0] - centre[0]
        y = origin[1] - centre[1]
        z = origin[2] - centre[2]
        for a in range(3):
            out[i, a] = to_unit[a, 0] * x + to_unit[a, 1] * y + to_unit[a, 2] * z
    return out
