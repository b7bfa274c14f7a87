"""Opens a data set by what is in its folder, so that every command takes every kind of set."""

from __future__ import annotations

from pathlib import Path

from netadapt.depth.data.base import SPLITS, DepthSource, check_split
from netadapt.depth.data.hdf5_pairs import is_hdf5_folder, open_hdf5, split_names
from netadapt.depth.data.pack import PackIndex, is_pack, open_pack
from netadapt.depth.data.subsets import Joined, once
from netadapt.errors import DataError


def open_depth_data(path: Path | str, split: str) -> DepthSource:
    """The split 'train', 'holdout' or 'val' of the data set at `path`.

    Recognised: FastDepth's HDF5 layout (imported sets and rendered rooms are written in it) and
    packed sets. Raises DataError when `path` is neither, or the split is unknown or empty.
    """
    check_split(split)
    root = Path(path)
    if is_hdf5_folder(root):
        return open_hdf5(root, split)
    if is_pack(root):
        return open_pack(root, split)
    if not root.is_dir():
        what = "a file" if root.is_file() else "no such folder"
        raise DataError(f"{root}: {what}; expected the folder of a data set")
    raise DataError(
        f"{root}: no data set in it; expected train/<scene>/*.h5 or val/official/*.h5, or a packed "
        f"set's index.json. Bring RGB and depth images in with: netadapt data import {root} DST"
    )


def held_splits(root: Path | str) -> list[str]:
    """The splits of the data set at `root` that aren't empty. Raises DataError without a set."""
    root = Path(root)
    if is_hdf5_folder(root):
        counts = {split: len(names) for split, names in split_names(root).items()}
    elif is_pack(root):
        counts = PackIndex.read(root).counts
    else:
        open_depth_data(root, "train")  # says what is missing
        counts = {}
    return [split for split in SPLITS if counts.get(split)]


def open_all_splits(path: Path | str) -> DepthSource:
    """Every image of the data set at `path` once, whichever splits it is in.

    Raises DataError when there is no data set, or no image in it.
    """
    root = Path(path)
    filled = held_splits(root)
    if not filled:
        raise DataError(f"{root}: no images in it")
    return once(Joined([open_depth_data(root, split) for split in filled]))
