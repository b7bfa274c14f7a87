"""Writes rendered rooms to disk: as arrays for fast training, or in FastDepth's HDF5 layout.

Every frame is a pure function of seed, scene and frame number, so that workers may render them in
any order and a stopped job goes on where it was.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from netadapt.data.rooms.render import RENDERER_VERSION, render_frame
from netadapt.errors import DataError, OutputError
from netadapt.files import atomic_path, write_text

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames in all."""

SETTINGS_FILE = "rooms.json"
HOLDOUT_FRAMES = (1, 201)
"""Frame numbers that FastDepth's loader keeps out of training."""
ONE_IN = 10
"""One scene in ten is validation, one in ten holdout."""


@dataclass(frozen=True)
class RoomsSettings:
    """What decides the content of a folder of rendered rooms."""

    seed: int
    scenes: int
    frames_per_scene: int
    renderer: str = RENDERER_VERSION
    rendered: bool = True


@dataclass(frozen=True)
class Planned:
    """One file of the data set: its place below the folder, and the frame it holds."""

    path: str
    scene: int
    frame: int


def plan_files(scenes: int, frames_per_scene: int) -> list[Planned]:
    """Which file holds which frame.

    Of every ten scenes the fifth goes to val/official, the tenth has only holdout frames
    (00001 and 00201) and the others only training frames: no two splits share a scene.
    """
    files: list[Planned] = []
    validation = 0
    for scene in range(scenes):
        if scene % ONE_IN == ONE_IN // 2 - 1:
            for frame in range(frames_per_scene):
                validation += 1
                files.append(Planned(f"val/official/{validation:05d}.h5", scene, frame))
        elif scene % ONE_IN == ONE_IN - 1:
            for frame, number in enumerate(HOLDOUT_FRAMES):
                files.append(Planned(f"train/room_{scene:05d}/{number:05d}.h5", scene, frame))
        else:
            number = 1
            for frame in range(frames_per_scene):
                number += 1
                if number in HOLDOUT_FRAMES:
                    number += 1
                files.append(Planned(f"train/room_{scene:05d}/{number:05d}.h5", scene, frame))
    return files


def write_rooms(
    dst: Path | str,
    *,
    scenes: int,
    frames_per_scene: int = 4,
    seed: int = 0,
    workers: int = 1,
    progress: Progress | None = None,
) -> int:
    """Render rooms into `dst` in FastDepth's HDF5 layout; gives the number of frames there.

    train/<scene>/NNNNN.h5 and val/official/NNNNN.h5 hold `rgb` uint8 [3, 480, 640] and `depth`
    float32 [480, 640] metres (0 = hole). Files that are complete already stay. Raises DataError
    where `dst` holds something else than these rooms, OutputError where it can't be written.
    """
    if scenes < 1 or frames_per_scene < 1 or workers < 1:
        raise DataError(
            f"rooms: scenes ({scenes}), frames per scene ({frames_per_scene}) and workers "
            f"({workers}) must be 1 or more; give larger numbers"
        )
    dst = Path(dst)
    settings = RoomsSettings(seed=seed, scenes=scenes, frames_per_scene=frames_per_scene)
    claim(dst, settings)
    files = plan_files(scenes, frames_per_scene)
    missing = [planned for planned in files if not is_complete(dst / planned.path)]
    done = len(files) - len(missing)
    if progress is not None:
        progress(done, len(files))
    with pool(workers) as run:
        for _ in run(write_file, [(str(dst), seed, planned) for planned in missing]):
            done += 1
            if progress is not None:
                progress(done, len(files))
    return done


def claim(dst: Path, settings: RoomsSettings) -> None:
    """Make `dst` the folder of these rooms, or see that it is; raises DataError otherwise."""
    path = dst / SETTINGS_FILE
    wanted = asdict(settings)
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))["settings"]
        except (ValueError, KeyError, TypeError):
            found = None
        if found != wanted:
            raise DataError(
                f"{path}: these rooms were made with {found}, not {wanted}; choose another "
                f"folder, or the same settings to go on"
            )
        return
    if dst.exists() and (not dst.is_dir() or any(dst.iterdir())):
        raise DataError(
            f"{dst} exists and holds no rendered rooms (no {SETTINGS_FILE}); choose an empty or "
            f"new folder"
        )
    write_text(
        dst / "README.md",
        "# Rendered rooms\n\n"
        "Every picture here was rendered by `netadapt data rooms`; none is a photograph.\n"
        f"Seed {settings.seed}, {settings.scenes} scenes, {settings.frames_per_scene} frames a "
        f"scene, renderer version {settings.renderer}.\n\n"
        "Layout: FastDepth's. `train/<scene>/NNNNN.h5` and `val/official/NNNNN.h5` hold `rgb` "
        "uint8 (3, 480, 640) and `depth` float32 (480, 640) in metres, 0 where the simulated "
        "depth camera sees nothing. Frames 00001 and 00201 are the holdout; their scenes hold "
        "no training frames.\n",
    )
    write_text(path, json.dumps({"kind": "rendered rooms", "settings": wanted}, indent=2) + "\n")


def is_complete(path: Path) -> bool:
    """Whether a frame's file is there and readable."""
    if not path.is_file():
        return False
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("rendered", False)) and "rgb" in file and "depth" in file
    except OSError:
        return False


def write_file(job: tuple[str, int, Planned]) -> None:
    """Render one frame into its file."""
    folder, seed, planned = job
    rgb, depth = render_frame(seed, planned.scene, planned.frame)
    with atomic_path(Path(folder) / planned.path) as temporary, h5py.File(temporary, "w") as file:
        file.create_dataset("rgb", data=rgb, compression="lzf", chunks=(1, *rgb.shape[1:]))
        file.create_dataset("depth", data=depth, compression="lzf", chunks=depth.shape)
        file.attrs["rendered"] = True
        file.attrs["seed"] = seed
        file.attrs["scene"] = planned.scene
        file.attrs["frame"] = planned.frame
        file.attrs["renderer"] = RENDERER_VERSION


def render_pack(
    prefix: Path | str,
    *,
    scenes: range,
    frames_per_scene: int,
    seed: int,
    size: tuple[int, int] = (250, 333),
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[Path, Path]:
    """Render straight into two arrays that open by memory map; frame k of scene j at one row.

    PREFIX_rgb.npy: uint8 [N, 3, H, W]; PREFIX_depth.npy: uint16 [N, H, W] millimetres, 0 = hole.
    Rows fill in order and `progress` tells how many are complete, so that a reader may begin
    before the end. Raises OutputError where the files can't be written.
    """
    height, width = size
    jobs = [
        (seed, scene, frame, height, width) for scene in scenes for frame in range(frames_per_scene)
    ]
    paths = (Path(f"{prefix}_rgb.npy"), Path(f"{prefix}_depth.npy"))
    try:
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        rgb = np.lib.format.open_memmap(
            paths[0], mode="w+", dtype=np.uint8, shape=(len(jobs), 3, height, width)
        )
        depth = np.lib.format.open_memmap(
            paths[1], mode="w+", dtype=np.uint16, shape=(len(jobs), height, width)
        )
    except OSError as error:
        raise OutputError(
            f"cannot write {paths[0]}: {error.strerror or error}; free some space or choose "
            f"another folder"
        ) from error
    with pool(workers) as run:
        for row, (picture, millimetres) in enumerate(run(render_row, jobs)):
            rgb[row] = picture
            depth[row] = millimetres
            if progress is not None:
                progress(row + 1, len(jobs))
    rgb.flush()
    depth.flush()
    return paths


def render_row(
    job: tuple[int, int, int, int, int],
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """One row of a pack: RGB, and depth in millimetres."""
    seed, scene, frame, height, width = job
    rgb, depth = render_frame(seed, scene, frame, height=height, width=width)
    return rgb, np.rint(depth * 1000.0).astype(np.uint16)


@contextmanager
def pool(workers: int) -> Iterator[Callable[..., Iterator[object]]]:
    """A `map` over worker processes that keeps the order; in this process for one worker."""
    if workers == 1:
        yield map  # type: ignore[misc]
        return
    # Spawned, not forked: the caller may have threads running (torch).
    context = multiprocessing.get_context("spawn")
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    executor = ProcessPoolExecutor(workers, mp_context=context)
    try:
        yield lambda function, jobs: executor.map(function, jobs, chunksize=4)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
