"""What the shipped tables' estimates are worth, one shape left out at a time."""

from __future__ import annotations

import pytest

from netadapt.errors import TableError
from netadapt.latency.model.leave_out import check_table
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from tests.latency.layer_shapes import conv, made_up_table


@pytest.mark.parametrize(
    ("device", "worst"), [pytest.param("tx2", 0.08, marks=pytest.mark.slow), ("tx2-cpu", 0.06)]
)
def test_left_out_layers_of_fastdepth(device: str, worst: float) -> None:
    checked = check_table(LookupTable.read(device))
    layers = checked.layers[checked.layers.in_network]
    assert len(layers) == 66
    assert layers.error.abs().mean() <= worst
    assert 0.85 <= layers.inside.mean() <= 0.95
    _, pruned = checked.networks
    assert pruned.low_ms <= pruned.measured_ms <= pruned.high_ms


def test_a_left_out_shape_is_really_left_out() -> None:
    """A row that is absurd must be predicted badly: nothing of it may reach its prediction."""
    table = made_up_table(networks=4)
    row = table.entries[4]
    wrong = TableRow(row.shape, row.latency_ms * 100, source="measured")
    entries = [wrong if entry is row else entry for entry in table.entries]
    checked = check_table(LookupTable("odd", entries), refit=True)
    found = checked.layers[checked.layers.layer == str(row.shape)].iloc[0]
    assert found.predicted_ms < 2 * row.latency_ms
    assert not found.inside


def test_a_table_too_small_to_check() -> None:
    table = LookupTable("small", [TableRow(conv(8, 8, 8), 1.0), TableRow(conv(8, 16, 8), 1.0)])
    with pytest.raises(TableError, match="too small to check"):
        check_table(table)
