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


@pytest.mark.parametrize(("factor", "far"), [(1000, True), (1e-3, True), (20, False), (0.1, False)])
def test_a_row_far_from_the_others_is_said(table: LookupTable, factor: float, far: bool) -> None:
    shapes = [conv(width, 64, size=112) for width in (16, 48)]
    rows = [*table.entries, *(TableRow(shape, shape.macs / 1e8) for shape in shapes)]
    rows[1] = replace(rows[1], latency_ms=rows[1].latency_ms * factor)
    assert table.path is not None
    LookupTable("desk", rows).write(table.path)
    notes = LookupTable.read(table.path).notes
    if far:
        (note,) = notes
        assert str(rows[1].shape) in note
        assert "times off the other rows" in note
    else:
        assert not notes


def test_a_table_of_small_layers_has_a_speed_too(table: LookupTable) -> None:
    assert table.path is not None
    shape = conv(8, 16, size=14)
    for ms, said in ((0.05, ""), (50, "microseconds"), (1e-8, "seconds")):
        LookupTable("desk", [TableRow(shape, ms)]).write(table.path)
        notes = " ".join(LookupTable.read(table.path).notes)
        assert f"are these {said}?" in notes if said else not notes


def test_a_decimal_comma_is_named(table: LookupTable) -> None:
    assert table.path is not None
    text = table.path.read_text()
    latency = str(float(table.entries[0].to_row()["latency_ms"]))
    for comma in (f'"{latency.replace(".", ",")}"', latency.replace(".", ",")):
        table.path.write_text(text.replace(latency, comma))
        with pytest.raises(TableError, match=r"a comma|with a point"):
            LookupTable.read(table.path)


def test_byte_order_marks_are_read_over(table: LookupTable) -> None:
    assert table.path is not None
    toml = table.path.with_suffix(".toml")
    toml.write_text('board = "desk"\n', encoding="utf-8-sig")
    table.path.write_text(table.path.read_text(), encoding="utf-8-sig")
    again = LookupTable.read(table.path)
    assert (len(again), again.meta) == (len(table), {"board": "desk"})


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
