"""Which frames a set of rendered rooms has: what decides them, their splits, and their names.

How they are written is left to `hdf5_rooms` and `packed_rooms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netadapt.depth.data.base import SPLITS
from netadapt.depth.data.hdf5_pairs import HOLDOUT_NAMES
from netadapt.depth.rooms.left_out_parts import checked_parts
from netadapt.depth.rooms.rendering.frame import RENDERER_VERSION
from netadapt.errors import DataError

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames in all."""


@dataclass(frozen=True, slots=True)
class RoomsSettings:
    """What decides the content of a folder of rendered rooms."""

    seed: int
    scenes: int
    frames_per_scene: int
    renderer: str = RENDERER_VERSION
    without: tuple[str, ...] = ()
    """Parts left out (`left_out_parts`)."""

    @property
    def name(self) -> str:
        """All that decides a frame apart from its scene and number."""
        return "-".join((f"v{self.renderer}-seed{self.seed}", *(f"no-{p}" for p in self.without)))


@dataclass(frozen=True, slots=True)
class PlannedFrame:
    """A frame, its split, and its file in FastDepth's layout."""

    split: str
    path: str
    scene: int
    frame: int


def plan_frames(scenes: int, frames_per_scene: int) -> list[PlannedFrame]:
    """Which file holds which frame; no two splits share a scene.

    Of every ten scenes the second is validation, the third has only the two frames that
    FastDepth's loader holds out (00001 and 00201), and the others have none of those.
    """
    planned: list[PlannedFrame] = []
    validation = 0
    for scene in range(scenes):
        folder = f"train/room_{scene:05d}"
        if scene % 10 == 1:
            for frame in range(frames_per_scene):
                validation += 1
                path = f"val/official/{validation:05d}.h5"
                planned.append(PlannedFrame("val", path, scene, frame))
        elif scene % 10 == 2:
            for frame, name in enumerate(HOLDOUT_NAMES):
                planned.append(PlannedFrame("holdout", f"{folder}/{name}", scene, frame))
        else:
            number = 0
            for frame in range(frames_per_scene):
                number += 1
                while f"{number:05d}.h5" in HOLDOUT_NAMES:
                    number += 1
                path = f"{folder}/{number:05d}.h5"
                planned.append(PlannedFrame("train", path, scene, frame))
    return planned


def checked_settings(
    scenes: int, frames_per_scene: int, seed: int, workers: int, without: Iterable[str]
) -> RoomsSettings:
    """The settings; raises DataError where a number makes no sense."""
    for value, name in (
        (scenes, "scenes"),
        (frames_per_scene, "frames a scene"),
        (workers, "workers"),
    ):
        if value < 1:
            raise DataError(f"rendered rooms: {value} {name}; expected 1 or more")
    return RoomsSettings(seed, scenes, frames_per_scene, without=checked_parts(without))


def describe(settings: RoomsSettings) -> str:
    """The README of a folder of rendered rooms."""
    return (
        "# Rendered rooms\n\n"
        "Every picture here was rendered by `netadapt data rooms`; none is a photograph, and no\n"
        "depth was measured.\n\n"
        f"Seed {settings.seed}, {settings.scenes} scenes, {settings.frames_per_scene} frames a "
        f"scene, renderer version {settings.renderer}"
        f"{', without ' if settings.without else ''}{', '.join(settings.without)}.\n"
        "Depth is in metres (millimetres in a packed set); 0 is a hole, where the simulated depth\n"
        "camera sees nothing. No scene is in two of the splits train, holdout and val.\n"
    )


def count_splits(planned: list[PlannedFrame]) -> dict[str, int]:
    return {split: sum(frame.split == split for frame in planned) for split in SPLITS}
