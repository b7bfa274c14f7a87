"""Draws a random indoor scene: the room's shape, its openings, what stands where, and the light.

Rooms have a kind (kitchen, bedroom, office, ...) that decides the furniture; pieces are laid along
the walls and in the middle without standing in each other. The pieces are `furniture`'s, the
camera's place is `camera`'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from random import Random

from netadapt.data.rooms import furniture as put
from netadapt.data.rooms import materials as made_of
from netadapt.data.rooms.solids import Colour, Light, Material, Scene, SceneBuilder, Vector
from netadapt.data.rooms.textures import PLAIN, STRIPES, TILES

KINDS = (
    "kitchen",
    "kitchen",
    "kitchen",
    "dining",
    "dining",
    "living",
    "living",
    "living",
    "bedroom",
    "bedroom",
    "bedroom",
    "office",
    "office",
    "study",
    "bath",
    "store",
    "hall",
    "class",
)
LAMPS_PER_LIGHT = 16


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


def sample_scene(seed: int, scene: int, without: tuple[str, ...] = ()) -> Scene:
    """The scene of that number; the same arguments always give the same scene.

    `without` names what to leave out (`parts`).
    """
    rng = Random(f"netadapt rooms {seed}/{scene}")
    b = SceneBuilder()
    kind = rng.choice(KINDS)
    plan = draw_plan(rng, kind)
    floor, wall_materials, ceiling = enclose(b, rng, plan)
    daylight = rng.random() < 0.75
    lights, glows = fit_openings(b, rng, plan, wall_materials, daylight)
    lamps, lamp_glows = ceiling_lamps(b, rng, plan, daylight)
    if "furniture" not in without:
        furnish(b, rng, plan)
        decorate(b, rng, plan)
    sides = [wall_materials[k].colours[0] for k in (3, 1, 0, 2)]
    sides += [floor.colours[0], ceiling.colours[0]]
    bounce = bounced_light(rng, plan, sides)
    brightness = 0.4
    if "textures" in without:
        b.materials = [replace(material, texture=PLAIN) for material in b.materials]
    return b.scene(
        [*lights, *lamps, bounce],
        ((0.0, 0.0, 0.0), (plan.width, plan.depth, plan.height)),
        [made_of.shade(side, brightness) for side in sides],
        [*glows, *lamp_glows],
    )


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
                    lambda: put.shelves(b, rng, 0.8, 0.3, 1.8),
                    lambda: put.cabinet(b, rng, 0.8, 0.4, rng.uniform(0.7, 2.0)),
                    lambda: put.table(b, rng, 0.9, 0.7, 0.74, 5.0),
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


def fit_openings(
    b: SceneBuilder, rng: Random, plan: Plan, walls: list[Material], daylight: bool
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


def made_of_light(tint: Colour, power: float) -> Colour:
    return tint[0] * power, tint[1] * power, tint[2] * power


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
                put.clutter(b, rng, 2 * hw, 0.1, 18.0, 0.4)
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
                    2,
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


def ceiling_lamps(
    b: SceneBuilder, rng: Random, plan: Plan, daylight: bool
) -> tuple[list[Light], list[tuple[float, ...]]]:
    """Lamps at the ceiling, and lamps somewhere in the room."""
    lights: list[Light] = []
    glows: list[tuple[float, ...]] = []
    w, d, h = plan.width, plan.depth, plan.height
    warm = made_of.mixed((1.0, 0.78, 0.52), (0.95, 1.0, 1.05), rng.random())
    on = not daylight or rng.random() < 0.55
    style = rng.choice(("panel", "panel", "globe", "shade", "spots", "bare", "arms"))
    glow = made_of.glowing(warm, rng.uniform(2.0, 6.0)) if on else made_of.plain(rng, made_of.WHITE)
    spots = rng.randrange(1, 4) if style in ("panel", "spots") else 1
    positions: list[Vector] = []
    half = (0.1, 0.1)
    for i in range(spots):
        x = w * ((i + 0.5) / spots if spots > 1 else rng.uniform(0.3, 0.7))
        y = d * rng.uniform(0.3, 0.7)
        if style == "panel":
            half = rng.choice(((0.3, 0.3), (0.6, 0.1), (0.08, 0.6), (0.6, 0.3)))
            b.box((x, y, h - 0.02), (*half, 0.02), glow, casting=False)
            drop = 0.05
            glows.append(
                (5, x - half[0], x + half[0], y - half[1], y + half[1], *(3.0 * c for c in warm))
            )
        elif style == "globe":
            drop = rng.uniform(0.15, 0.6)
            r = rng.uniform(0.1, 0.2)
            b.ball((x, y, h - drop), (r, r, r * rng.uniform(0.5, 1.0)), glow, casting=False)
            b.rod((x, y, h - 0.5 * drop), 0.008, 0.5 * drop, made_of.metal(rng), casting=False)
        elif style == "shade":
            drop = rng.uniform(0.4, 0.9)
            cover = made_of.plain(rng, made_of.any_colour(rng))
            b.pillar((x, y, h - drop), rng.uniform(0.15, 0.3), 0.2, cover, taper=0.5, casting=False)
            b.rod((x, y, h - 0.5 * drop), 0.006, 0.5 * drop, made_of.metal(rng), casting=False)
        elif style == "arms":
            drop = rng.uniform(0.4, 0.9)
            brass = made_of.metal(rng)
            b.rod((x, y, h - 0.5 * drop), 0.012, 0.5 * drop, brass, casting=False)
            arms = rng.randrange(3, 7)
            for arm in range(arms):
                a = 6.2832 * arm / arms
                with b.frame(x, y, h - drop, a):
                    b.rod((0.15, 0, 0), 0.01, 0.15, brass, pitch=1.5708, casting=False)
                    b.ball((0.3, 0, 0.06), (0.04, 0.04, 0.07), glow, casting=False)
        elif style == "bare":
            drop = 0.12
            b.ball((x, y, h - 0.08), (0.16, 0.16, 0.08), glow, casting=False)
        else:
            drop = 0.06
            b.pillar((x, y, h - 0.02), 0.06, 0.02, glow, casting=False)
        for _ in range(LAMPS_PER_LIGHT // spots):
            positions.append(
                (
                    x + rng.uniform(-1, 1) * half[0],
                    y + rng.uniform(-1, 1) * half[1],
                    h - drop - 0.02,
                )
            )
    if on:
        normal = (0.0, 0.0, -1.0) if style in ("panel", "spots", "shade") else (0.0, 0.0, 0.0)
        power = rng.uniform(2.0, 8.0)
        lights.append(
            Light(
                positions, [normal] * len(positions), [made_of_light(warm, power)] * len(positions)
            )
        )
    if rng.random() < 0.35 or not (on or daylight):  # a lamp in the room, or a flash
        at = (rng.uniform(0.2, 0.8) * w, rng.uniform(0.2, 0.8) * d, rng.uniform(1.0, 1.9))
        spread = [
            (at[0] + rng.gauss(0, 0.06), at[1] + rng.gauss(0, 0.06), at[2] + rng.gauss(0, 0.06))
            for _ in range(4)
        ]
        power = rng.uniform(0.7, 3.0)
        lamp = made_of_light((1.0, 0.75, 0.45), power)
        lights.append(Light(spread, [(0.0, 0.0, 0.0)] * 4, [lamp] * 4))
    return lights, glows


def bounced_light(rng: Random, plan: Plan, sides: list[Colour]) -> Light:
    """Virtual lamps on the room's six sides, coloured as they are: the light they throw back."""
    w, d, h = plan.width, plan.depth, plan.height
    e = 0.08
    positions: list[Vector] = []
    normals: list[Vector] = []
    colours: list[Colour] = []
    power = math.exp(rng.uniform(math.log(1.2), math.log(10.0)))
    for i in range(LAMPS_PER_LIGHT):
        side = (5, 5, 5, 5, 0, 1, 2, 3, 0, 1, 2, 3, 5, 5, 5, 4)[i]
        x, y, z = rng.uniform(0.1, 0.9) * w, rng.uniform(0.1, 0.9) * d, rng.uniform(0.35, 0.95) * h
        axis, end = divmod(side, 2)
        place = [x, y, z]
        place[axis] = (plan.width, plan.depth, plan.height)[axis] - e if end else e
        normal = [0.0, 0.0, 0.0]
        normal[axis] = -1.0 if end else 1.0
        colour = made_of.mixed(sides[side], (0.6, 0.6, 0.6), 0.4)
        positions.append((place[0], place[1], place[2]))
        normals.append((normal[0], normal[1], normal[2]))
        colours.append(made_of_light(colour, power * (1.3 if side == 5 else 1.0)))
    return Light(positions, normals, colours)


def furnish(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    """Pieces along the walls, then in the middle, as the room's kind wants."""
    if rng.random() < 0.4 and plan.kind not in ("bath", "class"):
        x, y = rng.uniform(0.35, 0.65) * plan.width, rng.uniform(0.35, 0.65) * plan.depth
        half = (rng.uniform(0.5, 0.38 * plan.width + 0.5), rng.uniform(0.5, 0.3 * plan.depth + 0.5))
        rug = made_of.fabric(rng)
        b.box(
            (x, y, 0.005),
            (min(half[0], 0.45 * plan.width), min(half[1], 0.45 * plan.depth), 0.006),
            rug,
        )
    wanted = {
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
    }[plan.kind]
    pieces = list(wanted)
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


def at_wall(b: SceneBuilder, rng: Random, plan: Plan, piece: str) -> bool:
    """Try to set a piece against a random wall."""
    k = rng.randrange(4)
    x, y, yaw, length = plan.wall(k)
    high = plan.height - 0.1
    width, depth, height = {
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
    }[piece]
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
        stand(b, rng, plan, piece, width, depth, height)
    return True


def stand(
    b: SceneBuilder, rng: Random, plan: Plan, piece: str, width: float, depth: float, height: float
) -> None:
    """Build the piece in the current frame, its back along y = 0."""
    if piece == "run":
        put.kitchen_run(b, rng, width, plan.height)
    elif piece == "fridge":
        put.fridge(b, rng)
    elif piece in ("cabinet", "wardrobe", "night"):
        put.cabinet(b, rng, width, depth, height)
        if piece == "night" and rng.random() < 0.7:
            with b.frame(0, 0.5 * depth, height + 0.025):
                put.table_lamp(b, rng)
    elif piece == "shelves":
        put.shelves(b, rng, width, depth, height)
    elif piece in ("sofa", "armchair"):
        put.sofa(b, rng, width)
    elif piece == "tv":
        put.television(b, rng, width)
    elif piece == "bed":
        put.bed(b, rng, width)
    elif piece == "desk":
        put.desk(b, rng, width)
        if rng.random() < 0.75:
            with b.frame(rng.uniform(-0.2, 0.2), 0.95, 0.0, math.pi + rng.uniform(-0.7, 0.7)):
                put.chair(b, rng, put.chair_style(rng, rng.choice((5, 5, None))))
            if rng.random() < 0.2:
                with b.frame(0.6, 1.1, 0.0, rng.uniform(-3, 3)):
                    put.floor_things(b, rng)
    elif piece == "lamp":
        with b.frame(0, 0.25):
            put.floor_lamp(b, rng)
    elif piece == "chair":
        with b.frame(0, 0.3, 0.0, rng.uniform(-0.3, 0.3)):
            put.chair(b, rng, put.chair_style(rng))
    elif piece == "things":
        with b.frame(0, 0.35):
            put.floor_things(b, rng)
    else:
        put.bath(b, rng, {"tub": 1.6, "basin": 0.7, "toilet": 0.5}[piece])


def in_the_middle(b: SceneBuilder, rng: Random, plan: Plan) -> None:
    """Tables with chairs, coffee tables, islands, rows of desks."""
    w, d = plan.width, plan.depth
    chance = {"bath": 0.0, "hall": 0.15, "bedroom": 0.25, "store": 0.4}.get(plan.kind, 0.92)
    if rng.random() > chance:
        return
    sets = {"class": 8, "office": 2, "dining": 1}.get(plan.kind, 1)
    style = put.chair_style(rng)
    for _ in range(sets):
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
                    put.cabinet(b, rng, tw, td, 0.9)
                else:
                    put.table(b, rng, tw, td, th, rng.choice((0.0, 2.0, 5.0, 9.0)))
                if not low:
                    seat_around(b, rng, tw, td, style)
            break
    for _ in range(rng.choice((0, 0, 1, 3))):
        x, y = rng.uniform(0.5, w - 0.5), rng.uniform(0.5, d - 0.5)
        if plan.is_free(x - 0.3, y - 0.3, x + 0.3, y + 0.3):
            plan.taken.append((x - 0.3, y - 0.3, x + 0.3, y + 0.3))
            with b.frame(x, y, 0.0, rng.uniform(-3.1, 3.1)):
                put.floor_things(b, rng)
    if plan.kind in ("living", "dining", "study") and rng.random() < 0.6:
        for _ in range(6):
            x, y = rng.uniform(0.6, w - 0.6), rng.uniform(0.6, d - 0.6)
            if plan.is_free(x - 0.5, y - 0.5, x + 0.5, y + 0.5):
                plan.taken.append((x - 0.5, y - 0.5, x + 0.5, y + 0.5))
                with b.frame(x, y, 0.0, rng.uniform(-3.1, 3.1)):
                    put.wing_chair(b, rng)
                break


def seat_around(
    b: SceneBuilder, rng: Random, width: float, depth: float, style: dict[str, object]
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
                put.chair(b, rng, style)
    for side in (-1, 1):
        if rng.random() < 0.35:
            yaw = (-0.5 if side < 0 else 0.5) * math.pi + rng.gauss(0, 0.15)
            with b.frame(side * (0.5 * width + rng.uniform(0.0, 0.3)), 0, 0.0, yaw):
                put.chair(b, rng, style)


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
            put.wall_shelf(b, rng, 2 * hw)
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
