"""How fast a data set is read: as HDF5, packed, and held in memory.

Measures reading alone and reading with augmentation, as training gets it. How fast a network
trains on it is measured where networks are trained.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from netadapt.depth.data.array_source import ArraySource
from netadapt.depth.data.base import DepthSource
from netadapt.depth.data.datasets import open_depth_data
from netadapt.depth.data.hdf5_pairs import Hdf5Source, is_hdf5_folder, open_hdf5
from netadapt.depth.data.loader import batches
from netadapt.depth.data.pack import open_pack
from netadapt.depth.data.pack_writer import pack_files
from netadapt.depth.data.subsets import Part
from netadapt.depth.data.transforms import Size
from netadapt.depth.fastdepth.config import INPUT_SIZE


@dataclass(frozen=True, slots=True)
class ReadingSpeed:
    """Images a second of one form of a data set, files in the page cache where they fit."""

    form: str
    images: int
    read_per_s: float
    """Random reads, one at a time, nothing done with them."""
    batches_per_s: float
    """Images a second in augmented batches, read and transformed by the loader's one thread."""


def measure_reading(
    root: Path | str,
    split: str = "train",
    *,
    images: int = 256,
    seconds: float = 3.0,
    batch_size: int = 8,
    size: Size = INPUT_SIZE,
) -> Iterator[ReadingSpeed]:
    """Measure up to `images` images of a split in each form, `seconds` for each figure.

    An HDF5 set is packed into a temporary folder first; of a packed set the HDF5 row is missing.
    """
    root = Path(root)
    with forms_of(root, split, images) as forms:
        for form, source in forms:
            yield ReadingSpeed(
                form,
                len(source),
                _reads_per_s(source, seconds),
                _batched_per_s(source, batch_size, size, seconds),
            )


@contextmanager
def forms_of(root: Path, split: str, images: int) -> Iterator[list[tuple[str, DepthSource]]]:
    """Up to `images` images of a split as ('hdf5', source), ('pack', source), ('memory', source).

    An HDF5 set is packed into a temporary folder; of a packed set the first form is missing.
    """
    if not is_hdf5_folder(root):
        whole = open_depth_data(root, split)
        packed: DepthSource = Part(whole, range(min(images, len(whole))))
        some = [packed.read(index) for index in range(len(packed))]
        memory = ArraySource([rgb.copy() for rgb, _ in some], [depth for _, depth in some])
        yield [("pack", packed), ("memory", memory)]
        return
    names = open_hdf5(root, split).names[:images]
    files = Hdf5Source(root, names)
    with tempfile.TemporaryDirectory(prefix="netadapt-bench-") as folder:
        pack_files(root, Path(folder) / "pack", {split: names}, workers=1)
        packed = open_pack(Path(folder) / "pack", split)
        yield [("hdf5", files), ("pack", packed), ("memory", ArraySource.at_working_size(files))]


def _reads_per_s(source: DepthSource, seconds: float) -> float:
    order = np.random.default_rng(0).permutation(len(source)).tolist()
    for index in order:  # fills the page cache and opens the maps
        source.read(index)
    done, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        rgb, depth = source.read(order[done % len(order)])
        rgb.copy(), depth.copy()  # a map is only read when its bytes are
        done += 1
    return done / elapsed


def _batched_per_s(source: DepthSource, batch_size: int, size: Size, seconds: float) -> float:
    with closing(batches(source, batch_size, size, seed=0, train=True)) as stream:
        for _ in range(4):  # what the thread had prepared before the clock runs
            next(stream)
        done, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds:
            next(stream)
            done += batch_size
    return done / elapsed
