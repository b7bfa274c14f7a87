"""What a set of depth images is to the rest of the house: a `DepthSource`, read pair by pair.

A source gives RGB and depth as they are stored, checked, as numpy arrays. Resizing, augmentation
and batching belong to `transforms` and `loader`; where the files lie belongs to each source.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from netadapt.errors import DataError

Rgb: TypeAlias = npt.NDArray[np.uint8]
"""[3, H, W], 0 to 255."""

Depth: TypeAlias = npt.NDArray[np.float32]
"""[H, W] in metres; 0 marks a pixel without a measurement."""

SPLITS = ("train", "holdout", "val")

MAX_DEPTH_M = 65.535
"""The deepest that 16-bit millimetres hold; anything deeper in a room is in a wrong unit."""

MOST_PIXELS = 64_000_000
"""Of an image: few cameras make larger ones, and each is held in memory as a whole."""

FOCAL_RANGE_HEIGHTS = (0.1, 20.0)
"""Focal lengths in heights of the image that cameras have: from a fisheye to a long telephoto."""


class Frame(NamedTuple):
    """A pair with what is known of its camera."""

    rgb: Rgb
    depth: Depth
    focal_px: float | None = None
    """In pixels of this image; None where it isn't known."""

    @property
    def focal_heights(self) -> float | None:
        """The focal length in heights of the image, which no resizing changes."""
        return None if self.focal_px is None else self.focal_px / self.depth.shape[0]


class DepthSource(Protocol):
    """A sequence of RGB images with their depth, read one at a time and in any order.

    One that knows its cameras has `read_frame` too, as `CameraSource` says.
    """

    @property
    def names(self) -> Sequence[str]:
        """One name a pair, as a person would look it up: a path inside the data set."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> tuple[Rgb, Depth]:
        """Pair `index`: rgb uint8 [3, H, W] and depth float32 [H, W] in metres, 0 = invalid.

        Raises DataError naming the file when it can't be read or doesn't hold such a pair.
        """


@runtime_checkable
class CameraSource(DepthSource, Protocol):
    """A depth source that knows the focal length of some of its images."""

    def read_frame(self, index: int) -> Frame:
        """Pair `index` as `read` gives it, with its focal length."""


def read_frame(source: DepthSource, index: int) -> Frame:
    """Pair `index` of any source; its focal length is None where the source doesn't know it."""
    if isinstance(source, CameraSource):
        return source.read_frame(index)
    return Frame(*source.read(index))


def check_focal(focal_px: float, height: int, where: str) -> float:
    """`focal_px`, of an image of `height` rows, or DataError naming `where`."""
    low, high = (limit * height for limit in FOCAL_RANGE_HEIGHTS)
    if not low <= focal_px <= high:  # NaN is in no range
        raise DataError(
            f"{where}: the focal length is {focal_px:g} px for an image of {height} rows, expected "
            f"{low:g} to {high:g}"
        )
    return float(focal_px)


def check_split(split: str) -> None:
    """Raise DataError unless `split` is one of train, holdout and val."""
    if split not in SPLITS:
        raise DataError(f"no split '{split}'; expected one of {', '.join(SPLITS)}")


def check_kinds(rgb: Any, depth: Any, where: str) -> None:
    """Raise DataError naming `where` for arrays that are no pair by their types and shapes.

    They may be stored ones, of which nothing is read.
    """
    if rgb.dtype != np.uint8:
        raise DataError(f"{where}: rgb is {rgb.dtype}, expected uint8")
    if rgb.ndim != 3 or rgb.shape[0] != 3 or rgb.size == 0:
        raise DataError(f"{where}: rgb has shape {rgb.shape}, expected (3, height, width)")
    if depth.dtype.kind != "f" or depth.dtype.itemsize > 8:
        raise DataError(f"{where}: depth is {depth.dtype}, expected float32 in metres")
    if depth.shape != rgb.shape[1:]:
        raise DataError(
            f"{where}: depth has shape {depth.shape}, expected {rgb.shape[1:]} as rgb has"
        )


def check_pair(rgb: npt.NDArray[Any], depth: npt.NDArray[Any], where: str) -> tuple[Rgb, Depth]:
    """Give the pair back in the types of a source, or raise DataError naming `where`.

    Refused: types other than uint8 and floating point, shapes that don't belong together, and
    depths that are negative, not finite or beyond MAX_DEPTH_M.
    """
    check_kinds(rgb, depth, where)
    metres = depth.astype(np.float32, copy=False)
    low, high = float(metres.min()), float(metres.max())  # NaN passes through both
    if not (low >= 0.0 and high <= MAX_DEPTH_M):
        raise DataError(f"{where}: {_why_implausible(metres)}")
    return rgb, metres


def _why_implausible(depth: Depth) -> str:
    broken = int(np.count_nonzero(~np.isfinite(depth)))
    if broken:
        return f"{broken} depths are not finite, expected metres with 0 where there is none"
    if float(depth.min()) < 0:
        return f"depth goes down to {depth.min():.4g} m, expected ≥ 0 with 0 where there is none"
    return (
        f"depth goes up to {depth.max():.6g} m, expected at most {MAX_DEPTH_M} m; "
        f"is it in millimetres?"
    )
