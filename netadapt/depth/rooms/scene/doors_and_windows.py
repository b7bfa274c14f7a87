"""Windows with their frames, curtains and light, and doors.

Where a wall has an opening is decided in `floor_plan`; the wall around it is `shell`'s.
"""

from __future__ import annotations

from random import Random

from netadapt.depth.rooms.scene import materials as made_of
from netadapt.depth.rooms.scene import things
from netadapt.depth.rooms.scene.description import Light, Material, Vector
from netadapt.depth.rooms.scene.floor_plan import Opening, Plan
from netadapt.depth.rooms.scene.lamps import LAMPS_PER_LIGHT, made_of_light
from netadapt.depth.rooms.scene.pattern_kinds import STRIPES
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder
from netadapt.depth.rooms.scene.solid_kinds import FRUSTUM


def fit_openings(
    b: SceneBuilder, rng: Random, plan: Plan, daylight: bool
) -> tuple[list[Light], list[tuple[float, ...]]]:
    """Windows with frames and curtains, doors; gives the windows' light and their reflections."""
    positions: list[Vector] = []
    normals: list[Vector] = []
    strengths: list[float] = []
    glows: list[tuple[float, ...]] = []
    frame = (
        made_of.furniture(rng, turned=True)
        if rng.random() < 0.4
        else made_of.plain(rng, made_of.WHITE)
    )
    door = made_of.furniture(rng, turned=True)
    drape = made_of.curtain(rng)
    brightness = rng.uniform(1.5, 6.0) if daylight else rng.uniform(0.02, 0.1)
    cover = rng.choice(("none", "none", "drapes", "drapes", "blinds", "net"))
    for k in range(4):
        x, y, yaw, length = plan.wall(k)
        with b.frame(x, y, 0.0, yaw):
            for o in plan.openings[k]:
                if o.kind == "window":
                    window(b, rng, o, frame, brightness)
                    dress_window(b, rng, o, cover, drape, 0.5 * length)
                    inward = b.world(0, 1, 0)
                    normal = (inward[0] - x, inward[1] - y, 0.0)
                    area = (o.x1 - o.x0) * (o.z1 - o.z0)
                    for _ in range(LAMPS_PER_LIGHT):
                        positions.append(
                            b.world(rng.uniform(o.x0, o.x1), 0.05, rng.uniform(o.z0, o.z1))
                        )
                        normals.append(normal)
                        strengths.append(area * (0.3 if cover == "blinds" else 1.0))
                    p, q = b.world(o.x0, 0, o.z0), b.world(o.x1, 0, o.z1)
                    axis = 1 if k in (1, 3) else 0
                    side = (2, 1, 3, 0)[k]
                    a0, a1 = sorted((p[axis], q[axis]))
                    glows.append((side, a0, a1, o.z0, o.z1, *(0.85 * brightness,) * 3))
                else:
                    doorway(b, rng, o, frame, door)
    if not positions or not daylight:
        return [], [] if not daylight else glows
    tint = made_of.mixed((1.0, 0.95, 0.85), (0.8, 0.92, 1.1), rng.random())
    total = sum(strengths) / len(strengths)
    power = rng.uniform(1.5, 5.0)
    keep = sorted(rng.sample(range(len(positions)), LAMPS_PER_LIGHT))
    lights = [
        Light(
            [positions[i] for i in keep],
            [normals[i] for i in keep],
            [made_of_light(tint, power * strengths[i] / total * min(2.0, total)) for i in keep],
        )
    ]
    if rng.random() < 0.3:  # sunshine: a far lamp behind one of the windows
        i = rng.choice(keep)
        n = normals[i]
        slant = rng.uniform(-0.9, 0.9)
        direction = (-n[0] - n[1] * slant, -n[1] + n[0] * slant, rng.uniform(0.35, 1.3))
        far = 40.0
        spot = [
            tuple(positions[i][a] + far * direction[a] + rng.uniform(-0.25, 0.25) for a in range(3))
            for _ in range(4)
        ]
        sun = made_of_light((1.0, 0.9, 0.72), rng.uniform(2.0, 9.0) * far * far)
        lights.append(Light(spot, [(0.0, 0.0, 0.0)] * 4, [sun] * 4))  # type: ignore[arg-type]
    return lights, glows


def window(b: SceneBuilder, rng: Random, o: Opening, frame: Material, brightness: float) -> None:
    """The pane, its bars and sill."""
    mx, mz = 0.5 * (o.x0 + o.x1), 0.5 * (o.z0 + o.z1)
    hw, hh = 0.5 * (o.x1 - o.x0), 0.5 * (o.z1 - o.z0)
    b.box((mx, -0.08, mz), (hw, 0.004, hh), made_of.pane(rng, brightness), casting=False)
    t = rng.uniform(0.02, 0.05)
    for sx in (-1, 1):
        b.box((mx + sx * (hw - t), -0.04, mz), (t, 0.04, hh), frame)
        b.box((mx, -0.04, mz + sx * (hh - t)), (hw, 0.04, t), frame)
    for i in range(1, rng.choice((1, 2, 2, 3))):
        n = 2 if hw < 0.6 else 3
        b.box((o.x0 + 2 * hw * i / n, -0.04, mz), (0.6 * t, 0.03, hh), frame)
    if rng.random() < 0.4:
        b.box((mx, -0.04, o.z0 + 2 * hh * rng.choice((0.5, 0.7))), (hw, 0.03, 0.6 * t), frame)
    if o.z0 > 0.3:
        b.slab((o.x0 - 0.05, 0, o.z0 - 0.04), (o.x1 + 0.05, rng.uniform(0.03, 0.2), o.z0), frame)
        if rng.random() < 0.3:
            with b.frame(mx, 0.07, o.z0):
                things.clutter(b, rng, 2 * hw, 0.1, 18.0, 0.4)
    if rng.random() < 0.3 and o.z0 > 0.6:  # a radiator
        ribs = Material(
            STRIPES,
            (made_of.WHITE, (0.5, 0.5, 0.48), made_of.WHITE),
            size_m=0.06,
            aspect=0.3,
        )
        b.slab((o.x0, 0.03, 0.12), (o.x1, 0.12, min(o.z0 - 0.1, 0.7)), ribs)


def dress_window(
    b: SceneBuilder, rng: Random, o: Opening, cover: str, drape: Material, half: float
) -> None:
    """Curtains or blinds before a window."""
    top = o.z1 + 0.05
    bottom = 0.03 if rng.random() < 0.5 else max(0.03, o.z0 - 0.2)
    if cover == "drapes":
        rod = made_of.metal(rng)
        b.rod(
            (0.5 * (o.x0 + o.x1), 0.09, top), 0.012, 0.5 * (o.x1 - o.x0) + 0.25, rod, pitch=1.5708
        )
        share = rng.uniform(0.12, 0.5) * (o.x1 - o.x0)
        for x0, x1 in ((o.x0 - 0.25, o.x0 + share), (o.x1 - share, o.x1 + 0.25)):
            x0, x1 = max(x0, -half + 0.02), min(x1, half - 0.02)
            n = max(1, int((x1 - x0) / 0.13))
            for i in range(n):  # folds as standing cylinders
                xi = x0 + (x1 - x0) * (i + 0.5) / n
                b.add(
                    FRUSTUM,
                    (xi, 0.09, 0.5 * (top + bottom)),
                    (0.6 * (x1 - x0) / n, 0.035 + 0.03 * rng.random(), 0.5 * (top - bottom)),
                    drape,
                )
    elif cover == "blinds":
        low = o.z0 + rng.uniform(0.0, 0.7) * (o.z1 - o.z0)
        b.slab((o.x0 - 0.03, 0.01, low), (o.x1 + 0.03, 0.03, o.z1 + 0.05), made_of.blinds(rng))
    elif cover == "net":
        glow = made_of.glowing((0.85, 0.85, 0.82), rng.uniform(0.8, 1.6))
        part = rng.uniform(0.3, 1.0)
        b.slab((o.x0, 0.01, o.z0), (o.x0 + part * (o.x1 - o.x0), 0.02, o.z1), glow, casting=False)


def doorway(b: SceneBuilder, rng: Random, o: Opening, frame: Material, door: Material) -> None:
    """A door's frame and leaf, closed or ajar; a gap has a frame or nothing."""
    if o.kind != "gap" or rng.random() < 0.5:
        for x in (o.x0 - 0.03, o.x1 + 0.03):
            b.slab((x - 0.035, -0.13, 0), (x + 0.035, 0.015, o.z1 + 0.05), frame)
        b.slab((o.x0 - 0.06, -0.13, o.z1), (o.x1 + 0.06, 0.015, o.z1 + 0.06), frame)
    if o.kind == "gap":
        return
    width = o.x1 - o.x0
    angle = 0.0 if o.kind == "closed" else rng.uniform(0.5, 1.8)
    with b.frame(o.x0, -0.05, 0.0, angle):
        b.slab((0, -0.02, 0.01), (width, 0.02, o.z1), door)
        knob = made_of.metal(rng)
        b.ball((width - 0.07, 0.045, 1.0), (0.03, 0.03, 0.03), knob)
        if rng.random() < 0.5:
            inset = made_of.shade(door.colours[0], 0.8)
            m = made_of.plain(rng, inset)
            for z0, z1 in ((0.15, 0.9), (1.05, o.z1 - 0.15)):
                b.slab((0.12, 0.015, z0), (width - 0.12, 0.026, z1), m)
