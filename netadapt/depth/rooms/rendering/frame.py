"""Renders one frame of a rendered room: `render_frame` is a pure function of its arguments.

It puts a scene and the steps of rendering together; what these do is left to the files beside it,
and writing frames to disk to `hdf5_rooms` and `packed_rooms`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from random import Random

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.camera import choose_pose
from netadapt.depth.rooms.rendering.lighting import even_out, light_screen
from netadapt.depth.rooms.rendering.ray_tracing import trace_screen
from netadapt.depth.rooms.rendering.screen_lists import screen_lists
from netadapt.depth.rooms.rendering.sensor import FARTHEST_M, expose, record_depth, show
from netadapt.depth.rooms.rendering.shading import shade_screen
from netadapt.depth.rooms.rendering.shadow_lists import ShadowLists, shadow_lists
from netadapt.depth.rooms.rendering.view import FOCAL_PX
from netadapt.depth.rooms.scene.description import Scene
from netadapt.depth.rooms.scene.layout import sample_scene

RENDERER_VERSION = "2"
"""Changes whenever the same seed gives other pictures."""
FULL_SIZE = (480, 640)
"""Height and width of NYU Depth v2's frames."""
CEILING = 4.0
"""Linear values above this are cut before anti-aliasing."""


@lru_cache(maxsize=2)
def prepare(seed: int, scene: int, without: tuple[str, ...] = ()) -> tuple[Scene, ShadowLists]:
    """A scene and what is known of it before a camera is set: where its lamps throw shadows."""
    drawn = sample_scene(seed, scene, without)
    return drawn, shadow_lists(drawn.lamps, drawn.solids)


def lens_focal_px(field_of_view_deg: float | None = None) -> float:
    """The focal length, at 640 x 480 pixels, of a lens that sees so much across; None: NYU's."""
    if field_of_view_deg is None:
        return FOCAL_PX
    return FULL_SIZE[1] / 2 / math.tan(math.radians(field_of_view_deg) / 2)


def render_frame(
    seed: int,
    scene: int,
    frame: int,
    *,
    height: int = FULL_SIZE[0],
    width: int = FULL_SIZE[1],
    without: tuple[str, ...] = (),
    focal_px: float = FOCAL_PX,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Render frame `frame` of scene `scene`: RGB uint8 [3, H, W], depth float32 [H, W] metres.

    Depth 0 marks a hole, as a depth camera leaves them. The field of view is that of NYU Depth v2
    at any size, or that of another focal length, given as it is at 640 x 480 pixels. The same
    arguments give the same bytes in any process of one machine. `without` names what to leave out
    (`left_out_parts`).
    """
    drawn, shadows = prepare(seed, scene, without)
    rng = Random(f"netadapt rooms {seed}/{scene}/{frame}")
    view = choose_pose(rng, drawn, without, focal_px).view(height, width, focal_px)
    lists = screen_lists(view, drawn.solids)
    seen = trace_screen(view, drawn.solids, lists)
    lit_screen = light_screen(2 if height >= 360 else 1, view, seen, drawn, shadows)
    if "lamps" in without:
        even_out(lit_screen)
    image, cosines = shade_screen(view, seen, drawn, lit_screen, lists, CEILING)
    noise_seed = rng.randrange(1 << 30)
    rgb = expose(image, rng, noise_seed)  # in any case, so that depth draws the same numbers
    if "exposure" in without:
        rgb = show(image)
    if "depth-noise" in without:
        return rgb, np.where(seen.depth < FARTHEST_M, seen.depth, 0.0).astype(np.float32)
    recorded = record_depth(
        seen.depth,
        seen.solid,
        cosines,
        drawn.materials["holes"][drawn.solids["material"]],
        noise_seed + 1,
        rng.uniform(0.4, 1.3),
        rng.uniform(0.6, 1.6),
        rng.choice((0.0, 0.0, 0.02, 0.04)),
        1,
    )
    return rgb, recorded


def compile_kernels() -> None:
    """Compile the renderer now (half a minute once a machine), before several processes would."""
    render_frame(0, 0, 0, height=30, width=40)


def render_frames(
    seed: int, scenes: Sequence[int], frames: Sequence[int], *, size: tuple[int, int] = FULL_SIZE
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Frames of several scenes in memory: RGB uint8 [N, 3, H, W], depth float32 [N, H, W]."""
    height, width = size
    count = len(scenes) * len(frames)
    rgb = np.empty((count, 3, height, width), dtype=np.uint8)
    depth = np.empty((count, height, width), dtype=np.float32)
    k = 0
    for scene in scenes:
        for frame in frames:
            rgb[k], depth[k] = render_frame(seed, scene, frame, height=height, width=width)
            k += 1
    return rgb, depth
