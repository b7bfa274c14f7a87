"""Append-only CSV files that survive being killed at any instant.

A row is one `write` followed by a sync, so after a crash the file holds whole rows and at most one
torn last line, which is dropped when the file is opened again or added to.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from netadapt.errors import InputError, OutputError, RunError
from netadapt.files import atomic_path, write_text
from netadapt.outside import csv_lines, outside_bytes, outside_text


class CsvJournal:
    """Rows of text at `path` under a fixed header.

    Raises RunError when an existing file has another header, OutputError when a row can't be
    written.
    """

    def __init__(self, path: Path | str, columns: Sequence[str]) -> None:
        self.path = Path(path)
        self.columns = tuple(columns)
        self._settled_bytes = 0
        if not self.path.exists():
            write_text(self.path, csv_line(self.columns))
        with self.path.open("rb+") as stream:
            _cut_torn_line(stream)
        lines = csv_lines(outside_text(self.path, RunError), str(self.path), RunError, most=1)
        header = lines[0][1] if lines else []
        if tuple(header) != self.columns:
            raise RunError(
                f"{self.path} has the columns {', '.join(header)}; expected "
                f"{', '.join(self.columns)}; move the file away or choose another run name"
            )

    def append(self, row: Mapping[str, object]) -> None:
        """Add one row; it is on disk when this returns."""
        try:
            append_line(self.path, self._line(row))
        except OSError as error:
            raise OutputError(
                f"cannot add a row to {self.path}: {error.strerror or error}; free some space, "
                f"then run the command again with --resume"
            ) from error

    def rows(self) -> list[dict[str, str]]:
        """All rows, as text."""
        return self.read(self.path)

    def unsettled_rows(self) -> list[dict[str, str]]:
        """The rows that were added since `settle` was called; before that, all."""
        if not self._settled_bytes:
            return self.rows()
        text = outside_bytes(self.path, RunError)[self._settled_bytes :].decode()
        lines = csv_lines(text.rpartition("\n")[0], str(self.path), RunError)
        return [dict(zip(self.columns, cells, strict=False)) for _, cells in lines]

    def settle(self) -> None:
        """Leave all rows as they are from now on: they aren't parsed and made into text again."""
        self._settled_bytes = self.path.stat().st_size

    @staticmethod
    def read(path: Path, error: type[InputError] = RunError) -> list[dict[str, str]]:
        """The rows of a journal that somebody else may be writing: a torn last one is left out.

        A row that stops short has empty cells. Raises `error` for what is no CSV in UTF-8.
        """
        whole, line_end, _ = outside_text(path, error).rpartition("\n")
        lines = csv_lines(whole + line_end, str(path), error)
        header = lines[0][1] if lines else []
        return [
            dict(zip(header, cells, strict=False)) | dict.fromkeys(header[len(cells) :], "")
            for _, cells in lines[1:]
        ]

    def replace(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Rewrite the whole file, atomically."""
        self._settled_bytes = 0
        self.replace_unsettled(rows)

    def replace_unsettled(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Let these follow on the rows that are settled. Atomic."""
        settled = outside_bytes(self.path, RunError)[: self._settled_bytes]
        with atomic_path(self.path) as temporary, temporary.open("wb") as stream:
            stream.write(settled or csv_line(self.columns).encode())
            stream.write("".join(map(self._line, rows)).encode())

    def _line(self, row: Mapping[str, object]) -> str:
        return csv_line(_text(row.get(column, "")) for column in self.columns)


def append_line(path: Path, line: str) -> None:
    """Add `line` to the file at `path` in the place of a torn one; it is on disk on return.

    Raises OSError when it can't be written.
    """
    with path.open("rb+") as stream:
        _cut_torn_line(stream)
        stream.write(line.encode())
        stream.flush()
        os.fsync(stream.fileno())


def csv_line(cells: Iterable[str]) -> str:
    """A row as CSV, with its line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _cut_torn_line(stream: BinaryIO) -> None:
    """Cut off what follows the last line end, and stand there."""
    end = stream.seek(0, os.SEEK_END)
    found = -1
    while end > 0 and found < 0:
        start = max(0, end - 4096)
        stream.seek(start)
        found = stream.read(end - start).rfind(b"\n")
        end = start + found + 1 if found >= 0 else start
    stream.seek(end)
    stream.truncate()


def _text(value: object) -> str:
    """Floats keep every digit, so that what is read back is what was computed."""
    return repr(float(value)) if isinstance(value, float) else str(value)
