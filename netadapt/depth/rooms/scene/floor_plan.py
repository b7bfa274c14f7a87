"""A room's plan: its size, the openings in its walls, and which floor and walls are taken.

What is built there is left to `shell`, `doors_and_windows`, `furnishing` and `decoration`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random


@dataclass
class Opening:
    """A hole in a wall, in the wall's frame: metres along it and upwards."""

    kind: str
    x0: float
    x1: float
    z0: float
    z1: float


@dataclass
class Plan:
    """A room while it is being furnished: its size, and which floor and walls are taken."""

    kind: str
    width: float
    depth: float
    height: float
    openings: list[list[Opening]]
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)
    """Floor rectangles in the world: x0, y0, x1, y1."""
    walls_taken: list[list[tuple[float, float, float, float]]] = field(
        default_factory=lambda: [[], [], [], []]
    )
    """Rectangles on each wall, in its frame: x0, x1, z0, z1."""

    def wall(self, k: int) -> tuple[float, float, float, float]:
        """A wall's frame: its middle (x, y), its yaw (inwards is +y), and its length."""
        w, d = self.width, self.depth
        return (
            (0.5 * w, 0.0, 0.0, w),
            (w, 0.5 * d, 0.5 * math.pi, d),
            (0.5 * w, d, math.pi, w),
            (0.0, 0.5 * d, -0.5 * math.pi, d),
        )[k]

    def is_free(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        if x0 < 0 or y0 < 0 or x1 > self.width or y1 > self.depth:
            return False
        return not any(x0 < b[2] and x1 > b[0] and y0 < b[3] and y1 > b[1] for b in self.taken)

    def take_at_wall(self, k: int, x: float, half: float, depth: float) -> bool:
        """Reserve floor along wall k around x; false if something stands there."""
        mx, my, yaw, length = self.wall(k)
        if abs(x) + half > 0.5 * length:
            return False
        c, s = round(math.cos(yaw)), round(math.sin(yaw))
        ends = [
            (mx + c * u - s * v, my + s * u + c * v) for u, v in ((x - half, 0), (x + half, depth))
        ]
        x0, x1 = sorted((ends[0][0], ends[1][0]))
        y0, y1 = sorted((ends[0][1], ends[1][1]))
        e = 0.01
        if not self.is_free(x0 + e, y0 + e, x1 - e, y1 - e):
            return False
        self.taken.append((x0, y0, x1, y1))
        return True

    def take_on_wall(self, k: int, x0: float, x1: float, z0: float, z1: float) -> bool:
        """Reserve a rectangle of wall k; false if it is taken, an opening or off the wall."""
        if max(abs(x0), abs(x1)) > 0.5 * self.wall(k)[3] - 0.03 or z1 > self.height - 0.02:
            return False
        for o in self.openings[k]:
            if x0 < o.x1 + 0.08 and x1 > o.x0 - 0.08 and z0 < o.z1 + 0.08 and z1 > o.z0 - 0.08:
                return False
        for a in self.walls_taken[k]:
            if x0 < a[1] and x1 > a[0] and z0 < a[3] and z1 > a[2]:
                return False
        self.walls_taken[k].append((x0, x1, z0, z1))
        return True


def draw_plan(rng: Random, kind: str) -> Plan:
    """A room's size and the openings in its walls."""
    low, high = {
        "bath": (1.7, 3.2),
        "store": (2.0, 5.0),
        "hall": (1.4, 4.0),
        "class": (5.0, 10.0),
        "living": (3.2, 8.0),
        "dining": (3.0, 8.0),
        "office": (3.0, 8.0),
    }.get(kind, (2.6, 5.5))
    width = rng.uniform(low, high)
    depth = rng.uniform(low, high)
    if kind == "hall":
        depth = rng.uniform(4.0, 9.0)
    height = rng.uniform(2.3, 2.9) if rng.random() < 0.85 else rng.uniform(2.9, 4.0)
    openings: list[list[Opening]] = [[], [], [], []]
    plan = Plan(kind, width, depth, height, openings)
    windows = rng.choice((0, 1, 1, 1, 2, 2, 3))
    doors = rng.choice((1, 1, 2, 2, 3))
    for wanted in ["window"] * windows + ["door"] * doors:
        k = rng.randrange(4)
        length = plan.wall(k)[3]
        kind_of = wanted
        if wanted == "door":
            kind_of = rng.choice(("closed", "closed", "open", "open", "gap"))
            w = rng.uniform(0.75, 1.0) if kind_of != "gap" else rng.uniform(0.9, 2.4)
            z0, z1 = 0.0, min(height - 0.06, rng.uniform(1.95, 2.15))
            if kind_of == "gap" and rng.random() < 0.4:
                z1 = height - 0.03
        else:
            w = rng.uniform(0.6, 2.6)
            z0 = rng.choice((0.05, 0.4, 0.8, 0.9, 1.0, 1.1)) + rng.uniform(0, 0.1)
            z1 = min(height - 0.08, max(z0 + 0.7, rng.uniform(1.9, 2.4)))
        w = min(w, length - 0.3)
        if w < 0.5 or z1 - z0 < 0.4:
            continue
        x = rng.uniform(-0.5, 0.5) * (length - w - 0.2)
        x0, x1 = x - 0.5 * w, x + 0.5 * w
        if any(x0 < o.x1 + 0.15 and x1 > o.x0 - 0.15 for o in openings[k]):
            continue
        openings[k].append(Opening(kind_of, x0, x1, z0, z1))
        if wanted == "door":
            plan.take_at_wall(k, x, 0.5 * w, 0.8)
        elif z0 < 0.3 and rng.random() < 0.7:
            plan.take_at_wall(k, x, 0.5 * w, 0.4)
    return plan
