"""An append-only CSV file that survives being killed at any instant.

A row is one `write` followed by a sync, so after a crash the file holds whole rows and at most one
torn last line, which is dropped when the file is opened again.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from netadapt.errors import OutputError, RunError
from netadapt.files import write_text


class CsvJournal:
    """Rows of text at `path` under a fixed header.

    Raises RunError when an existing file has another header, OutputError when a row can't be
    written.
    """

    def __init__(self, path: Path | str, columns: Sequence[str]) -> None:
        self.path = Path(path)
        self.columns = tuple(columns)
        if not self.path.exists():
            write_text(self.path, _line(self.columns))
        self._drop_torn_line()
        with self.path.open(encoding="utf-8", newline="") as stream:
            header = next(csv.reader(stream), [])
        if tuple(header) != self.columns:
            raise RunError(
                f"{self.path} has the columns {', '.join(header)}; expected "
                f"{', '.join(self.columns)}; move the file away or choose another run name"
            )

    def append(self, row: Mapping[str, object]) -> None:
        """Add one row; it is on disk when this returns."""
        line = _line([_text(row.get(column, "")) for column in self.columns])
        try:
            with self.path.open("a", encoding="utf-8", newline="") as stream:
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise OutputError(
                f"cannot add a row to {self.path}: {error.strerror or error}; free some space, "
                f"then run the command again with --resume"
            ) from error

    def rows(self) -> list[dict[str, str]]:
        """All rows, as text."""
        with self.path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def replace(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Rewrite the whole file, atomically."""
        lines = [_line(self.columns)]
        lines += [_line([_text(row.get(column, "")) for column in self.columns]) for row in rows]
        write_text(self.path, "".join(lines))

    def _drop_torn_line(self) -> None:
        content = self.path.read_bytes()
        if content and not content.endswith(b"\n"):
            with self.path.open("rb+") as stream:
                stream.truncate(content.rfind(b"\n") + 1)


def _text(value: object) -> str:
    """Floats keep every digit, so that what is read back is what was computed."""
    return repr(float(value)) if isinstance(value, float) else str(value)


def _line(values: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(values)
    return buffer.getvalue()
