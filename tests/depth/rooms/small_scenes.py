"""Small scenes that tests of the renderer share: a few solids, one lamp, a camera."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from netadapt.depth.rooms.rendering.camera import look
from netadapt.depth.rooms.rendering.ray_tracing import Seen, trace_screen
from netadapt.depth.rooms.rendering.screen_lists import screen_lists
from netadapt.depth.rooms.rendering.view import View
from netadapt.depth.rooms.scene.description import Light, Material, Scene, Vector
from netadapt.depth.rooms.scene.scene_builder import SceneBuilder

GREY = Material(colours=((0.5, 0.5, 0.5),) * 3, contrast=0.0)
"""One colour, dull, so that a picture of it shows the light alone."""


def lamp(*positions: Vector, normal: Vector = (0.0, 0.0, 0.0), power: float = 1.0) -> Light:
    """One light of lamps at these places; it shines to all sides if it has no normal."""
    return Light(
        list(positions), [normal] * len(positions), [(power, power, power)] * len(positions)
    )


def scene_of(build: Callable[[SceneBuilder], None], *lights: Light) -> Scene:
    """What `build` builds, in a room of 4 x 5 x 2.5 m; a lamp at its ceiling if none is given."""
    b = SceneBuilder()
    build(b)
    return b.scene(
        list(lights) or [lamp((2.0, 2.5, 2.4))],
        ((0.0, 0.0, 0.0), (4.0, 5.0, 2.5)),
        [(0.1 * k, 0.2, 0.3) for k in range(6)],
        [],
    )


def random_solids(b: SceneBuilder, rng: Random, count: int = 25) -> None:
    """Solids of all kinds, sizes and turns in the room, and the room's own shell."""
    b.shell((-1.0, -1.0, -0.1), (5.0, 6.0, 3.0), GREY)
    for _ in range(count):
        at = (rng.uniform(0, 4), rng.uniform(0, 5), rng.uniform(0, 2.5))
        half = tuple(rng.uniform(0.01, 0.6) for _ in range(3))
        turn = {angle: rng.uniform(-3, 3) for angle in ("yaw", "pitch", "roll")}
        taper = rng.choice((1.0, 0.4, 1.5))
        b.add(rng.randrange(3), at, half, GREY, taper=taper, **turn)  # type: ignore[arg-type]


def view_from(position: Vector, target: Vector, height: int, width: int) -> View:
    return look(position, target, 0.0).view(height, width)


def random_view(rng: Random, height: int = 30, width: int = 40) -> View:
    """A camera in the room that looks at a point in the room."""
    at, to = ((rng.uniform(0, 4), rng.uniform(0, 5), rng.uniform(0, 2.5)) for _ in range(2))
    return look(at, to, rng.uniform(-0.3, 0.3)).view(height, width)


def seen_in(scene: Scene, view: View) -> Seen:
    return trace_screen(view, scene.solids, screen_lists(view, scene.solids))
