"""Images from a stranger: how large one is, is told before it is unpacked."""

from __future__ import annotations

import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from netadapt.depth.data.outside_images import pgm_maximum
from netadapt.depth.data.rgbd_import import read_rgb, read_units
from netadapt.errors import DataError


def png(path: Path, width: int, height: int, bits: int, colours: int) -> Path:
    """A PNG's head, which declares a size, and pixels that begin."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_unpacks(tmp_path: Path, side: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read, bits, colours in ((read_rgb, 8, 2), (read_units, 16, 0)):
        with pytest.raises(DataError, match=r"it.png: has .* million") as refused:
            read(png(tmp_path / "it.png", side, side, bits, colours))
        assert "make it smaller" in str(refused.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_no_other_program_is_run_for_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "it.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n")
    with pytest.raises(DataError, match="cannot be read as an image"):
        read_rgb(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "ppm", "tif", "bmp", "webp"])
def test_pictures_of_every_kind_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"it.{suffix}"
    Image.fromarray(np.full((6, 8, 3), 90, np.uint8)).save(path)
    assert read_rgb(path).shape == (6, 8, 3)


@pytest.mark.parametrize(
    "head",
    [
        b"P5 4 3 4095\n",
        b"P5\n# by hand\n4 3\n# again # and again\n4095\n",
        b"P5\n#" + b"x" * 5000 + b"\n4 3 4095\n",
    ],
)
def test_a_pgm_is_read_as_stored_whatever_its_comments(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "it.pgm"
    path.write_bytes(head + np.arange(100, 112, dtype=">u2").tobytes())
    assert pgm_maximum(path) == 4095
    np.testing.assert_array_equal(read_units(path).ravel(), np.arange(100, 112))


@pytest.mark.parametrize("head", [b"P5\n4 3\n", b"P5 4 3 0\n", b"P5 4 3 4x95\n", b"#" * 600])
def test_a_pgm_without_a_largest_value_is_refused(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "it.pgm"
    path.write_bytes(head)
    with pytest.raises(DataError, match=r"it\.pgm: "):
        pgm_maximum(path)
    with pytest.raises(DataError, match=r"it\.pgm: "):
        read_units(path)
