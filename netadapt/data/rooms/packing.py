"""Renders rooms straight into a packed data set, at the working size that training reads.

The field of view is that of the 640×480 frames `write_rooms` makes; a picture at 250×333 costs a
quarter of one at full size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from netadapt.data.geometry import working_size
from netadapt.data.pack import Shard, is_pack, shards_of, to_millimetres, write_pack, write_shard
from netadapt.data.rooms.render import FULL_SIZE, RENDERER_VERSION, render_frame
from netadapt.data.rooms.writing import HOLDOUT_FRAMES, Planned, plan_files

SHARD_FRAMES = 60
"""Small, so that a stopped rendering loses at most some seconds of work."""


def write_rooms_pack(
    target: Path | str,
    *,
    scenes: int,
    frames_per_scene: int = 3,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render `scenes` rooms into the pack `target`: the splits that `write_rooms` would make.

    A finished pack is left as it is and a stopped one continued. `progress` is told the frames
    done and the frames in all. Raises DataError when `target` holds anything else.
    """
    target = Path(target)
    if is_pack(target):
        return
    names: dict[str, list[str]] = {"train": [], "holdout": [], "val": []}
    for planned in plan_files(scenes, frames_per_scene):
        names[_split(planned)].append(f"{planned.path}:{planned.scene}:{planned.frame}")
    splits = {
        split: shards_of(split, listed, SHARD_FRAMES) for split, listed in names.items() if listed
    }
    plan = {"rendered": f"rooms {RENDERER_VERSION}", "seed": seed, "scenes": scenes}
    size = working_size(*FULL_SIZE)
    make = partial(_render_shard, target, seed, size)
    write_pack(target, splits, size, plan, make, workers=workers, progress=progress)


def _split(planned: Planned) -> str:
    path = Path(planned.path)
    if path.parts[0] == "val":
        return "val"
    return "holdout" if int(path.stem) in HOLDOUT_FRAMES else "train"


def _render_shard(target: Path, seed: int, size: tuple[int, int], shard: Shard) -> Shard:
    rgb = np.empty((len(shard.names), 3, *size), np.uint8)
    depth_mm = np.empty((len(shard.names), *size), np.uint16)
    for index, name in enumerate(shard.names):
        _, scene, frame = name.rsplit(":", 2)
        image, metres = render_frame(seed, int(scene), int(frame), height=size[0], width=size[1])
        rgb[index], depth_mm[index] = image, to_millimetres(metres)
    return write_shard(target, shard, rgb, depth_mm)
