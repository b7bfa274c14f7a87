"""The one door for NumPy's arrays from outside: an .npy is mapped, an .npz read, as large as it is.

A header may declare terabytes, or be a program's text: it is parsed by numpy.lib.format alone, with
pickles off, and held against the file's size before anything is allocated.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from netadapt.errors import InputError, in_words

MOST_HEADER_BYTES = 4096
"""Of an array's header; one of a dozen dimensions has 200."""

MOST_ARRAYS_BYTES = 1 << 30
"""Of all arrays of an .npz, which may be compressed a thousandfold."""


def mapped_array(
    path: Path, error: type[InputError], advice: str = "copy it again"
) -> npt.NDArray[Any]:
    """The array of an .npy file, mapped to read. Raises `error`, which ends with `advice`."""
    try:
        with path.open("rb") as stream:
            shape, in_columns, dtype = _header(stream)
            start, size = stream.tell(), path.stat().st_size
            if math.prod(shape) * dtype.itemsize > size - start:
                raise ValueError(f"it declares {_shown(shape, dtype)} and has {size:,} bytes")
        if 0 in shape:
            return np.empty(shape, dtype)
        order = "F" if in_columns else "C"
        return np.memmap(path, dtype, "r", start, shape, order)  # type: ignore[call-overload,no-any-return]
    except Exception as fault:  # a damaged header raises nearly anything
        raise error(f"{path}: cannot be mapped ({in_words(fault)}); {advice}") from fault


def arrays_of(path: Path, error: type[InputError], expected: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file by their names. Raises `error`, saying what was `expected`."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_entries(entries)
            return {
                entry.filename.removesuffix(".npy"): _unpacked(archive, entry) for entry in entries
            }
    except Exception as fault:  # a damaged archive raises nearly anything
        raise error(f"cannot read {path}: {in_words(fault)}; expected {expected}") from fault


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if total > MOST_ARRAYS_BYTES:
        raise ValueError(f"it unpacks to {total:,} bytes, expected at most {MOST_ARRAYS_BYTES:,}")
    names = {entry.filename for entry in entries}
    if len(names) != len(entries):
        raise ValueError("it holds a name twice")


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> npt.NDArray[Any]:
    """One array, of which no more is unpacked than its entry and its header both say."""
    with archive.open(entry) as stream:
        shape, in_columns, dtype = _header(stream)
        size = math.prod(shape) * dtype.itemsize
        if size > entry.file_size:
            raise ValueError(
                f"{entry.filename} declares {_shown(shape, dtype)}, has {entry.file_size:,} bytes"
            )
        content = stream.read(size)
    if len(content) != size:
        raise ValueError(f"{entry.filename} is cut short")
    flat = np.frombuffer(bytearray(content), dtype)
    return flat.reshape(shape, order="F" if in_columns else "C")


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether its columns lie together, and type of an array; no pickled objects."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError(f"an .npy of the version {version[0]}.{version[1]}, expected 1.0 to 3.0")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, in_columns, dtype = read(stream, max_header_size=MOST_HEADER_BYTES)
    if dtype.hasobject or dtype.kind not in "biufc":
        raise ValueError(f"it holds {dtype}, expected plain numbers")
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return shape, in_columns, dtype


def _shown(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    sizes = " x ".join(f"{size}" for size in shape[:8])
    return f"{sizes[:80] or 'one number'} of {dtype}"
