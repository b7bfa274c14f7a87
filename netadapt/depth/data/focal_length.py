"""What a camera's focal length means for metres: the canonical camera.

An object of size s at depth z is f·s/z pixels large, so that a network, which sees pixels, learns
z/f. One that has learned metres from one lens is off by the ratio of focal lengths on another.
Here every depth is learned as the canonical camera would have it, divided by the ratio of the
image's focal length to the canonical one, and what is predicted is multiplied by it. The canonical
camera is NYU's, seen through FastDepth's crop: with it nothing changes.

Source: Yin et al., Metric3D, ICCV 2023 (arXiv 2307.10984), section 3.2, transforming labels.
"""

from __future__ import annotations

import math

from netadapt.depth.data.geometry import CROP_HEIGHT, WORKING_HEIGHT, working_size

NYU_FOCAL_PX = 518.86
NYU_HEIGHT_PX = 480
"""The focal length of NYU Depth v2's colour camera, and the rows it belongs to: `fx_rgb` in
camera_params.m of the toolbox that comes with the set (Silberman et al., ECCV 2012)."""

NYU_FOCAL_HEIGHTS = NYU_FOCAL_PX / NYU_HEIGHT_PX
"""In heights of the image, as all focal lengths here: no resizing changes it."""

NYU_ASPECT = 4 / 3


def assumed_focal_heights(height: int, width: int) -> float:
    """What an image of that size is taken with when nothing is known: NYU's camera, perhaps turned.

    Its focal length against the image's shorter side, in heights.
    """
    return NYU_FOCAL_HEIGHTS * min(height, width) / height


def ratio_in_crop(focal_heights: float | None, height: int, width: int) -> float:
    """The focal length of an image seen through FastDepth's crop, over the canonical one.

    `focal_heights` is the image's in heights of it, the assumed one where that is None; `height`
    and `width` are its size in pixels. A narrow image is cropped to fewer of its rows.
    """
    focal = focal_heights or assumed_focal_heights(height, width)
    return focal / NYU_FOCAL_HEIGHTS * (working_size(height, width)[0] / WORKING_HEIGHT)


def canonical_focal_heights(height: int, width: int) -> float:
    """The focal length, in heights, with which an image of that size is the canonical camera's."""
    return NYU_FOCAL_HEIGHTS * WORKING_HEIGHT / working_size(height, width)[0]


def ratio_in_whole(focal_heights: float | None, height: int, width: int) -> float:
    """The same for an image that is seen whole: smaller, so that all seems farther.

    One of another shape than 4:3 is stretched to it; then this is the geometric mean over both
    directions.
    """
    focal = focal_heights or assumed_focal_heights(height, width)
    stretch = math.sqrt(height / width * NYU_ASPECT)
    return focal / NYU_FOCAL_HEIGHTS * stretch * (CROP_HEIGHT / WORKING_HEIGHT)
