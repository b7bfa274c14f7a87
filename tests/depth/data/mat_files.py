"""Files laid out as NYU's `nyu_depth_v2_labeled.mat` and `splits.mat`, of a few small images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat


def write_mat(
    path: Path,
    rgb: np.ndarray,
    depth: np.ndarray,
    scenes: Sequence[str],
    chunk: int = 3,
) -> Path:
    """rgb [N, 3, H, W] and depth [N, H, W] as MATLAB 7.3 stores them: every axis reversed.

    With MATLAB's 512 bytes before the HDF5 file, compressed chunks of several images, other arrays
    beside, and names as references to UTF-16.
    """
    with h5py.File(path, "w", userblock_size=512) as file:
        for key, values in (
            ("images", rgb.transpose(0, 1, 3, 2)),
            ("depths", depth.transpose(0, 2, 1)),
            ("rawDepths", depth.transpose(0, 2, 1)),
        ):
            chunks = (min(chunk, len(values)), *(max(1, side // 2) for side in values.shape[1:]))
            file.create_dataset(key, data=values, chunks=chunks, compression="gzip")
        names = file.create_group("#refs#")
        references = np.empty((1, len(scenes)), h5py.ref_dtype)
        for index, scene in enumerate(scenes):
            units = np.frombuffer(scene.encode("utf-16-le"), np.uint16)[:, None]
            references[0, index] = names.create_dataset(f"name{index}", data=units).ref
        file.create_dataset("scenes", data=references, dtype=h5py.ref_dtype)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(128))
    return path


def write_mat_splits(path: Path, train: Sequence[float], test: Sequence[float]) -> Path:
    """Places from 1, in columns of doubles as the official file has them."""
    savemat(path, {"trainNdxs": np.c_[list(train)] * 1.0, "testNdxs": np.c_[list(test)] * 1.0})
    return path
