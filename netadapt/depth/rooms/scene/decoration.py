"""What hangs on a room's walls: pictures, posters, shelves, mirrors, boards, clocks.

Which part of a wall is free is `floor_plan`'s to say.
"""

from __future__ import annotations

from random import Random

from netadapt.depth.rooms.scene import furniture
from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene.floor_plan import Plan
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder


def decorate(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    """Pictures, posters, shelves, mirrors, boards, clocks and switches on the walls."""
    density = rng.choice((0.3, 0.8, 1.6, 2.5, 4.0))
    for k in range(4):
        x, y, yaw, length = plan.wall(k)
        with b.frame(x, y, 0.0, yaw):
            for _ in range(int(length * density + rng.random())):
                pick = rng.random()
                hw, hh = rng.uniform(0.1, 0.45), rng.uniform(0.1, 0.4)
                if pick < 0.1:
                    hw, hh = rng.uniform(0.3, 0.8), 0.18
                elif pick > 0.94:
                    hw, hh = rng.uniform(0.6, 1.2), rng.uniform(0.45, 0.6)
                cx = rng.uniform(-0.5, 0.5) * length
                cz = rng.gauss(1.55, 0.2)
                if not plan.take_on_wall(k, cx - hw, cx + hw, cz - hh, cz + hh):
                    continue
                hang(b, rng, pick, cx, cz, hw, hh)
            for o in plan.openings[k]:
                if o.kind != "window" and rng.random() < 0.6:  # a light switch
                    b.box(
                        (o.x1 + 0.18, 0.006, 1.1),
                        (0.04, 0.006, 0.05),
                        made_of.plain(rng, made_of.WHITE),
                    )


def hang(
    b: SceneBuilder, rng: Random, pick: float, x: float, z: float, hw: float, hh: float
) -> None:
    """One thing on a wall, in the wall's frame."""
    if pick < 0.1:
        with b.frame(x, 0, z - hh):
            furniture.wall_shelf(b, rng, 2 * hw)
    elif pick < 0.17:
        rim = made_of.furniture(rng)
        b.box((x, 0.012, z), (hw, 0.012, hh), rim)
        b.box((x, 0.025, z), (0.9 * hw, 0.002, 0.9 * hh), made_of.mirror(rng))
    elif pick < 0.22:
        r = min(hw, hh, 0.18)
        b.rod((x, 0.02, z), r, 0.02, made_of.plain(rng, made_of.any_colour(rng)), roll=1.5708)
        b.rod((x, 0.03, z), 0.88 * r, 0.012, made_of.plain(rng, made_of.WHITE), roll=1.5708)
    elif pick < 0.42:  # a poster or a sheet
        sheet = (
            made_of.paper(rng) if rng.random() < 0.4 else made_of.print_on(rng, 0.0, made_of.WHITE)
        )
        b.box((x, 0.002, z), (hw, 0.002, hh), sheet, pitch=rng.gauss(0, 0.01))
    elif pick > 0.94:  # a board
        dark = rng.random() < 0.4
        b.box((x, 0.012, z), (hw, 0.012, hh), made_of.metal(rng))
        face = made_of.plain(rng, (0.03, 0.06, 0.04) if dark else made_of.WHITE, 0.6)
        b.box((x, 0.022, z), (hw - 0.03, 0.004, hh - 0.03), face)
        for _ in range(rng.randrange(5)):
            b.box(
                (x + rng.uniform(-0.8, 0.8) * hw, 0.028, z + rng.uniform(-0.7, 0.7) * hh),
                (0.1, 0.001, 0.07),
                made_of.paper(rng),
            )
    else:
        rim_m = rng.uniform(0.01, 0.05)
        frame = rng.choice(
            (made_of.BLACK, made_of.WHITE, made_of.wood_colour(rng), (0.4, 0.3, 0.1))
        )
        b.box((x, 0.014, z), (hw, 0.014, hh), made_of.print_on(rng, rim_m, frame))
