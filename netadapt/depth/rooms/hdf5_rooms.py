"""Writes rendered rooms to disk in FastDepth's HDF5 layout; `packed_rooms` writes the packed form.

Every frame is a pure function of seed, scene and frame number, so that any number of processes
writes the same bytes and a stopped job goes on where it was.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from netadapt.depth.data.hdf5_pairs import write_focal
from netadapt.depth.data.worker_pool import worker_pool
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
from netadapt.extras import needed
from netadapt.files import (
    atomic_path,
    clear_half_written,
    clear_half_written_of,
    holds_others,
    write_text,
)
from netadapt.locks import held
from netadapt.outside import outside_json_object

h5py = needed("h5py", "depth")

SETTINGS_FILE = "rooms.json"


def write_rooms(
    dst: Path | str,
    *,
    scenes: int,
    frames_per_scene: int = 4,
    seed: int = 0,
    workers: int = 1,
    without: Iterable[str] = (),
    field_of_view_deg: tuple[float, float] | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Render rooms into `dst` in FastDepth's HDF5 layout; gives the number of frames a split.

    train/<scene>/NNNNN.h5 and val/official/NNNNN.h5 hold `rgb` uint8 [3, 480, 640] and `depth`
    float32 [480, 640] metres (0 = hole). `without` names what to leave out (`left_out_parts`).
    With `field_of_view_deg` each scene's lens is drawn between the two, across, and every file
    carries its focal length. Files that are complete already stay. Raises DataError where `dst`
    holds something else than these rooms, OutputError where it can't be written.
    """
    settings = checked_settings(scenes, frames_per_scene, seed, workers, without, field_of_view_deg)
    dst = Path(dst)
    with held(dst, DataError):
        return _write_rooms(dst, settings, workers, progress)


def _write_rooms(
    dst: Path, settings: RoomsSettings, workers: int, progress: Progress | None
) -> dict[str, int]:
    claim_folder(dst, settings)
    clear_half_written(dst, ".h5")
    planned = plan_frames(settings.scenes, settings.frames_per_scene)
    missing = [frame for frame in planned if not is_complete(dst / frame.path)]
    done = len(planned) - len(missing)
    if progress is not None:
        progress(done, len(planned))
    for _ in each(partial(write_frame, dst, settings), dst, missing, workers):
        done += 1
        if progress is not None:
            progress(done, len(planned))
    return count_splits(planned)


def claim_folder(dst: Path, settings: RoomsSettings) -> None:
    """Make `dst` the folder of these rooms, or see that it is, or of fewer of them.

    Raises DataError otherwise.
    """
    path = dst / SETTINGS_FILE
    wanted = json.loads(json.dumps(settings.described()))
    if path.is_file():
        try:
            told = outside_json_object(path, DataError)["settings"]
            found = {"without": [], **told}  # rooms of old don't say it: nothing
            are_fewer = found["scenes"] < settings.scenes
        except (DataError, KeyError, TypeError):
            found, are_fewer = {"settings": "unreadable"}, False
        if found == wanted:
            return
        if not are_fewer or {**found, "scenes": settings.scenes} != wanted:
            raise DataError(
                f"{path}: these rooms were made with {found}, not {wanted}; choose another "
                f"folder, the same settings to go on, or more scenes"
            )
    elif holds_others(dst, SETTINGS_FILE):
        raise DataError(
            f"{dst}: exists and holds no rendered rooms (no {SETTINGS_FILE}); choose an empty or "
            f"a new folder"
        )
    clear_half_written_of(path)
    write_text(path, json.dumps({"what": "rendered rooms", "settings": wanted}, indent=1) + "\n")
    write_text(dst / "README.md", describe(settings))


def is_complete(path: Path) -> bool:
    """Whether a frame's file is there and whole."""
    if not path.is_file():
        return False
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs["rendered"]) and {"rgb", "depth"} <= set(file)
    except (OSError, KeyError):
        return False


def write_frame(dst: Path, settings: RoomsSettings, planned: PlannedFrame) -> None:
    """Render one frame into its file."""
    seed = settings.seed
    focal_px = settings.focal_px(planned.scene)
    rgb, depth = render_frame(
        seed, planned.scene, planned.frame, without=settings.without, focal_px=focal_px
    )
    # In memory first: the HDF5 library crashes the process when the disk is full.
    content = io.BytesIO()
    with h5py.File(content, "w", track_order=True) as file:
        file.create_dataset("rgb", data=rgb)  # its noise leaves nothing to compress
        file.create_dataset(
            "depth", data=depth, compression="lzf", shuffle=True, chunks=depth.shape
        )
        file.attrs["rendered"] = True
        file.attrs["seed"] = seed
        file.attrs["scene"] = planned.scene
        file.attrs["frame"] = planned.frame
        file.attrs["renderer"] = settings.renderer
        file.attrs["without"] = ",".join(settings.without)
        if settings.field_of_view_deg is not None:
            write_focal(file, focal_px, FULL_SIZE[0])
    with atomic_path(dst / planned.path) as temporary:
        temporary.write_bytes(content.getvalue())


def each(
    function: Callable[[PlannedFrame], None], dst: Path, frames: list[PlannedFrame], workers: int
) -> Iterator[None]:
    """Call `function`, which writes into `dst`, for every frame, in `workers` processes."""
    if workers == 1 or len(frames) <= 1:
        yield from map(function, frames)
        return
    compile_kernels()
    with worker_pool(dst, min(workers, len(frames))) as pool:
        yield from pool.map(function, frames, chunksize=4)
