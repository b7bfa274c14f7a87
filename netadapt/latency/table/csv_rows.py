"""Reads a CSV that a person may have written: every row with where it stands, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from netadapt.errors import TableError
from netadapt.outside import csv_lines, outside_text


def read_rows(
    path: Path, columns: Sequence[str], notes: list[str] | None = None
) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a CSV with where each stands; every row has every column of `columns`.

    One at a time: a table may have 100,000. With `notes`, a last line without a line end is left
    out and noted. Raises TableError, one line, for what can't be read, a missing column, and a row
    of another length.
    """
    text = outside_text(path, TableError)
    if notes is not None and _is_torn(text, path):
        text, _, torn = text.rpartition("\n")
        notes.append(
            f"{path}: the last line has no line end (a build stopped while writing it?) and was "
            f"left out: {torn[:60]}"
        )
    lines = csv_lines(text, str(path), TableError)
    header = [name.strip() for name in lines[0][1]] if lines else []
    missing = [name for name in columns if name not in header]
    if missing and len(header) == 1:
        for mark, word in ((";", "semicolons"), ("\t", "tabs")):
            if mark in header[0]:
                raise TableError(
                    f"{path} is separated by {word}; save it as CSV with commas between cells and "
                    f"points in numbers"
                )
    if missing:
        noun = "column" if len(missing) == 1 else "columns"
        raise TableError(
            f"{path} lacks the {noun} {', '.join(missing)}; expected {', '.join(columns)}"
        )
    return _rows(path, header, lines[1:])


def _rows(
    path: Path, header: Sequence[str], lines: Sequence[tuple[int, list[str]]]
) -> Iterator[tuple[str, dict[str, str]]]:
    for number, (line_number, line) in enumerate(lines, start=1):
        where = f"row {number} (line {line_number})"
        if len(line) != len(header):
            more = " (a number with a comma? write points)" if len(line) > len(header) else ""
            raise TableError(f"{path}, {where}: {len(line)} cells, expected {len(header)}{more}")
        yield where, {name: cell.strip() for name, cell in zip(header, line, strict=True)}


def _is_torn(text: str, path: Path) -> bool:
    """Whether the last line stops short: without a line end, and not as the lines before it.

    An editor may leave out the last line end. Such a line is whole where it has as many cells as
    the others, and its last cell stands above in full.
    """
    whole, _, last = text.rpartition("\n")
    if not last or not whole:
        return False
    *above, cells = (line for _, line in csv_lines(text, str(path), TableError))
    ends = [line[-1] for line in above[1:]]
    return not above or len(cells) != len(above[0]) or cells[-1] not in ends
