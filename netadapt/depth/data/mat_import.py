"""Brings NYU's official labelled file into the HDF5 layout, with the official split.

What is in the files is read by `labeled_mat` and `mat_splits`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from netadapt.depth.data.base import Depth, check_split
from netadapt.depth.data.filling import Imported, fill
from netadapt.depth.data.labeled_mat import MAT_URL, LabeledMat
from netadapt.depth.data.mat_splits import SPLITS_URL, read_mat_splits
from netadapt.depth.data.places import (
    HOLDOUT_OF_SCENES,
    Assigned,
    check_holdout,
    places_by_split,
)
from netadapt.errors import DataError
from netadapt.remarks import remark

SAMPLED = 8
"""Images whose median depth is told; a block of the file holds them."""


def import_labeled_mat(
    source: Path | str,
    target: Path | str,
    *,
    splits: Path | None = None,
    all_as: str | None = None,
    holdout: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Imported:
    """Write the pairs of `nyu_depth_v2_labeled.mat` to `target`, with splits.json.

    By the official `splits` the test images are val, and about `holdout` (default 0.1) of the
    training images are held out, whole scenes chosen by `seed`; or all images are of the split
    `all_as`. An image's file has its number in the source, from 1. At most a block of 64 MB is in
    memory. A killed import is continued by the same call. Raises DataError when either file isn't
    what it should be, neither or both ways to a split are given, or `target` holds anything else.
    """
    source, target = Path(source).absolute(), Path(target)
    holdout = HOLDOUT_OF_SCENES if holdout is None else holdout
    check_holdout(holdout)
    if splits is None and all_as is None:
        raise DataError(
            f"{source.name} doesn't say which images are to test: the official split is a file of "
            f"3 kB, {SPLITS_URL}; give it as --splits splits.mat, or take all images as one "
            f"split: --all-as train or --all-as val"
        )
    if splits is not None and all_as is not None:
        raise DataError("--splits and --all-as are two ways to say it: give one of them")
    if all_as is not None:
        check_split(all_as)
    with LabeledMat(source) as pairs:
        of_images = [all_as or ""] * len(pairs)
        if splits is not None:
            of_images = read_mat_splits(splits, len(pairs))
        taken = [index for index, split in enumerate(of_images) if split]
        if not taken:
            raise DataError(f"{splits}: lists no image to train on or to test")
        notes = _note_on_left_out(splits, len(pairs) - len(taken))
        places = places_by_split(
            source.stem,
            [Assigned(of_images[index], pairs.scenes[index]) for index in taken],
            holdout,
            seed,
            numbers=[index + 1 for index in taken],
        )
        depths = np.concatenate([pairs.read(index)[1].ravel() for index in taken[:SAMPLED]])
        median_m = _median(source, depths)
        for note in notes:
            remark(note)
        plan = {"source": str(source), "bytes": source.stat().st_size}
        fill(target, plan, places, lambda position: pairs.read_frame(taken[position]), progress)
    return Imported(**places.counts, alone=(), median_depth_m=median_m, notes=notes)


def _note_on_left_out(splits: Path | None, count: int) -> tuple[str, ...]:
    return (f"left out {count} images that {splits} does not list",) if count else ()


def _median(source: Path, depths: Depth) -> float:
    """The median valid depth of a few images. Raises DataError where they have none."""
    valid = depths[depths > 0]
    if valid.size == 0:
        raise DataError(
            f"{source}: the depths of its first images are all 0, which means none; expected "
            f"metres: is it the file as its authors publish it, {MAT_URL}?"
        )
    return float(np.median(valid))
