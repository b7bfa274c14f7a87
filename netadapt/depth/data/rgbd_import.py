"""Brings a folder of RGB images with 16-bit depth images into the HDF5 layout.

Which files belong together is `pairing`'s affair; this reads them, turns depth into metres, marks
what is invalid, and writes them where `places` says. Cameras are not aligned here: depth must be
registered to RGB, as it is in most published sets.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netadapt.depth.data.base import Depth, Frame, Rgb, check_pair
from netadapt.depth.data.camera_file import camera_note, focal_note, read_focal_px
from netadapt.depth.data.depth_evidence import looks_rotated, rotated_back, scale_note
from netadapt.depth.data.filling import Imported, fill
from netadapt.depth.data.geometry import nearest
from netadapt.depth.data.outside_images import outside_image, pgm_maximum
from netadapt.depth.data.pairing import ImagePair, find_pairs
from netadapt.depth.data.places import (
    HOLDOUT_OF_SCENES,
    check_holdout,
    places_by_split,
    places_in_time,
)
from netadapt.depth.data.split_file import SplitPairs, pairs_of_split, read_split_file
from netadapt.errors import DataError
from netadapt.extras import needed
from netadapt.remarks import remark

ImageOps = needed("PIL.ImageOps", "depth")

DEFAULT_INVALID = (65535,)
MILLIMETRES = 1000.0
MEDIAN_RANGE_M = (0.1, 20.0)
"""Where the median depth of rooms lies; outside it the depth scale is wrong."""

HOLDOUT_IN_TIME = 0.3
"""Share of a recording that is held out: its last part."""

SAMPLED = 8
"""Pairs that are looked at before anything is written."""

MOST_SAMPLED = 1 << 20
"""Pixels of each of them."""

ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True, slots=True)
class DepthEncoding:
    """How a depth image is to be read: units a metre, and the values that mean no depth."""

    units_per_metre: float = MILLIMETRES
    invalid: tuple[int, ...] = DEFAULT_INVALID
    rotated: bool | None = None
    """Whether the bits are rotated left by three, as SUN RGB-D's; None: as the values show."""


def import_folder(
    source: Path | str,
    target: Path | str,
    *,
    rgb_glob: str | None = None,
    depth_glob: str | None = None,
    associations: Path | None = None,
    split_file: Path | None = None,
    intrinsics: Path | None = None,
    encoding: DepthEncoding | None = None,
    holdout: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Write the pairs of `source` to `target` in the HDF5 layout, with splits.json.

    The last `holdout` share (default 0.3), in the natural order of the names, is the split
    'holdout', and 'val' too as there is no official one. With `split_file`, a CSV, the images it
    gives to test are 'val', and about `holdout` (default 0.1) of those to train on are held out,
    whole scenes where it names them, chosen by `seed`. `associations` is a list of pairs as TUM's;
    `intrinsics` the file of the camera's matrix, whose focal length every image carries.
    A killed import is continued by the same call. Raises DataError when pairs can't be found or
    read, depths are implausible, or `target` holds anything else.
    """
    encoding = encoding or DepthEncoding()
    if holdout is None:
        holdout = HOLDOUT_IN_TIME if split_file is None else HOLDOUT_OF_SCENES
    check_holdout(holdout)
    if not 0.0 < encoding.units_per_metre < float("inf"):
        raise DataError(
            f"--depth-scale is {encoding.units_per_metre:g}, expected the units a metre, as 1000"
        )
    source, target = Path(source).absolute(), Path(target)
    rows = None if split_file is None else read_split_file(split_file)
    pairing = find_pairs(source, rgb_glob, depth_glob, associations)
    notes = list(pairing.notes)
    pairs = pairing.pairs
    if split_file is None or rows is None:
        places = places_in_time(source.name, len(pairs), holdout)
    else:
        named = pairs_of_split(split_file, rows, source, pairs)
        notes += _notes_on_split(split_file, named, source)
        pairs = named.pairs
        places = places_by_split(source.name, named.assigned, holdout, seed)
    sampled = pairs[:: max(1, len(pairs) // SAMPLED)]
    encoding, turned = _bits_settled(sampled, encoding)
    median_m, height = _plausible_median_m(sampled, encoding)
    far = scale_note(median_m, encoding.units_per_metre, pairing.timed)
    focal_heights, of_camera = None, camera_note(source, height)
    if intrinsics is not None:
        focal_px = read_focal_px(intrinsics, height)
        focal_heights, of_camera = focal_px / height, focal_note(intrinsics, focal_px, height)
    notes += filter(None, (turned, far, of_camera))
    for note in notes:
        remark(note)

    def read(index: int) -> Frame:
        rgb, depth = read_images(pairs[index], encoding)
        return Frame(rgb, depth, focal_heights and focal_heights * depth.shape[0])

    plan = _plan(source, pairs, encoding)
    if focal_heights is not None:
        plan["focal_heights"] = focal_heights
    fill(target, plan, places, read, progress)
    return Imported(
        **places.counts, alone=pairing.alone, median_depth_m=median_m, notes=tuple(notes)
    )


def _plan(source: Path, pairs: Sequence[ImagePair], encoding: DepthEncoding) -> dict[str, Any]:
    """What the set is made of, as its claim says it."""
    return {
        "source": str(source),
        "units_per_metre": encoding.units_per_metre,
        "invalid": encoding.invalid,
        **({"rotated": True} if encoding.rotated else {}),
        "pairs": [
            [os.path.relpath(path, source) for path in (pair.rgb, pair.depth)] for pair in pairs
        ],
    }


def _notes_on_split(path: Path, named: SplitPairs, source: Path) -> list[str]:
    """What a split file and the images that are there say differently."""
    notes = []
    if named.missing:
        first = named.missing[0]
        notes.append(
            f"{len(named.missing)} of the images that {path} names are not in {source}, the first "
            f"'{first.file}' of line {first.line}"
        )
    if named.unnamed:
        notes.append(
            f"left out {len(named.unnamed)} pairs that {path} does not name, the first "
            f"{named.unnamed[0].rgb}"
        )
    scenes = {
        kind: {image.scene for image in named.assigned if (image.split == "val") == is_val}
        for kind, is_val in (("val", True), ("train", False))
    }
    shared = sorted((scenes["val"] & scenes["train"]) - {""})
    if shared:
        notes.append(
            f"{len(shared)} scenes of {path} are both to train on and to test, the first "
            f"'{shared[0]}': figures on val will flatter"
        )
    return notes


def read_images(pair: ImagePair, encoding: DepthEncoding) -> tuple[Rgb, Depth]:
    """RGB uint8 [3, H, W] and depth float32 [H, W] in metres of one pair.

    Depth of another size is brought to RGB's by nearest neighbour when both have the same aspect
    ratio. Raises DataError naming the file that can't be read or used.
    """
    rgb = np.ascontiguousarray(read_rgb(pair.rgb).transpose(2, 0, 1))
    units = read_units(pair.depth)
    if encoding.rotated:
        units = rotated_back(units)
    metres: Depth = np.empty(units.shape, np.float32)
    np.divide(units, encoding.units_per_metre, out=metres, dtype=np.float64, casting="unsafe")
    metres[np.isin(units, (0, *encoding.invalid))] = 0.0
    height, width = rgb.shape[1:]
    if metres.shape != (height, width):
        stretch = (metres.shape[1] / width) / (metres.shape[0] / height)
        if abs(stretch - 1.0) > ASPECT_TOLERANCE:
            raise DataError(
                f"{pair.depth}: is {metres.shape[0]}×{metres.shape[1]} pixels and {pair.rgb.name} "
                f"{height}×{width}; expected the same aspect ratio"
            )
        rows, columns = nearest(height, metres.shape[0]), nearest(width, metres.shape[1])
        metres = metres[rows[:, None], columns]
    return check_pair(rgb, metres, f"{pair.depth} at {encoding.units_per_metre:g} units a metre")


_MODES = {
    "1": "one bit a pixel",
    "L": "8 bits a pixel",
    "P": "a palette",
    "RGB": "colours",
    "RGBA": "colours",
    "F": "floating-point pixels",
}
"""Pillow's modes, in words."""


def read_units(path: Path) -> npt.NDArray[np.uint16]:
    """A 16-bit depth image as it is stored, uint16 [H, W].

    Raises DataError when the file can't be read, has 8 bits, or has colours.
    """
    with outside_image(path) as image:
        mode = image.mode
        values = np.asarray(image)
    if mode not in ("I;16", "I;16B", "I"):
        what = _MODES.get(mode, f"pixels of the mode {mode}")
        raise DataError(
            f"{path}: has {what}, expected one channel of 16 bits; is it a picture of the depth?"
        )
    if path.suffix.lower() == ".pgm":
        values = _as_stored(values, path)
    if values.min() < 0 or values.max() > 65535:
        raise DataError(f"{path}: holds values from {values.min()} to {values.max()}, not 16 bits")
    return values.astype(np.uint16)


def _as_stored(values: npt.NDArray[np.generic], path: Path) -> npt.NDArray[np.generic]:
    """Undo that Pillow stretches a PGM whose maximum is not 65535 to the full 16 bits."""
    maximum = pgm_maximum(path)
    stored = np.empty(values.shape, np.uint16)
    for row, stretched in zip(stored, values, strict=True):  # all at once take four times as much
        row[...] = np.rint(stretched.astype(np.float64) * maximum / 65535)
    return stored


def read_rgb(path: Path, *, upright: bool = False) -> npt.NDArray[np.uint8]:
    """An image file as `[H, W, 3]`. Raises DataError naming it.

    `upright` turns it as its EXIF orientation says, as viewers show it; without, the pixels lie as
    they are stored, where a depth image's lie.
    """
    with outside_image(path) as image:
        if image.mode.startswith(("I", "F")):
            raise DataError(
                f"{path}: is grey with 16 bits or more, expected a picture of 8 bits a colour; "
                f"is it depth or infrared?"
            )
        turned = ImageOps.exif_transpose(image) if upright else image
        return np.asarray(turned.convert("RGB"))


def _bits_settled(pairs: Sequence[ImagePair], encoding: DepthEncoding) -> tuple[DepthEncoding, str]:
    """`encoding` with `rotated` decided, and a word where the values decided it."""
    if encoding.rotated is not None:
        return encoding, ""
    units = np.concatenate([_some(read_units(pair.depth)) for pair in pairs])
    own_scale = encoding.units_per_metre != MILLIMETRES
    if own_scale or not looks_rotated(units):
        return replace(encoding, rotated=False), ""
    return replace(encoding, rotated=True), (
        "the depth images' values are multiples of 8: bits rotated by three, as SUN RGB-D stores "
        "them, are turned back (--plain-bits takes the values as they are)"
    )


def _plausible_median_m(pairs: Sequence[ImagePair], encoding: DepthEncoding) -> tuple[float, int]:
    """The median valid depth of a few pairs and RGB's height, or DataError."""
    heights, seen = [], []
    for pair in pairs:
        rgb, metres = read_images(pair, encoding)
        heights.append(rgb.shape[1])
        seen.append(_some(metres[metres > 0]))
    valid = np.concatenate(seen)
    if valid.size == 0:
        raise DataError(f"{pairs[0].depth} and others: no valid depth; check --invalid")
    median_m = float(np.median(valid))
    if not MEDIAN_RANGE_M[0] <= median_m <= MEDIAN_RANGE_M[1]:
        raise DataError(
            f"the median depth is {median_m:.3g} m at --depth-scale {encoding.units_per_metre:g}, "
            f"expected {MEDIAN_RANGE_M[0]:g} to {MEDIAN_RANGE_M[1]:g} m; give the units a metre "
            f"(millimetres: 1000, TUM: 5000)"
        )
    return median_m, heights[0]


def _some(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of an image's values `MOST_SAMPLED` at most, evenly spread, in memory of their own."""
    flat = values.ravel()
    return flat[:: max(1, -(-flat.size // MOST_SAMPLED))].copy()
