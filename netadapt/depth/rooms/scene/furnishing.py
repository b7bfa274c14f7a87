"""What stands where: pieces along a room's walls and in its middle, none in another.

How a piece looks is left to `furniture`, `fixtures`, `seats` and `things`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from netadapt.depth.rooms.scene import fixtures, furniture, seats, things
from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.floor_plan import Plan
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder

WANTED = {
    "kitchen": ["run", "run", "run", "fridge", "cabinet", "shelves", "run"],
    "dining": ["cabinet", "cabinet", "shelves", "sofa", "desk", "armchair"],
    "living": ["sofa", "tv", "shelves", "sofa", "cabinet", "armchair", "lamp", "desk"],
    "bedroom": ["bed", "wardrobe", "night", "desk", "cabinet", "night", "shelves", "chair"],
    "office": ["desk", "desk", "shelves", "cabinet", "desk", "shelves", "things"],
    "study": ["desk", "shelves", "shelves", "bed", "cabinet", "armchair"],
    "bath": ["tub", "basin", "toilet", "cabinet"],
    "store": ["shelves", "shelves", "cabinet", "things", "things", "things", "desk"],
    "hall": ["cabinet", "chair", "shelves", "things"],
    "class": ["desk", "shelves", "cabinet", "desk"],
}
"""The pieces that a room of each kind wants along its walls."""


class Size(NamedTuple):
    """What a piece takes of its wall and of the floor before it, and how high it is: metres."""

    width: float
    depth: float
    height: float


def furnish(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    """Pieces along the walls, then in the middle, as the room's kind wants."""
    if rng.random() < 0.4 and plan.kind not in ("bath", "class"):
        lay_rug(b, rng, plan)
    pieces = list(WANTED[plan.kind])
    if rng.random() < 0.6:
        pieces += rng.sample(
            ["cabinet", "shelves", "lamp", "things", "chair", "desk", "armchair"], 3
        )
    if rng.random() < 0.12:
        pieces = pieces[: rng.randrange(3)]
    pieces += ["things"] * rng.randrange(6)
    for piece in pieces:
        for _ in range(6):
            if at_wall(b, rng, plan, piece):
                break
    in_the_middle(b, rng, plan)


def lay_rug(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    x, y = rng.uniform(0.35, 0.65) * plan.width, rng.uniform(0.35, 0.65) * plan.depth
    half = (rng.uniform(0.5, 0.38 * plan.width + 0.5), rng.uniform(0.5, 0.3 * plan.depth + 0.5))
    rug = made_of.fabric(rng)
    b.box(
        (x, y, 0.005),
        (min(half[0], 0.45 * plan.width), min(half[1], 0.45 * plan.depth), 0.006),
        rug,
    )


def drawn_sizes(rng: Random, high: float) -> dict[str, Size]:
    """A size of each piece; `high`: the most that fits under the ceiling.

    All are drawn whichever is wanted: the order of the draws is part of a room.
    """
    sizes = {
        "run": (rng.uniform(1.2, 4.5), 0.7, high),
        "fridge": (0.85, 0.78, 1.95),
        "cabinet": (
            rng.uniform(0.5, 1.8),
            rng.uniform(0.35, 0.55),
            rng.choice((0.75, 0.85, 1.1, 2.0)),
        ),
        "shelves": (rng.uniform(0.6, 2.0), rng.uniform(0.24, 0.38), rng.uniform(0.7, 2.1)),
        "sofa": (rng.uniform(1.3, 2.4), 1.0, 0.9),
        "armchair": (0.9, 0.95, 0.9),
        "tv": (rng.uniform(0.9, 1.8), 0.45, 1.3),
        "bed": (rng.choice((0.9, 1.0, 1.4, 1.6, 1.8)), 2.15, 1.2),
        "wardrobe": (rng.uniform(0.9, 2.2), 0.6, min(high, rng.uniform(1.9, 2.4))),
        "night": (rng.uniform(0.4, 0.55), 0.42, rng.uniform(0.45, 0.65)),
        "desk": (rng.uniform(1.0, 2.2), 0.8, 1.2),
        "lamp": (0.45, 0.45, 1.8),
        "chair": (0.55, 0.6, 1.0),
        "things": (0.7, 0.7, 0.8),
        "tub": (1.6, 0.72, 0.6),
        "basin": (0.7, 0.5, 1.0),
        "toilet": (0.5, 0.7, 0.8),
    }
    return {piece: Size(*size) for piece, size in sizes.items()}


def at_wall(b: SceneBuilder, rng: Random, plan: Plan, piece: str) -> bool:
    """Try to set a piece against a random wall."""
    k = rng.randrange(4)
    x, y, yaw, length = plan.wall(k)
    width, depth, height = drawn_sizes(rng, plan.height - 0.1)[piece]
    width = min(width, length - 0.05)
    if piece == "run" and width < 0.9:
        return False
    half = 0.5 * width
    at = rng.uniform(-1, 1) * max(0.0, 0.5 * length - half)
    if rng.random() < 0.35:
        at = math.copysign(0.5 * length - half, at)
    for o in plan.openings[k]:
        # Low furniture may stand below a window, some pieces before one.
        before = o.kind == "window" and piece in ("run", "desk", "sofa", "bed")
        if at - half < o.x1 and at + half > o.x0 and o.z0 < height and not before:
            return False
    if not plan.take_at_wall(k, at, half, depth):
        return False
    plan.walls_taken[k].append((at - half, at + half, 0.0, height if piece != "desk" else 1.25))
    gap = rng.choice((0.0, 0.01, 0.05))
    with b.frame(x, y, 0.0, yaw), b.frame(at, 0.02 + gap):
        STANDING[piece](b, rng, plan, Size(width, depth, height))
    return True


# Each function below builds a piece in the current frame, its back along y = 0.


def kitchen_run(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    fixtures.kitchen_run(b, rng, size.width, plan.height)


def fridge(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    fixtures.fridge(b, rng)


def cabinet(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    furniture.cabinet(b, rng, *size)


def night_table(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    furniture.cabinet(b, rng, *size)
    if rng.random() < 0.7:
        with b.frame(0, 0.5 * size.depth, size.height + 0.025):
            things.table_lamp(b, rng)


def shelves(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    furniture.shelves(b, rng, *size)


def sofa(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    seats.sofa(b, rng, size.width)


def television(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    furniture.television(b, rng, size.width)


def bed(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    furniture.bed(b, rng, size.width)


def desk(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    """A desk, perhaps with a chair before it and something beside that."""
    furniture.desk(b, rng, size.width)
    if rng.random() < 0.75:
        with b.frame(rng.uniform(-0.2, 0.2), 0.95, 0.0, math.pi + rng.uniform(-0.7, 0.7)):
            seats.chair(b, rng, seats.chair_style(rng, rng.choice((5, 5, None))))
        if rng.random() < 0.2:
            with b.frame(0.6, 1.1, 0.0, rng.uniform(-3, 3)):
                furniture.floor_things(b, rng)


def floor_lamp(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    with b.frame(0, 0.25):
        furniture.floor_lamp(b, rng)


def chair(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    with b.frame(0, 0.3, 0.0, rng.uniform(-0.3, 0.3)):
        seats.chair(b, rng, seats.chair_style(rng))


def floor_things(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    with b.frame(0, 0.35):
        furniture.floor_things(b, rng)


def tub(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    fixtures.tub(b, rng)


def basin(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    fixtures.basin(b, rng)


def toilet(b: SceneBuilder, rng: Random, plan: Plan, size: Size) -> None:
    fixtures.toilet(b, rng)


STANDING: dict[str, Callable[[SceneBuilder, Random, Plan, Size], None]] = {
    "run": kitchen_run,
    "fridge": fridge,
    "cabinet": cabinet,
    "shelves": shelves,
    "sofa": sofa,
    "armchair": sofa,
    "tv": television,
    "bed": bed,
    "wardrobe": cabinet,
    "night": night_table,
    "desk": desk,
    "lamp": floor_lamp,
    "chair": chair,
    "things": floor_things,
    "tub": tub,
    "basin": basin,
    "toilet": toilet,
}
"""What builds each piece that can stand along a wall; `drawn_sizes` has its size."""


def in_the_middle(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    """Tables with chairs, coffee tables, islands, rows of desks."""
    chance = {"bath": 0.0, "hall": 0.15, "bedroom": 0.25, "store": 0.4}.get(plan.kind, 0.92)
    if rng.random() > chance:
        return
    sets = {"class": 8, "office": 2, "dining": 1}.get(plan.kind, 1)
    style = seats.chair_style(rng)
    for _ in range(sets):
        place_table(b, rng, plan, style)
    for _ in range(rng.choice((0, 0, 1, 3))):
        leave_on_floor(b, rng, plan)
    if plan.kind in ("living", "dining", "study") and rng.random() < 0.6:
        place_wing_chair(b, rng, plan)


def place_table(b: SceneBuilder, rng: Random, plan: Plan, style: seats.ChairStyle) -> None:
    """A table, perhaps with chairs, where there is room for it; eight tries."""
    w, d = plan.width, plan.depth
    for _ in range(8):
        low = plan.kind == "living" and rng.random() < 0.7
        tw = rng.uniform(0.6, 1.3) if low else rng.uniform(0.75, 2.2)
        td = rng.uniform(0.45, 0.8) if low else rng.uniform(0.7, 1.05)
        th = rng.uniform(0.35, 0.5) if low else rng.uniform(0.7, 0.78)
        margin = 0.1 if low else 0.35
        turned = rng.random() < 0.5
        hx, hy = 0.5 * tw + margin, 0.5 * td + margin
        if turned:
            hx, hy = hy, hx
        if 2 * hx > w - 0.6 or 2 * hy > d - 0.6:
            continue
        x, y = rng.uniform(hx + 0.1, w - hx - 0.1), rng.uniform(hy + 0.1, d - hy - 0.1)
        if not plan.is_free(x - hx, y - hy, x + hx, y + hy):
            continue
        plan.taken.append((x - hx, y - hy, x + hx, y + hy))
        yaw = (0.5 * math.pi if turned else 0.0) + rng.gauss(0, 0.06)
        if rng.random() < 0.1:
            yaw += rng.uniform(-0.7, 0.7)
        with b.frame(x, y, 0.0, yaw):
            if plan.kind == "kitchen" and rng.random() < 0.2:
                furniture.cabinet(b, rng, tw, td, 0.9)
            else:
                furniture.table(b, rng, tw, td, th, rng.choice((0.0, 2.0, 5.0, 9.0)))
            if not low:
                seat_around(b, rng, tw, td, style)
        return


def leave_on_floor(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    """Something left lying, if the place for it is free."""
    x, y = rng.uniform(0.5, plan.width - 0.5), rng.uniform(0.5, plan.depth - 0.5)
    if plan.is_free(x - 0.3, y - 0.3, x + 0.3, y + 0.3):
        plan.taken.append((x - 0.3, y - 0.3, x + 0.3, y + 0.3))
        with b.frame(x, y, 0.0, rng.uniform(-3.1, 3.1)):
            furniture.floor_things(b, rng)


def place_wing_chair(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    """A wing chair where there is room for it; six tries."""
    for _ in range(6):
        x, y = rng.uniform(0.6, plan.width - 0.6), rng.uniform(0.6, plan.depth - 0.6)
        if plan.is_free(x - 0.5, y - 0.5, x + 0.5, y + 0.5):
            plan.taken.append((x - 0.5, y - 0.5, x + 0.5, y + 0.5))
            with b.frame(x, y, 0.0, rng.uniform(-3.1, 3.1)):
                seats.wing_chair(b, rng)
            return


def seat_around(
    b: SceneBuilder, rng: Random, width: float, depth: float, style: seats.ChairStyle
) -> None:
    """Chairs at a table's sides, some pulled out or askew."""
    n = max(1, int(width / 0.65))
    for side in (-1, 1):
        for i in range(n):
            if rng.random() < 0.2:
                continue
            x = (i + 0.5) / n * width - 0.5 * width
            out = 0.5 * depth + rng.uniform(-0.12, 0.3)
            yaw = (0.0 if side < 0 else math.pi) + rng.gauss(0, 0.15)
            with b.frame(x, side * out, 0.0, yaw):
                seats.chair(b, rng, style)
    for side in (-1, 1):
        if rng.random() < 0.35:
            yaw = (-0.5 if side < 0 else 0.5) * math.pi + rng.gauss(0, 0.15)
            with b.frame(side * (0.5 * width + rng.uniform(0.0, 0.3)), 0, 0.0, yaw):
                seats.chair(b, rng, style)
