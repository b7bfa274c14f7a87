"""A camera as compiled code takes it: where it stands, which way its pixels look.

Which view of a scene is taken is left to `camera`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netadapt.depth.data.focal_length import NYU_FOCAL_PX
from netadapt.depth.rooms.rendering.jit import inlined

FOCAL_PX = float(round(NYU_FOCAL_PX))
"""That of NYU's camera in whole pixels at 640 x 480, 519: rooms are rendered with it, and their
bytes stay what they were."""


class View(NamedTuple):
    """A pinhole camera with a picture of height x width pixels."""

    position: NDArray[np.float64]
    """[3]: metres in the world."""
    axes: NDArray[np.float64]
    """[3, 3]: rows are right, down and forward in the world."""
    focal: NDArray[np.float64]
    """(fx, fy) in pixels."""
    height: int
    width: int


def focal_lengths(height: int, width: int, focal_px: float = FOCAL_PX) -> NDArray[np.float64]:
    """(fx, fy) in pixels at that size, the field of view kept.

    `focal_px` is the focal length at 640 x 480 pixels.
    """
    return np.array([focal_px * width / 640.0, focal_px * height / 480.0])


@inlined
def slope(pixel: int, pixels: int, focal: float) -> float:
    """How far aside the middle of a column (or row) of so many looks, a metre ahead."""
    return (pixel + 0.5 - 0.5 * pixels) / focal


@inlined
def direction(axes: Any, right: float, down: float) -> tuple[float, float, float]:
    """The ray a metre ahead, `right` and `down` by so many metres, in the world."""
    return (
        axes[0, 0] * right + axes[1, 0] * down + axes[2, 0],
        axes[0, 1] * right + axes[1, 1] * down + axes[2, 1],
        axes[0, 2] * right + axes[1, 2] * down + axes[2, 2],
    )
