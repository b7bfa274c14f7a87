"""What other boards teach: a board left out, predicted from few of its rows and the others."""

from __future__ import annotations

import numpy as np
import pytest

from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.family_model import NINETY_PERCENT
from netadapt.latency.model.features import Array
from netadapt.latency.model.other_boards import OtherBoards, boards_beside
from netadapt.latency.table.table import LookupTable

FEW = 20


def halves(board: str, known: int, seed: int) -> tuple[LookupTable, LookupTable]:
    """A board's own rows, `known` of them at random, and the rest."""
    rows = [row for row in LookupTable.read(board).entries if not row.series]
    order = np.random.default_rng(seed).permutation(len(rows))
    return (
        LookupTable(board, [rows[i] for i in order[:known]]),
        LookupTable(board, [rows[i] for i in order[known:]]),
    )


def predicted(known: LookupTable, rest: LookupTable, boards: OtherBoards) -> tuple[Array, float]:
    """Relative errors of the layers of `rest`, and the share inside their 90 % intervals."""
    estimator = LatencyEstimator(known, strict=False, boards=boards)
    found = estimator.layers(row.shape for row in rest.entries)
    true = np.array([row.latency_ms for row in rest.entries])
    log = np.log([layer.kernel_ms for layer in found])
    spread = NINETY_PERCENT * np.array([layer.log_sd for layer in found])
    return np.abs(np.exp(log) / true - 1), float((np.abs(log - np.log(true)) <= spread).mean())


@pytest.mark.parametrize(("board", "most"), [("rk3399", 0.1), ("rasp3b", 0.11)])
def test_a_board_left_out_is_known_from_twenty_rows(board: str, most: float) -> None:
    errors, alone, inside = [], [], []
    for seed in range(2):
        known, rest = halves(board, FEW, seed)
        taught, share = predicted(known, rest, boards_beside(known))
        errors.append(taught.mean())
        inside.append(share)
        alone.append(predicted(known, rest, OtherBoards(()))[0].mean())
    assert np.mean(errors) < most
    assert np.mean(errors) < 0.8 * np.mean(alone)
    assert 0.85 <= np.mean(inside) <= 0.99


def test_one_row_sets_the_level() -> None:
    """Every layer of a board twice as slow as another, from a single row of it."""
    known, rest = halves("rk3399", 1, seed=4)
    errors, _ = predicted(known, rest, boards_beside(known))
    assert np.median(errors) < 0.4


def test_a_full_tables_estimates_are_its_own() -> None:
    for board in ("tx2", "tx2-cpu", "rk3399"):
        table = LookupTable.read(board)
        assert set(LatencyEstimator(table).own_shares.values()) == {1.0}


def test_a_family_without_rows_is_known_from_other_boards() -> None:
    rows = [row for row in LookupTable.read("rk3399").entries if not row.shape.is_depthwise]
    table = LookupTable("rk3399", rows[::6])
    wanted = [row for row in LookupTable.read("rk3399").entries if row.shape.is_depthwise]
    errors, inside = predicted(table, LookupTable("rk3399", wanted), boards_beside(table))
    assert errors.mean() < 0.35
    assert inside > 0.7


def test_equal_rows_give_equal_estimates() -> None:
    known, rest = halves("tx2", FEW, seed=0)
    shapes = [row.shape for row in rest.entries[:5]]
    first, second = (LatencyEstimator(known, strict=False).layers(shapes) for _ in range(2))
    assert first == second
