"""The one door for HDF5 files from outside: what they hold is looked at before it is read.

A file of a kilobyte may declare gigabytes, unpack to them, or name other files as its data. Arrays
are read only where they lie in the file itself, and are as large as they are said to be. What
they mean is the reader's affair.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from netadapt.errors import DataError, in_words
from netadapt.extras import needed

h5py = needed("h5py", "depth")

MOST_CHUNK_BYTES = 256 << 20
"""Of the chunk that an array is stored in; one is unpacked at a time."""

MOST_ROOM_BYTES = 64 << 20
"""What a chunk of any file may unpack to beyond its own size, unseen."""

_DEFLATE_RATIO = 1032
"""What zlib unpacks a byte to at most."""

_FILTERS = {
    h5py.h5z.FILTER_DEFLATE: "gzip",
    h5py.h5z.FILTER_SHUFFLE: "shuffle",
    h5py.h5z.FILTER_FLETCHER32: "fletcher32",
    h5py.h5z.FILTER_LZF: "lzf",
}
"""What data sets are stored with; each at most once."""


@contextmanager
def outside_hdf5(path: Path | str) -> Iterator[Any]:
    """The open file at `path`; what goes wrong in the block is told as `hdf5_faults` does."""
    with hdf5_faults(path), h5py.File(path, "r") as file:
        yield file


@contextmanager
def hdf5_faults(
    path: Path | str, kind: str = "HDF5", advice: str = "copy it again or remove it"
) -> Iterator[None]:
    """Whatever goes wrong in the block becomes a DataError naming `path`, which ends with `advice`.

    It says of which `kind` the file should be.
    """
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except Exception as error:  # a damaged file raises nearly anything
        raise DataError(
            f"{path}: cannot be read as {kind} ({_one_line(in_words(error))}); {advice}"
        ) from error


def outside_array(file: Any, key: str, path: Path | str) -> Any:
    """The array called `key` in an open file, which lies in that file and nowhere else.

    Raises DataError for a link, for data in other files, for one without a shape, and for one whose
    chunks may unpack to more than they hold. How much it holds is for the caller to bound.
    """
    link = file.get(key, getlink=True) if key in file.keys() else None  # noqa: SIM118
    if link is None:
        raise DataError(f"{path}: no dataset '{key}' in it; it holds {held_by(file)}")
    if not isinstance(link, h5py.HardLink):
        raise DataError(
            f"{path}: '{key}' is a link{_where(link)}; expected the data itself: remove the file"
        )
    array = file[key]
    if not isinstance(array, h5py.Dataset):
        raise DataError(f"{path}: no dataset '{key}' in it; it holds {held_by(file)}")
    check_own(array, key, path)
    return array


def check_own(array: Any, key: str, path: Path | str) -> None:
    """Raise DataError unless the data of an array, called `key`, are in the file, and bounded."""
    if array.is_virtual or array.external:
        raise DataError(
            f"{path}: the data of '{key}' lie in other files; expected them in this one: remove it"
        )
    if array.shape is None:
        raise DataError(f"{path}: '{key}' is empty, without a shape; remove the file")
    _check_filters(array, key, path)


def held_by(file: Any) -> str:
    """The names in an open file or group, a few of them, as a line shows them."""
    names = [_one_line(str(name)) for name in islice((n for n in file if n[:1] != "#"), 8)]
    return ", ".join(names) or "nothing"


def outside_number(holder: Any, key: str, path: Path | str) -> float | None:
    """The number that is noted as attribute `key`; None where there is none.

    Raises DataError for a note that is anything else.
    """
    if key not in holder.attrs:
        return None
    note = holder.attrs.get_id(key)
    if note.shape is None or math.prod(note.shape) != 1 or note.dtype.kind not in "iuf":
        raise DataError(f"{path}: its {key} is no number; expected one")
    return float(holder.attrs[key].item() if note.shape else holder.attrs[key])


def shape_text(shape: Sequence[int]) -> str:
    """`3 x 480 x 640`."""
    return " x ".join(map(str, shape))


def _check_filters(array: Any, key: str, path: Path | str) -> None:
    """Raise DataError unless reading `array` takes what it is large, and little more."""
    chunks = array.chunks
    if chunks is None:
        return
    size = math.prod(chunks) * int(array.dtype.itemsize)
    if size > MOST_CHUNK_BYTES:
        raise DataError(
            f"{path}: '{key}' is stored in chunks of {shape_text(chunks)}, more than an image; "
            f"remove the file"
        )
    settings = array.id.get_create_plist()
    filters = [settings.get_filter(at)[0] for at in range(settings.get_nfilters())]
    if len(set(filters)) != len(filters) or not set(filters) <= set(_FILTERS):
        raise DataError(
            f"{path}: '{key}' is packed in a way that no set is, expected one of "
            f"{', '.join(_FILTERS.values())}; remove the file"
        )
    if h5py.h5z.FILTER_DEFLATE not in filters:
        return  # lzf unpacks into a chunk's own size
    dense: list[tuple[int, ...]] = []
    array.id.chunk_iter(lambda stored: _note_dense(stored, size, dense))
    for offset in dense:
        if not _fits(array, offset, size):
            raise DataError(
                f"{path}: a chunk of '{key}' unpacks to more than its {size:,} bytes; remove the "
                f"file"
            )


def _note_dense(stored: Any, size: int, dense: list[tuple[int, ...]]) -> None:
    """Note where a chunk is that may unpack to far more than its `size`."""
    if stored.size * _DEFLATE_RATIO > size + MOST_ROOM_BYTES:
        dense.append(stored.chunk_offset)


def _fits(array: Any, offset: tuple[int, ...], size: int) -> bool:
    """Whether a chunk unpacks to no more than `size` bytes (and a checksum)."""
    _, packed = array.id.read_direct_chunk(offset)
    opened = zlib.decompressobj()
    room = size + 4
    try:
        while packed and room >= 0:
            room -= len(opened.decompress(packed, 1 << 20))
            packed = opened.unconsumed_tail
    except zlib.error:
        return True  # the library says so itself
    return room >= 0


def _where(link: Any) -> str:
    """Where a link leads, as a line shows it."""
    parts = (getattr(link, "filename", ""), link.path)
    return " to " + " ".join(_one_line(str(part)) for part in parts if part)


def _one_line(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:120])
    return shown.strip()
