"""The layers that teach most: every family at the start, then those that stand for many."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netadapt.graph import LayerGraph, trace
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.random_prunings import random_prunings
from netadapt.latency.measure.table_build import build_table
from netadapt.latency.measure.teaching_planner import START, TeachingPlanner
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.features import family
from netadapt.latency.runtimes.fake import FakeRuntime, exact_ms
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from netadapt.networks import build

PROFILE = DeviceProfile(name="paper", runtime="fake")


@pytest.fixture(scope="module")
def graph() -> LayerGraph:
    return trace(build("fastdepth").eval(), torch.zeros(1, 3, 64, 64))


class Few(TeachingPlanner):
    """Looks at few networks, for a test's time."""

    sampled_networks = 6


@pytest.fixture(scope="module")
def planner(graph: LayerGraph) -> TeachingPlanner:
    return Few(graph)


def test_it_begins_with_every_family(graph: LayerGraph, planner: TeachingPlanner) -> None:
    start = planner.first(set()).shapes
    assert len(start) == len(set(start)) == START
    assert {family(s) for s in start} == {family(layer.shape) for layer in graph.layers}
    assert planner.first(set(start)).shapes == ()
    (lacking,) = {family(start[1])}
    known = {s for s in start if family(s) != lacking} | set(random_shapes(graph, lacking))
    assert {family(s) for s in planner.first(known).shapes} == {lacking}


def test_more_rows_promise_less_error(planner: TeachingPlanner) -> None:
    known = planner.first(set()).shapes
    estimator = LatencyEstimator(paper(known), strict=False)
    plan = planner.next(estimator, set(known))
    assert plan.error is not None
    assert not set(plan.shapes) & set(known)
    few, many = planner.outlook(estimator, set(known), (5, 30))
    assert 0 < many < few < plan.error


def test_twenty_rows_predict_networks(graph: LayerGraph, tmp_path: Path) -> None:
    path = tmp_path / "paper.csv"
    runtime = FakeRuntime(PROFILE)
    built = build_table(PROFILE, runtime, Few(graph), path, tolerance=1e-3, max_layers=20)
    assert built.added == 20
    assert built.error is not None
    assert built.prospects[-1].error < built.error
    estimator = LatencyEstimator(LookupTable.read(path))
    for pruning in random_prunings(graph, 5, seed=77):
        latency = estimator.network(pruning)
        truth = sum(exact_ms(layer.shape) for layer in pruning.layers)
        assert latency.ms == pytest.approx(truth, rel=0.15)


def random_shapes(graph: LayerGraph, without: str) -> list:  # type: ignore[type-arg]
    """Layers of a pruning that no start has, of all families but one."""
    (pruning,) = random_prunings(graph, 1, seed=5)
    return [layer.shape for layer in pruning.layers if family(layer.shape) != without]


def paper(shapes: tuple) -> LookupTable:  # type: ignore[type-arg]
    return LookupTable("paper", [TableRow(shape, exact_ms(shape)) for shape in shapes])
