"""The loop on a small network and a real table: what it decides, writes, and goes on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import tiny
import torch

from netadapt.errors import BudgetError, InputError, RunError
from netadapt.graph import trace
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.networks import load_model
from netadapt.networks.config import FactoryConfig
from netadapt.pruning.begin import prune
from netadapt.pruning.candidates import Candidate, choose, score
from netadapt.pruning.importance.base import kept_units
from netadapt.pruning.importance.magnitude import L1, L2
from netadapt.pruning.proposals import GroupCut, Proposal, propose
from netadapt.pruning.schedule import Schedule
from netadapt.training.settings import FineTuning

HERE = Path(__file__).parent
CONFIG = FactoryConfig("tiny:network", input_shapes=((1, 3, 8, 8),))
SHORT = FineTuning(steps=2, batch_size=16, learning_rate=0.01)


def run(table, out, budget_ms, **options):
    return prune(
        tiny.network(),
        tiny.EXAMPLE,
        task=tiny.task(),
        budget={table: budget_ms},
        out=out,
        config=CONFIG,
        short_term=SHORT,
        first_reduction=0.1,
        **{"strategy": "full", **options},
    )


def decisions(trajectory: pd.DataFrame) -> pd.DataFrame:
    return trajectory.drop(columns="seconds")


@pytest.fixture(scope="session")
def finished(table, full_ms, tmp_path_factory):
    return run(table, tmp_path_factory.mktemp("runs") / "whole", 0.6 * full_ms)


def test_the_budget_is_met_step_by_step(finished, full_ms):
    latencies = finished.trajectory["latency_ms"]
    assert latencies.iloc[0] == pytest.approx(full_ms)
    assert latencies.is_monotonic_decreasing
    assert latencies.iloc[-1] <= 0.6 * full_ms < latencies.iloc[-2]
    targets = finished.trajectory["target_ms"].iloc[1:]
    assert (latencies.iloc[1:] <= targets + 1e-9).all()


def test_every_row_says_what_its_checkpoint_is(finished):
    for _, row in finished.trajectory.iterrows():
        model = load_model(finished.out / row["checkpoint"])
        graph = trace(model, tiny.EXAMPLE)
        assert graph.macs == row["macs"]
        assert sum(p.numel() for p in model.parameters()) == row["params"]
        assert tiny.task().evaluate(model)["accuracy"] == row["accuracy"]
        widths = " ".join(f"{group.name}={group.width}" for group in graph.groups)
        assert widths == row["widths"]


def test_the_candidate_of_least_loss_per_millisecond_is_kept(finished):
    candidates = pd.read_csv(finished.out / "candidates.csv")
    for iteration, rows in candidates.groupby("iteration"):
        chosen = rows[rows["chosen"] == 1]
        assert len(chosen) == 1
        last = rows.groupby("widths").last()  # judged on the most images
        assert chosen["score"].item() == last["score"].min()
        kept = finished.trajectory.set_index("iteration").loc[iteration]
        assert kept["group"] == chosen["group"].item()
        assert kept["score_error"] == chosen["score_error"].item()
        assert set(rows["stage"]) <= {"short-term", "finalist, 64 images"}


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    table, full_ms, finished, tmp_path
):
    again = run(table, tmp_path / "again", 0.6 * full_ms)
    pd.testing.assert_frame_equal(decisions(again.trajectory), decisions(finished.trajectory))
    other = run(table, tmp_path / "other", 0.6 * full_ms, seed=1)
    assert not decisions(other.trajectory).equals(decisions(finished.trajectory))


def test_a_run_that_is_killed_goes_on_to_the_same_rows(table, full_ms, finished, tmp_path):
    """Killed twice, at instants that a clock chooses, by a signal nobody can catch."""
    out = tmp_path / "killed"
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_search as t; "
        "t.run(sys.argv[2], sys.argv[3], float(sys.argv[4]), resume=True)"
    )
    command = [sys.executable, "-c", script, str(HERE), table, str(out), str(0.6 * full_ms)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    for rows in (1, 6):
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while process.poll() is None and _lines(out / "candidates.csv") <= rows:
            assert time.monotonic() < deadline, process.stderr
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    with (out / "candidates.csv").open("a") as torn:
        torn.write("9,torn")
    under_way = out / f"iter_{_lines(out / 'trajectory.csv') - 1:03d}"
    litter = [out / ".trajectory-a1b2c3d4.csv", under_way / ".model-a1b2c3d4.safetensors"]
    for file in litter:
        file.parent.mkdir(exist_ok=True)
        file.write_text("half")  # of a write that a kill fell into
    resumed = run(table, out, 0.6 * full_ms, resume=True)
    assert not any(file.exists() for file in litter)
    pd.testing.assert_frame_equal(decisions(resumed.trajectory), decisions(finished.trajectory))


def test_a_finished_run_is_neither_overwritten_nor_continued_otherwise(table, full_ms, finished):
    with pytest.raises(RunError, match="exists already; add --resume"):
        run(table, finished.out, 0.6 * full_ms)
    with pytest.raises(RunError, match=r"started with the budget on .*tiny\.csv = "):
        run(table, finished.out, 0.7 * full_ms, resume=True)
    same = run(table, finished.out, 0.6 * full_ms, resume=True)
    pd.testing.assert_frame_equal(same.trajectory, finished.trajectory)


def test_a_budget_below_the_smallest_network_is_refused_with_that_latency(table, tmp_path):
    with pytest.raises(BudgetError, match=r"cannot be met: this network takes 0\.\d+ ms") as raised:
        run(table, tmp_path / "run", 0.001)
    assert raised.value.exit_code == 4


@pytest.mark.parametrize("budget", [0, -1, float("nan"), float("inf")])
def test_a_budget_that_is_none_is_refused(table, tmp_path, budget):
    with pytest.raises(InputError, match="expected a number > 0"):
        run(table, tmp_path / "run", budget)


def test_proposals_are_the_widest_that_meet_the_target(table):
    graph = trace(tiny.network(), tiny.EXAMPLE)
    estimator = LatencyEstimator(LookupTable.read(table))

    def ms(candidate):
        return estimator.network_ms(layer.shape for layer in candidate.layers)

    target = 0.9 * ms(graph)
    for proposal in propose(graph, ms, target):
        (cut,) = proposal.cuts
        assert cut.width_after % 8 == 0
        assert proposal.cost <= target
        wider = cut.width_after + 8
        if wider < cut.width_before:
            assert ms(graph.with_widths({cut.group: wider})) > target


def test_where_no_single_cut_meets_the_target_smaller_steps_are_proposed(table):
    graph = trace(tiny.network(), tiny.EXAMPLE)
    estimator = LatencyEstimator(LookupTable.read(table))

    def ms(candidate):
        return estimator.network_ms(layer.shape for layer in candidate.layers)

    assert propose(graph, ms, 0.01 * ms(graph))
    smallest = graph.with_widths(dict.fromkeys(graph.widths, 8))
    assert propose(smallest, ms, 0.5 * ms(smallest)) == []


def test_importance_sums_the_norms_of_coupled_filters():
    model = tiny.network()
    graph = trace(model, tiny.EXAMPLE)
    group = next(group for group in graph.groups if group.name == "first")
    expected = model.first[0].weight.flatten(1).norm(dim=1) + model.outer.weight.flatten(1).norm(
        dim=1
    )
    scores = L2(model, graph, tiny.task(), seed=0)
    assert scores.keys() == graph.widths.keys()
    torch.testing.assert_close(scores["first"], expected.detach().double())
    assert kept_units(scores["first"], 8) == sorted(expected.topk(8).indices.tolist())
    sums = sum(w.abs().flatten(1).sum(1) for w in (model.first[0].weight, model.outer.weight))
    torch.testing.assert_close(L1.of_group(model, group), sums.detach().double())


def test_score_and_choice():
    assert score(0.8, 0.7, 10.0, 9.0) == pytest.approx(0.1)
    assert score(0.8, 0.8, 10.0, 10.0) == float("inf")

    def candidate(name: str, value: float, ms: float) -> Candidate:
        return Candidate(Proposal((GroupCut(name, (name,), 16, 8),), ms), {}, value)

    worse, slow, fast = candidate("a", 0.2, 1), candidate("b", 0.1, 3), candidate("c", 0.1, 2)
    assert choose([worse, slow, fast]) is fast


def test_the_schedule_decays_and_stops_at_the_budget():
    schedule = Schedule(first=1.0, decay=0.5)
    assert [schedule.reduction(i) for i in (1, 2, 3)] == [1.0, 0.5, 0.25]
    assert schedule.target(1, 10.0, 9.8) == 9.8
    assert schedule.iterations_left(1, 10.0, 8.4) == 3


def _lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0
