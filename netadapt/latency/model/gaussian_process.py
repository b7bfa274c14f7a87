"""A Gaussian process on log time, small enough to be read in one sitting.

Rasmussen and Williams, *Gaussian Processes for Machine Learning* (2006): Matérn 5/2 kernel with a
length scale a feature, plus a linear kernel, plus noise of its own for each series; the
hyperparameters maximize the marginal likelihood times weak log-normal priors, which keep a family
of five rows sensible (§5.4). Leave-one-out in closed form is their §5.4.2. Deterministic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize
from scipy.spatial.distance import cdist

from netadapt.latency.model.features import Array

# Log-normal priors (centre, standard deviation of the logarithm). Amplitudes and noise are
# standard deviations of log time; length scales are in standard deviations of the feature, or in
# LEAST_SPREAD where that is more.
LENGTH_PRIOR = (3.0, 0.7)
AMPLITUDE_PRIOR = (0.15, 0.7)
SLOPE_PRIOR = (0.5, 1.0)
NOISE_PRIOR = (0.06, 0.3)
# The constant offset is all but free.
OFFSET_VARIANCE = 100.0
# A feature (a logarithm) that hardly varies among the rows must not become a steep one outside.
LEAST_SPREAD = 0.5
SEARCH_STEPS = 150


@dataclass(frozen=True)
class Hyperparameters:
    """Length scales [D], amplitude, slope of the linear part, noise [S] of each series."""

    lengths: Array
    amplitude: float
    slope: float
    noise: Array

    def pack(self) -> Array:
        """Logarithms in one vector."""
        vector: Array = np.concatenate([self.lengths, [self.amplitude, self.slope], self.noise])
        return cast(Array, np.log(vector))

    @classmethod
    def unpack(cls, vector: Array, features: int) -> Hyperparameters:
        """The inverse of `pack`."""
        values = np.exp(vector)
        return cls(
            lengths=values[:features],
            amplitude=float(values[features]),
            slope=float(values[features + 1]),
            noise=values[features + 2 :],
        )

    @classmethod
    def start(cls, features: int, series: int) -> Hyperparameters:
        """Where the search for the best begins."""
        return cls(np.full(features, 2.0), 0.15, 0.5, np.full(series, 0.05))


class GaussianProcess:
    """Posterior over functions of standardized features.

    inputs [N, D]; targets [N] in log milliseconds; series [N], from 0, picks the noise.
    """

    def __init__(
        self,
        inputs: Array,
        targets: Array,
        series: NDArray[np.int64],
        hyperparameters: Hyperparameters | None = None,
    ) -> None:
        self._centre = inputs.mean(axis=0)
        spread = inputs.std(axis=0)
        self._scale = np.maximum(spread, LEAST_SPREAD)
        self._inputs = (inputs - self._centre) / self._scale
        self._level = float(targets.mean())
        self._targets = targets - self._level
        self._series = series
        self.hyperparameters = hyperparameters or self._search()
        noise = self.hyperparameters.noise[series] ** 2
        covariance = self._covariance(self._inputs, self._inputs) + np.diag(noise)
        self._factor = cho_factor(covariance, lower=True)
        self._weights = cho_solve(self._factor, self._targets)

    def predict(self, inputs: Array) -> tuple[Array, Array]:
        """Mean and variance of a new row of the first series at `inputs` [M, D]: [M], [M]."""
        points = (inputs - self._centre) / self._scale
        cross = self._covariance(points, self._inputs)
        mean = cross @ self._weights + self._level
        hyper = self.hyperparameters
        prior = (
            hyper.amplitude**2
            + hyper.slope**2 * np.einsum("nd,nd->n", points, points)
            + OFFSET_VARIANCE
        )
        # The factor was checked when it was made: checking it again takes most of the time.
        known = solve_triangular(self._factor[0], cross.T, lower=True, check_finite=False)
        explained = np.einsum("nm,nm->m", known, known)
        return mean, np.maximum(prior - explained, 0.0) + hyper.noise[0] ** 2

    def covariance(self, inputs: Array) -> Array:
        """Posterior covariance [M, M] of new rows of the first series at `inputs` [M, D]."""
        points = (inputs - self._centre) / self._scale
        cross = self._covariance(points, self._inputs)
        posterior = self._covariance(points, points) - cross @ cho_solve(self._factor, cross.T)
        return cast(Array, posterior + self.hyperparameters.noise[0] ** 2 * np.eye(len(points)))

    def leave_out(self, groups: list[NDArray[np.int64]]) -> tuple[Array, Array]:
        """Mean and variance of every row of each group, from all rows outside of that group.

        The groups are disjoint lists of row numbers; the results are in their order. The
        hyperparameters are those of all rows.
        """
        inverse = cho_solve(self._factor, np.eye(len(self._targets)))
        means: list[Array] = []
        variances: list[Array] = []
        for group in groups:
            block = np.linalg.inv(inverse[np.ix_(group, group)])
            means.append(self._targets[group] - block @ self._weights[group] + self._level)
            variances.append(np.diag(block))
        return np.concatenate(means), np.concatenate(variances)

    def _covariance(self, left: Array, right: Array) -> Array:
        hyper = self.hyperparameters
        smooth = matern(cdist(left / hyper.lengths, right / hyper.lengths))
        linear = left @ right.T
        return hyper.amplitude**2 * smooth + hyper.slope**2 * linear + OFFSET_VARIANCE

    def _search(self) -> Hyperparameters:
        features = self._inputs.shape[1]
        squares = (self._inputs[:, None, :] - self._inputs[None, :, :]) ** 2
        linear = self._inputs @ self._inputs.T
        start = Hyperparameters.start(features, int(self._series.max()) + 1).pack()
        found = minimize(
            lambda vector: self._loss(vector, squares, linear),
            start,
            jac=True,
            method="L-BFGS-B",
            options={"maxiter": SEARCH_STEPS},
        )
        return Hyperparameters.unpack(found.x, features)

    def _loss(self, vector: Array, squares: Array, linear: Array) -> tuple[float, Array]:
        """Negative log posterior of the hyperparameters, and its gradient in their logarithms."""
        rows, features = self._inputs.shape
        hyper = Hyperparameters.unpack(vector, features)
        inverse_squares = hyper.lengths**-2.0
        distance = np.sqrt(5.0 * np.tensordot(squares, inverse_squares, axes=(2, 0)))
        decay = np.exp(-distance)
        smooth = hyper.amplitude**2 * (1.0 + distance + distance**2 / 3.0) * decay
        sloped = hyper.slope**2 * linear
        noise = hyper.noise[self._series] ** 2
        try:
            factor = cho_factor(smooth + sloped + OFFSET_VARIANCE + np.diag(noise), lower=True)
        except LinAlgError:
            return 1e12, np.zeros_like(vector)
        weights = cho_solve(factor, self._targets)
        inverse = cho_solve(factor, np.eye(rows))
        loss = 0.5 * self._targets @ weights + np.log(np.diag(factor[0])).sum()
        # d loss / d log p = ½ Σ (K⁻¹ − αα') ∘ dK/d log p
        outer = 0.5 * (inverse - np.outer(weights, weights))
        gradient = np.empty_like(vector)
        by_square = outer * hyper.amplitude**2 * (-5.0 / 6.0) * (1.0 + distance) * decay
        gradient[:features] = -2.0 * inverse_squares * np.tensordot(by_square, squares, axes=2)
        gradient[features] = 2.0 * (outer * smooth).sum()
        gradient[features + 1] = 2.0 * (outer * sloped).sum()
        for index in range(len(hyper.noise)):
            mine = self._series == index
            gradient[features + 2 + index] = 2.0 * (np.diag(outer) * noise)[mine].sum()
        centre, deviation = _priors(features, len(hyper.noise))
        surprise = (vector - centre) / deviation
        return float(loss + 0.5 * surprise @ surprise), gradient + surprise / deviation


def matern(distance: Array) -> Array:
    """The Matérn 5/2 kernel of distances in length scales."""
    scaled = np.sqrt(5.0) * distance
    kernel: Array = (1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled)
    return kernel


def _priors(features: int, series: int) -> tuple[Array, Array]:
    priors = [LENGTH_PRIOR] * features + [AMPLITUDE_PRIOR, SLOPE_PRIOR] + [NOISE_PRIOR] * series
    centres, deviations = np.array(priors).T
    return np.log(centres), deviations
