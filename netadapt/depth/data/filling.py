"""Fills a folder with imported pairs in the HDF5 layout, and goes on where a killed import stopped.

Where each pair goes is `places`' affair; how it is read, the imports'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netadapt.depth.data.base import Frame
from netadapt.depth.data.claiming import claim, release
from netadapt.depth.data.hdf5_pairs import SPLITS_FILE, write_pair, write_splits
from netadapt.depth.data.places import Places
from netadapt.errors import DataError
from netadapt.files import clear_half_written
from netadapt.locks import held

CLAIM_FILE = "importing.json"


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written: images a split, and the images that found no partner.

    Without a split file the images held out are `val` too.
    """

    train: int
    holdout: int
    val: int
    alone: tuple[Path, ...]
    median_depth_m: float
    notes: tuple[str, ...] = ()
    """What the files gave away of themselves; each is remarked before anything is written."""


def fill(
    target: Path,
    plan: Mapping[str, Any],
    places: Places,
    read: Callable[[int], Frame],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the frame i, which `read(i)` gives, to its place below `target`, then splits.json.

    Pairs are read in their order; those that are there already are not read. `plan` says what the
    folder is filled with, so that only the same import continues it. Raises DataError as `claim`
    and `read` do.
    """
    with held(target, DataError):
        claim(target, CLAIM_FILE, SPLITS_FILE, {**plan, "names": list(places.names)})
        clear_half_written(target, ".h5")
        for index, name in enumerate(places.names):
            if not (target / name).is_file():
                write_pair(target / name, *read(index))
            if progress is not None:
                progress(index + 1, len(places.names))
        write_splits(target, places.splits)
        release(target, CLAIM_FILE)
