"""Which source pixel each pixel of FastDepth's published transform shows, as integer tables.

Both the batched transforms and the packed form take their sizes and their nearest-neighbour
rule from here, so that reading packed images gives the same pixels as reading the originals.
Source: dataloaders/nyu.py and dataloaders/transforms.py of FastDepth (its `Resize` is
`scipy.misc.imresize(…, 'nearest')` for RGB and depth alike).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from netadapt.depth.data.base import Depth, Frame, Rgb

WORKING_HEIGHT, WORKING_WIDTH = 250, 333
"""480×640 scaled by 250 / 480, as `imresize` truncates it."""

CROP_HEIGHT, CROP_WIDTH = 228, 304

NATIVE_HEIGHT = 480
"""The height of NYU's images; larger ones are averaged down towards it first."""

Indices = npt.NDArray[np.int64]


def working_size(height: int, width: int) -> tuple[int, int]:
    """The size (height, width) an image is resized to before it is cropped, aspect kept.

    Height 250, unless the image is so narrow that 333 columns (as 480×640 gives) would not be
    reached: then width 333.
    """
    columns = width * WORKING_HEIGHT // height
    if columns >= WORKING_WIDTH:
        return WORKING_HEIGHT, columns
    return max(WORKING_HEIGHT, height * WORKING_WIDTH // width), WORKING_WIDTH


def nearest(size: int, source_size: int, start: int = 0, stop: int | None = None) -> Indices:
    """For positions start…stop of `size`, the nearest of `source_size` positions (int64).

    Centre to centre, floor((i + ½)·source/size), in whole numbers so that no tie depends on
    rounding.
    """
    positions = np.arange(start, size if stop is None else stop, dtype=np.int64)
    return (2 * positions + 1) * source_size // (2 * size)


def crop_offset(size: int, crop: int) -> int:
    """First position of a centred crop, half rounded to even as Python's `round` does."""
    return round((size - crop) / 2)


def evaluation_indices(size: int, crop: int, working: int, source_size: int) -> Indices:
    """Along one axis, the source position each of `size` output positions shows.

    Resize to `working`, crop `crop` from its centre, resize to `size`: each step nearest.
    """
    in_working = nearest(size, crop) + crop_offset(working, crop)
    return nearest(working, source_size)[in_working]


def reduction(height: int, width: int) -> int:
    """How many pixels in a row and column are averaged into one before nearest sampling.

    1 up to twice NYU's size, so NYU's own images are untouched; more for photographs, which
    nearest sampling alone would turn into speckle.
    """
    rows, columns = working_size(height, width)
    return max(
        1,
        min(
            height * WORKING_HEIGHT // (rows * NATIVE_HEIGHT),
            width * WORKING_HEIGHT // (columns * NATIVE_HEIGHT),
        ),
    )


def to_working(rgb: Rgb, depth: Depth) -> tuple[Rgb, Depth]:
    """A pair at its working size: rgb [3, H, W] and depth [H, W] → [3, h, w] and [h, w]."""
    height, width = depth.shape
    rows, columns = working_size(height, width)
    factor = reduction(height, width)
    if factor > 1:
        rgb = _averaged(rgb, factor)
    small = rgb.shape[1:]
    image = rgb[:, nearest(rows, small[0])[:, None], nearest(columns, small[1])]
    metres = depth[nearest(rows, height)[:, None], nearest(columns, width)]
    return np.ascontiguousarray(image), np.ascontiguousarray(metres)


def frame_at_working_size(frame: Frame) -> Frame:
    """`to_working` for a frame: its focal length shrinks with its rows."""
    rgb, depth = to_working(frame.rgb, frame.depth)
    focal = frame.focal_heights
    return Frame(rgb, depth, None if focal is None else focal * depth.shape[0])


def _averaged(rgb: Rgb, factor: int) -> Rgb:
    """`rgb` averaged over factor × factor blocks, half up; what is left over at the end drops."""
    height, width = rgb.shape[1] // factor, rgb.shape[2] // factor
    blocks = rgb[:, : height * factor, : width * factor].reshape(3, height, factor, width, factor)
    total = blocks.sum(axis=(2, 4), dtype=np.uint32)
    count = factor * factor
    averaged: Rgb = ((total + count // 2) // count).astype(np.uint8)
    return averaged
