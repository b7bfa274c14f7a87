"""A data set packed for fast reading: images at working size in memory-mapped shards.

    index.json                  format, size, and for each split its shards with names and sha256
    train-00000.rgb.npy         uint8 [n, 3, h, w]
    train-00000.depth.npy       uint16 [n, h, w] in millimetres, 0 = invalid

A shard of images whose cameras are known has their `focal_px`, at the packed size, null for the
others.

480×640 becomes 250×333 by the nearest-neighbour rule of the published transform, so training and
evaluation see the same pixels as from the original, depth to half a millimetre. Making a pack is
left to `pack_writer`, augmentation and batching to `transforms` and `loader`.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netadapt.depth.data.base import MOST_PIXELS, Depth, Frame, Rgb, check_focal, check_split
from netadapt.depth.data.json_files import read_json
from netadapt.errors import DataError, in_words
from netadapt.files import write_text
from netadapt.outside import name_inside
from netadapt.outside_arrays import mapped_array

FORMAT = "netadapt-pack-1"
INDEX_FILE = "index.json"
DEPTH_UNIT_M = 0.001

OPEN_SHARDS = 128
"""Shards that are mapped at a time. Each holds two files open, of the 1,024 that many systems let a
process open; a large set of rooms has thousands."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Consecutive pairs of one split, in two files named after `stem`."""

    stem: str
    names: tuple[str, ...]
    rgb_sha256: str = ""
    depth_sha256: str = ""
    focal_px: tuple[float | None, ...] = ()
    """Of each image, in pixels of the packed size; empty where no camera is known."""

    @classmethod
    def from_json(cls, said: Mapping[str, Any], path: Path) -> Shard:
        """A shard as the file at `path` says it. Raises DataError for another form."""
        try:
            stem, names, focals = said["stem"], said["names"], said.get("focal_px", [])
            sums = said["rgb_sha256"], said["depth_sha256"]
        except (KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{path}: malformed ({in_words(error)}); pack the data set again"
            ) from error
        if not all(isinstance(text, str) for text in (stem, *sums)):
            raise DataError(f"{path}: a shard's stem or sum is no text; pack the data set again")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(
                f"{path}: the names of {stem[:80]!r} are no list of texts; pack the data set again"
            )
        if not isinstance(focals, list) or not all(
            focal is None or _is_number(focal) for focal in focals
        ):
            raise DataError(
                f"{path}: the focal lengths of {stem[:80]!r} are no list of numbers; pack the data "
                f"set again"
            )
        for name in (stem, *names):
            name_inside(name, str(path), DataError)
        return cls(stem, tuple(names), *sums, tuple(focals))

    def described(self) -> dict[str, Any]:
        """As JSON has it; packs without cameras are as they always were."""
        fields = asdict(self)
        if not self.focal_px:
            del fields["focal_px"]
        return fields

    @property
    def files(self) -> tuple[str, str]:
        return f"{self.stem}.rgb.npy", f"{self.stem}.depth.npy"


@dataclass(frozen=True, slots=True)
class PackIndex:
    """What `index.json` says: the size of every image in pixels, and the shards of each split."""

    height: int
    width: int
    splits: dict[str, tuple[Shard, ...]]

    @property
    def counts(self) -> dict[str, int]:
        return {
            split: sum(len(shard.names) for shard in shards)
            for split, shards in self.splits.items()
        }

    @classmethod
    def read(cls, root: Path) -> PackIndex:
        """Read `index.json`. Raises DataError when it is missing or malformed."""
        path = root / INDEX_FILE
        content = read_json(path)
        try:
            splits = {
                str(split): tuple(Shard.from_json(shard, path) for shard in shards)
                for split, shards in content["splits"].items()
            }
            return cls(_size(content, "height"), _size(content, "width"), splits)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"{path}: malformed ({in_words(error)}); pack the data set again"
            ) from error

    def write(self, root: Path) -> None:
        content = {
            "format": FORMAT,
            "height": self.height,
            "width": self.width,
            "depth_unit_m": DEPTH_UNIT_M,
            "splits": {
                split: [shard.described() for shard in shards]
                for split, shards in self.splits.items()
            },
        }
        write_text(root / INDEX_FILE, json.dumps(content, indent=1) + "\n")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _size(content: Mapping[str, Any], key: str) -> int:
    size = content[key]
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= MOST_PIXELS:
        raise ValueError(f"{key} is {str(size)[:80]}, expected a whole number of pixels")
    return size


class PackedSource:
    """One split of a packed set, memory-mapped; a shard is mapped when it is read.

    The maps that were used last are kept, `OPEN_SHARDS` at most.
    """

    def __init__(self, root: Path, index: PackIndex, shards: Sequence[Shard]) -> None:
        self.names = [name for shard in shards for name in shard.names]
        self._root, self._shards = root, list(shards)
        self._size = (index.height, index.width)
        for shard in shards:
            _check_focals(root / INDEX_FILE, shard, index.height)
        self._starts = np.cumsum([0, *(len(shard.names) for shard in shards)])
        self._maps: OrderedDict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]]
        self._maps = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Another process maps the shards by itself; a map would travel with all its data."""
        return {**vars(self), "_maps": OrderedDict()}

    def __len__(self) -> int:
        return len(self.names)

    def read(self, index: int) -> tuple[Rgb, Depth]:
        """Pair `index` at working size. Raises DataError naming a shard that is damaged."""
        frame = self.read_frame(index)
        return frame.rgb, frame.depth

    def read_frame(self, index: int) -> Frame:
        """Pair `index` with its focal length at working size, where it is known; as `read`."""
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        maps = self._maps.pop(number, None)
        if maps is None:
            maps = map_shard(self._root, self._shards[number], self._size)
        self._maps[number] = rgb, depth = maps  # the last one used comes last
        if len(self._maps) > OPEN_SHARDS:
            self._maps.popitem(last=False)
        within = index - int(self._starts[number])
        focal_px = self._shards[number].focal_px
        return Frame(
            rgb[within],
            depth[within] * np.float32(DEPTH_UNIT_M),
            focal_px[within] if focal_px else None,
        )


def is_pack(root: Path) -> bool:
    """Whether `root` holds a finished pack."""
    path = root / INDEX_FILE
    return path.is_file() and read_json(path).get("format") == FORMAT


def open_pack(root: Path | str, split: str) -> PackedSource:
    """A split of a packed set. Raises DataError when the split is unknown or not packed."""
    check_split(split)
    root = Path(root)
    index = PackIndex.read(root)
    if not index.splits.get(split):
        held = ", ".join(f"{name} ({count})" for name, count in index.counts.items())
        raise DataError(f"{root}: the pack has no split '{split}'; it has {held}")
    return PackedSource(root, index, index.splits[split])


def _check_focals(path: Path, shard: Shard, height: int) -> None:
    if shard.focal_px and len(shard.focal_px) != len(shard.names):
        raise DataError(
            f"{path}: {shard.stem} has {len(shard.focal_px)} focal lengths for {len(shard.names)} "
            f"images; pack the data set again"
        )
    for name, focal_px in zip(shard.names, shard.focal_px, strict=False):
        if focal_px is not None:
            check_focal(focal_px, height, f"{path}: {name}")


def map_shard(
    root: Path, shard: Shard, size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """Images [n, 3, h, w] and millimetres [n, h, w] of a shard, mapped.

    Raises DataError when a file is missing, or isn't what the index says.
    """
    count = len(shard.names)
    rgb = _mapped(root / shard.files[0], (count, 3, *size), np.uint8)
    depth_mm = _mapped(root / shard.files[1], (count, *size), np.uint16)
    return rgb, depth_mm


def damaged_shards(root: Path | str) -> Iterator[tuple[Shard, str]]:
    """Each shard of a pack with what is wrong with its files, '' when they are as packed."""
    root = Path(root)
    for shards in PackIndex.read(root).splits.values():
        for shard in shards:
            wrong = [
                name
                for name, expected in zip(
                    shard.files, (shard.rgb_sha256, shard.depth_sha256), strict=True
                )
                if not (root / name).is_file() or sha256_of(root / name) != expected
            ]
            yield shard, f"{', '.join(wrong)}: missing or changed since packing" if wrong else ""


def to_millimetres(metres: Depth) -> npt.NDArray[np.uint16]:
    """Depth as a pack holds it: [H, W] whole millimetres, 0 = invalid."""
    millimetres: npt.NDArray[np.uint16] = np.rint(metres / np.float32(DEPTH_UNIT_M)).astype(
        np.uint16
    )
    return millimetres


def sha256_of(path: Path) -> str:
    """The checksum of a file, as the index holds it."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _mapped(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    values = mapped_array(path, DataError, "pack the data set again")
    if values.shape != shape or values.dtype != dtype:
        raise DataError(
            f"{path}: holds {values.dtype} {values.shape}, {INDEX_FILE} says "
            f"{np.dtype(dtype)} {shape}; pack the data set again"
        )
    return values
