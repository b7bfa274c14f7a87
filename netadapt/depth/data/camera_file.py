"""Finds the camera's matrix that a recording brings along, and says what it means for the metres.

A network that learned metres from one lens is off by the ratio of focal lengths on another.
"""

from __future__ import annotations

import re
from pathlib import Path

from netadapt.depth.data.focal_length import NYU_FOCAL_HEIGHTS

ALIKE = 0.05
"""A ratio of focal lengths that near to one says nothing."""

_NAMES = re.compile(r"(k|camera_?k|intrinsics?|camera[_-]?intrinsics?|intrinsic_color)\.txt", re.I)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


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
    focal = _focal_px(files[0])
    if focal is None:
        return f"{files[0]} is no camera matrix of nine numbers and was not used"
    ratio = NYU_FOCAL_HEIGHTS / (focal / height)
    text = f"{files[0]}: a focal length of {focal:.0f} px at {height} rows"
    if abs(ratio - 1.0) <= ALIKE:
        return f"{text}, as NYU's; it needs no correction"
    return (
        f"{text}, {1 / ratio:.2f} of NYU's: a network that learned NYU's metres sees these "
        f"{ratio:.2f} times as far as they are; depths are imported as measured"
    )


def _focal_px(file: Path) -> float | None:
    """The matrix's vertical focal length: fx 0 cx, 0 fy cy, 0 0 1."""
    try:
        numbers = [float(word) for word in _NUMBER.findall(file.read_text(encoding="utf-8-sig"))]
    except (OSError, UnicodeDecodeError, ValueError):
        return None
    fy = {9: 4, 16: 5, 12: 5, 4: 1}.get(len(numbers))
    if fy is None or not 1.0 < numbers[fy] < 1e5:
        return None
    return numbers[fy]
