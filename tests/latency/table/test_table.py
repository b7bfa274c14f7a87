"""Lookup tables on disk: what is refused, what a kill leaves behind, which table a name means."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netadapt.errors import OutputError, TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.table.network_shapes import read_shapes, write_shapes
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import COLUMNS, TableRow
from tests.latency.layer_shapes import conv, depthwise, moving

ROWS = [
    TableRow(conv(16, 32, 56), 0.5, 0.01, 5, "measured", "v1"),
    TableRow(depthwise(32, 56), 0.1, None, 1, "published", "direct"),
    TableRow(moving("upsample_add", 32, 28, "nearest"), 0.2, 0.0, 3, "modelled", ""),
]


@pytest.fixture
def table(tmp_path: Path) -> LookupTable:
    made = LookupTable("board", list(ROWS), {"device": "board", "threads": 4})
    made.write(tmp_path / "board.csv")
    return made


def pairs(least: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, 9), st.integers(least, 9))


shapes = st.builds(
    LayerShape,
    op=st.sampled_from(OPS.names()),
    in_channels=st.integers(1, 4096),
    out_channels=st.integers(1, 4096),
    kernel=pairs(1),
    stride=pairs(1),
    padding=pairs(0),
    dilation=pairs(1),
    groups=st.integers(1, 4096),
    in_height=st.integers(1, 4096),
    in_width=st.integers(1, 4096),
    activation=st.sampled_from(("none", "relu", "relu6", "nearest", "max")),
    output_padding=pairs(0),
)
rows = st.builds(
    TableRow,
    shape=shapes,
    latency_ms=st.floats(1e-6, 1e6).map(lambda value: float(f"{value:.7g}")),
    spread_ms=st.none() | st.floats(0, 1e3).map(lambda value: float(f"{value:.7g}")),
    samples=st.integers(1, 1000),
    source=st.sampled_from(("measured", "published", "modelled")),
    schedule=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20),
)


@given(row=rows)
def test_every_row_survives_the_csv(row: TableRow) -> None:
    assert TableRow.from_row(row.to_row()) == row


@given(added=st.lists(rows, min_size=1, max_size=4, unique_by=lambda row: row.shape))
def test_a_table_reads_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, added: list[TableRow]
) -> None:
    path = tmp_path_factory.mktemp("table") / "any.csv"
    LookupTable("any", added).write(path)
    assert LookupTable.read(path).entries == added


@given(cut=st.integers(1, 400))
def test_a_table_cut_anywhere_keeps_its_whole_rows(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "board.csv"
    LookupTable("board", list(ROWS)).write(path)
    header = path.read_bytes().index(b"\n") + 1
    kept = path.read_bytes()[: max(header, path.stat().st_size - cut)]
    path.write_bytes(kept)
    found = LookupTable.read(path)
    assert found.entries == ROWS[: kept[header:].count(b"\n")]
    assert bool(found.notes) == (not kept.endswith(b"\n"))
    new = TableRow(conv(8, 8, 8), 0.25)
    found.append(new)
    assert LookupTable.read(path).entries == [*found.entries[:-1], new]


def test_rows_have_the_published_columns(table: LookupTable) -> None:
    frame = table.rows
    assert tuple(frame.columns) == COLUMNS
    assert frame.latency_ms.tolist() == [0.5, 0.1, 0.2]
    assert frame.spread_ms.isna().tolist() == [False, True, False]


def test_appending_reaches_the_disk_and_refuses_a_second_row(table: LookupTable) -> None:
    table.append(TableRow(conv(8, 8, 8), 0.25, schedule="v1"))
    assert table.path is not None
    assert len(LookupTable.read(table.path)) == 4
    with pytest.raises(TableError, match="already has a row for conv2d 8→8"):
        table.append(TableRow(conv(8, 8, 8), 0.3, schedule="v1"))


def test_appending_where_no_file_can_be_written(table: LookupTable, tmp_path: Path) -> None:
    table.path = tmp_path / "board.csv" / "below-a-file.csv"
    with pytest.raises(OutputError, match="below-a-file"):
        table.append(TableRow(conv(8, 8, 8), 0.25))


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("latency_ms", "-0.5", "row 2 .line 3.*latency_ms is '-0.5', expected more than 0"),
        ("latency_ms", "0", "latency_ms is '0'"),
        ("latency_ms", "fast", "latency_ms is 'fast', expected a number"),
        ("latency_ms", "inf", "latency_ms is 'inf'"),
        ("latency_ms", "nan", "latency_ms is 'nan'"),
        ("spread_ms", "-1", "spread_ms is '-1'"),
        ("samples", "0", "samples is '0'"),
        ("samples", "2.5", "samples is '2.5'"),
        ("source", "guessed", "source is 'guessed', expected measured"),
        ("op", "conv9d", "op is 'conv9d'"),
        ("kernel", "3x", "kernel is '3x'"),
        ("in_channels", "-4", "in_channels is '-4'"),
    ],
)
def test_a_wrong_cell_is_named(table: LookupTable, column: str, value: str, complaint: str) -> None:
    assert table.path is not None
    lines = [line.split(",") for line in table.path.read_text().splitlines()]
    lines[2][COLUMNS.index(column)] = value
    table.path.write_text("\n".join(",".join(line) for line in lines) + "\n")
    with pytest.raises(TableError, match=complaint) as caught:
        LookupTable.read(table.path)
    assert "\n" not in str(caught.value)
    assert str(table.path) in str(caught.value)


def test_a_missing_column_is_named(table: LookupTable) -> None:
    assert table.path is not None
    text = table.path.read_text().replace("latency_ms", "milliseconds")
    table.path.write_text(text)
    with pytest.raises(TableError, match="lacks the column latency_ms"):
        LookupTable.read(table.path)


def test_a_row_too_short_is_named(table: LookupTable) -> None:
    assert table.path is not None
    table.path.write_text(table.path.read_text() + "conv2d,1,2\n")
    with pytest.raises(TableError, match=r"row 4 \(line 5\): 3 cells, expected 16"):
        LookupTable.read(table.path)


def test_one_shape_in_two_rows_names_both(table: LookupTable) -> None:
    assert table.path is not None
    lines = table.path.read_text().splitlines()
    table.path.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(TableError, match=r"row 4 \(line 5\).*stands in row 1 \(line 2\)"):
        LookupTable.read(table.path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"op,in_channels"])
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=r"odd\.csv"):
        LookupTable.read(path)


def test_a_broken_toml_is_named(table: LookupTable) -> None:
    assert table.path is not None
    table.path.with_suffix(".toml").write_text("device = board")
    with pytest.raises(TableError, match=r"board\.toml is not valid TOML"):
        LookupTable.read(table.path)


def test_a_name_means_the_measured_table_before_the_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = LookupTable.read("tx2")
    assert shipped.published
    assert shipped.name == "tx2"
    measured = LookupTable("tx2", list(ROWS))
    measured.write(tmp_path / "lookup_tables" / "tx2.csv")
    found = LookupTable.read("tx2")
    assert not found.published
    assert len(found) == 3
    with pytest.raises(
        TableError, match=r"no table for the device 'tx3'; there are tables for .*tx2"
    ):
        LookupTable.read("tx3")
    with pytest.raises(TableError, match=r"there is no table nowhere/tx2\.csv"):
        LookupTable.read("nowhere/tx2.csv")


def test_which_row_serves_a_shape() -> None:
    shape = conv(16, 32, 56, activation="relu")
    other = TableRow(replace(shape, activation="any"), 0.1, schedule="direct@elsewhere")
    slow = TableRow(replace(shape, activation="none"), 0.4, schedule="v1")
    fast = TableRow(replace(shape, activation="none"), 0.3, schedule="v2")
    exact = TableRow(shape, 0.5, schedule="v1")
    for order in itertools.permutations((other, slow, fast, exact)):
        assert LookupTable("board", list(order)).find(shape) is exact
    table = LookupTable("board", [other, slow, fast])
    assert table.find(replace(shape, activation="relu6")) is fast
    assert table.find(replace(shape, activation="silu")) is None
    assert table.find(conv(16, 40, 56)) is None
    assert len(table.without([shape])) == 0


def test_the_hash_sees_what_decides_an_estimate(table: LookupTable) -> None:
    before = table.hash
    assert LookupTable("board", ROWS[::-1], {"date": "today"}).hash == before
    assert LookupTable("board", [replace(ROWS[0], latency_ms=0.6), *ROWS[1:]]).hash != before
    assert LookupTable("board", list(ROWS), {"workers": {"count": 6}}).hash != before


def test_the_layers_of_a_network_read_back_with_their_counts(tmp_path: Path) -> None:
    path = tmp_path / "network.csv"
    write_shapes(path, [conv(16, 16, 8), depthwise(16, 8), conv(16, 16, 8)])
    assert read_shapes(path) == [(conv(16, 16, 8), 2), (depthwise(16, 8), 1)]
    path.write_text(path.read_text().replace("depthwise", "conv2d").replace(",2\n", ",none\n"))
    with pytest.raises(TableError, match=r"row 1 .*count is 'none'"):
        read_shapes(path)
