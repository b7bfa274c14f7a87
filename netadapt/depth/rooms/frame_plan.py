"""Which frames a set of rendered rooms has: what decides them, their splits, and their names.

How they are written is left to `hdf5_rooms` and `packed_rooms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from netadapt.depth.data.base import SPLITS
from netadapt.depth.data.hdf5_pairs import HOLDOUT_NAMES
from netadapt.depth.rooms.left_out_parts import checked_parts
from netadapt.depth.rooms.rendering.frame import RENDERER_VERSION, lens_focal_px
from netadapt.errors import DataError

FIELDS_OF_VIEW_DEG = (20.0, 120.0)
"""Across, of lenses that draw straight lines straight: beyond, rooms look like nothing a camera
shows."""

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
    field_of_view_deg: tuple[float, float] | None = None
    """Across, least and most: each scene's lens is drawn between them; None: all have NYU's."""

    @property
    def name(self) -> str:
        """All that decides a frame apart from its scene and number."""
        view = self.field_of_view_deg
        lens = () if view is None else (f"view{view[0]:g}to{view[1]:g}",)
        parts = (f"v{self.renderer}-seed{self.seed}", *(f"no-{p}" for p in self.without), *lens)
        return "-".join(parts)

    def described(self) -> dict[str, Any]:
        """As JSON has it; rooms seen through NYU's lens are as they always were."""
        fields = asdict(self)
        if self.field_of_view_deg is None:
            del fields["field_of_view_deg"]
        return fields

    def focal_px(self, scene: int) -> float:
        """The focal length of a scene's lens, in pixels at 640 x 480."""
        if self.field_of_view_deg is None:
            return lens_focal_px()
        lens = Random(f"netadapt rooms lens {self.seed}/{scene}")
        return lens_focal_px(lens.uniform(*self.field_of_view_deg))


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
    scenes: int,
    frames_per_scene: int,
    seed: int,
    workers: int,
    without: Iterable[str],
    field_of_view_deg: tuple[float, float] | None = None,
) -> RoomsSettings:
    """The settings; raises DataError where a number makes no sense."""
    for value, name in (
        (scenes, "scenes"),
        (frames_per_scene, "frames a scene"),
        (workers, "workers"),
    ):
        if value < 1:
            raise DataError(f"rendered rooms: {value} {name}; expected 1 or more")
    if field_of_view_deg is not None:
        low, high = field_of_view_deg
        if not FIELDS_OF_VIEW_DEG[0] <= low <= high <= FIELDS_OF_VIEW_DEG[1]:
            raise DataError(
                f"rendered rooms: a field of view from {low:g} to {high:g} degrees; expected the "
                f"lesser first, both from {FIELDS_OF_VIEW_DEG[0]:g} to {FIELDS_OF_VIEW_DEG[1]:g} "
                f"(NYU's is 63)"
            )
    return RoomsSettings(
        seed,
        scenes,
        frames_per_scene,
        without=checked_parts(without),
        field_of_view_deg=field_of_view_deg,
    )


def describe(settings: RoomsSettings) -> str:
    """The README of a folder of rendered rooms."""
    view = settings.field_of_view_deg
    lenses = (
        ""
        if view is None
        else f"Each scene is seen through a lens of its own, {view[0]:g} to {view[1]:g} degrees "
        f"across.\n"
    )
    return (
        "# Rendered rooms\n\n"
        "Every picture here was rendered by `netadapt data rooms`; none is a photograph, and no\n"
        "depth was measured.\n\n"
        f"Seed {settings.seed}, {settings.scenes} scenes, {settings.frames_per_scene} frames a "
        f"scene, renderer version {settings.renderer}"
        f"{', without ' if settings.without else ''}{', '.join(settings.without)}.\n"
        f"{lenses}"
        "Depth is in metres (millimetres in a packed set); 0 is a hole, where the simulated depth\n"
        "camera sees nothing. No scene is in two of the splits train, holdout and val.\n"
    )


def count_splits(planned: list[PlannedFrame]) -> dict[str, int]:
    return {split: sum(frame.split == split for frame in planned) for split in SPLITS}
