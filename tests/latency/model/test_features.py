"""What decides a layer's time, as numbers."""

from __future__ import annotations

import numpy as np
import pytest

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
