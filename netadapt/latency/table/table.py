"""Lookup tables: what one layer costs on one device, a row a layer shape.

A table is `<device>.csv` (the figures) beside `<device>.toml` (where they come from). This module
finds, reads, checks and writes them, and appends to them so that a kill loses at most the row in
flight. How a missing shape is estimated is the estimator's matter, how a row is measured the
runtimes'.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netadapt.errors import OutputError, TableError, UnmeasuredError
from netadapt.files import write_text
from netadapt.graph.layer_shape import LayerShape
from netadapt.journal import append_line, csv_line
from netadapt.latency.table.csv_rows import read_rows
from netadapt.latency.table.speed_bounds import speed_notes
from netadapt.latency.table.table_row import ANY_ACTIVATION, COLUMNS, TableRow, kernel_of
from netadapt.outside import outside_toml
from netadapt.remarks import remark
from netadapt.shipped import find_shipped

if TYPE_CHECKING:
    import pandas as pd

PUBLISHED_SUFFIX = ".published"
FOLDER = "lookup_tables"


@dataclass
class LookupTable:
    """The rows of one device, and what is known about where they come from.

    `name` is the device's; `meta` the content of the .toml ({} without one); `notes` are words
    for the user about what was found while reading, which were remarked then.
    """

    name: str
    entries: list[TableRow]
    meta: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._rows_of: dict[LayerShape, list[TableRow]] = {}
        for entry in self.entries:
            self._index(entry)

    @classmethod
    def read(cls, path_or_device: str | Path) -> LookupTable:
        """Read a CSV by its path, or a device's table by the device's name.

        A name is looked up in the folders of `find_table`. Raises TableError, one line, when there
        is no such table, a column is missing, or a row is wrong (which row, which column).
        """
        path = find_table(path_or_device)
        entries, notes = _read_csv(path)
        for note in notes:
            remark(note)
        return cls(
            name=_device_of(path), entries=entries, meta=read_meta(path), path=path, notes=notes
        )

    @property
    def published(self) -> bool:
        """Whether this is a shipped table of published figures, not one measured by the user."""
        return self.path is not None and self.path.stem.endswith(PUBLISHED_SUFFIX)

    @property
    def rows(self) -> pd.DataFrame:
        """The rows as a DataFrame with the columns of the CSV; `spread_ms` NaN where unknown."""
        import pandas as pd

        records = [
            {
                **entry.shape.to_row(),
                "latency_ms": entry.latency_ms,
                "spread_ms": math.nan if entry.spread_ms is None else entry.spread_ms,
                "samples": entry.samples,
                "source": entry.source,
                "schedule": entry.schedule,
            }
            for entry in self.entries
        ]
        return pd.DataFrame(records, columns=list(COLUMNS))

    @property
    def hash(self) -> str:
        """SHA-256 over what decides an estimate: the rows, and what the .toml calibrates.

        The order of the rows does not matter.
        """
        lines = sorted(entry.to_line() for entry in self.entries)
        settings = [self.meta.get(key) for key in ("calibration", "workers")]
        networks = [
            network
            for network in self.meta.get("network", [])
            if network.get("role") == "calibration"
        ]
        text = "".join(lines) + json.dumps([settings, networks], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.entries)

    def find(self, shape: LayerShape) -> TableRow | None:
        """The row of exactly this shape, or None.

        Between activations that cost nothing inside a kernel any row serves, one with the same
        activation first. The table's own series goes before a second one, and the faster of two
        schedules before the slower, as in a deployed network.
        """
        rows = self._rows_of.get(kernel_of(shape))
        if rows is None:
            return None
        return min(
            rows,
            key=lambda row: (
                bool(row.series),
                row.shape.activation not in (shape.activation, ANY_ACTIVATION),
                row.latency_ms,
            ),
        )

    def without(self, shapes: Iterable[LayerShape]) -> LookupTable:
        """A copy without every row of these shapes, in any series and with any cheap activation."""
        dropped = {kernel_of(shape) for shape in shapes}
        kept = [entry for entry in self.entries if kernel_of(entry.shape) not in dropped]
        return LookupTable(name=self.name, entries=kept, meta=self.meta, path=self.path)

    def append(self, row: TableRow) -> None:
        """Add a row to the table and, where it has a file, to the end of the file, synced.

        What an earlier kill left of an unfinished last line is cut off first. Raises TableError
        when the table already holds this shape with this schedule, OutputError when the file
        can't be written.
        """
        twin = next((e for e in self.entries if _identity(e) == _identity(row)), None)
        if twin is not None:
            raise TableError(f"{self.path or self.name} already has a row for {row.shape}")
        if self.path is not None:
            self._append_line(row)
        self.entries.append(row)
        self._index(row)

    def write(self, path: Path | str | None = None) -> Path:
        """Write the CSV and, where there is any `meta`, the .toml beside it; both atomically."""
        import tomli_w

        target = Path(path) if path is not None else self.path
        if target is None:
            raise TableError(f"the table of {self.name} has no path to be written to")
        write_text(target, self._csv())
        if self.meta:
            write_text(target.with_suffix(".toml"), tomli_w.dumps(self.meta))
        self.path = target
        return target

    def _csv(self) -> str:
        return csv_line(COLUMNS) + "".join(entry.to_line() for entry in self.entries)

    def _append_line(self, row: TableRow) -> None:
        assert self.path is not None
        if not self.path.is_file() or not self.path.read_bytes().endswith(b"\n"):
            write_text(self.path, self._csv())  # all that was read, and lines that end
        try:
            append_line(self.path, row.to_line())
        except OSError as error:
            raise OutputError(f"cannot append to {self.path}: {error.strerror or error}") from error

    def _index(self, entry: TableRow) -> None:
        self._rows_of.setdefault(kernel_of(entry.shape), []).append(entry)


def find_table(path_or_device: str | Path) -> Path:
    """The CSV a device's name or a path stands for.

    For a name: `<device>.csv` measured by the user, in any of the folders, before
    `<device>.published.csv`. Raises TableError listing the tables there are.
    """
    text = str(path_or_device)
    if text.endswith(".csv") or "/" in text:
        path = Path(text)
        if path.is_file():
            return path
        raise TableError(f"there is no table {path}; {_known_tables()}")
    folders = find_shipped(FOLDER)
    for suffix in ("", PUBLISHED_SUFFIX):
        for folder in folders:
            path = folder / f"{text}{suffix}.csv"
            if path.is_file():
                return path
    raise UnmeasuredError(
        f"there is no table for the device '{text}'; {_known_tables()}; "
        f"measure one with: netadapt lut build --device {text}"
    )


def table_names() -> list[str]:
    """The devices that have a table, sorted."""
    return sorted(
        {_device_of(path) for folder in find_shipped(FOLDER) for path in folder.glob("*.csv")}
    )


def read_meta(path: Path) -> dict[str, Any]:
    """The .toml beside a table's CSV, {} without one. Raises TableError when it isn't TOML."""
    toml = path.with_suffix(".toml")
    if not toml.is_file():
        return {}
    meta = outside_toml(toml, TableError)
    for key in ("calibration", "workers", "import", "check"):
        if not isinstance(meta.get(key, {}), dict):
            raise TableError(f"{toml}: {key} is {meta[key]!r}, expected a table: [{key}]")
    networks = meta.get("network", [])
    if not isinstance(networks, list) or not all(isinstance(item, dict) for item in networks):
        raise TableError(f"{toml}: network is {networks!r}, expected tables: [[network]]")
    return meta


def _known_tables() -> str:
    names = table_names()
    return f"there are tables for {', '.join(names)}" if names else "there are no tables"


def _device_of(path: Path) -> str:
    return path.stem.removesuffix(PUBLISHED_SUFFIX)


def _identity(entry: TableRow) -> tuple[LayerShape, str]:
    return entry.shape, entry.schedule


def _read_csv(path: Path) -> tuple[list[TableRow], tuple[str, ...]]:
    notes: list[str] = []
    entries: list[TableRow] = []
    seen: dict[tuple[LayerShape, str], str] = {}
    for where, cells in read_rows(path, COLUMNS, notes):
        try:
            entry = TableRow.from_row(cells)
        except ValueError as error:
            raise TableError(f"{path}, {where}: {error}") from error
        twin = seen.setdefault(_identity(entry), where)
        if twin != where:
            raise TableError(
                f"{path}, {where}: {entry.shape} stands in {twin} already; keep one of the two"
            )
        entries.append(entry)
    notes += speed_notes(path, entries)
    return entries, tuple(notes)
