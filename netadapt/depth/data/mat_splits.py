"""NYU Depth v2's official split: `splits.mat`, 795 labelled images to train on and 654 to test on.

A file of the older MATLAB 5 format with `trainNdxs` and `testNdxs`, places in the arrays of the
labelled set from 1; that set is read by `labeled_mat`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from netadapt.depth.data.outside_mat import outside_mat
from netadapt.errors import DataError, in_words

SPLITS_URL = "http://horatio.cs.nyu.edu/mit/silberman/indoor_seg_sup/splits.mat"
SPLIT_KEYS = {"trainNdxs": "train", "testNdxs": "val"}


def read_mat_splits(path: Path, images: int) -> list[str]:
    """The split of each of `images` images as `splits.mat` gives it, '' for one that it doesn't.

    Raises DataError when the file isn't such a one, or has places that the images haven't.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file; it is at {SPLITS_URL}")
    try:
        held = outside_mat(path)
    except DataError:
        raise
    except Exception as error:  # scipy says in many ways that a file isn't MATLAB's
        raise DataError(
            f"{path}: cannot be read as a MATLAB 5 file ({in_words(error)}); expected the "
            f"official splits.mat, from {SPLITS_URL}"
        ) from error
    splits = [""] * images
    for key, split in SPLIT_KEYS.items():
        if key not in held:
            others = ", ".join(sorted(name for name in held if name[0] != "_")) or "nothing"
            raise DataError(
                f"{path}: no '{key}' in it, it holds {others[:120]}; expected the official "
                f"splits.mat, from {SPLITS_URL}"
            )
        for place in _places(path, key, held[key], images):
            if splits[place - 1]:
                raise DataError(f"{path}: image {place} is listed twice, the second time in {key}")
            splits[place - 1] = split
    return splits


def _places(path: Path, key: str, values: Any, images: int) -> list[int]:
    values = np.asarray(values).ravel()
    if values.dtype.kind not in "uif":
        raise DataError(f"{path}: '{key}' is {values.dtype}, expected places of images, from 1")
    wrong = values[~((values >= 1) & (values <= images) & (values == np.floor(values)))]
    if wrong.size:
        raise DataError(
            f"{path}: '{key}' has {wrong[0]}, expected places of images, whole numbers from 1 to "
            f"{images}"
        )
    return [int(value) for value in values]
