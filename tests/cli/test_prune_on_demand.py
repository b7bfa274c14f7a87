"""`netadapt prune --on-demand`, on this machine through onnxruntime, and where it can't measure."""

from __future__ import annotations

import socket
from pathlib import Path

import pandas as pd
import pytest
import torch
from command import one_line

from examples import digits
from netadapt.graph import trace
from netadapt.latency.devices.profile import load_profile
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.measure.table_build import open_table
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.registry import open_runtime
from netadapt.latency.table.table import LookupTable
from netadapt.networks import load_model

ROOT = Path(__file__).parents[2]
EXAMPLE = torch.zeros(1, 1, 8, 8)
GRAPH = trace(digits.network(), EXAMPLE)


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """This machine as a device that is measured in no time, and not exactly.

    Gives its table, which knows the digits network at its full widths.
    """
    monkeypatch.chdir(ROOT)
    devices = tmp_path / "devices"
    devices.mkdir()
    (devices / "hasty.toml").write_text(
        'runtime = "onnxruntime"\nseconds = 0.005\nfix_first = ["close the browser"]\n'
    )
    monkeypatch.setenv("NETADAPT_DEVICES", str(devices))
    profile, path = load_profile("hasty"), tmp_path / "hasty.csv"
    with open_runtime(profile) as runtime:
        table = open_table(profile, runtime, path)
        OnDemand(profile, runtime, table).ensure(layer.shape for layer in GRAPH.layers)
    return path


@pytest.mark.slow
def test_layers_of_this_machine_are_measured_as_they_come_up(netadapt, machine, tmp_path):
    before, few = machine.read_text(), LookupTable.read(machine)
    budget_ms = 0.9 * LatencyEstimator(few).network(GRAPH).ms
    run = tmp_path / "run"
    code, _, err = netadapt(
        "prune", "--model", "examples.digits:network", "--task", "examples.digits:task",
        "--device", machine, "--on-demand", "--budget-ms", budget_ms, "--out", run,
        "--finetune-steps", 0, "--first-reduction", 0.1, "--width-multiple", 16,
    )  # fmt: skip
    assert code == 0, err
    assert "close the browser" in err
    table = LookupTable.read(machine)
    assert f"measured {len(table) - len(few)} layers that the table lacked" in err
    assert machine.read_text().startswith(before)
    assert {row.source for row in table.entries} == {"measured"}
    last = pd.read_csv(run / "trajectory.csv").iloc[-1]
    assert last["iteration"] > 0
    assert last["latency_ms"] <= budget_ms
    layers = trace(load_model(run), EXAMPLE).layers
    assert all(table.find(layer.shape) is not None for layer in layers)
    decided = (run / "trajectory.csv").read_bytes()
    code, _, err = netadapt("prune", "--resume", "--out", run, "--quiet")
    assert code == 0, err
    assert (run / "trajectory.csv").read_bytes() == decided
    assert len(LookupTable.read(machine)) == len(table)


@pytest.fixture
def prune(netadapt, weights, frames, tmp_path):
    """`netadapt prune` on small weights and frames, with more options."""

    def run(*options):
        given = ("--weights", weights, "--data", frames, "--out", tmp_path / "run")
        few = ("--finetune-steps", 0, "--holdout-images", 2, "--quiet", "--budget-ms", 0.85)
        code, _, err = netadapt("prune", *given, *few, *options)
        return code, one_line(err)

    return run


def test_a_device_that_cannot_be_reached_is_exit_3(prune, tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    profile = tmp_path / "profile.toml"
    profile.write_text('runtime = "tvm"\ntarget = { kind = "llvm" }\n')
    table = tmp_path / "board.csv"
    lines = (ROOT / "lookup_tables" / "tx2.published.csv").read_text().splitlines()
    table.write_text("\n".join(line for line in lines if "tophub" not in line) + "\n")
    where = ("--profile", profile, "--tracker", f"127.0.0.1:{port}", "--key", "board")
    code, line = prune("--device", table, "--on-demand", *where)
    assert code == 3
    assert f"no tracker answers at 127.0.0.1:{port}" in line
    assert "--resume" in line
    code, line = prune("--device", table, *where)
    assert code == 2
    assert "--on-demand" in line


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ("tx2", "it holds published figures; measure a table first with: netadapt lut build"),
        ("raspberry-pi-4", "measure one with: netadapt lut build --device raspberry-pi-4"),
    ],
)
def test_a_device_without_a_table_of_its_own_needs_one_first(prune, device, said):
    code, line = prune("--device", device, "--on-demand")
    assert code == 2
    assert said in line
