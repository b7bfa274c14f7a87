"""The one door for image files from outside: how large one is, is known before it is unpacked.

Of Pillow's formats those are read that pictures and depth come in; no other program is run for one.
What the pixels mean is the reader's affair.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from netadapt.depth.data.base import MOST_PIXELS
from netadapt.errors import DataError, in_words
from netadapt.extras import needed

Image = needed("PIL.Image", "depth")

FORMATS = ("PNG", "JPEG", "PPM", "TIFF", "BMP", "WEBP")
"""Pillow's names; JPEG opens the files of several pictures that phones write."""

_MOST_HEADER_BYTES = 1 << 20
_TOKEN = re.compile(rb"(?:\s|#[^\n\r]*[\n\r])*([^\s#]+)")


@contextmanager
def outside_image(path: Path) -> Iterator[Any]:
    """The open image at `path`, of `MOST_PIXELS` at most.

    Whatever goes wrong in the block, which unpacks it, becomes a DataError naming the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of large images and odd headers
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise DataError(
                        f"{path}: has {width}×{height} pixels, expected at most "
                        f"{MOST_PIXELS // 1_000_000} million; make it smaller"
                    )
                yield image
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path}: has more than {MOST_PIXELS // 1_000_000} million pixels; make it smaller"
        ) from error
    except Exception as error:  # a damaged image raises nearly anything
        raise DataError(f"{path}: cannot be read as an image ({in_words(error)})") from error


def pgm_maximum(path: Path) -> int:
    """The largest value that a PGM's header names. Raises DataError where there is none."""
    with path.open("rb") as stream:
        head = stream.read(_MOST_HEADER_BYTES)
    place = 0
    words: list[bytes] = []
    while len(words) < 4 and (found := _TOKEN.match(head, place)):
        words.append(found[1])
        place = found.end()
    if len(words) < 4 or not re.fullmatch(rb"\d{1,5}", words[3]) or not int(words[3]):
        raise DataError(f"{path}: its header names no largest value; expected P5 WIDTH HEIGHT MAX")
    return int(words[3])
