"""Looks at every file of a data set: which are broken, and what the others are like.

Reading is the sources' affair: what `read` refuses is what counts as broken here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from netadapt.cores import usable_cores
from netadapt.depth.data.base import DepthSource, Frame, read_frame
from netadapt.depth.data.datasets import held_splits, open_depth_data
from netadapt.depth.data.focal_length import NYU_FOCAL_HEIGHTS
from netadapt.depth.data.pack import damaged_shards, is_pack
from netadapt.depth.data.worker_pool import worker_pool
from netadapt.errors import DataError


@dataclass(frozen=True, slots=True)
class SplitCheck:
    """What the images of one split are like; depths in metres, over valid pixels."""

    split: str
    images: int
    broken: Mapping[str, str]
    """Name of a file that can't be used → why."""
    sizes: Mapping[str, int]
    """'HEIGHT×WIDTH' → images of that size."""
    depth_min_m: float
    depth_max_m: float
    depth_mean_m: float
    valid_share: float
    """Share of the pixels that have a depth."""
    without_depth: tuple[str, ...]
    """Names of images in which no pixel has a depth; nothing can be learned from them."""
    focal_lengths: int
    """Images whose focal length is known; NYU's is assumed of the others."""
    focal_least: float
    """Of NYU's, where any is known; NaN otherwise."""
    focal_most: float


@dataclass(frozen=True, slots=True)
class _Image:
    size: str
    pixels: int
    valid: int
    low_m: float
    high_m: float
    sum_m: float
    focal: float
    """In NYU's; NaN where it isn't known."""


MANY_IMAGES = 1_000
"""A split of so many is worth the seconds that other processes take to start."""

IMAGES_AT_A_TIME = 50
"""That a process looks at before it tells."""


def check_data(
    root: Path | str,
    progress: Callable[[str, int, int], None] | None = None,
    workers: int | None = None,
) -> list[SplitCheck]:
    """Read every pair of every split of the data set at `root`, a large split in `workers`
    processes, by default one a core.

    `progress(split, images done, images in all)` is called after each. The checksums of a packed
    set are compared too. Raises DataError when `root` holds no data set at all, OutputError where
    a process was killed; broken files are reported, not raised.
    """
    root = Path(root)
    damaged = _damaged_names(root) if is_pack(root) else {}
    checks = []
    for split in held_splits(root):
        source = open_depth_data(root, split)
        images: dict[str, _Image] = {}
        broken: dict[str, str] = {}
        found = _looks(root, split, source, workers or usable_cores())
        for index, (name, found_there) in enumerate(zip(source.names, found, strict=True)):
            looked_at = damaged.get(name) or found_there
            if isinstance(looked_at, str):
                broken[name] = looked_at
            else:
                images[name] = looked_at
            if progress is not None:
                progress(split, index + 1, len(source))
        checks.append(_summary(split, images, broken))
    return checks


def _damaged_names(root: Path) -> dict[str, str]:
    return {name: wrong for shard, wrong in damaged_shards(root) if wrong for name in shard.names}


def _looks(root: Path, split: str, source: DepthSource, workers: int) -> Iterator[_Image | str]:
    """What each image of a split is like, or what is wrong with it, in order."""
    if workers == 1 or len(source) < MANY_IMAGES:
        yield from (_look_at(source, index) for index in range(len(source)))
        return
    starts = range(0, len(source), IMAGES_AT_A_TIME)
    parts = [range(start, min(start + IMAGES_AT_A_TIME, len(source))) for start in starts]
    with worker_pool(root, workers) as pool:
        for looks in pool.map(partial(_look_at_some, root, split), parts):
            yield from looks


def _look_at_some(root: Path, split: str, indices: range) -> list[_Image | str]:
    """Of one process."""
    source = open_depth_data(root, split)
    return [_look_at(source, index) for index in indices]


def _look_at(source: DepthSource, index: int) -> _Image | str:
    try:
        frame = read_frame(source, index)
    except DataError as error:
        return str(error)
    return _image(frame)


def _image(frame: Frame) -> _Image:
    depth, focal = frame.depth, frame.focal_heights
    valid = depth[depth > 0]
    return _Image(
        size=f"{depth.shape[0]}×{depth.shape[1]}",
        pixels=depth.size,
        valid=valid.size,
        low_m=float(valid.min()) if valid.size else np.inf,
        high_m=float(valid.max()) if valid.size else 0.0,
        sum_m=float(valid.sum(dtype=np.float64)),
        focal=np.nan if focal is None else focal / NYU_FOCAL_HEIGHTS,
    )


def _summary(split: str, images: Mapping[str, _Image], broken: Mapping[str, str]) -> SplitCheck:
    looked_at = images.values()
    valid = sum(image.valid for image in looked_at)
    nan = float("nan")
    focals = [image.focal for image in looked_at if not np.isnan(image.focal)]
    return SplitCheck(
        split=split,
        images=len(images) + len(broken),
        broken=broken,
        sizes=dict(Counter(image.size for image in looked_at)),
        depth_min_m=min(image.low_m for image in looked_at) if valid else nan,
        depth_max_m=max(image.high_m for image in looked_at) if valid else nan,
        depth_mean_m=sum(image.sum_m for image in looked_at) / valid if valid else nan,
        valid_share=valid / sum(image.pixels for image in looked_at) if images else nan,
        focal_lengths=len(focals),
        focal_least=min(focals, default=nan),
        focal_most=max(focals, default=nan),
        without_depth=tuple(name for name, image in images.items() if not image.valid),
    )
