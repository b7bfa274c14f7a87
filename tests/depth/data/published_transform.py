"""The published per-image transform, step by step with Pillow and scipy: what ours must equal.

Written from the description of FastDepth's dataloaders: every step makes a whole image, rounded
to whole pixels, nearest neighbour throughout.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageEnhance
from scipy import ndimage

NEAREST = Image.Resampling.NEAREST


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """[H, W, 3] uint8 or [H, W] float32 to height × width."""
    return np.asarray(Image.fromarray(image).resize((width, height), NEAREST))


def resize_by(image: np.ndarray, factor: float) -> np.ndarray:
    return resize(image, int(image.shape[0] * factor), int(image.shape[1] * factor))


def centre_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    top = round((image.shape[0] - height) / 2)
    left = round((image.shape[1] - width) / 2)
    return image[top : top + height, left : left + width]


def evaluation(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return resize(centre_crop(resize_by(image, 250 / 480), 228, 304), *size)


def training_geometry(
    image: np.ndarray, scale: float, degrees: float, flip: bool, size: tuple[int, int]
) -> np.ndarray:
    image = resize_by(image, 250 / 480)
    image = ndimage.rotate(image, degrees, reshape=False, prefilter=False, order=0)
    image = centre_crop(resize_by(image, scale), 228, 304)
    return resize(np.fliplr(image) if flip else image, *size)


def jitter(image: np.ndarray, factors: Sequence[float], order: Sequence[int]) -> np.ndarray:
    """Brightness, contrast and saturation `factors`, applied in `order`."""
    picture = Image.fromarray(np.ascontiguousarray(image))
    enhancers = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
    for kind in order:
        picture = enhancers[kind](picture).enhance(factors[kind])
    return np.asarray(picture)
