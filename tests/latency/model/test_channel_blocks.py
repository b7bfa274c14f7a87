"""Kernels that take channels by the block: padding shapes, and finding the block from rows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netadapt.latency.model.channel_blocks import padded
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from tests.latency.layer_shapes import conv, depthwise, made_up_table, true_ms


@pytest.mark.parametrize("block", [1, 16])
def test_a_device_that_pads_channels_is_found_out(block: int) -> None:
    rows = made_up_table(networks=12).entries
    stepped = [replace(row, latency_ms=true_ms(padded(row.shape, block))) for row in rows]
    estimator = LatencyEstimator(LookupTable("padding", stepped))
    assert estimator.block == block
    narrow, wide = conv(64, 96 - 8, 28), conv(64, 96, 28)
    first, second = estimator.layers([narrow, wide])
    if block == 16:
        assert first.ms == pytest.approx(second.ms, rel=0.01)
    else:
        assert first.ms < 0.97 * second.ms


@given(st.sampled_from([1, 4, 8, 16, 32]), st.integers(1, 300), st.integers(1, 300), st.booleans())
def test_padding_reaches_whole_blocks_and_stays_there(
    block: int, in_channels: int, out_channels: int, is_depthwise: bool
) -> None:
    shape = depthwise(in_channels, 28) if is_depthwise else conv(in_channels, out_channels, 28)
    wide = padded(shape, block)
    assert padded(wide, block) == wide
    assert wide.is_depthwise == shape.is_depthwise
    for before, after in (
        (shape.in_channels, wide.in_channels),
        (shape.out_channels, wide.out_channels),
    ):
        assert after - before < block
        assert after % block == 0 or after == before <= 4
