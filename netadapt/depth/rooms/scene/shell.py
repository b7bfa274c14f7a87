"""A room's shell: floor, ceiling, walls with their holes, and what is seen through them.

What fills the holes is left to `doors_and_windows`.
"""

from __future__ import annotations

from random import Random

from netadapt.depth.rooms.scene import furniture
from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.description import Material
from netadapt.depth.rooms.scene.floor_plan import Plan
from netadapt.depth.rooms.scene.pattern_kinds import TILES
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder


def enclose(b: SceneBuilder, rng: Random, plan: Plan) -> tuple[Material, list[Material], Material]:
    """Floor, ceiling, walls with their holes, skirting, pillars, and what lies behind."""
    w, d, h = plan.width, plan.depth, plan.height
    floor = made_of.floor(rng)
    common = made_of.wall(rng)
    walls = [common if rng.random() < 0.75 else made_of.wall(rng) for _ in range(4)]
    pick = rng.random()
    white = made_of.from_hsv(rng.gauss(0.1, 0.05), rng.uniform(0, 0.1), rng.uniform(0.75, 0.97))
    ceiling = made_of.plain(rng, white, 0.0)
    if pick < 0.12:
        ceiling = common
    elif pick < 0.3:
        ceiling = Material(
            TILES,
            (white, white, (0.45, 0.45, 0.45)),
            size_m=0.6,
            contrast=0.1,
            seed=made_of.new_seed(rng),
        )
    m = rng.uniform(1.2, 4.0)
    b.shell((-m, -m, -0.1), (w + m, d + m, h + 0.6), made_of.wall(rng))
    b.slab((-m, -m, -0.08), (w + m, d + m, 0.0), floor, casting=False)
    b.slab((-m, -m, h), (w + m, d + m, h + 0.1), ceiling, casting=False)
    b.slab((-0.1, -0.1, h + 0.02), (w + 0.1, d + 0.1, h + 0.09), ceiling)  # keeps the sun out
    skirting = made_of.furniture(rng) if rng.random() < 0.5 else made_of.plain(rng, made_of.WHITE)
    skirting_height = rng.choice((0.0, 0.06, 0.08, 0.12, 0.18))
    cornice = rng.random() < 0.2
    wainscot = made_of.wall(rng) if rng.random() < 0.12 else None
    for k in range(4):
        x, y, yaw, length = plan.wall(k)
        half = 0.5 * length
        with b.frame(x, y, 0.0, yaw):
            edge = -half - 0.1
            for o in sorted(plan.openings[k], key=lambda o: o.x0):
                wall_piece(b, edge, o.x0, h, walls[k], skirting, skirting_height, wainscot)
                if o.z0 > 0.0:
                    b.slab((o.x0, -0.12, 0), (o.x1, 0, o.z0), walls[k])
                b.slab((o.x0, -0.12, o.z1), (o.x1, 0, h), walls[k])
                edge = o.x1
            wall_piece(b, edge, half + 0.1, h, walls[k], skirting, skirting_height, wainscot)
            if cornice:
                b.slab((-half, 0, h - 0.08), (half, 0.06, h), skirting)
    if rng.random() < 0.25:  # a chimney breast, pillar or set-back corner
        k = rng.randrange(4)
        half = rng.uniform(0.15, 0.8)
        deep = rng.uniform(0.15, 0.7)
        length = plan.wall(k)[3]
        at = rng.uniform(-0.5, 0.5) * max(0.0, length - 2 * half)
        if rng.random() < 0.4:
            at = rng.choice((-1, 1)) * (0.5 * length - half)
        if plan.take_on_wall(
            k, at - half + 0.04, at + half - 0.04, 0, h - 0.03
        ) and plan.take_at_wall(k, at, half, deep):
            x, y, yaw, _ = plan.wall(k)
            with b.frame(x, y, 0.0, yaw):
                b.slab((at - half, 0, 0), (at + half, deep, h), walls[k])
    if rng.random() < 0.12:  # beams
        beam = made_of.wood(rng)
        n = rng.randrange(2, 6)
        for i in range(n):
            yb = d * (i + 0.5) / n
            b.slab((0, yb - 0.08, h - 0.18), (w, yb + 0.08, h), beam)
    if rng.random() < 0.08:  # a sloping ceiling
        rise = rng.uniform(0.5, 0.9)
        b.box((0.5 * w, 0.25, h - 0.3), (0.55 * w, 1.6, 0.03), ceiling, roll=rise, casting=False)
    for _ in range(rng.randrange(2, 6)):  # furniture beyond the openings
        x = rng.choice((-0.5 * m, w + 0.5 * m, rng.uniform(0, w)))
        y = rng.uniform(0, d) if not 0 <= x <= w else rng.choice((-0.6 * m, d + 0.6 * m))
        with b.frame(x, y, 0, rng.choice((0, 1.57, 3.14, 4.71))):
            rng.choice(
                (
                    lambda: furniture.shelves(b, rng, 0.8, 0.3, 1.8),
                    lambda: furniture.cabinet(b, rng, 0.8, 0.4, rng.uniform(0.7, 2.0)),
                    lambda: furniture.table(b, rng, 0.9, 0.7, 0.74, 5.0),
                )
            )()
    b.interests.clear()  # nobody looks from there
    return floor, walls, ceiling


def wall_piece(
    b: SceneBuilder,
    x0: float,
    x1: float,
    height: float,
    material: Material,
    skirting: Material,
    skirting_height: float,
    wainscot: Material | None,
) -> None:
    """A full-height stretch of wall in the wall's frame."""
    if x1 - x0 < 0.01:
        return
    b.slab((x0, -0.12, 0), (x1, 0, height), material)
    if wainscot is not None:
        b.slab((x0, 0, 0), (x1, 0.012, 0.95), wainscot)
    if skirting_height > 0.0:
        b.slab((x0, 0, 0), (x1, 0.018, skirting_height), skirting)
