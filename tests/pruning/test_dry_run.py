"""`netadapt prune --dry-run`: what it says is what the search then does, and nothing is left."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import tiny

import netadapt
from netadapt.errors import BudgetError, InputError
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.finalists import MOST_FINALISTS
from netadapt.pruning.forecast import forecast

GRAPH = netadapt.trace(tiny.network(), tiny.EXAMPLE)
SHORT = netadapt.FineTuning(steps=2, batch_size=16, learning_rate=0.01)


def begin(out: Path | None = None, budget=None, **options) -> netadapt.Search:
    return netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(),
        budget=budget or {"macs": 0.5 * GRAPH.macs, "params": "60%"}, out=out, short_term=SHORT,
        **{"first_reduction": 0.1, **options},
    )  # fmt: skip


@pytest.mark.parametrize("strategy", ["full", "racing", "saliency", "uniform", "random"])
def test_it_counts_what_the_first_iteration_tries(tmp_path, monkeypatch, strategy):
    monkeypatch.setattr("netadapt.pruning.strategies.racing.FEWEST_THAT_STAY", 1)
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with begin(strategy=strategy, written=False) as search:
        found = forecast(search)
        assert len(search.records) == 1  # it stands where it stood
    assert sorted(tmp_path.rglob("*")) == before
    run = begin(tmp_path / "run", strategy=strategy)
    run.choose(run.propose())
    rows = pd.read_csv(run.out / "candidates.csv")
    tried = rows[~rows["stage"].str.startswith("finalist")]
    assert len(rows) - len(tried) <= 2 * MOST_FINALISTS
    assert found.attempts == tried["stage"].value_counts().to_dict()
    assert found.attempts.keys() == found.seconds_each.keys()
    assert all(seconds > 0 for seconds in found.seconds_each.values())
    assert found.seconds == found.iterations * found.seconds_an_iteration
    assert found.seconds_an_iteration > sum(found.seconds_each.values())
    list(run)
    assert found.iterations >= len(run.records) - 1 > 0
    assert (found.iterations == 1) == (strategy == "uniform")


def test_a_network_that_meets_its_budget_takes_nothing():
    with begin(budget={"macs": "100%"}, written=False) as search:
        found = forecast(search)
    assert (found.iterations, found.seconds, found.attempts) == (0, 0, {})


def test_a_run_that_is_not_written_can_be_iterated_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    written = begin(tmp_path / "run")
    list(written)
    search = begin(written=False)
    list(search)
    assert [r.widths for r in search.records] == [r.widths for r in written.records]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    with pytest.raises(InputError, match="a run that isn't written has no folder"):
        begin(tmp_path / "other", written=False)


def test_what_cannot_be_met_is_said_as_in_a_run():
    with pytest.raises(BudgetError, match="cannot be met"):
        begin(budget={"macs": 1}, written=False)


def test_callbacks_hear_of_no_candidate_that_is_not_tried():
    class Told(Callback):
        calls: list[str] = []  # noqa: RUF012

        def candidate(self, proposal, index, count):
            self.calls.append("candidate")

    with begin(written=False, callbacks=[Told()]) as search:
        forecast(search)
    assert Told.calls == []


@pytest.fixture
def dry_run(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    network = ("--model", "tiny:network", "--task", "tiny:task", "--input-shape", "1x3x8x8")
    return partial(command, "prune", "--dry-run", *network)


def test_the_command_says_it_in_words_and_as_json(dry_run, table, tmp_path):
    options = ("--budget", f"{table}=70%", "--budget-macs", "50%", "--strategy", "racing")
    code, out, err = dry_run(*options, "--quiet")
    assert code == 0, err
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith(f"{table}: 0.4825 ms as given, ")
    assert lines[0].endswith("; the budget is 0.3377")
    assert lines[1].startswith(f"macs: {GRAPH.macs:.4g} MACs as given")
    assert "iterations, if each saves just what it must; the first tries 2 untrained of" in lines[2]
    assert " short-term of " in lines[2]
    assert lines[3].startswith("about ")
    code, out, err = dry_run(*options, "--json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["budget"]["macs"] == GRAPH.macs / 2
    assert answer["attempts"]["untrained"] == 2
    assert answer["seconds"] == pytest.approx(answer["iterations"] * answer["seconds_an_iteration"])
    assert {reach["name"] for reach in answer["possible"]} == {"full", "half", "smallest"}
    assert {reach["constraint"] for reach in answer["possible"]} == {table, "macs"}
    assert list(tmp_path.iterdir()) == []


def test_it_is_of_a_run_s_beginning(dry_run, tmp_path):
    code, _, err = dry_run("--resume", "--budget-macs", "50%", "--quiet")
    assert code == 2
    assert "leave out --resume" in err
    code, _, err = dry_run("--budget-macs", "1", "--quiet")
    assert code == 4
    assert "on macs cannot be met" in err
    assert list(tmp_path.iterdir()) == []
