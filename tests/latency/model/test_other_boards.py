"""The boards that teach: the shipped ones, without the table's own under any name."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from netadapt.latency.model.other_boards import Board, OtherBoards, boards_beside
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from tests.latency.layer_shapes import conv, depthwise

SHIPPED = ("rasp3b", "rk3399", "tx2-cpu", "tx2")


def test_the_shipped_boards_teach_a_new_one() -> None:
    boards = boards_beside(LookupTable("new", [TableRow(conv(8, 8, 7), 1.0)]))
    assert boards.names == SHIPPED
    assert boards.families == {"convolution", "depthwise"}
    log_ms, log_sd = boards.estimates([conv(128, 256, 28, kernel=3), depthwise(256, 14)])
    assert log_ms.shape == log_sd.shape == (4, 2)
    assert np.all(log_sd > 0)
    assert np.all(log_ms[0] > log_ms[3])


@pytest.mark.parametrize("board", SHIPPED)
def test_a_table_is_not_taught_by_its_own_board(board: str) -> None:
    rows = LookupTable.read(board).entries
    assert board not in boards_beside(LookupTable(board, rows[:3])).names
    assert board not in boards_beside(LookupTable("renamed", rows[5:9])).names


def test_tables_in_the_folder_where_it_is_run_do_not_teach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [TableRow(conv(8, 8, 7), 1.0, source="published")]
    LookupTable("mine", rows).write(tmp_path / "lookup_tables" / "mine.published.csv")
    monkeypatch.chdir(tmp_path)
    assert boards_beside(LookupTable("new", rows)).names == SHIPPED


def test_a_boards_own_row_goes_before_its_model() -> None:
    table = LookupTable.read("rk3399")
    board = Board(table)
    row = table.entries[7]
    assert board.estimate(row.shape)[0] == pytest.approx(math.log(row.latency_ms))
    assert board.estimate(conv(104, 88, 28))[1] > board.estimate(row.shape)[1]


def test_no_boards_know_no_family() -> None:
    assert OtherBoards(()).families == frozenset()
