"""Depth of a photograph of any size, as files that people and programs read.

The network is shown the whole image, or what FastDepth's evaluation shows it, the centre at 4:3;
the depth is laid back where it was seen, and the rest of the image is marked 0, unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from netadapt.depth.data.base import Depth, check_focal
from netadapt.depth.prediction.framings import WHOLE, Framing
from netadapt.depth.prediction.predictor import Predictor
from netadapt.errors import DeviceError
from netadapt.extras import needed
from netadapt.files import atomic_path

Image = needed("PIL.Image", "depth")


@dataclass(frozen=True)
class Written:
    """The files of one image, and its nearest, median and farthest depth in metres."""

    coloured: Path
    millimetres: Path
    metres: Path
    least_m: float
    median_m: float
    most_m: float


def predict_image(
    predictor: Predictor,
    rgb: npt.NDArray[np.uint8],
    framing: Framing = WHOLE,
    focal_px: float | None = None,
    name: str = "the image",
) -> Depth:
    """Depth `[H, W]` in metres of an image `[H, W, 3]`; 0 where the network didn't look.

    `framing` is the part of the image that the network is shown. `focal_px` is the camera's focal
    length in pixels of this image; NYU's is assumed where it is None. Raises DataError, which names
    the image by `name`, for one that no camera has.
    """
    height, width = rgb.shape[:2]
    focal = None if focal_px is None else check_focal(focal_px, height, name) / height
    batch = torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]
    predicted = predictor(framing.image(batch, predictor.size))[0, 0].numpy()
    metres = predicted * np.float32(framing.ratio(focal, height, width))
    return framing.laid_back(metres, height, width)


def prediction_files(folder: Path, stem: str) -> tuple[Path, Path, Path]:
    """The files of the image called `stem`: in colours, in millimetres, in metres."""
    return folder / f"{stem}.png", folder / f"{stem}.mm.png", folder / f"{stem}.npy"


def write_prediction(depth: Depth, rgb: npt.NDArray[np.uint8], folder: Path, stem: str) -> Written:
    """Write STEM.png (colours, with a bar in metres), STEM.mm.png (16 bit) and STEM.npy."""
    seen = depth[depth > 0]
    coloured, whole_millimetres, metres = prediction_files(folder, stem)
    figure = needed("matplotlib.figure", "depth").Figure(figsize=(9.6, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(rgb)
    drawn = right.imshow(np.ma.masked_equal(depth, 0), cmap="viridis")
    figure.colorbar(drawn, ax=right, label="metres")
    for axis in (left, right):
        axis.set_axis_off()
    with atomic_path(coloured) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
    write_millimetres(depth, whole_millimetres)
    with atomic_path(metres) as temporary:
        np.save(temporary, depth)
    least, median, most = np.quantile(seen, (0, 0.5, 1)) if seen.size else (0.0, 0.0, 0.0)
    return Written(coloured, whole_millimetres, metres, float(least), float(median), float(most))


def write_millimetres(depth: Depth, path: Path) -> None:
    """Write depth `[H, W]` as a 16-bit PNG of whole millimetres; what is deeper becomes 65535."""
    millimetres = np.clip(np.rint(depth * 1000), 0, 65535).astype(np.uint16)
    with atomic_path(path) as temporary:
        Image.fromarray(millimetres).save(temporary, format="PNG")


def read_camera(number: int) -> npt.NDArray[np.uint8]:
    """One frame of camera `number`, `[H, W, 3]`. Raises DeviceError when it gives none."""
    cv2 = needed("cv2", "camera")
    capture = cv2.VideoCapture(number)
    try:
        received, frame = capture.read()
    finally:
        capture.release()
    if not received:
        raise DeviceError(f"camera {number} gives no picture; is it plugged in and free?")
    return np.ascontiguousarray(frame[..., ::-1])
