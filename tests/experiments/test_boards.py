"""The experiment with boards left out: what is known and what is asked, and its table."""

from __future__ import annotations

import pandas as pd
import pytest

from experiments.boards.run import TABLES, draws, own_rows
from experiments.boards.summary import text_of
from netadapt.latency.model.other_boards import boards_beside


@pytest.mark.parametrize("board", TABLES)
def test_a_draw_parts_the_boards_own_rows(board: str) -> None:
    (_, known, rest), (_, again, _) = *draws(board, 20, 1), *draws(board, 20, 1)
    assert len(known) == 20
    assert [row.shape for row in known.entries] == [row.shape for row in again.entries]
    shapes = {row.shape for row in (*known.entries, *rest.entries)}
    assert shapes == {row.shape for row in own_rows(board)}
    assert len(shapes) == len(known) + len(rest)
    assert board not in boards_beside(known).names


def test_more_rows_than_there_are_give_no_draw() -> None:
    assert list(draws("tx2", 80, 3)) == []


def test_the_table_gives_both_ways() -> None:
    rows = [
        {"board": "b", "known": known, "rows": 50, "draw": 0, "way": way,
         "mean_error": error, "inside_90": 0.9}
        for known in ("10", "half")
        for way, error in (("alone", 0.2), ("taught", 0.1))
    ]  # fmt: skip
    assert "| b | about 100 | 20.0 → 10.0 % |  |  |  | 20.0 → 10.0 % |" in text_of(
        pd.DataFrame(rows)
    )
