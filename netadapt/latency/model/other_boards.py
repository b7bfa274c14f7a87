"""The boards whose tables ship with the package, and what each of them says of a layer.

A published table is a measured board that every user has: where a new board has few rows, these
know which layers are slow for their size. A table's own board is never among them, under whatever
name it stands. What a new board learns from them is the matter of `taught_model`; a user's own
tables stay out, so that an estimate doesn't depend on what else was measured on the machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.family_model import unsearched
from netadapt.latency.model.features import Array, Workers, family
from netadapt.latency.table.table import FOLDER, PUBLISHED_SUFFIX, LookupTable
from netadapt.latency.table.table_row import TableRow, kernel_of
from netadapt.shipped import find_shipped

ROW_LOG_SD = 0.03
"""Of a board's own row, which is the best of one tuning."""


class Board:
    """One measured board: the row of a layer where it has one, else what its rows say of it.

    The models are taken before their hyperparameters are searched: a board that only teaches need
    not be known to the last percent, and a command that reads one table shouldn't wait for four.
    """

    def __init__(self, table: LookupTable) -> None:
        self.table = table
        self.name = table.name
        workers = Workers.from_meta(table.meta)
        rows: dict[str, list[TableRow]] = {}
        for entry in table.entries:
            rows.setdefault(family(entry.shape), []).append(entry)
        self._models = {name: unsearched(members, workers) for name, members in rows.items()}
        self._figures = {(kernel_of(e.shape), e.latency_ms) for e in table.entries}
        self._known: dict[LayerShape, tuple[float, float]] = {}

    @property
    def families(self) -> frozenset[str]:
        """The families of layers that it has rows of."""
        return frozenset(self._models)

    def estimate(self, shape: LayerShape) -> tuple[float, float]:
        """Log milliseconds of a layer of one of its families, and their standard deviation."""
        kernel = kernel_of(shape)
        if kernel not in self._known:
            self._known[kernel] = self._estimate(kernel)
        return self._known[kernel]

    def is_board_of(self, table: LookupTable) -> bool:
        """Whether `table` is this board: by its name, or by a figure equal to the last digit."""
        return self.name == table.name or any(
            (kernel_of(entry.shape), entry.latency_ms) in self._figures for entry in table.entries
        )

    def _estimate(self, shape: LayerShape) -> tuple[float, float]:
        row = self.table.find(shape)
        if row is not None and not row.series:
            return math.log(row.latency_ms), ROW_LOG_SD
        prediction = self._models[family(shape)].predict([shape])
        return float(prediction.log_ms[0]), float(prediction.log_sd[0])


class OtherBoards:
    """Some boards together, in a fixed order."""

    def __init__(self, boards: Iterable[Board]) -> None:
        self.boards = tuple(boards)

    @property
    def names(self) -> tuple[str, ...]:
        """The boards' names."""
        return tuple(board.name for board in self.boards)

    @property
    def families(self) -> frozenset[str]:
        """The families of layers that every one of them has rows of; none without any board."""
        if not self.boards:
            return frozenset()
        return frozenset.intersection(*(board.families for board in self.boards))

    def estimates(self, shapes: Sequence[LayerShape]) -> tuple[Array, Array]:
        """Log milliseconds on each board, and their standard deviations, [boards, N] each.

        The shapes are of `families`.
        """
        told = [[board.estimate(shape) for shape in shapes] for board in self.boards]
        both = np.array(told).reshape(len(self.boards), len(shapes), 2)
        return both[:, :, 0], both[:, :, 1]


def boards_beside(table: LookupTable) -> OtherBoards:
    """The shipped boards but the table's own."""
    folders = find_shipped(FOLDER)
    # The farthest is the package's own: ./lookup_tables may hold another's published tables.
    paths = sorted(folders[-1].glob(f"*{PUBLISHED_SUFFIX}.csv")) if folders else []
    boards = [_shipped_board(path) for path in paths]
    return OtherBoards(board for board in boards if not board.is_board_of(table))


@cache
def _shipped_board(path: Path) -> Board:
    return Board(LookupTable.read(path))
