"""Which part of a frame a network is shown, and where in the frame its depth belongs.

Networks are trained on FastDepth's crop. The whole frame is the same picture made smaller: all in
it seems farther, which `ratio` tells. What focal lengths mean is `focal_length`'s affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from netadapt.depth.data.base import Depth
from netadapt.depth.data.focal_length import ratio_in_crop, ratio_in_whole
from netadapt.depth.data.geometry import CROP_HEIGHT, CROP_WIDTH, crop_offset, nearest, working_size
from netadapt.depth.data.transforms import image_for_evaluation, whole_image


class Framing(Protocol):
    """A part of every frame. Sizes are (height, width) in pixels."""

    def image(self, rgb: Tensor, size: tuple[int, int]) -> Tensor:
        """What the network is shown of `rgb` uint8 [B, 3, H, W]: [B, 3, h, w] in [0, 1]."""

    def ratio(self, focal_heights: float | None, height: int, width: int) -> float:
        """What a network's metres are to be multiplied by, of a frame of that size."""

    def laid_back(self, depth: Depth, height: int, width: int) -> Depth:
        """Depth [h, w] of the part, on the frame [height, width]; 0 where it isn't in the part."""


@dataclass(frozen=True)
class Crop:
    """FastDepth's: 228×304 of 250×333 pixels, from the centre."""

    def image(self, rgb: Tensor, size: tuple[int, int]) -> Tensor:
        """See `Framing`."""
        return image_for_evaluation(rgb, size)

    def ratio(self, focal_heights: float | None, height: int, width: int) -> float:
        """See `Framing`."""
        return ratio_in_crop(focal_heights, height, width)

    def laid_back(self, depth: Depth, height: int, width: int) -> Depth:
        """See `Framing`."""
        working = working_size(height, width)
        rows = _covered(height, working[0], CROP_HEIGHT, depth.shape[0])
        columns = _covered(width, working[1], CROP_WIDTH, depth.shape[1])
        laid = depth[np.maximum(rows, 0)[:, None], np.maximum(columns, 0)]
        unseen = (rows < 0)[:, None] | (columns < 0)[None, :]
        return np.where(unseen, np.float32(0), laid).astype(np.float32)


@dataclass(frozen=True)
class Whole:
    """The whole frame, stretched to the network's input where it has another shape than 4:3."""

    def image(self, rgb: Tensor, size: tuple[int, int]) -> Tensor:
        """See `Framing`."""
        return whole_image(rgb, size)

    def ratio(self, focal_heights: float | None, height: int, width: int) -> float:
        """See `Framing`."""
        return ratio_in_whole(focal_heights, height, width)

    def laid_back(self, depth: Depth, height: int, width: int) -> Depth:
        """See `Framing`."""
        return resized(torch.from_numpy(depth)[None, None], height, width)[0, 0].numpy()


CROP = Crop()
WHOLE = Whole()


def resized(depth: Tensor, height: int, width: int) -> Tensor:
    """Depth [B, 1, h, w] at another size, bilinear, as papers bring it to the ground truth's."""
    return torch.nn.functional.interpolate(
        depth, (height, width), mode="bilinear", align_corners=False
    )


def _covered(length: int, working: int, crop: int, size: int) -> npt.NDArray[np.int64]:
    """For each of `length` positions the nearest of `size` predicted ones, or -1 outside them."""
    in_crop = nearest(length, working) - crop_offset(working, crop)
    inside = (in_crop >= 0) & (in_crop < crop)
    return np.where(inside, in_crop * size // crop, -1)
