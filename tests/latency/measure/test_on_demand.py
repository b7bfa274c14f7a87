"""A layer the table lacks is measured when it is asked for, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from netadapt.errors import TableError
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.measure.table_build import open_table
from netadapt.latency.runtimes.fake import FakeRuntime
from netadapt.latency.table.table import LookupTable

PROFILE = DeviceProfile(name="paper", runtime="fake")


def layer(op: str, width: int) -> LayerShape:
    one = (1, 1)
    return LayerShape(op, 16, width if op == "conv2d" else 16, one, one, (0, 0), one, 1, 14, 14)


def test_missing_layers_are_measured_once(tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    runtime = FakeRuntime(PROFILE, refused=("add",))
    demand = OnDemand(PROFILE, runtime, open_table(PROFILE, runtime, path))
    wanted = [layer("conv2d", 8), layer("conv2d", 24), layer("conv2d", 8), layer("add", 16)]
    table = demand.ensure(wanted)
    assert table is not None
    assert {e.shape for e in LookupTable.read(path).entries} == set(wanted[:2])
    asked = len(runtime.asked)
    assert demand.ensure(wanted) is None
    assert len(runtime.asked) == asked


def test_rows_that_another_search_has_measured_are_read(tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    runtime = FakeRuntime(PROFILE)
    table = open_table(PROFILE, runtime, path)
    OnDemand(PROFILE, FakeRuntime(PROFILE), table).ensure([layer("conv2d", 8)])
    found = OnDemand(PROFILE, runtime, table).ensure([layer("conv2d", 8)])
    assert found is not None
    assert [entry.shape for entry in found.entries] == [layer("conv2d", 8)]
    assert not runtime.asked


def test_published_figures_are_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "tx2.published.csv"
    open_table(PROFILE, FakeRuntime(PROFILE), path)
    with pytest.raises(TableError, match="published figures"):
        OnDemand(PROFILE, FakeRuntime(PROFILE), LookupTable.read(path))
