"""The parts of the latency model: features, roofline, Gaussian process."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad

from netadapt.errors import TableError
from netadapt.graph.ops.op_registry import OPS
from netadapt.latency.model.features import (
    Workers,
    bytes_read,
    bytes_written,
    family,
    feature_names,
    features,
    largest_tile,
)
from netadapt.latency.model.gaussian_process import GaussianProcess, Hyperparameters
from netadapt.latency.model.roofline import fit_roofline
from tests.latency.layer_shapes import conv, depthwise, moving


@pytest.mark.parametrize(
    ("channels", "tile"), [(1, 1), (40, 40), (96, 48), (512, 64), (408, 51), (376, 8), (37, 1)]
)
def test_the_widest_tile(channels: int, tile: int) -> None:
    assert largest_tile(channels) == tile


def test_workers_wait_for_the_busiest() -> None:
    workers = Workers(count=6, tile=8, depthwise_tile=4)
    assert workers.imbalance(conv(16, 48, 14)) == 1.0
    assert workers.imbalance(conv(16, 56, 14)) == pytest.approx(12 / 7)
    assert workers.imbalance(conv(16, 12, 14)) == pytest.approx(6 / 1.5)
    assert workers.imbalance(depthwise(56, 14)) == pytest.approx(18 / 14)
    assert Workers().imbalance(conv(16, 56, 14)) == 1.0


@pytest.mark.parametrize("given", [{"count": 0}, {"cores": 6}, {"count": "six"}, {"tile": 2.5}])
def test_wrong_workers_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(TableError, match=r"\[workers\]"):
        Workers.from_meta({"workers": given})


def test_traffic_counts_every_operand() -> None:
    megabyte = 4 * 32 * 28 * 28
    added = moving("upsample_add", 32, 28, "nearest")
    assert (bytes_read(added), bytes_written(added)) == (5 * megabyte, 4 * megabyte)
    assert bytes_read(moving("add", 32, 28)) == 2 * megabyte
    assert bytes_read(depthwise(32, 28)) == bytes_written(depthwise(32, 28)) == megabyte


@pytest.mark.parametrize("op", OPS.names())
def test_every_kind_of_layer_has_a_family_and_features(op: str) -> None:
    shape = moving(op, 32, 28)
    assert len(features(shape)) == len(feature_names(family(shape)))
    assert np.isfinite(features(shape)).all()


def test_prices_are_found_in_spite_of_an_outlier() -> None:
    random = np.random.default_rng(0)
    terms = np.column_stack([np.ones(40), random.uniform(0.1, 5, (40, 2))])
    latency = terms @ [0.02, 1.5, 0.3]
    latency[7] *= 3
    assert fit_roofline(terms, latency) == pytest.approx([0.02, 1.5, 0.3], rel=0.05)


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
