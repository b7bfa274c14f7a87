"""A network and a task of the user's own: from the command line and from Python."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import netadapt
from netadapt.errors import ModelError
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from netadapt.training.classification import ClassificationTask
from netadapt.training.settings import FineTuning

ROOT = Path(__file__).parents[2]
EXAMPLE = torch.zeros(1, 1, 12, 12)
SHORT = FineTuning(steps=2, batch_size=16, learning_rate=0.01)


class GreyNet(nn.Module):
    """One channel in; its factory is asked for a width, so that its class alone builds nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, 1, 1)
        self.second = nn.Conv2d(width, width, 3, 2, 1)
        self.head = nn.Linear(width, 2)

    def forward(self, image: Tensor) -> Tensor:
        x = self.second(self.first(image).relu()).relu()
        return self.head(x.mean((2, 3)))


def network() -> nn.Module:
    torch.manual_seed(0)
    return GreyNet(32)


def task() -> ClassificationTask:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (96,), generator=generator)
    images = torch.rand(96, 1, 12, 12, generator=generator) + labels.reshape(-1, 1, 1, 1) * 0.2
    return ClassificationTask((images[:64], labels[:64]), (images[64:], labels[64:]))


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> str:
    graph = netadapt.trace(network(), EXAMPLE)
    shapes = {
        layer.shape: None
        for first in (8, 16, 24, 32)
        for second in (8, 16, 24, 32)
        for layer in graph.with_widths({"first": first, "second": second}).layers
    }
    rows = [TableRow(shape, 0.01 + shape.macs * 1e-6, 0.001, 5, "modelled") for shape in shapes]
    path = tmp_path_factory.mktemp("tables") / "grey.csv"
    LookupTable("grey", rows).write(path)
    return str(path)


@pytest.fixture(scope="module")
def budget_ms(table) -> float:
    graph = netadapt.trace(network(), EXAMPLE)
    return 0.6 * LatencyEstimator(LookupTable.read(table)).network(graph).ms


def search(table, budget_ms, out, **options):
    return netadapt.search(
        network(),
        EXAMPLE,
        task=task(),
        budget={table: budget_ms},
        out=out,
        short_term=SHORT,
        first_reduction=0.05,
        **options,
    )


def decisions(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "trajectory.csv").drop(columns="seconds")


def test_command_line_takes_the_inputs_from_the_task(
    table, budget_ms, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(ROOT)
    own, out = "tests.pruning.test_own_network", tmp_path / "run"
    words = f"prune --model {own}:network --task {own}:task --device {table} --out {out}"
    words += f" --budget-ms {budget_ms} --first-reduction 0.2 --quiet"
    assert command(*words.split())[0] == 0
    last = pd.read_csv(out / "trajectory.csv").iloc[-1]
    assert last["latency_ms"] <= budget_ms
    pruned = netadapt.load_model(out)
    assert sum(p.numel() for p in pruned.parameters()) == last["params"]
    assert task().evaluate(pruned)["accuracy"] == last["accuracy"]


def test_python_rebuilds_checkpoints_by_the_factory_that_is_named(table, budget_ms, tmp_path):
    factory = f"{__name__}:network"
    for step in search(table, budget_ms, tmp_path / "run", factory=factory):
        image = torch.rand(2, *EXAMPLE.shape[1:])
        again = netadapt.load_model(tmp_path / "run" / step.record.checkpoint)
        with torch.no_grad():
            assert torch.equal(again(image), step.model.eval()(image))


def test_without_a_factory_a_stopped_run_still_goes_on(table, budget_ms, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert len(list(search(table, budget_ms, whole))) > 2
    half = search(table, budget_ms, stopped)
    list(islice(half, 2))
    half.close()
    list(search(table, budget_ms, stopped, resume=True))
    pd.testing.assert_frame_equal(decisions(stopped), decisions(whole))
    with pytest.raises(ModelError, match=r"GreyNet\(\) failed: TypeError.*width"):
        netadapt.load_model(whole)
