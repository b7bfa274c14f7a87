"""The one door for MATLAB's older files (level 5) from outside: no length is simply believed.

An element says in 32 bits how long it is, and may be compressed. scipy reads what has passed.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scipy.io import loadmat

from netadapt.errors import DataError
from netadapt.outside import outside_bytes

MOST_BYTES = 16 << 20
"""Of such a file, and of what is compressed in it: the official split has 3 kB."""

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_DEEPEST = 8
"""Matrices within matrices: cells and structs."""


def outside_mat(path: Path) -> dict[str, Any]:
    """The arrays of a MATLAB 5 file by their names.

    Raises DataError where it can't be read at all or is too large, ValueError or one of scipy's
    errors where it isn't such a file.
    """
    content = outside_bytes(path, DataError, MOST_BYTES)
    if len(content) < _HEADER:
        raise ValueError("it is cut short")
    order = "<" if content[126:128] == b"IM" else ">"
    _check(content[_HEADER:], order, 0)
    found: dict[str, Any] = loadmat(io.BytesIO(content))
    return found


def _check(content: bytes, order: str, depth: int) -> None:
    """Raise ValueError unless every element lies within what holds it."""
    if depth > _DEEPEST:
        raise ValueError("its arrays are nested too deep")
    for kind, inner in _elements(content, order):
        if kind == _MATRIX:
            _check(inner, order, depth + 1)
        elif kind == _COMPRESSED:
            unpacked = zlib.decompressobj().decompress(inner, MOST_BYTES + 1)
            if len(unpacked) > MOST_BYTES:
                raise ValueError(f"an array unpacks to more than {MOST_BYTES:,} bytes")
            _check(unpacked, order, depth + 1)


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """The kind and the data of each element, a tag of eight bytes before each."""
    place = 0
    while place + 8 <= len(content):
        word, length = struct.unpack_from(f"{order}II", content, place)
        if word >> 16:  # a small one: length and kind in one word, the data in the other
            kind, length, start, place = word & 0xFFFF, word >> 16, place + 4, place + 8
            if length > 4:
                raise ValueError("a small element of more than four bytes")
        else:
            kind, start = word, place + 8
            place = start + length + (0 if kind == _COMPRESSED else -length % 8)
        if start + length > len(content):
            raise ValueError("an element is longer than what holds it")
        yield kind, content[start : start + length]
