"""Making a packed data set: shards, several at a time, and an index when all are there.

A shard that is finished has a note beside it, so that a run that was killed goes on with the
others. What a pack is, and how it is read, is in `pack`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netadapt.cores import usable_cores
from netadapt.depth.data.claiming import claim, reclaim, release
from netadapt.depth.data.geometry import frame_at_working_size, working_size
from netadapt.depth.data.hdf5_pairs import Hdf5Source, is_hdf5_folder, read_pair, split_names
from netadapt.depth.data.json_files import read_json
from netadapt.depth.data.pack import (
    INDEX_FILE,
    PackIndex,
    Shard,
    is_pack,
    map_shard,
    sha256_of,
    to_millimetres,
)
from netadapt.depth.data.worker_pool import worker_pool
from netadapt.errors import DataError, OutputError
from netadapt.files import atomic_path, clear_half_written, write_text
from netadapt.locks import held

PLAN_FILE = "packing.json"
SHARD_IMAGES = 512
"""Images a shard: 213 MB at 250×333, small enough to lose little when killed."""


def pack(
    source: Path | str,
    target: Path | str,
    *,
    workers: int | None = None,
    shard_images: int = SHARD_IMAGES,
    progress: Callable[[int, int], None] | None = None,
) -> PackIndex:
    """Pack every split of the HDF5 folder `source` into the new folder `target`.

    `progress(images done, images in all)` is called as shards are finished. A killed run is
    continued by the same call: finished shards are kept. Raises DataError when `target` holds
    anything else, a file is damaged, or the images of the set come out at different sizes.
    """
    source = Path(source)
    if not is_hdf5_folder(source):
        raise DataError(
            f"{source}: nothing to pack; expected a data set with train/<scene>/*.h5 or "
            f"val/official/*.h5"
        )
    return pack_files(
        source,
        target,
        split_names(source),
        workers=workers,
        shard_images=shard_images,
        progress=progress,
    )


def pack_files(
    source: Path,
    target: Path | str,
    names: Mapping[str, Sequence[str]],
    *,
    workers: int | None = None,
    shard_images: int = SHARD_IMAGES,
    progress: Callable[[int, int], None] | None = None,
) -> PackIndex:
    """`pack` for the HDF5 files below `source` that `names` gives for each split."""
    source, target = source.absolute(), Path(target)
    names = {split: listed for split, listed in names.items() if listed}
    if not names:
        raise DataError(f"{source}: nothing to pack; every split is empty")
    splits = {split: shards_of(split, listed, shard_images) for split, listed in names.items()}
    size = _working_size_of_first(source, next(iter(splits.values())))
    plan = {"source": str(source)}
    make = partial(_pack_shard, source, target, size)
    with held(target, DataError):
        return fill_pack(target, splits, size, plan, make, workers=workers, progress=progress)


def fill_pack(
    target: Path,
    splits: Mapping[str, Sequence[Shard]],
    size: tuple[int, int],
    plan: Mapping[str, Any],
    make: Callable[[Shard], Shard],
    *,
    workers: int | None = None,
    grow: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PackIndex:
    """Fill `target`, which the caller holds, with the shards that `make` writes (by `write_shard`),
    and index them.

    `make` is called in `workers` processes; `plan` says, beside the shards, what the pack is made
    of, so that only the same call continues it. With `grow` a finished pack keeps the shards that
    have the same names, and can be read again when the others are made.
    """
    shards = [shard for listed in splits.values() for shard in listed]
    whole_plan = {**plan, "size": size, "shards": [shard.described() for shard in shards]}
    if grow and is_pack(target):
        _keep_shards(target, shards)
        reclaim(target, PLAN_FILE, INDEX_FILE, whole_plan)
    else:
        claim(target, PLAN_FILE, INDEX_FILE, whole_plan)
        if is_pack(target):  # killed after its index was written
            _keep_shards(target, shards)
    clear_half_written(target, ".npy")
    total = sum(len(shard.names) for shard in shards)
    finished: dict[str, Shard] = {}
    for shard in _made(target, shards, size, make, workers or usable_cores()):
        finished[shard.stem] = shard
        if progress is not None:
            progress(sum(len(other.names) for other in finished.values()), total)
    index = PackIndex(
        *size,
        {
            split: tuple(finished[shard.stem] for shard in listed)
            for split, listed in splits.items()
        },
    )
    index.write(target)
    for shard in shards:
        (target / f"{shard.stem}.json").unlink(missing_ok=True)
    release(target, PLAN_FILE)
    return index


def _keep_shards(target: Path, planned: Sequence[Shard]) -> None:
    """Note the shards of a finished pack that are among the planned ones as finished."""
    wanted = {(shard.stem, shard.names) for shard in planned}
    for listed in PackIndex.read(target).splits.values():
        for shard in listed:
            if (shard.stem, shard.names) in wanted:
                _write_note(target, shard)


def shards_of(split: str, names: Sequence[str], images: int) -> list[Shard]:
    """`names` in shards of `images` each."""
    return [
        Shard(f"{split}-{start // images:05d}", tuple(names[start : start + images]))
        for start in range(0, len(names), images)
    ]


def _working_size_of_first(source: Path, shards: Sequence[Shard]) -> tuple[int, int]:
    _, depth = read_pair(source / shards[0].names[0])
    return working_size(*depth.shape)


def _made(
    target: Path,
    shards: Sequence[Shard],
    size: tuple[int, int],
    make: Callable[[Shard], Shard],
    workers: int,
) -> Iterator[Shard]:
    """The shards as they are finished, with checksums; those of an interrupted run first."""
    missing = []
    for shard in shards:
        finished = _finished(target, shard, size)
        if finished is None:
            missing.append(shard)
        else:
            yield finished
    _check_space(target, sum(len(shard.names) for shard in missing), size)
    if workers == 1 or len(missing) <= 1:
        yield from map(make, missing)
        return
    with worker_pool(target, min(workers, len(missing))) as pool:
        for job in as_completed([pool.submit(make, shard) for shard in missing]):
            yield job.result()


def _finished(target: Path, shard: Shard, size: tuple[int, int]) -> Shard | None:
    """`shard` with its checksums when an interrupted run has finished it."""
    note = target / f"{shard.stem}.json"
    if not note.is_file():
        return None
    noted = Shard.from_json(
        {**read_json(note), "stem": shard.stem, "names": list(shard.names)}, note
    )
    map_shard(target, shard, size)  # both files are there, and whole
    return noted


def _pack_shard(source: Path, target: Path, size: tuple[int, int], shard: Shard) -> Shard:
    """Read the pairs of a shard at working size and write it."""
    rgb = np.empty((len(shard.names), 3, *size), np.uint8)
    depth_mm = np.empty((len(shard.names), *size), np.uint16)
    focals: list[float | None] = []
    pairs = Hdf5Source(source, shard.names)
    for index, name in enumerate(shard.names):
        image, metres, focal_px = frame_at_working_size(pairs.read_frame(index))
        focals.append(focal_px)
        if metres.shape != size:
            raise DataError(
                f"{source / name}: is {metres.shape[0]}×{metres.shape[1]} at working size, the "
                f"first image {size[0]}×{size[1]}; pack images of one aspect ratio at a time"
            )
        rgb[index] = image
        depth_mm[index] = to_millimetres(metres)
    return write_shard(target, shard, rgb, depth_mm, focals)


def write_shard(
    target: Path,
    shard: Shard,
    rgb: npt.NDArray[np.uint8],
    depth_mm: npt.NDArray[np.uint16],
    focal_px: Sequence[float | None] = (),
) -> Shard:
    """Write the two files of a shard, then the note that says it is finished; with checksums.

    `rgb` is [n, 3, h, w], `depth_mm` [n, h, w] in millimetres; `focal_px` are the focal lengths of
    the images at that size, where any is known.
    """
    for file, values in ((shard.files[0], rgb), (shard.files[1], depth_mm)):
        with atomic_path(target / file) as temporary:
            np.save(temporary, values, allow_pickle=False)
    finished = replace(
        shard,
        rgb_sha256=sha256_of(target / shard.files[0]),
        depth_sha256=sha256_of(target / shard.files[1]),
        focal_px=tuple(focal_px) if any(focal_px) else (),
    )
    _write_note(target, finished)
    return finished


def _write_note(target: Path, shard: Shard) -> None:
    """Say that a shard is finished, with which checksums and focal lengths."""
    noted = {key: value for key, value in shard.described().items() if key not in ("stem", "names")}
    write_text(target / f"{shard.stem}.json", json.dumps(noted) + "\n")


def _check_space(target: Path, images: int, size: tuple[int, int]) -> None:
    needed = images * size[0] * size[1] * 5
    free = shutil.disk_usage(target).free
    if needed > free:
        raise OutputError(
            f"{target}: the pack takes {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB are free; "
            f"free some space or choose another folder"
        )
