"""A whole network timed, through onnxruntime and on a device of paper, beside its table."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from netadapt.deploy.network_timing import time_network
from netadapt.errors import ModelError, TableError
from netadapt.graph import trace
from netadapt.latency.devices.profile import DeviceProfile, load_profile
from netadapt.latency.measure.planner import Planner
from netadapt.latency.measure.table_build import build_table
from netadapt.latency.runtimes.fake import FakeRuntime
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.networks.onnx_export import export_onnx

PROFILE = DeviceProfile(name="paper", runtime="fake")
SIDE = 1, 3, 32, 32
NETWORK = f"{__name__}:network"


def network() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 8, 1), nn.ReLU()),
    )


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of the paper device, where its name finds it."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lookup_tables" / "paper.csv"
    graph = trace(network().eval(), torch.zeros(SIDE))
    planner = Planner(graph)
    build_table(PROFILE, FakeRuntime(PROFILE), planner, path, tolerance=0.05, max_layers=20)
    return path


def test_measured_stands_beside_predicted(table: Path) -> None:
    timed = time_network(NETWORK, "paper", FakeRuntime(PROFILE), input_shapes=(SIDE,))
    assert timed.table is not None
    assert timed.table.path is not None
    assert timed.table.path.samefile(table)
    assert timed.predicted is not None
    assert timed.predicted.low_ms < timed.timing.latency_ms < timed.predicted.high_ms
    assert timed.error == pytest.approx(0, abs=0.02)
    assert timed.notes == ()


def test_other_conditions_are_told(table: Path) -> None:
    faster = FakeRuntime(DeviceProfile(name="paper", runtime="fake", threads=4))
    timed = time_network(NETWORK, "paper", faster, input_shapes=(SIDE,))
    assert timed.predicted is not None
    (note,) = timed.notes
    assert "measured with threads 1, the device now has 4" in note


def test_a_damaged_table_is_not_passed_over(table: Path) -> None:
    table.write_text(table.read_text() + "conv2d,much\n")
    with pytest.raises(TableError, match=r"paper\.csv"):
        time_network(NETWORK, "paper", FakeRuntime(PROFILE), input_shapes=(SIDE,))


def test_an_onnx_file_is_timed_without_a_table(tmp_path: Path) -> None:
    import onnx

    file, any_batch = tmp_path / "network.onnx", tmp_path / "any.onnx"
    file.write_bytes(export_onnx(network(), torch.zeros(SIDE)))
    opened = onnx.load(file)
    opened.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.save(opened, any_batch)
    with open_runtime(load_profile("host-ort")) as runtime:
        timed = time_network(str(file), "host-ort", runtime)
        assert timed.timing.latency_ms > 0
        assert timed.predicted is timed.error is None
        assert time_network(str(any_batch), "host-ort", runtime).timing.latency_ms > 0
        with pytest.raises(ModelError, match="size of its own"):
            time_network(str(file), "host-ort", runtime, input_size=(64, 64))


def test_a_file_that_cannot_be_timed_is_named(tmp_path: Path) -> None:
    import onnx

    sizes = onnx.load_from_string(export_onnx(network(), torch.zeros(SIDE)))
    sizes.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    contents = {
        "is missing": (None, "No such file"),
        "text": (b"no network", "no ONNX model"),
        "sizes": (sizes.SerializeToString(), "no fixed size"),
    }
    runtime = FakeRuntime(PROFILE)
    for name, (content, message) in contents.items():
        file = tmp_path / f"{name}.onnx"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ModelError, match=message):
            time_network(str(file), "paper", runtime)
