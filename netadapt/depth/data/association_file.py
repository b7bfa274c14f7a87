"""Reads a list of RGB-D pairs as TUM's benchmark writes them: a line a pair, times and files.

Only names are read here, and that the files are there; how far apart the times are is for `pairing`
to say.
"""

from __future__ import annotations

import re
from pathlib import Path

from netadapt.errors import DataError
from netadapt.outside import outside_text

USUAL_NAMES = tuple(
    f"{name}.txt" for name in ("associations", "association", "associated", "associate", "assoc")
)

_IMAGE = re.compile(r"\.(png|jpe?g|ppm|bmp|tiff?|webp|pgm)$", re.IGNORECASE)


def usual_file(folder: Path) -> Path | None:
    """The list of pairs that a recording's folder has under one of the usual names, if any."""
    return next((folder / name for name in USUAL_NAMES if (folder / name).is_file()), None)


def read_associations(file: Path, folder: Path, depth_words: frozenset[str]) -> list[list[Path]]:
    """[colour, depth] of every line; files lie beside the list or below `folder`.

    Which is depth is told by `depth_words` in its path; without them colour comes first. Raises
    DataError naming the line.
    """
    lines = outside_text(file, DataError).splitlines()
    pairs = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].replace(",", " ")
        names = [word for word in text.split() if _IMAGE.search(word)]
        if not text.strip():
            continue
        if len(names) != 2:
            raise DataError(
                f"{file}, line {number}: names {len(names)} images, expected two: "
                f"time rgb/NAME time depth/NAME"
            )
        if _says(names[0], depth_words) and not _says(names[1], depth_words):
            names.reverse()
        pairs.append([_found(name, file, folder, number) for name in names])
    if not pairs:
        raise DataError(f"{file} lists no pairs; expected lines: time rgb/NAME time depth/NAME")
    return pairs


def _says(name: str, words: frozenset[str]) -> bool:
    return not words.isdisjoint(re.findall(r"[^\W\d_]+", name.lower()))


def _found(name: str, file: Path, folder: Path, number: int) -> Path:
    for base in (file.parent, folder):
        if (base / name).is_file():
            return (base / name).absolute()
    raise DataError(f"{file}, line {number}: there is no {name} beside it or in {folder}")
