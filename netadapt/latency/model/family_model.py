"""The latency model of one family of layers: a roofline, and a Gaussian process on what is left.

Rows of a second series (others' figures of the same kind of board) teach the shape of the
surface; an offset and a slope of their own keep their level out of it. Layers are seen at the
widths that the device's kernels pad them to. Intervals are widened until, leaving out one shape at
a time, they hold what they promise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.channel_blocks import BLOCKS, matters, padded
from netadapt.latency.model.features import (
    Array,
    Workers,
    family,
    feature_names,
    features,
    roofline_terms,
    series_of,
)
from netadapt.latency.model.gaussian_process import GaussianProcess, Hyperparameters
from netadapt.latency.model.roofline import fit_roofline, log_roofline
from netadapt.latency.table.table_row import TableRow, kernel_of

# Fewer rows can't tell the prices of five terms apart: they scale a common price list.
LEAST_ROWS_FOR_PRICES = 4
LEAST_ROWS_OF_OWN = 8
# ms for a launch, 10⁸ MACs, MB read, written and of weights: only the ratios matter.
COMMON_PRICES = np.array([0.01, 1.0, 0.05, 0.05, 0.05])
# Standard deviation of log time for one unit (a factor e) of a feature in which no two rows of
# the table differ, and for a family whose rows can't be cross-checked.
UNSEEN_FEATURE = 0.3
UNCHECKED_FAMILY = 0.3
NINETY_PERCENT = 1.645
SCALE_LIMITS = (1.0, 2.0)
# Larger blocks must lower the leave-one-out error at least to this share of the best so far.
WORTH_A_BLOCK = 0.85


@dataclass(frozen=True)
class Prediction:
    """Log milliseconds and their standard deviation, [N] each."""

    log_ms: Array
    log_sd: Array


class FamilyModel:
    """Fitted to the rows of one family of one table; `hyperparameters` skips their search.

    `block`: how many channels the device's kernels take at once.
    """

    def __init__(
        self,
        rows: Sequence[TableRow],
        workers: Workers,
        hyperparameters: Hyperparameters | None = None,
        block: int = 1,
    ) -> None:
        self._workers = workers
        self._block = block
        self._names = feature_names(family(rows[0].shape))
        self._kernels = [kernel_of(row.shape) for row in rows]
        self._shapes = [padded(row.shape, block) for row in rows]
        self._series = np.array([series_of(list(rows)).index(row.series) for row in rows])
        self._latency = np.array([row.latency_ms for row in rows])
        terms = self._terms(self._shapes)
        self._prices = self._fit_prices(terms)
        mean = self._mean(self._shapes, terms)
        raw = self._raw(self._shapes)
        self._varies = np.ptp(raw, axis=0) > 0
        self._constant = raw[0]
        self._mean_level = float(mean.mean())
        self._process = GaussianProcess(
            self._inputs(raw, mean, self._series),
            np.log(self._latency) - mean,
            self._series,
            hyperparameters if self._fits(hyperparameters) else None,
        )
        self._scale, self._floor = self._calibrate()

    @property
    def hyperparameters(self) -> Hyperparameters:
        """Those of the Gaussian process."""
        return self._process.hyperparameters

    @property
    def ms_per_megabyte(self) -> float:
        """Price of data read or written by a kernel of this family, in ms per 10⁶ bytes."""
        prices = next(iter(self._prices.values()))
        return float(prices[2] + prices[3]) / 2

    def predict(self, shapes: Sequence[LayerShape]) -> Prediction:
        """Predict shapes of this family."""
        shapes = self._padded(shapes)
        mean = self._mean(shapes, self._terms(shapes))
        raw = self._raw(shapes)
        inputs = self._inputs(raw, mean, np.zeros(len(shapes), dtype=np.int64))
        residual, variance = self._process.predict(inputs)
        strange = ((raw - self._constant)[:, ~self._varies] * UNSEEN_FEATURE) ** 2
        spread = np.sqrt(self._scale**2 * variance + strange.sum(axis=1) + self._floor**2)
        return Prediction(mean + residual, spread)

    def log_roofline(self, shapes: Sequence[LayerShape]) -> Array:
        """The roofline alone, in log milliseconds; for shapes that need not be of this family."""
        shapes = self._padded(shapes)
        return self._mean(shapes, self._terms(shapes))

    def correlation(self, shapes: Sequence[LayerShape]) -> Array:
        """How the errors of several predictions go together, [N, N]."""
        shapes = self._padded(shapes)
        mean = self._mean(shapes, self._terms(shapes))
        zero = np.zeros(len(shapes), dtype=np.int64)
        covariance = self._process.covariance(self._inputs(self._raw(shapes), mean, zero))
        deviation = np.sqrt(np.diag(covariance))
        correlation: Array = covariance / np.outer(deviation, deviation)
        return correlation

    def left_out_errors(self) -> Array:
        """Relative error of each row of the table's own, from the rows of other shapes."""
        rows, means, _ = self._left_out()
        errors = np.abs(np.exp(means - self._observed()[rows]) - 1)
        own: Array = errors[self._series[rows] == 0]
        return own

    def _padded(self, shapes: Sequence[LayerShape]) -> list[LayerShape]:
        return [padded(shape, self._block) for shape in shapes]

    def _observed(self) -> Array:
        """What the process is fitted to: log time over the roofline's."""
        observed: Array = np.log(self._latency) - self._mean(
            self._shapes, self._terms(self._shapes)
        )
        return observed

    def _left_out(self) -> tuple[NDArray[np.int64], Array, Array]:
        """Row numbers, and what the process says of each without the rows of its shape."""
        groups: dict[LayerShape, list[int]] = {}
        for index, kernel in enumerate(self._kernels):
            groups.setdefault(kernel, []).append(index)
        order = [np.array(group) for group in groups.values()]
        return np.concatenate(order), *self._process.leave_out(order)

    def _fits(self, hyperparameters: Hyperparameters | None) -> bool:
        """Whether they are of a model with as many series (a series may have lost all its rows)."""
        return hyperparameters is not None and len(hyperparameters.noise) == self._series.max() + 1

    def _terms(self, shapes: Sequence[LayerShape]) -> Array:
        return np.array([roofline_terms(shape, self._workers) for shape in shapes])

    def _raw(self, shapes: Sequence[LayerShape]) -> Array:
        return np.array([features(shape) for shape in shapes])

    def _fit_prices(self, terms: Array) -> dict[bool, Array]:
        """Prices for k×k kernels and for 1×1 ones, apart where both have rows enough."""
        one_by_one = np.array([_is_one_by_one(shape) for shape in self._shapes])
        own = self._series == 0
        prices: dict[bool, Array] = {}
        for part in (False, True):
            for chosen in ((one_by_one == part) & own, one_by_one == part, own):
                if chosen.sum() >= LEAST_ROWS_OF_OWN:
                    break
            else:
                chosen = np.ones(len(own), dtype=bool)
            if chosen.sum() < LEAST_ROWS_FOR_PRICES:
                ratios = self._latency[chosen] / (terms[chosen] @ COMMON_PRICES)
                prices[part] = COMMON_PRICES * np.median(ratios)
            else:
                prices[part] = fit_roofline(terms[chosen], self._latency[chosen])
        return prices

    def _mean(self, shapes: Sequence[LayerShape], terms: Array) -> Array:
        one_by_one = np.array([_is_one_by_one(shape) for shape in shapes])
        return np.where(
            one_by_one,
            log_roofline(terms, self._prices[True]),
            log_roofline(terms, self._prices[False]),
        )

    def _inputs(self, raw: Array, mean: Array, series: NDArray[np.int64]) -> Array:
        """Features, the roofline, and for every further series an offset and a slope.

        A feature in which no two rows differ stays as a column of zeros, so that a model of fewer
        rows has the same hyperparameters.
        """
        columns = [np.where(self._varies, raw - self._constant, 0.0), mean[:, None]]
        for index in range(1, int(self._series.max()) + 1):
            here = (series == index).astype(float)
            columns += [here[:, None], (here * (mean - self._mean_level))[:, None]]
        return np.concatenate(columns, axis=1)

    def _calibrate(self) -> tuple[float, float]:
        """What to multiply the standard deviation by, and what to add to it."""
        count = len(set(self._kernels))
        if count < LEAST_ROWS_OF_OWN:
            return 1.0, UNCHECKED_FAMILY if count < LEAST_ROWS_FOR_PRICES else 0.0
        rows, means, variances = self._left_out()
        surprise = np.abs(self._observed()[rows] - means) / np.sqrt(variances)
        own = surprise[self._series[rows] == 0]
        scale = float(np.quantile(own, 0.9)) / NINETY_PERCENT
        return float(np.clip(scale, *SCALE_LIMITS)), 0.0


def find_block(families: Iterable[Sequence[TableRow]], workers: Workers) -> int:
    """How many channels the device's kernels take at once: the block under which rows left out
    are predicted best, 1 where no block predicts them clearly better.

    Families too small to be left out of don't count. The process is taken as it is before its
    hyperparameters are searched: enough to tell a step from a slope.
    """
    chosen = [rows for rows in families if len({row.shape for row in rows}) >= LEAST_ROWS_OF_OWN]
    best, least = 1, math.inf
    for block in BLOCKS if chosen else ():
        if block > 1 and not any(matters([row.shape for row in rows], block) for rows in chosen):
            continue
        errors = [unsearched(rows, workers, block).left_out_errors() for rows in chosen]
        error = float(np.concatenate(errors).mean())
        if error < (least if block == 1 else WORTH_A_BLOCK * least):
            best, least = block, error
    return best


def unsearched(rows: Sequence[TableRow], workers: Workers, block: int = 1) -> FamilyModel:
    """A model at the hyperparameters that a search starts from: a hundred times faster to fit."""
    series = len(series_of(list(rows)))
    inputs = len(feature_names(family(rows[0].shape))) + 1 + 2 * (series - 1)
    return FamilyModel(rows, workers, Hyperparameters.start(inputs, series), block)


def _is_one_by_one(shape: LayerShape) -> bool:
    return shape.kernel == (1, 1)
