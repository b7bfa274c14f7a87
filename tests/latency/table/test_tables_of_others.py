"""Tables as spreadsheets and other programs leave them: read right, or the reason is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from netadapt.errors import TableError
from netadapt.latency.table.csv_rows import read_rows
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import COLUMNS, TableRow
from tests.latency.layer_shapes import conv


@pytest.fixture
def table(tmp_path: Path) -> LookupTable:
    """Large convolutions at about 100 GMAC/s."""
    shapes = [conv(width, 64, size=112) for width in (32, 64)]
    rows = [TableRow(shape, shape.macs / 1e8, spread_ms=None, samples=1) for shape in shapes]
    table = LookupTable("desk", rows)
    table.write(tmp_path / "desk.csv")
    return table


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separators_are_named(tmp_path: Path, mark: str, word: str) -> None:
    file = tmp_path / "sheet.csv"
    file.write_text(mark.join(COLUMNS) + "\n")
    with pytest.raises(TableError, match=f"is separated by {word}; save it as CSV with commas"):
        read_rows(file, COLUMNS)


@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_other_line_ends_are_read(table: LookupTable, end: bytes) -> None:
    assert table.path is not None
    table.path.write_bytes(table.path.read_bytes().replace(b"\n", end))
    assert len(LookupTable.read(table.path)) == len(table)


@pytest.mark.parametrize(("factor", "unit"), [(1, ""), (1000, "microseconds"), (1e-4, "seconds")])
def test_a_speed_that_no_hardware_has_is_said(table: LookupTable, factor: float, unit: str) -> None:
    assert table.path is not None
    slower = [replace(entry, latency_ms=entry.latency_ms * factor) for entry in table.entries]
    LookupTable("desk", slower).write(table.path)
    notes = " ".join(LookupTable.read(table.path).notes)
    assert f"are these {unit}?" in notes if unit else not notes


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("calibration = 5", r"desk\.toml: calibration is 5, expected a table: \[calibration\]"),
        ("network = [1]", r"network is \[1\], expected tables: \[\[network\]\]"),
        ("check = [2]", r"check is \[2\], expected a table"),
    ],
)
def test_a_key_of_the_wrong_kind_is_named(table: LookupTable, toml: str, message: str) -> None:
    assert table.path is not None
    table.path.with_suffix(".toml").write_text(toml)
    with pytest.raises(TableError, match=message):
        LookupTable.read(table.path)


def test_a_last_line_without_its_end_is_read_where_it_is_whole(table: LookupTable) -> None:
    assert table.path is not None
    whole = table.path.read_bytes().rstrip(b"\n")
    table.path.write_bytes(whole)
    again = LookupTable.read(table.path)
    assert len(again) == len(table)
    assert not again.notes
    again.append(replace(again.entries[0], schedule="other"))
    assert len(LookupTable.read(table.path)) == len(table) + 1
    for missing in range(1, 6):  # within the last cell, 'default', and the one before
        table.path.write_bytes(whole[:-missing])
        again = LookupTable.read(table.path)
        assert len(again) == len(table) - 1
        assert "left out" in again.notes[0]
