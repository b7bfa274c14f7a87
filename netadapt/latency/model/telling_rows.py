"""The rows that a family's model is fitted to, where a table has more than a fit can hold.

A Gaussian process of N rows takes time as N³ and memory as N². The rows chosen are far apart: each
next one is the farthest, by what decides its time, from those chosen so far (Gonzalez, "Clustering
to Minimize the Maximum Intercluster Distance", 1985). So an unseen layer has one near it wherever
the table has any. The rows left out of the fit still stand for their own layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netadapt.latency.model.features import Array, Workers, features, roofline_terms
from netadapt.latency.table.table_row import TableRow

MOST_ROWS = 400
"""Of a family. More make estimates hardly better (experiments/load)."""

MOST_COMPARED = 20_000
"""More rows are thinned to so many first, evenly by their time."""


def telling_rows(
    rows: Sequence[TableRow], workers: Workers, most: int = MOST_ROWS
) -> list[TableRow]:
    """At most `most` of a family's rows, those of the table's own series first.

    In the order of the table; which they are doesn't depend on it.
    """
    if len(rows) <= most:
        return list(rows)
    own = [index for index, row in enumerate(rows) if not row.series]
    others = [index for index, row in enumerate(rows) if row.series]
    chosen = _far_apart(rows, own, most, workers)
    chosen += _far_apart(rows, others, most - len(chosen), workers)
    return [rows[index] for index in sorted(chosen)]


def _far_apart(
    rows: Sequence[TableRow], indices: list[int], most: int, workers: Workers
) -> list[int]:
    """The numbers of at most `most` of these rows."""
    if len(indices) <= most:
        return indices
    if most == 0:
        return []
    ranked = np.array(sorted(indices, key=lambda index: _rank(rows[index])))
    if len(ranked) > MOST_COMPARED:
        ranked = ranked[np.linspace(0, len(ranked) - 1, MOST_COMPARED).astype(int)]
    places = _places([rows[index] for index in ranked], workers)
    next_one = int(np.argmin((places**2).sum(axis=1)))
    nearest = np.full(len(places), np.inf)
    chosen = []
    for _ in range(most):
        chosen.append(next_one)
        nearest = np.minimum(nearest, ((places - places[next_one]) ** 2).sum(axis=1))
        nearest[chosen[-1]] = -1.0  # never again: rows of several series stand in one place
        next_one = int(np.argmax(nearest))
    return [int(index) for index in ranked[chosen]]


def _places(rows: Sequence[TableRow], workers: Workers) -> Array:
    """Where rows stand, [N, D]: features and roofline terms, each of unit spread."""
    raw = np.array([features(row.shape) for row in rows])
    terms = np.array([roofline_terms(row.shape, workers) for row in rows])
    columns = np.concatenate([raw, np.log(np.maximum(terms, 1e-12))], axis=1)
    spread = columns.std(axis=0)
    varying = spread > 0
    places: Array = (columns - columns.mean(axis=0))[:, varying] / spread[varying]
    return places


def _rank(row: TableRow) -> tuple[float, str]:
    return row.latency_ms, str(row.shape)
