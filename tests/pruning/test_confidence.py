"""A budget that is met only when the upper end of the prediction is within it."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
import tiny

import netadapt
from netadapt.errors import BudgetError, InputError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.measure.table_build import open_table
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.fake import FakeRuntime
from netadapt.latency.table.table import LookupTable
from netadapt.pruning.constraints.confidence import upper_end
from netadapt.pruning.proposals import GroupCut

GRAPH = netadapt.trace(tiny.network(), tiny.EXAMPLE)
NO_STEPS = netadapt.FineTuning(steps=0)


def begin(out: Path, budget, **options) -> netadapt.Search:
    return netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget=budget, out=out,
        **{"short_term": NO_STEPS, "first_reduction": 0.05, "width_multiple": 2, **options},
    )  # fmt: skip


def finished(out: Path, budget, **options) -> netadapt.Search:
    search = begin(out, budget, **options)
    list(search)
    return search


def test_the_upper_end_is_the_table_s_own_at_90_percent_and_scaled_at_others():
    interval = netadapt.Interval(6.0, 6.0 / 1.1, 6.0 * 1.1)
    assert upper_end(interval, 0.9) == interval.high
    assert upper_end(interval, 0.99) == pytest.approx(6.0 * 1.1 ** (2.5758 / 1.6449), rel=1e-4)
    assert upper_end(interval, 0.5) == pytest.approx(6.0 * 1.1 ** (0.6745 / 1.6449), rel=1e-4)
    assert upper_end(netadapt.Interval(5.0, 5.0, 5.0), 0.99) == 5.0


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99])
def test_a_run_stops_when_the_upper_end_is_within(tmp_path, table, full_ms, confidence):
    budget = 0.7 * full_ms
    search = finished(tmp_path / "run", {table: budget}, confidence=confidence, strategy="full")
    ends = [upper_end(record.latency, confidence) for record in search.records]
    assert search.met
    assert ends[-1] <= budget < ends[-2]
    for before, record in zip(search.records, search.records[1:], strict=False):
        margin = upper_end(before.latency, confidence) - before.latency.value
        assert record.target_ms >= budget - margin - 1e-9
    last_but_one = search.records[-2].latency
    margin = upper_end(last_but_one, confidence) - last_but_one.value
    assert search.records[-1].target_ms == pytest.approx(budget - margin)


@pytest.mark.slow
def test_more_confidence_cuts_more(tmp_path, table, full_ms):
    macs = [
        finished(tmp_path / str(c), {table: 0.7 * full_ms}, confidence=c, width_multiple=1)
        .records[-1]
        .macs
        for c in (None, 0.9, 0.999)
    ]
    assert macs[0] > macs[1] > macs[2]


@pytest.mark.slow
def test_uniform_and_a_stopped_run_are_as_sure(tmp_path, table, full_ms):
    budget = {table: 0.7 * full_ms, "params": "80%"}
    uniform = finished(tmp_path / "uniform", budget, confidence=0.99, strategy="uniform")
    assert len(uniform.records) == 2
    whole = finished(tmp_path / "whole", budget, confidence=0.99)
    for search in (uniform, whole):
        assert upper_end(search.records[-1].latencies["tiny"], 0.99) <= budget[table]
    half = begin(tmp_path / "half", budget, confidence=0.99)
    half.choose(half.propose())
    half.close()
    finished(half.out, budget, confidence=0.99, resume=True)
    a, b = (pd.read_csv(s.out / "trajectory.csv").drop(columns="seconds") for s in (half, whole))
    pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_a_budget_that_is_met_by_chance_alone_is_refused(tmp_path, table):
    smallest = GRAPH.with_widths(dict.fromkeys(GRAPH.widths, 2))
    latency = LatencyEstimator(LookupTable.read(table)).network(smallest)
    between = {table: math.sqrt(latency.ms * latency.high_ms)}
    begin(tmp_path / "by-chance", between).close()
    with pytest.raises(BudgetError, match=r"\(the upper end at a confidence of 0.9\)") as raised:
        begin(tmp_path / "sure", between, confidence=0.9)
    named = float(str(raised.value).partition("takes ")[2].split()[0])
    begin(tmp_path / "sure", {table: named}, confidence=0.9).close()


@pytest.mark.parametrize("confidence", [0, 1, 90, -0.5, "sure", float("nan")])
def test_what_is_no_confidence_is_refused(tmp_path, confidence):
    with pytest.raises(InputError, match="the confidence is"):
        begin(tmp_path / "run", {"macs": "50%"}, confidence=confidence)


def test_where_only_the_interval_is_in_the_way_the_device_is_asked_before_more_is_cut(tmp_path):
    """A choice by hand, of layers that nothing measured: measured, they need no further cut."""
    profile = DeviceProfile(name="paper", runtime="fake")
    runtime = FakeRuntime(profile, noise=0.0)
    path = tmp_path / "paper.csv"
    OnDemand(profile, runtime, open_table(profile, runtime, path)).ensure(
        layer.shape for layer in GRAPH.layers
    )
    options = {"on_demand": profile, "confidence": 0.9, "first_reduction": 0.01}
    with begin(tmp_path / "look", {str(path): 1.0}, **options):
        pass  # the networks in reach are in the table now
    narrow = GRAPH.with_widths({"first": 10})
    guess = LatencyEstimator(LookupTable.read(path)).network(narrow)
    assert guess.high_ms > 1.05 * guess.ms
    budget = {str(path): 1.04 * guess.ms}
    search = begin(tmp_path / "run", budget, **options)
    cut = GroupCut.of(GRAPH.group("first"), 10)
    step = search.choose([netadapt.Proposal((cut,), guess.ms)])
    assert step.record.latency.high > budget[str(path)] >= step.record.latency.value
    rows = len(LookupTable.read(path))
    list(search)
    table = LookupTable.read(path)
    assert len(table) > rows
    assert all(table.find(layer.shape) is not None for layer in narrow.layers)
    assert search.met
    assert len(search.records) == 2
    assert step.record == search.records[-1]
