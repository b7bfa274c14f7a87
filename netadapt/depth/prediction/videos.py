"""Depth of a video, frame by frame: a video to look at, and every frame's depth in millimetres.

Frames are seen one by one, as photographs are; nothing is carried from one to the next.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netadapt.depth.data.base import Depth
from netadapt.depth.prediction.framings import WHOLE, Framing
from netadapt.depth.prediction.photographs import predict_image, write_millimetres
from netadapt.depth.prediction.predictor import Predictor
from netadapt.errors import DataError, OutputError
from netadapt.extras import needed
from netadapt.files import atomic_path

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"})

FARTHEST_SHOWN_M = 10.0
"""Of the colours of a video, the same in every frame, so that they can be compared."""

USUAL_RATE = 25.0
"""Frames a second of a video that doesn't say it."""


@dataclass(frozen=True)
class WrittenVideo:
    """What was written of a video, and how fast, reading and writing included."""

    coloured: Path
    millimetres: Path
    frames: int
    frames_per_second: float


def video_files(folder: Path, stem: str) -> tuple[Path, Path]:
    """Of the video called `stem`: the video in colours, and the folder of depths."""
    return folder / f"{stem}.depth.mp4", folder / stem


def predict_video(
    predictor: Predictor,
    path: Path,
    folder: Path,
    *,
    framing: Framing = WHOLE,
    focal_px: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> WrittenVideo:
    """Write STEM.depth.mp4, each frame beside its depth, and STEM/NNNNNN.mm.png, a file a frame.

    `framing` and `focal_px` are as in `predict_image`; `progress(frames done)` is called after
    each. Raises DataError when `path` is no video, MissingExtraError without the extra 'camera'.
    """
    coloured, millimetres = video_files(folder, path.stem)
    begun, count = time.perf_counter(), 0
    with _opened(path) as (capture, rate), atomic_path(coloured) as temporary:
        with _writer(temporary) as write:
            for count, rgb in enumerate(_frames(capture), start=1):
                depth = predict_image(
                    predictor, rgb, framing, focal_px, f"{path.name}, frame {count}"
                )
                write_millimetres(depth, millimetres / f"{count:06d}.mm.png")
                write(np.concatenate([rgb, _colours(depth)], axis=1), rate)
                if progress is not None:
                    progress(count)
        if count == 0:
            raise DataError(f"{path}: no frame of it can be read; is it a whole video?")
    return WrittenVideo(coloured, millimetres, count, count / (time.perf_counter() - begun))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, float]]:
    """The video at `path` and its frames a second."""
    cv2 = needed("cv2", "camera")
    capture = cv2.VideoCapture(str(path))
    try:
        if not capture.isOpened():
            raise DataError(f"{path}: cannot be read as a video")
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        yield capture, rate if math.isfinite(rate) and rate > 0 else USUAL_RATE
    finally:
        capture.release()


def _frames(capture: Any) -> Iterator[npt.NDArray[np.uint8]]:
    """Its frames as [H, W, 3], red first."""
    while True:
        received, frame = capture.read()
        if not received:
            return
        yield np.ascontiguousarray(frame[..., ::-1])


@contextmanager
def _writer(path: Path) -> Iterator[Callable[[npt.NDArray[np.uint8], float], None]]:
    """A function that writes a frame [H, W, 3] at a rate; the first one decides the video's size.

    MPEG-4 wants even sides, so an odd row or column at the end is left out.
    """
    cv2 = needed("cv2", "camera")
    opened: list[Any] = []

    def write(frame: npt.NDArray[np.uint8], rate: float) -> None:
        height, width = (side // 2 * 2 for side in frame.shape[:2])
        if not opened:
            code = cv2.VideoWriter_fourcc(*"mp4v")
            opened.append(cv2.VideoWriter(str(path), code, rate, (width, height)))
            if not opened[0].isOpened():
                raise OutputError(f"cannot write {path.name}: OpenCV has no encoder for MPEG-4")
        opened[0].write(np.ascontiguousarray(frame[:height, :width, ::-1]))

    try:
        yield write
    finally:
        for writer in opened:
            writer.release()


def _colours(depth: Depth) -> npt.NDArray[np.uint8]:
    """Depth [H, W] in colours [H, W, 3]; black where the network didn't look."""
    colormap = needed("matplotlib", "depth").colormaps["viridis"]
    shown: npt.NDArray[np.uint8] = colormap(depth / FARTHEST_SHOWN_M, bytes=True)[..., :3]
    shown[depth == 0] = 0
    return shown
