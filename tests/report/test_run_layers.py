"""What a run did to each layer, from its network and the device's table."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from netadapt.errors import InputError, TableError
from netadapt.graph import trace
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable, find_table
from netadapt.networks.config import FactoryConfig
from netadapt.networks.trusted_functions import name_function
from netadapt.pruning.records import Interval, StepRecord, frame_of
from netadapt.pruning.run_json import RunAbout, write_run_json
from netadapt.pruning.settings import SearchSettings
from netadapt.report.run_layers import frozen_groups, graph_of, layer_times, measured_on_demand
from netadapt.report.run_on_disk import RunOnDisk
from netadapt.report.run_samples import draw_run_samples

SIDE = (1, 3, 32, 32)


def network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 32, 1), nn.ReLU()),
        nn.Conv2d(32, 8, 1),
    )


@pytest.fixture
def table(tmp_path: Path) -> LookupTable:
    """A table of a device called 'mine'."""
    published = find_table("tx2")
    shutil.copy(published, tmp_path / "mine.csv")
    return LookupTable.read(tmp_path / "mine.csv")


@pytest.fixture
def about(table: LookupTable) -> RunAbout:
    config = FactoryConfig(name_function(f"{__name__}:network"), input_shapes=(SIDE,))
    settings = SearchSettings(frozen=("0",))
    identity = {"table_sha256": table.hash}
    return RunAbout({str(table.path): 5.0}, settings, config.to_json(), "0", identity)


def run(folder: Path, about: RunAbout) -> RunOnDisk:
    folder.mkdir(exist_ok=True)
    write_run_json(folder, about)
    groups = trace(network().eval(), torch.zeros(SIDE)).groups
    steps = [
        StepRecord(
            iteration=i,
            latency=Interval(8, 7, 9),
            metrics={"accuracy": 0.8},
            checkpoint=f"iter_{i:03d}",
            widths={group.name: 16 if i and group.width == 32 else group.width for group in groups},
        )
        for i in range(2)
    ]
    frame_of(steps).to_csv(folder / "trajectory.csv", index=False)
    return RunOnDisk.read(folder)


def test_each_layer_before_and_after(tmp_path: Path, about: RunAbout, table: LookupTable) -> None:
    found = run(tmp_path / "run", about)
    graph = graph_of(found)
    (times,) = layer_times(found, graph)
    estimator = LatencyEstimator(table)
    assert times.device == "mine"
    assert times.note == ""
    assert sum(one.before_ms for one in times.layers) == pytest.approx(estimator.network(graph).ms)
    after = graph.with_widths(found.last.widths)
    assert sum(one.after_ms for one in times.layers) == pytest.approx(estimator.network(after).ms)
    assert [one.name for one in times.layers] == [layer.name for layer in graph.layers]
    assert "3→16" in times.layers[0].shape_after
    assert "16→16" in times.layers[1].shape_after
    frozen = {group.name: group.reason for group in frozen_groups(graph)}
    assert frozen["0"] == "it was frozen by the user"
    assert "output" in frozen["4"]


def test_a_table_that_has_changed_is_told(tmp_path: Path, about: RunAbout) -> None:
    changed = replace(about, identity={"table_sha256": "another"})
    found = run(tmp_path / "run", changed)
    (times,) = layer_times(found, graph_of(found))
    assert times.note.endswith("mine.csv has changed since the run")


def test_rows_measured_on_demand(tmp_path: Path, about: RunAbout, table: LookupTable) -> None:
    began = len(table) - 7
    on_demand = {"on_demand": True, "table_rows": began, "table_sha256": "of those"}
    found = run(tmp_path / "run", replace(about, identity=on_demand))
    (line,) = measured_on_demand(found)
    assert line == (
        f"On demand: 7 rows were measured on mine since the run began; its table had {began} then, "
        f"and has {len(table)} now."
    )
    assert [*measured_on_demand(run(tmp_path / "other", about))] == []


def test_a_page_runs_no_function_of_a_stranger(
    tmp_path: Path, about: RunAbout, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("strange.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    built = replace(about, network={"factory": "strange:net"})
    opened = {"model": "strange:net", "task": "depth", "data": "rooms"}
    judged = {"model": "fastdepth", "task": "strange:task", "data": ""}
    for name, strange, look in (
        ("built", built, graph_of),
        ("opened", replace(built, opened=opened), graph_of),
        ("drawn", replace(about, opened=opened), draw_run_samples),
        ("judged", replace(about, opened=judged), draw_run_samples),
    ):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "theirs"))  # whose seal it bears
        found = run(tmp_path / name, strange)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
        with pytest.raises(InputError, match=f"{name}/run.json asks for the function strange:"):
            look(found)
    assert not Path("ran").exists()


def test_a_table_that_is_gone(tmp_path: Path, about: RunAbout) -> None:
    found = run(tmp_path / "run", replace(about, budget={"atlantis": 5.0}))
    with pytest.raises(TableError, match="atlantis"):
        list(layer_times(found, graph_of(found)))
