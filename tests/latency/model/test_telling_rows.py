"""Tables of more rows than a fit can hold."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.features import Workers
from netadapt.latency.model.telling_rows import telling_rows
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from tests.latency.layer_shapes import conv, true_ms


def many_rows(count: int) -> list[TableRow]:
    chance = random.Random(3)
    shapes = {
        conv(chance.randint(8, 512), chance.randint(8, 512), chance.choice((7, 14, 28, 56)))
        for _ in range(count)
    }
    return [TableRow(shape, true_ms(shape)) for shape in sorted(shapes, key=str)]


def test_few_rows_are_all_told() -> None:
    rows = many_rows(30)
    assert telling_rows(rows, Workers(), 30) == rows


def test_the_rows_chosen_dont_depend_on_the_order_of_the_table() -> None:
    rows = many_rows(300)
    shuffled = random.Random(1).sample(rows, len(rows))
    first, second = (set(telling_rows(each, Workers(), 40)) for each in (rows, shuffled))
    assert len(first) == 40
    assert first == second


def test_a_second_series_fills_what_the_own_rows_leave() -> None:
    rows = many_rows(60)
    others = [replace(row, schedule="x@another") for row in rows]
    chosen = telling_rows([*others, *rows[:50]], Workers(), 55)
    assert sum(not row.series for row in chosen) == 50
    assert len(chosen) == 55


def test_no_row_is_chosen_twice_where_several_stand_in_one_place() -> None:
    rows = many_rows(60)
    twice = [replace(row, schedule=series) for row in rows for series in ("x@one", "x@another")]
    assert len(set(telling_rows(twice, Workers(), 100))) == 100


def test_a_row_left_out_of_the_fit_still_stands_for_its_layer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = many_rows(120)
    monkeypatch.setattr(
        "netadapt.latency.model.estimator.telling_rows",
        lambda members, workers: telling_rows(members, workers, 50),
    )
    estimator = LatencyEstimator(LookupTable("large", rows))
    assert len(estimator.fitted_rows) == 50
    assert [layer.ms for layer in estimator.layers(row.shape for row in rows)] == [
        row.latency_ms for row in rows
    ]
    unseen = [conv(8 * i + 3, 8 * i + 5, 28) for i in range(1, 30)]
    found = np.array([layer.ms for layer in estimator.layers(unseen)])
    assert np.abs(found / np.array([true_ms(shape) for shape in unseen]) - 1).mean() < 0.1
