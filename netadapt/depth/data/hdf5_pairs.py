"""NYU Depth v2 in FastDepth's HDF5 layout, and every set that is written the same way.

    train/<scene>/NNNNN.h5      rgb uint8 (3, 480, 640), depth float32 (480, 640) in metres,
    val/official/NNNNN.h5       0 where there is no depth; any other size works too;
                                attributes focal_px and focal_height_px, the rows it belongs to,
                                where the camera is known
    splits.json                 optional: {"train": [...], "holdout": [...], "val": [...]}

Without `splits.json`, about a tenth of the training images is holdout: whole scenes, so that none
is on both sides; in a set of few scenes it is the files named 00001.h5 and 00201.h5 of each, as
FastDepth's own loader has it. NYU itself (32 GB, 47,584 training and 654 validation images) is at
http://datasets.lids.mit.edu/fastdepth/data/nyudepthv2.tar.gz, linked from FastDepth's page,
https://github.com/dwofk/fast-depth; unpack it and give the folder `nyudepthv2`.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from netadapt.depth.data.base import (
    MOST_PIXELS,
    SPLITS,
    Depth,
    Frame,
    Rgb,
    check_focal,
    check_kinds,
    check_pair,
    check_split,
)
from netadapt.depth.data.json_files import read_json
from netadapt.depth.data.outside_hdf5 import (
    outside_array,
    outside_hdf5,
    outside_number,
    shape_text,
)
from netadapt.depth.data.places import HOLDOUT_OF_SCENES, held_out
from netadapt.errors import DataError
from netadapt.extras import needed
from netadapt.files import atomic_path, write_text
from netadapt.outside import name_inside

h5py = needed("h5py", "depth")

HOLDOUT_NAMES = ("00001.h5", "00201.h5")
LEAST_SCENES = 10
"""With fewer, a whole scene would be more than a tenth of the set."""

SPLITS_FILE = "splits.json"
FOCAL, FOCAL_HEIGHT = "focal_px", "focal_height_px"
# A name that begins with a dot is a half-written file, or a file manager's.
_PAIRS = "[!.]*/[!.]*.h5"


class Hdf5Source:
    """A list of HDF5 files below `root`, opened one at a time and only when read."""

    def __init__(self, root: Path | str, names: Sequence[str]) -> None:
        self.root = Path(root)
        self.names = list(names)

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        """Pair `index`. Raises DataError naming the file when it is damaged."""
        return read_pair(self.root / self.names[index])

    def read_frame(self, index: int) -> Frame:
        """Pair `index` with its focal length where the file has it; DataError as `read`."""
        return read_frame_file(self.root / self.names[index])


def read_pair(path: Path | str) -> tuple[Rgb, Depth]:
    """The `rgb` [3, H, W] and `depth` [H, W] of one HDF5 file.

    Raises DataError naming the file when it is missing, truncated or doesn't hold such a pair.
    """
    frame = read_frame_file(path)
    return frame.rgb, frame.depth


def read_frame_file(path: Path | str) -> Frame:
    """`read_pair` with the focal length, at the image's size, where the file has one."""
    with outside_hdf5(path) as file:
        arrays = [outside_array(file, key, path) for key in ("rgb", "depth")]
        for array, colours in zip(arrays, (3, 1), strict=True):
            if array.size > colours * MOST_PIXELS:
                raise DataError(
                    f"{path}: '{array.name[1:]}' is {shape_text(array.shape)}, more than one "
                    f"image; remove the file"
                )
        check_kinds(arrays[0], arrays[1], str(path))  # before anything of them is held
        rgb, depth = (np.asarray(array[()]) for array in arrays)
        focal_px, of_height = (outside_number(file, key, path) for key in (FOCAL, FOCAL_HEIGHT))
    rgb, depth = check_pair(rgb, depth, str(path))
    if focal_px is None:
        return Frame(rgb, depth)
    return Frame(rgb, depth, _focal_of(focal_px, of_height, depth.shape[0], path))


def _focal_of(focal_px: float, of_height: float | None, height: int, path: Path | str) -> float:
    """A focal length that belongs to `of_height` rows (None: the image's), at `height` rows."""
    try:
        scaled = focal_px * (1.0 if of_height is None else height / of_height)
    except ZeroDivisionError:
        raise DataError(
            f"{path}: its {FOCAL} is {focal_px:g} at {of_height:g} rows, expected two numbers"
        ) from None
    return check_focal(scaled, height, str(path))


def write_focal(file: Any, focal_px: float, height: int) -> None:
    """Note in an open HDF5 file the focal length of its image, which has `height` rows."""
    file.attrs[FOCAL] = focal_px
    file.attrs[FOCAL_HEIGHT] = height


def write_pair(path: Path | str, rgb: Rgb, depth: Depth, focal_px: float | None = None) -> None:
    """Write one HDF5 file of the layout, atomically; the pair is checked first.

    `focal_px` is the camera's focal length in pixels of this image, if it is known. Compressed as
    NYU's own files are: 0.9 MB instead of 2.2 MB for 480×640.
    """
    rgb, depth = check_pair(rgb, depth, str(path))
    if focal_px is not None:
        focal_px = check_focal(focal_px, depth.shape[0], str(path))
    # In memory first: the HDF5 library crashes the process when the disk is full.
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.create_dataset("rgb", data=rgb, compression="gzip", compression_opts=1)
        file.create_dataset(
            "depth", data=depth, compression="gzip", compression_opts=1, shuffle=True
        )
        if focal_px is not None:
            write_focal(file, focal_px, depth.shape[0])
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.getvalue())


def is_hdf5_folder(root: Path) -> bool:
    """Whether `root` is laid out as above."""
    return (root / SPLITS_FILE).is_file() or any(
        next((root / part).glob(_PAIRS), None) is not None for part in ("train", "val")
    )


def split_names(root: Path | str) -> dict[str, list[str]]:
    """The file names of each split below `root`, in a fixed order; a split may be empty.

    Raises DataError when `splits.json` is malformed.
    """
    root = Path(root)
    if (root / SPLITS_FILE).is_file():
        return _read_splits(root / SPLITS_FILE)
    return split_by_rule(_h5_files(root, "train"), _h5_files(root, "val"))


def split_by_rule(train: Sequence[str], val: Sequence[str]) -> dict[str, list[str]]:
    """The splits of a set without `splits.json`, whose files these are: `train/<scene>/NAME.h5`."""
    holdout = _holdout_by_rule(train)
    return {
        "train": [name for name in train if name not in holdout],
        "holdout": [name for name in train if name in holdout],
        "val": list(val),
    }


def write_splits(root: Path | str, splits: Mapping[str, Sequence[str]]) -> None:
    """Write `splits.json`: the names of each split, relative to `root`."""
    text = json.dumps({split: list(splits[split]) for split in SPLITS}, indent=1)
    write_text(Path(root) / SPLITS_FILE, text + "\n")


def write_lists(root: Path | str, out: Path | str | None = None) -> dict[str, int]:
    """Write train.txt, holdout.txt and val.txt with the absolute path of every HDF5 file.

    They go into `out`, or into `root` itself. Gives the number of files in each; raises DataError
    when `root` holds no HDF5 files.
    """
    root = Path(root).absolute()
    if not is_hdf5_folder(root):
        raise DataError(
            f"{root}: no HDF5 files to list; expected train/<scene>/*.h5 or val/official/*.h5"
        )
    counts = {}
    for split, names in split_names(root).items():
        write_text(
            (Path(out) if out is not None else root) / f"{split}.txt",
            "".join(f"{root / name}\n" for name in names),
        )
        counts[split] = len(names)
    return counts


def open_hdf5(root: Path | str, split: str) -> Hdf5Source:
    """A split of an HDF5 folder. Raises DataError when the split is unknown or empty."""
    check_split(split)
    root = Path(root)
    names = split_names(root)[split]
    if not names:
        raise DataError(f"{root}: {_why_empty(root, split)}")
    return Hdf5Source(root, names)


def _holdout_by_rule(train: Sequence[str]) -> set[str]:
    """Whole scenes, unless there are few, or the names that FastDepth holds out cut none."""
    named = {name for name in train if name.rpartition("/")[2] in HOLDOUT_NAMES}
    scenes = [_scene(name) for name in train]
    with_named = {_scene(name) for name in named}
    cut = any(
        scene in with_named and name not in named for name, scene in zip(train, scenes, strict=True)
    )
    if (named and not cut) or len(set(scenes)) < LEAST_SCENES:
        return named
    return {train[index] for index in held_out(scenes, HOLDOUT_OF_SCENES)}


def _scene(name: str) -> str:
    return name.rpartition("/")[0]


def _h5_files(root: Path, part: str) -> list[str]:
    """`part/<scene>/NAME.h5` below `root`, hidden ones left out, in the order of the names."""
    try:
        with os.scandir(root / part) as entries:
            scenes = [entry.name for entry in entries if entry.name[0] != "." and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(
        f"{part}/{scene}/{name}"
        for scene in scenes
        for name in os.listdir(root / part / scene)
        if name.endswith(".h5") and name[0] != "."
    )


def _read_splits(path: Path) -> dict[str, list[str]]:
    splits = read_json(path, f"an object with the keys {', '.join(SPLITS)}")
    for split in SPLITS:
        names = splits.get(split)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{path}: '{split}' is not a list of file names")
        for name in names:
            name_inside(name, str(path), DataError)
    return {split: splits[split] for split in SPLITS}


def _why_empty(root: Path, split: str) -> str:
    if (root / SPLITS_FILE).is_file():
        return f"{SPLITS_FILE} names no file for the split '{split}'"
    if split == "val":
        return "no val/*/*.h5 for the split 'val'; the split 'holdout' may serve instead"
    if split == "holdout":
        return (
            f"no train/*/{HOLDOUT_NAMES[0]} for the split 'holdout', and fewer than "
            f"{LEAST_SCENES} scenes to hold some out; write a {SPLITS_FILE} that lists one"
        )
    return "no train/*/*.h5 for the split 'train'"
