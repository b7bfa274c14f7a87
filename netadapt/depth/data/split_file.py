"""Reads a CSV that says which images of a set are to train on and which to evaluate on.

Only the file and the names of the pairs are looked at. What is held out of the training images is
decided by `places`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import splitext
from pathlib import Path

from netadapt.depth.data.pairing import (
    DEPTH_SUFFIXES,
    RGB_SUFFIXES,
    ImagePair,
    Key,
    name_key,
    written_key,
)
from netadapt.depth.data.places import Assigned
from netadapt.errors import DataError, in_words
from netadapt.outside import outside_text

COLUMNS = {
    "file": ("file", "filename", "file_name", "name", "stem", "image", "rgb"),
    "split": ("split", "official_split", "set", "subset", "partition"),
    "scene": ("scene", "scene_name", "room", "sequence"),
}
"""What a column is called here, and what it may be called in the file."""

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("test", "testing", "val", "validation", "eval"), "val"),
    **dict.fromkeys(("holdout", "held-out", "dev"), "holdout"),
}

_WHERE = "expected a CSV with the columns file, split and, if known, scene"


@dataclass(frozen=True, slots=True)
class SplitRow:
    """A row of the file: its line, the image it names, and what it says of it."""

    line: int
    file: str
    assigned: Assigned


@dataclass(frozen=True, slots=True)
class SplitPairs:
    """The pairs that the file names, in their order, with what it says of each.

    `unnamed` are pairs that it doesn't name, `missing` the rows whose image isn't there.
    """

    pairs: tuple[ImagePair, ...]
    assigned: tuple[Assigned, ...]
    unnamed: tuple[ImagePair, ...]
    missing: tuple[SplitRow, ...]


def read_split_file(path: Path) -> list[SplitRow]:
    """The rows of a split file. Raises DataError naming the column or the line that is wrong."""
    try:
        text = outside_text(path, DataError)
    except DataError as error:
        raise DataError(f"{error}; {_WHERE}") from error
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        table = [(reader.line_num, cells) for cells in reader]
    except csv.Error as error:
        raise DataError(f"{path}: is no CSV ({in_words(error)}); {_WHERE}") from error
    if not table:
        raise DataError(f"{path}: is empty; {_WHERE}")
    columns = _columns(path, table[0][1])
    rows = [
        _row(path, line, cells, columns)
        for line, cells in table[1:]
        if any(cell.strip() for cell in cells)
    ]
    if not rows:
        raise DataError(f"{path}: names no image; {_WHERE}")
    return rows


def pairs_of_split(
    path: Path, rows: Sequence[SplitRow], folder: Path, pairs: Sequence[ImagePair]
) -> SplitPairs:
    """The `pairs` below `folder` that `rows`, of the file `path`, name.

    An image is named by its path below `folder` or by its file's name, either without its ending,
    the words of its role (`color`, `depth`) and leading zeros. Raises DataError for a name that
    fits several pairs, for a pair that is named twice, and when none is named.
    """
    by_path: dict[Key, list[int]] = {}
    by_name: dict[Key, list[int]] = {}
    for index, pair in enumerate(pairs):
        for file in (pair.rgb, pair.depth):
            _add(by_path, name_key(file, folder), index)
            _add(by_name, written_key(file.name), index)
    named: dict[int, SplitRow] = {}
    missing = []
    for row in rows:
        found = _found(row.file, by_path, by_name)
        if len(found) > 1:
            both = " and ".join(str(pairs[index].rgb) for index in found[:2])
            raise DataError(
                f"{path}, line {row.line}: '{row.file}' may be {both}; give its path below {folder}"
            )
        if not found:
            missing.append(row)
        elif found[0] in named:
            other = named[found[0]]
            raise DataError(
                f"{path}, line {row.line}: '{row.file}' is {pairs[found[0]].rgb}, which line "
                f"{other.line} names already; expected a row an image"
            )
        else:
            named[found[0]] = row
    if not named:
        raise DataError(
            f"{path}: none of its {len(rows)} images is in {folder}: line {rows[0].line} names "
            f"'{rows[0].file}', and the first pair is {pairs[0].rgb.relative_to(folder)}"
        )
    order = sorted(named)
    return SplitPairs(
        tuple(pairs[index] for index in order),
        tuple(named[index].assigned for index in order),
        tuple(pair for index, pair in enumerate(pairs) if index not in named),
        tuple(missing),
    )


def _columns(path: Path, head: Sequence[str]) -> dict[str, int]:
    """The place of each column. Raises DataError when file or split is missing, or is there twice.

    Where a column has several of its names, the first in the order of COLUMNS counts.
    """
    held = [cell.strip().lower() for cell in head]
    found = {
        column: held.index(name)
        for column, names in COLUMNS.items()
        for name in reversed(names)
        if name in held
    }
    for column in ("file", "split"):
        if column not in found:
            raise DataError(
                f"{path}: has no column '{column}' (or {', '.join(COLUMNS[column][1:])}); its "
                f"first line is: {','.join(head)[:80]}"
            )
    return found


def _row(path: Path, line: int, cells: Sequence[str], columns: dict[str, int]) -> SplitRow:
    values = {
        column: cells[place].strip() if place < len(cells) else ""
        for column, place in columns.items()
    }
    for column, value in values.items():
        if not value:
            raise DataError(f"{path}, line {line}: its {column} is empty")
    split = SPLIT_WORDS.get(values["split"].lower())
    if split is None:
        raise DataError(
            f"{path}, line {line}: the split is '{values['split']}', expected train, test or "
            f"holdout"
        )
    return SplitRow(line, values["file"], Assigned(split, values.get("scene", "")))


def _add(found: dict[Key, list[int]], key: Key, index: int) -> None:
    indices = found.setdefault(key, [])
    if indices[-1:] != [index]:  # indices grow, and a pair's two files mostly have one key
        indices.append(index)


def _found(file: str, by_path: dict[Key, list[int]], by_name: dict[Key, list[int]]) -> list[int]:
    """The places of the pairs that `file` may name: by path where that finds one, else by name."""
    parts = [part for part in file.split("/") if part not in ("", ".")]  # as pathlib reads it
    if not parts:
        return []
    if splitext(parts[-1])[1].lower() not in RGB_SUFFIXES | DEPTH_SUFFIXES:
        parts[-1] += ".png"  # so that no part of a name is taken for an ending
    return by_path.get(written_key("/".join(parts))) or by_name.get(written_key(parts[-1])) or []
