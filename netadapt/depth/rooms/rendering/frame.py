"""Renders one frame of a rendered room: `render_frame` is a pure function of its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.rooms.rendering.camera import choose_pose, focal_lengths
from netadapt.depth.rooms.rendering.culling import lamp_lists, screen_lists, tile_cones
from netadapt.depth.rooms.rendering.lighting import light_screen, smooth_light
from netadapt.depth.rooms.rendering.sensor import FARTHEST_M, expose, record_depth, show
from netadapt.depth.rooms.rendering.shading import shade_screen
from netadapt.depth.rooms.rendering.tracing import local_origins, trace_screen
from netadapt.depth.rooms.scene.layout import sample_scene
from netadapt.depth.rooms.scene.solids import Scene

RENDERER_VERSION = "2"
"""Changes whenever the same seed gives other pictures."""
FULL_SIZE = (480, 640)
CEILING = 4.0
"""Linear values above this are cut before anti-aliasing."""


@lru_cache(maxsize=2)
def prepare(seed: int, scene: int, without: tuple[str, ...] = ()) -> tuple[Scene, tuple[Any, ...]]:
    """A scene and what is known of it before a camera is set: where its lamps throw shadows."""
    drawn = sample_scene(seed, scene, without)
    middles, radii = tile_cones()
    starts, items = lamp_lists(
        drawn.lamps, drawn.casting, drawn.centres, drawn.rotations, drawn.halves, middles, radii
    )
    origins = np.stack([local_origins(lamp, drawn.centres, drawn.maps) for lamp in drawn.lamps])
    return drawn, (origins, starts, items)


def render_frame(
    seed: int,
    scene: int,
    frame: int,
    *,
    height: int = 480,
    width: int = 640,
    without: tuple[str, ...] = (),
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Render frame `frame` of scene `scene`: RGB uint8 [3, H, W], depth float32 [H, W] metres.

    Depth 0 marks a hole, as a depth camera leaves them. The field of view is that of NYU Depth v2
    at any size. The same arguments give the same bytes in any process of one machine. `without`
    names what to leave out (`parts`).
    """
    drawn, (lamp_origins, lamp_starts, lamp_items) = prepare(seed, scene, without)
    rng = Random(f"netadapt rooms {seed}/{scene}/{frame}")
    pose = choose_pose(rng, drawn, without)
    focal = focal_lengths(height, width)
    s = drawn
    starts, items, closest = screen_lists(
        pose.position, pose.axes, focal, height, width, s.kinds, s.centres, s.rotations, s.halves
    )
    origins = local_origins(pose.position, s.centres, s.maps)
    depth, solid, face = trace_screen(
        pose.axes, focal, height, width, s.kinds, s.maps, s.tapers, origins, starts, items, closest
    )
    step = 2 if height >= 360 else 1
    raw, planes, seen = light_screen(
        step,
        pose.position,
        pose.axes,
        focal,
        depth,
        solid,
        s.kinds,
        s.centres,
        s.maps,
        s.halves,
        s.tapers,
        s.finish,
        s.of_material,
        s.groups,
        s.lamps,
        s.lamp_normals,
        s.lamp_colours,
        lamp_origins,
        lamp_starts,
        lamp_items,
    )
    light = smooth_light(raw, planes, seen)
    light[..., :3] += np.float32(0.02 + 0.06 * light[..., :3].mean())
    if "lamps" in without:
        light[..., :3] = light[..., :3].mean()
        light[..., 3:] = 0.0
    image, cosines = shade_screen(
        step,
        pose.position,
        pose.axes,
        focal,
        depth,
        solid,
        face,
        light,
        planes,
        seen,
        s.kinds,
        s.centres,
        s.maps,
        s.halves,
        s.tapers,
        s.of_material,
        s.textures,
        s.colours,
        s.patterns,
        s.finish,
        s.room,
        s.wall_light,
        s.glows,
        origins,
        starts,
        items,
        closest,
        CEILING,
    )
    noise_seed = rng.randrange(1 << 30)
    rgb = expose(image, rng, noise_seed)  # in any case, so that depth draws the same numbers
    if "exposure" in without:
        rgb = show(image)
    if "depth-noise" in without:
        return rgb, np.where(depth < FARTHEST_M, depth, 0.0).astype(np.float32)
    recorded = record_depth(
        depth,
        solid,
        cosines,
        s.finish[s.of_material, 3],
        noise_seed + 1,
        rng.uniform(0.4, 1.3),
        rng.uniform(0.6, 1.6),
        rng.choice((0.0, 0.0, 0.02, 0.04)),
        1,
    )
    return rgb, recorded


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
