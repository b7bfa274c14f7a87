"""The Gaussian process: it learns, knows where it doesn't, and leaves out in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from netadapt.latency.model.gaussian_process import GaussianProcess, Hyperparameters


def a_process(rows: int = 40) -> tuple[GaussianProcess, np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    inputs = random.uniform(0, 4, (rows, 3))
    targets = np.sin(inputs[:, 0]) * 0.3 + 0.1 * inputs[:, 1] + random.normal(0, 0.03, rows)
    series = (np.arange(rows) % 4 == 0).astype(np.int64)
    return GaussianProcess(inputs, targets, series), inputs, targets


def test_the_process_learns_and_knows_where_it_does_not() -> None:
    process, _, _ = a_process()
    inside = np.random.default_rng(2).uniform(0.5, 3.5, (50, 3))
    mean, variance = process.predict(inside)
    error = mean - (np.sin(inside[:, 0]) * 0.3 + 0.1 * inside[:, 1])
    assert np.abs(error).mean() < 0.03
    _, outside = process.predict(inside + 6)
    assert outside.min() > 4 * variance.mean()
    assert process.covariance(inside).diagonal() == pytest.approx(variance, rel=1e-6)


def test_the_gradient_of_the_search_is_right() -> None:
    process, _, _ = a_process(12)
    squares = (process._inputs[:, None, :] - process._inputs[None, :, :]) ** 2
    linear = process._inputs @ process._inputs.T
    for seed in range(3):
        point = Hyperparameters.start(3, 2).pack() + np.random.default_rng(seed).normal(0, 0.5, 7)
        error = check_grad(
            lambda v: process._loss(v, squares, linear)[0],
            lambda v: process._loss(v, squares, linear)[1],
            point,
        )
        assert error < 1e-3 * np.linalg.norm(process._loss(point, squares, linear)[1])


def test_leaving_out_in_closed_form_equals_really_leaving_out() -> None:
    process, _, _ = a_process(20)
    groups = [np.array([3]), np.array([0, 4])]
    means, variances = process.leave_out(groups)
    noise = process.hyperparameters.noise[process._series]
    covariance = process._covariance(process._inputs, process._inputs) + np.diag(noise**2)
    for position, group in zip(([0], [1, 2]), groups, strict=True):
        kept = np.setdiff1d(np.arange(20), group)
        inverse = np.linalg.inv(covariance[np.ix_(kept, kept)])
        cross = covariance[np.ix_(group, kept)]
        expected = cross @ inverse @ process._targets[kept] + process._level
        assert means[position] == pytest.approx(expected, abs=1e-6)
        spread = covariance[np.ix_(group, group)] - cross @ inverse @ cross.T
        assert variances[position] == pytest.approx(np.diag(spread), rel=1e-5)
