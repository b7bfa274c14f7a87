"""Reads a camera's matrix: one that is given, or one that a recording brings along.

What a focal length means for the metres is told by `focal_length`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from netadapt.depth.data.base import check_focal
from netadapt.depth.data.focal_length import NYU_FOCAL_HEIGHTS
from netadapt.errors import DataError
from netadapt.outside import MOST_SETTINGS_BYTES, outside_text

ALIKE = 0.05
"""A ratio of focal lengths that near to one says nothing."""

CENTRE_RANGE = (0.25, 0.75)
"""Where a camera's centre lies, in heights of its images; elsewhere the matrix is of another size.
"""

_NAMES = re.compile(r"(k|camera_?k|intrinsics?|camera[_-]?intrinsics?|intrinsic_color)\.txt", re.I)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_PLACES = {9: (4, 5), 16: (5, 6), 12: (5, 6), 4: (1, 3)}
"""Of fy and cy among so many numbers: fx 0 cx 0 fy cy 0 0 1, with a fourth column, or fx fy cx cy.
"""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The vertical part of a camera's matrix, in pixels: it is set against an image's height."""

    focal_px: float
    centre_px: float


def read_focal_px(file: Path, height: int) -> float:
    """The focal length in a file of nine numbers (or fx fy cx cy), of images of `height` rows.

    Raises DataError when it has none, or one that isn't of such images.
    """
    matrix = _matrix(outside_text(file, DataError, MOST_SETTINGS_BYTES))
    if matrix is None:
        raise DataError(
            f"{file}: is no camera matrix; expected nine numbers, fx 0 cx, 0 fy cy, 0 0 1, or "
            f"four: fx fy cx cy"
        )
    low, high = (share * height for share in CENTRE_RANGE)
    if not low <= matrix.centre_px <= high:
        raise DataError(
            f"{file}: the camera's centre is in row {matrix.centre_px:g}, and the images have "
            f"{height}: the matrix is of another size; multiply its numbers by theirs over its own"
        )
    return check_focal(matrix.focal_px, height, str(file))


def focal_note(file: Path, focal_px: float, height: int) -> str:
    """What a camera's focal length is beside NYU's."""
    text = f"{file}: a focal length of {focal_px:.0f} px at {height} rows"
    if _is_nyus(focal_px, height):
        return f"{text}, as NYU's"
    ratio = focal_px / height / NYU_FOCAL_HEIGHTS
    return (
        f"{text}, {ratio:.2f} of NYU's: a network that learned NYU's metres sees these "
        f"at {1 / ratio:.2f} of their distance"
    )


def _is_nyus(focal_px: float, height: int) -> bool:
    return abs(height * NYU_FOCAL_HEIGHTS / focal_px - 1.0) <= ALIKE


def camera_note(folder: Path, height: int) -> str:
    """What a K.txt or intrinsics.txt in `folder` or just below says; empty where there is none.

    `height` is that of the images, in pixels.
    """
    files = sorted(
        path
        for pattern in ("*.txt", "*/*.txt")
        for path in folder.glob(pattern)
        if _NAMES.fullmatch(path.name) and path.is_file()
    )
    if not files:
        return ""
    try:
        matrix = _matrix(outside_text(files[0], DataError, MOST_SETTINGS_BYTES))
    except DataError:
        matrix = None
    if matrix is None:
        return f"{files[0]} is no camera matrix of nine numbers and was not used"
    note = focal_note(files[0], matrix.focal_px, height)
    if _is_nyus(matrix.focal_px, height):
        return f"{note}; it needs no correction"
    return f"{note}; give --intrinsics {files[0]}, so that training and evaluation correct that"


def _matrix(text: str) -> Matrix | None:
    """The numbers of a camera's matrix, row by row; None where these are none."""
    numbers = [float(word) for word in _NUMBER.findall(text)]
    places = _PLACES.get(len(numbers))
    if places is None or not 1.0 < numbers[places[0]] < 1e5:
        return None
    return Matrix(*(numbers[place] for place in places))
