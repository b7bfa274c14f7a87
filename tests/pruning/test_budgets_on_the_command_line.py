"""`netadapt prune` with several budgets, parts of what the network takes, and a lower budget."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import tiny

import netadapt
from netadapt.pruning.run_json import RunAbout
from netadapt.report.run_page import write_page

GRAPH = netadapt.trace(tiny.network(), tiny.EXAMPLE)
BEGIN = (
    *("--model", "tiny:network", "--input-shape", "1x3x8x8", "--task", "tiny:task"),
    *("--finetune-steps", 0, "--first-reduction", 0.2),
)


@pytest.fixture
def prune(command, monkeypatch, tmp_path):
    """`netadapt prune OPTIONS…` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return partial(command, "prune")


def test_several_budgets_are_met_shown_and_remembered(prune, table):
    options = ("--budget", f"{table}=80%", "--budget-macs", "0.1M", "--budget-params", "2x")
    code, out, err = prune(*BEGIN, *options, "--json")
    assert code == 0, err
    answer = json.loads(out)
    run = Path(answer["run"])
    assert run == Path("runs") / "tiny.network-tiny-80pct-macs-100K-params-2x"
    assert answer["budget"] == {
        table: pytest.approx(0.8 * answer["trajectory"][0]["tiny_ms"]),
        "macs": 1e5,
        "params": GRAPH.params / 2,
    }
    last = answer["trajectory"][-1]
    assert last["macs"] <= 1e5
    assert last["params"] <= GRAPH.params / 2
    assert last["tiny_ms"] <= answer["budget"][table]
    rows = pd.read_csv(run / "trajectory.csv")
    assert rows["binding"].iloc[-1] == last["binding"]
    write_page([run], run / "report.html")
    page = (run / "report.html").read_text()
    assert page.count('class="met">Budget ') == 3
    assert "on each device" in page
    assert "not met yet" not in page
    code, _, err = prune("--resume", "--out", run)
    assert code == 0, err
    assert pd.read_csv(run / "trajectory.csv").equals(rows)
    assert f"the budget of {answer['budget']['params']:g} parameters on params" in err
    assert "predicted ms, tiny" in err


def test_a_finished_run_goes_on_to_a_lower_budget(prune, table, full_ms):
    code, _, err = prune(*BEGIN, "--device", table, "--budget-ms", 0.8 * full_ms, "--out", "run")
    assert code == 0, err
    before = pd.read_csv("run/trajectory.csv")
    code, _, err = prune("--resume", "--budget-ms", 0.6 * full_ms, "--out", "run")
    assert code == 0, err
    after = pd.read_csv("run/trajectory.csv")
    assert after.iloc[: len(before)].equals(before)
    assert after["latency_ms"].iloc[-1] <= 0.6 * full_ms < before["latency_ms"].iloc[-1]
    assert RunAbout.read("run").budget == {table: 0.6 * full_ms}
    code, _, err = prune("--resume", "--budget-ms", "70%", "--out", "run", "--quiet")
    assert code == 2
    assert "a run goes on to lower budgets only" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "there is no budget: give the latency to reach, --budget-ms 6"),
        (("--budget", "6"), "--budget has '6'; expected DEVICE=MS, as tx2=6"),
        (("--budget", "tx2="), "--budget has 'tx2='; expected"),
        (("--budget", "tx2=6", "--budget-ms", "7"), "the budget of tx2 is given twice"),
        (("--budget", "macs=6", "--budget-macs", "7"), "the budget of macs is given twice"),
        (("--budget-macs", "lots"), "the budget of macs is 'lots'; expected a number > 0"),
        (("--budget-ms", "0%"), "the budget of tx2 is '0%'; expected a number > 0"),
        (("--budget-macs", "1M", "--device", "tx2"), "where --budget-ms is to be reached"),
        (("--budget-macs", "1M", "--on-demand"), "nothing can be measured on a device"),
        (
            ("--budget", "tx2=6", "--budget", "tx2-cpu=9", "--on-demand", "--key", "board"),
            "--key says where one device is, and the budget is on tx2, tx2-cpu",
        ),
        (("--budget", "tx3=6", "--budget-macs", "1M"), "no table for the device 'tx3'"),
    ],
)
def test_what_is_no_budget_is_one_line_before_any_work(prune, options, said):
    code, _, err = prune(*BEGIN, *options, "--quiet")
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not Path("runs").exists()
