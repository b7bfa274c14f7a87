"""What other boards teach of a board that has few rows of its own.

The mean is the other boards' log time of the layer, averaged. What this board adds to it is a
Gaussian process over all its rows together: a level, an offset a family, a kernel size and a size
of feature map (layers of one map are tiled alike), straight lines in the features, in the own
roofline and in how each other board differs from the mean (so each gets the weight it earns), and
something smooth on top. Bonilla, Chai and Williams, "Multi-task Gaussian Process Prediction" (NIPS
2007) learn how tasks go together from all their rows; with twenty rows of the new one that is too
much to learn, so every part has a fixed standard deviation here, chosen by leaving one board out
(experiments/boards), and the rows settle the rest in closed form. Nothing is searched: as fast as
one Cholesky factor, and the rows left out are predicted as honestly as those never seen.

How much of it counts beside the board's own rows is left to `blended_family`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.family_model import Prediction
from netadapt.latency.model.features import (
    FEATURES,
    Array,
    bytes_read,
    bytes_written,
    family,
    weight_bytes,
)
from netadapt.latency.model.gaussian_process import LEAST_SPREAD, matern
from netadapt.latency.model.other_boards import OtherBoards
from netadapt.latency.table.table_row import TableRow, fastest_rows

# Standard deviations of log time that each part of the sum may have.
LEVEL = 5.0
OFFSETS = (0.15, 0.1, 0.07)
"""Of a family, of a kernel with its stride, of a size of feature map."""

FEATURE_SLOPE = 0.1
ROOFLINE_SLOPE = 0.2
BOARD_SLOPE = 0.3
SMOOTH, SMOOTH_LENGTH = 0.2, 3.0
NOISE = 0.08

DEPTHWISE_APART = 2.0
"""How far, in standard deviations of a feature, depthwise layers are from all others."""

ROWS_OF_DOUBT = 8
"""The scale of the intervals is that of so many rows as promised, and of the rows left out."""

SHAPE_FEATURES = (
    "pixels",
    "in_channels",
    "out_channels",
    "out_tile",
    "kernel",
    "stride",
    "dilation",
    "activation",
)

Rooflines = Callable[[Sequence[LayerShape]], Array]
"""Log milliseconds of the board's own roofline, [N]; NaN for a family that it has no rows of."""


@dataclass(frozen=True)
class _Points:
    """Layers as the process sees them: N of them.

    `kinds` [3, N] numbers families, kernels and map sizes; `smooth` [N, D] are standardized
    features, `lines` [N, L] all columns that a straight line may run in, each times the standard
    deviation of its slope; `mean` and `doubt` [N] are the other boards' log time and its variance.
    """

    kinds: NDArray[np.int64]
    smooth: Array
    lines: Array
    mean: Array
    doubt: Array

    def covariance(self, other: _Points) -> Array:
        """Prior covariance, [N, M]."""
        total = LEVEL**2 + self.lines @ other.lines.T
        for deviation, mine, theirs in zip(OFFSETS, self.kinds, other.kinds, strict=True):
            total += deviation**2 * (mine[:, None] == theirs[None, :])
        distance = cdist(self.smooth, other.smooth) / SMOOTH_LENGTH
        return np.asarray(total + SMOOTH**2 * matern(distance))

    @property
    def variance(self) -> Array:
        """The diagonal of `covariance` with itself, [N]."""
        parts = LEVEL**2 + SMOOTH**2 + sum(deviation**2 for deviation in OFFSETS)
        return np.asarray(parts + np.einsum("nl,nl->n", self.lines, self.lines))


class TaughtModel:
    """Fitted to a board's own rows of the families that the other boards know.

    It predicts layers of all these families, of which the board may have no row yet. A second
    series is left out: it is no figure of the board.
    """

    def __init__(self, rows: Sequence[TableRow], boards: OtherBoards, rooflines: Rooflines) -> None:
        best = fastest_rows(row for row in rows if family(row.shape) in boards.families)
        self._boards = boards
        self._rooflines = rooflines
        self._shapes = list(best)
        self._kinds: tuple[dict[object, int], ...] = ({}, {}, {})
        self._settle_scales()
        self._points = self._describe(self._shapes)
        self._log_ms = np.log([row.latency_ms for row in best.values()])
        excess = self._log_ms - self._points.mean
        self._level = float(np.median(excess))
        covariance = self._points.covariance(self._points)
        covariance += np.diag(NOISE**2 + self._points.doubt)
        self._factor = cho_factor(covariance, lower=True)
        self._weights = cho_solve(self._factor, excess - self._level)
        inverse = np.diag(cho_solve(self._factor, np.eye(len(excess))))
        self._left_out = self._weights / inverse
        surprise = float(np.sum(self._left_out**2 * inverse))
        self._scale = np.sqrt((ROWS_OF_DOUBT + surprise) / (ROWS_OF_DOUBT + len(excess)))

    def predict(self, shapes: Sequence[LayerShape]) -> Prediction:
        """Predict shapes of the families that the other boards know."""
        points = self._describe(shapes)
        cross = points.covariance(self._points)
        log_ms = points.mean + self._level + cross @ self._weights
        solved = cho_solve(self._factor, cross.T, check_finite=False)  # checked when it was made
        explained = np.einsum("mn,nm->m", cross, solved)
        variance = np.maximum(points.variance - explained, 0.0) + NOISE**2 + points.doubt
        return Prediction(log_ms, self._scale * np.sqrt(variance))

    def correlation(self, shapes: Sequence[LayerShape]) -> Array:
        """How the errors of several predictions go together, [N, N]."""
        points = self._describe(shapes)
        cross = points.covariance(self._points)
        covariance = points.covariance(points) - cross @ cho_solve(self._factor, cross.T)
        covariance += np.diag(NOISE**2 + points.doubt)
        deviation = np.sqrt(np.diag(covariance))
        return np.asarray(covariance / np.outer(deviation, deviation))

    def left_out_errors(self, name: str) -> Array:
        """Relative error of each row of the family `name`, from all other rows."""
        here = [family(shape) == name for shape in self._shapes]
        errors: Array = np.abs(np.expm1(self._left_out[here]))
        return errors

    def _settle_scales(self) -> None:
        """The centre and spread of every column, from the rows."""
        smooth, lines = _smooth_features(self._shapes), _line_features(self._shapes)
        self._centres = smooth.mean(axis=0), lines.mean(axis=0)
        self._spreads = tuple(
            np.maximum(columns.std(axis=0), LEAST_SPREAD) for columns in (smooth, lines)
        )
        log_ms, _ = self._boards.estimates(self._shapes)
        self._board_centre = (log_ms - log_ms.mean(axis=0)).mean(axis=1)
        own = self._rooflines(self._shapes) - log_ms.mean(axis=0)
        self._roofline_centre = float(own.mean())

    def _describe(self, shapes: Sequence[LayerShape]) -> _Points:
        log_ms, log_sd = self._boards.estimates(shapes)
        mean = log_ms.mean(axis=0)
        smooth = (_smooth_features(shapes) - self._centres[0]) / self._spreads[0]
        lines = (_line_features(shapes) - self._centres[1]) / self._spreads[1]
        features = np.concatenate([smooth, lines], axis=1)
        roofline = self._rooflines(shapes) - mean - self._roofline_centre
        depthwise = np.array([[DEPTHWISE_APART * shape.is_depthwise] for shape in shapes])
        return _Points(
            kinds=np.array([self._kinds_of(shape) for shape in shapes]).T,
            smooth=np.concatenate([smooth, depthwise], axis=1),
            lines=np.concatenate(
                [
                    FEATURE_SLOPE / np.sqrt(features.shape[1]) * features,
                    ROOFLINE_SLOPE * np.nan_to_num(roofline)[:, None],
                    BOARD_SLOPE * (log_ms - mean - self._board_centre[:, None]).T,
                ],
                axis=1,
            ),
            mean=mean,
            doubt=np.mean(log_sd**2, axis=0) / len(log_sd),
        )

    def _kinds_of(self, shape: LayerShape) -> list[int]:
        kinds = (family(shape), (shape.kernel, shape.stride), shape.in_height)
        return [
            numbers.setdefault(kind, len(numbers))
            for numbers, kind in zip(self._kinds, kinds, strict=True)
        ]


def _smooth_features(shapes: Sequence[LayerShape]) -> Array:
    return np.array([[FEATURES[name](shape) for name in SHAPE_FEATURES] for shape in shapes])


def _line_features(shapes: Sequence[LayerShape]) -> Array:
    """Logarithms of what a layer computes and moves."""
    amounts = [
        [shape.macs, bytes_read(shape), bytes_written(shape), weight_bytes(shape)]
        for shape in shapes
    ]
    logarithms: Array = np.log(np.maximum(np.array(amounts, dtype=float), 1.0))
    return logarithms
