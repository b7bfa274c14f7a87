"""Renders rooms straight into a packed data set, at the working size that training reads.

The field of view is that of the 640×480 frames `write_rooms` makes; a picture at 250×333 costs
less than half of one at full size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from netadapt.cores import usable_cores
from netadapt.depth.data.base import SPLITS
from netadapt.depth.data.geometry import working_size
from netadapt.depth.data.pack import INDEX_FILE, PackIndex, Shard, is_pack, to_millimetres
from netadapt.depth.data.pack_writer import PLAN_FILE, fill_pack, shards_of, write_shard
from netadapt.depth.rooms.frame_plan import (
    PlannedFrame,
    Progress,
    RoomsSettings,
    checked_settings,
    count_splits,
    describe,
    plan_frames,
)
from netadapt.depth.rooms.rendering.frame import FULL_SIZE, compile_kernels, render_frame
from netadapt.errors import DataError
from netadapt.files import write_text
from netadapt.locks import held

README = "README.md"
SHARD_FRAMES = 32
"""A few seconds' work, so that a stopped rendering loses little."""


def write_rooms_pack(
    target: Path | str,
    *,
    scenes: int,
    frames_per_scene: int = 3,
    seed: int = 0,
    workers: int | None = None,
    without: Iterable[str] = (),
    field_of_view_deg: tuple[float, float] | None = None,
    progress: Progress | None = None,
    wait: bool = False,
) -> dict[str, int]:
    """Render `scenes` rooms into the pack `target`: the splits that `write_rooms` would make.

    Gives the number of frames a split. `without` names what to leave out (`left_out_parts`);
    `field_of_view_deg` is as in `write_rooms`. A finished pack of these rooms is left as it is, one
    of fewer of them gets the others, and a stopped one is continued. Where another process is
    rendering into it, its end is waited for with `wait`, and what it has made is taken. Raises
    DataError when `target` holds anything else, or is another's and `wait` is false.
    """
    target = Path(target)
    workers = workers or usable_cores()
    settings = checked_settings(scenes, frames_per_scene, seed, workers, without, field_of_view_deg)
    planned = plan_frames(scenes, frames_per_scene)
    # A name says all that decides its frame, so that a finished pack is recognised by its names.
    named = {
        f"rendered-{settings.name}/{frame.path.removesuffix('.h5')}": frame for frame in planned
    }
    names = {
        split: [name for name, frame in named.items() if frame.split == split] for split in SPLITS
    }
    names = {split: listed for split, listed in names.items() if listed}
    if not _is_made(target, names, settings):
        if workers > 1:
            compile_kernels()
        with held(target, DataError, wait=wait):
            if not _is_made(target, names, settings):  # by whom was waited for
                fill_pack(
                    target,
                    {
                        split: shards_of(split, listed, SHARD_FRAMES)
                        for split, listed in names.items()
                    },
                    working_size(*FULL_SIZE),
                    {"rendered rooms": settings.described()},
                    partial(render_shard, target, settings, named),
                    workers=workers,
                    grow=True,
                    progress=progress,
                )
                write_text(target / README, describe(settings))
    return count_splits(planned)


def _is_made(target: Path, names: Mapping[str, Sequence[str]], settings: RoomsSettings) -> bool:
    """Whether `target` is the finished pack of these frames.

    Raises DataError for a pack of others.
    """
    if not is_pack(target):
        return False
    found = names_in(target)
    if found == names and not (target / PLAN_FILE).exists():
        if not (target / README).exists():
            write_text(target / README, describe(settings))
        return True
    if any(list(names.get(split, []))[: len(there)] != there for split, there in found.items()):
        raise DataError(
            f"{target / INDEX_FILE}: the folder holds another packed set; choose another folder"
        )
    return False


def names_in(target: Path) -> dict[str, list[str]]:
    """The names of a finished pack's pairs, by split."""
    return {
        split: [name for shard in shards for name in shard.names]
        for split, shards in PackIndex.read(target).splits.items()
    }


def render_shard(
    target: Path, settings: RoomsSettings, named: Mapping[str, PlannedFrame], shard: Shard
) -> Shard:
    """Render the frames of one shard and write it."""
    height, width = working_size(*FULL_SIZE)
    rgb = np.empty((len(shard.names), 3, height, width), np.uint8)
    depth_mm = np.empty((len(shard.names), height, width), np.uint16)
    frames: Sequence[PlannedFrame] = [named[name] for name in shard.names]
    focals = [settings.focal_px(planned.scene) for planned in frames]
    for index, planned in enumerate(frames):
        rgb[index], metres = render_frame(
            settings.seed,
            planned.scene,
            planned.frame,
            height=height,
            width=width,
            without=settings.without,
            focal_px=focals[index],
        )
        depth_mm[index] = to_millimetres(metres)
    if settings.field_of_view_deg is None:
        return write_shard(target, shard, rgb, depth_mm)
    at_height = [focal_px * height / FULL_SIZE[0] for focal_px in focals]
    return write_shard(target, shard, rgb, depth_mm, at_height)
