"""Several budgets at once, parts of what the network takes, and a run that goes on to a lower one.

The network's convolutions cost multiply-accumulates, its widths parameters: the budgets pull at
different groups.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import tiny
from trials import Stops

import netadapt
from netadapt.errors import BudgetError, InputError, RunError
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.networks.store import save_model
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.constraints.amounts import read_amount
from netadapt.pruning.constraints.counts import Macs
from netadapt.pruning.constraints.registry import CONSTRAINTS
from netadapt.pruning.run_folder import read_candidates, read_steps
from netadapt.pruning.run_json import RunAbout

GRAPH = netadapt.trace(tiny.network(), tiny.EXAMPLE)
NO_STEPS = netadapt.FineTuning(steps=0)


def begin(out: Path | None, budget, **options) -> netadapt.Search:
    return netadapt.search(
        tiny.network(), tiny.EXAMPLE, budget=budget, out=out,
        **{"task": tiny.task(), "short_term": NO_STEPS, "first_reduction": 0.1,
           "width_multiple": 2, **options},
    )  # fmt: skip


def finished(out: Path, budget, **options) -> netadapt.Search:
    search = begin(out, budget, **options)
    list(search)
    return search


def rows(run: Path, name: str = "trajectory.csv") -> pd.DataFrame:
    return pd.read_csv(run / name).drop(columns="seconds")


@pytest.fixture(scope="module")
def slow_table(tmp_path_factory) -> str:
    """A second device on which the first layer's work is dear."""
    path = tiny.write_table(tmp_path_factory.mktemp("tables") / "slow.csv")
    table = LookupTable.read(path)
    dear = [row for row in table.entries if row.shape.in_channels == 3]
    for row in dear:
        place = table.entries.index(row)
        table.entries[place] = type(row)(
            row.shape, 5 * row.latency_ms, row.spread_ms, row.samples, row.source
        )
    table.write()
    return str(path)


def both(table: str, slow: str, share: float = 0.75, slow_share: float = 0.7) -> dict[str, float]:
    shares = {table: share, slow: slow_share}
    return {
        name: part * LatencyEstimator(LookupTable.read(name)).network(GRAPH).ms
        for name, part in shares.items()
    }


@pytest.mark.parametrize(
    ("text", "number", "relative"),
    [
        (6, 6.0, False), ("6", 6.0, False), ("0.4G", 0.4e9, False), ("1M", 1e6, False),
        ("20 k", 2e4, False), ("1e6", 1e6, False), ("50%", 0.5, True), ("2x", 0.5, True),
        ("2X", 0.5, True),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_people_say_it(text, number, relative):
    amount = read_amount("tx2", text)
    assert amount.number == pytest.approx(number)
    assert amount.relative is relative
    assert read_amount("tx2", amount.asked) == amount
    assert read_amount("tx2", str(amount)) == amount


@pytest.mark.parametrize(
    "text", ["", "much", "-5", "0", "0%", "0x", "5y", "%", "1e999", "0x10", "nan", True, None, -1]
)
def test_what_is_no_amount_is_refused(text):
    with pytest.raises(InputError, match=r"the budget of tx2 is .*; expected a number > 0"):
        read_amount("tx2", text)


def test_the_target_is_for_the_budget_furthest_from_being_met(tmp_path):
    budget = {"macs": 0.5 * GRAPH.macs, "params": 0.5 * GRAPH.params}
    search = finished(tmp_path / "run", budget, proposal_images=64)  # the whole holdout
    assert search.met
    last = search.records[-1]
    assert last.macs <= budget["macs"]
    assert last.params <= budget["params"]
    assert {record.binding for record in search.records[1:]} == {"macs", "params"}
    for before, record in zip(search.records, search.records[1:], strict=False):
        shares = {name: getattr(before, name) / most for name, most in budget.items()}
        assert record.binding == max(shares, key=shares.get)
        saved = getattr(before, record.binding) - getattr(record, record.binding)
        first = getattr(search.records[0], record.binding)
        wanted = first * 0.1 * 0.98 ** (record.iteration - 1)
        left = getattr(before, record.binding) - budget[record.binding]
        assert saved >= min(wanted, left) - 1e-6
        lost = before.metrics["accuracy"] - record.metrics["accuracy"]
        assert record.score == pytest.approx(lost / saved)


def test_both_files_say_what_each_device_takes(tmp_path, table, slow_table):
    budget = {**both(table, slow_table), "macs": 0.9 * GRAPH.macs}
    search = finished(tmp_path / "run", budget)
    added = ["binding"] + [
        f"{d}{e}" for d in ("tiny", "slow") for e in ("_ms", "_low_ms", "_high_ms")
    ]
    steps = pd.read_csv(search.out / "trajectory.csv")
    assert list(steps.columns)[-7:] == added
    assert list(pd.read_csv(search.out / "candidates.csv").columns)[-7:] == added
    assert set(steps["binding"].dropna()) <= {"tiny", "slow", "macs"}
    assert steps["binding"].isna().tolist() == [True] + [False] * (len(steps) - 1)
    assert (steps["latency_ms"] == steps["tiny_ms"]).all()
    for name, label in ((table, "tiny"), (slow_table, "slow")):
        estimator = LatencyEstimator(LookupTable.read(name))
        for record, ms in zip(search.records, steps[f"{label}_ms"], strict=True):
            assert ms == pytest.approx(estimator.network(GRAPH.with_widths(
                {n: w for n, w in record.widths.items() if n in GRAPH.widths})).ms)  # fmt: skip
        assert steps[f"{label}_ms"].iloc[-1] <= budget[name]
    assert tuple(read_steps(search.out)) == search.records
    assert all(record.binding for record in read_candidates(search.out))
    about = RunAbout.read(search.out)
    assert about.budget == budget
    assert set(about.identity) == {f"table_sha256 of {name}" for name in (table, slow_table)}


def test_one_budget_adds_no_column(tmp_path, table):
    search = finished(tmp_path / "run", {"macs": 0.8 * GRAPH.macs})
    for name, kind in (
        ("trajectory.csv", netadapt.StepRecord),
        ("candidates.csv", netadapt.CandidateRecord),
    ):
        columns = tuple(pd.read_csv(search.out / name).columns)
        assert columns == kind.columns(tiny.task().metrics)


@pytest.mark.parametrize(
    "strategy",
    [
        "saliency",
        "uniform",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("full", "racing", "random")),
    ],
)
def test_every_strategy_meets_all_and_goes_on_after_a_stop(tmp_path, table, slow_table, strategy):
    budget = {**both(table, slow_table), "params": 0.6 * GRAPH.params}
    options = {"strategy": strategy, "first_reduction": 0.15, "width_multiple": 4}
    whole = finished(tmp_path / "whole", budget, **options)
    last = whole.records[-1]
    assert all(last.latencies[label].value <= budget[name]
               for name, label in ((table, "tiny"), (slow_table, "slow")))  # fmt: skip
    assert last.params <= budget["params"]
    for count in (1, 3):
        out = tmp_path / f"stopped-{count}"
        try:
            list(begin(out, budget, callbacks=[Stops(count)], **options))
        except KeyboardInterrupt:
            finished(out, budget, resume=True, **options)
        for name in ("trajectory.csv", "candidates.csv"):
            pd.testing.assert_frame_equal(
                rows(out, name), rows(tmp_path / "whole", name), check_exact=True
            )


def test_a_budget_out_of_reach_is_named_among_others(tmp_path, table):
    with pytest.raises(BudgetError) as raised:
        begin(tmp_path / "run", {table: 1000.0, "macs": "80%", "params": 3})
    said = str(raised.value)
    assert said.startswith("the budget of 3 parameters on params cannot be met: this network takes")
    assert "macs" not in said
    named = said.partition("takes ")[2].split()[0]
    begin(tmp_path / "run", {table: 1000.0, "macs": "80%", "params": float(named)}).close()
    with pytest.raises(BudgetError, match=r"on macs cannot be met.*; the budget .* on params"):
        begin(None, {"macs": 3, "params": 3})


@pytest.mark.parametrize(
    ("limits", "named", "share", "advice"),
    [
        ({"frozen": "*"}, "--freeze *", 0.5, "loosen these, or raise the budget to {least} or"),
        (
            {"frozen": ["first"], "min_widths": {"inner": 16}},
            "--freeze first and --min-width inner=16",
            0.01,
            "raise the budget to {least} or more, or loosen these too",
        ),
        ({"width_multiple": 24}, "--width-multiple 24", 0.5, "loosen these, or raise"),
        ({"min_widths": {"inner": 8}, "width_multiple": 12}, "--width-multiple 12", 0.2, "loosen"),
    ],
)
def test_what_keeps_a_budget_out_of_reach_is_named(tmp_path, limits, named, share, advice):
    with pytest.raises(BudgetError) as raised:
        begin(tmp_path / "run", {"macs": share * GRAPH.macs}, **{"width_multiple": 8, **limits})
    free = GRAPH.with_widths(dict.fromkeys(GRAPH.widths, 8)).macs
    said = re.fullmatch(
        r".* takes (\S+) MACs at its smallest widths with (.*), and (\S+) MACs without; (.*)",
        str(raised.value),
    )
    assert said is not None, raised.value
    least, at_fault, without, what_to_do = said.groups()
    assert at_fault == named
    assert float(without) == pytest.approx(free, rel=0.01)
    assert what_to_do.startswith(advice.format(least=least))
    begin(tmp_path / "run", {"macs": float(least)}, **{"width_multiple": 8, **limits}).close()


def test_limits_that_change_nothing_are_not_blamed():
    with pytest.raises(BudgetError, match="at its smallest widths; raise the budget"):
        begin(None, {"macs": 1}, width_multiple=4, min_widths={"inner": 4})


class Wide(Macs):
    """Narrower is dearer: what a device does whose kernels are made for wide layers."""

    name, unit = "wide", "units"

    def cost(self, graph: netadapt.LayerGraph) -> float:
        return 100.0 - graph.widths["inner"]


@pytest.mark.parametrize(("strategy", "where"), [("full", "iter_00[1-9]"), ("uniform", "iter_000")])
def test_budgets_that_exclude_each_other_are_told_so(tmp_path, strategy, where):
    budget = {"macs": 0.3 * GRAPH.macs, "wide": 80.0}
    with CONSTRAINTS.temporarily("wide", Wide):
        search = begin(tmp_path / "run", budget, strategy=strategy, width_multiple=4)
        with pytest.raises(BudgetError) as raised:
            list(search)
        with pytest.raises(BudgetError) as unwritten:
            list(begin(None, budget, strategy=strategy, width_multiple=4, written=False))
    said = str(raised.value)
    assert re.fullmatch(
        r"the budgets can be met one by one, but not together: the network takes \S+ MACs for the "
        rf"budget of \S+ MACs on macs, \d+ units for the budget of 80 units on wide, and the "
        rf"strategy {strategy} finds no cut that makes the network cheaper on (macs|wide); the "
        rf"smallest reached is in .*{where}; raise one of them",
        said,
    )
    assert str(unwritten.value) == re.sub("; the smallest reached is in .*;", ";", said)


def test_parts_are_of_what_the_network_takes_and_shown(tmp_path, table, full_ms):
    class Told(Callback):
        notes: list[str] = []  # noqa: RUF012

        def note(self, text):
            self.notes.append(text)

    budget = {table: "80%", "macs": "1.25x", "params": "0.001M"}
    search = finished(tmp_path / "run", budget, callbacks=[Told()])
    assert search.budget == {
        table: pytest.approx(0.8 * full_ms), "macs": GRAPH.macs / 1.25, "params": 1000.0,
    }  # fmt: skip
    assert Told.notes[1] == f"macs: 1.25x of {GRAPH.macs:.4g} MACs is a budget of " + (
        f"{GRAPH.macs / 1.25:.4g} MACs"
    )
    content = json.loads((search.out / "run.json").read_text())
    assert content["budget_asked"] == {table: "80%", "macs": "1.25x"}
    # What the run was asked stays so: another network's cost isn't asked again.
    content["budget"]["macs"] = 0.79 * GRAPH.macs
    (search.out / "run.json").write_text(json.dumps(content))
    again = begin(search.out, budget, resume=True)
    assert again.budget["macs"] == 0.79 * GRAPH.macs
    again.close()
    with begin(search.out, {**budget, "macs": "50%"}, resume=True) as lower:
        assert lower.budget["macs"] == 0.5 * GRAPH.macs


def test_a_constraint_of_one_s_own_is_asked_for_parts_too(tmp_path):
    with CONSTRAINTS.temporarily("macs", Macs), begin(tmp_path / "run", {"macs": "2x"}) as search:
        assert search.budget == {"macs": GRAPH.macs / 2}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("latency.csv", "the device latency would have the columns latency_ms, latency_low_ms"),
        ("tiny.published.csv", "the budget names tiny twice"),
    ],
)
def test_devices_that_would_be_taken_for_others_are_refused(tmp_path, table, name, said):
    other = tmp_path / name
    shutil.copy(table, other)
    with pytest.raises(InputError, match=said):
        begin(tmp_path / "run", {table: 1.0, str(other): 1.0})
    assert not (tmp_path / "run").exists()


def test_a_metric_called_as_a_device_s_column_is_refused(tmp_path, table):
    task = tiny.task()
    task.metrics = ("tiny_ms",)
    with pytest.raises(InputError, match="has a metric called 'tiny_ms'"):
        begin(tmp_path / "run", {table: 1.0, "macs": "50%"}, task=task)


def test_a_finished_run_goes_on_to_a_lower_budget(tmp_path):
    run = tmp_path / "run"
    first = finished(run, {"macs": 0.8 * GRAPH.macs})
    before = json.loads((run / "run.json").read_text())
    search = finished(run, {"macs": 0.6 * GRAPH.macs}, resume=True)
    assert search.records[: len(first.records)] == first.records
    assert 0.6 * GRAPH.macs >= search.records[-1].macs > 0
    after = json.loads((run / "run.json").read_text())
    assert after.pop("budget") == {"macs": 0.6 * GRAPH.macs}
    before.pop("budget")
    assert after == before
    with pytest.raises(RunError, match="doesn't grow back, so a run goes on to lower budgets only"):
        begin(run, {"macs": 0.7 * GRAPH.macs}, resume=True)
    with pytest.raises(RunError, match="with budgets on macs, not macs, params"):
        begin(run, {"macs": 0.6 * GRAPH.macs, "params": "50%"}, resume=True)
    with pytest.raises(BudgetError):
        begin(run, {"macs": 1}, resume=True)
    lower = begin(run, {"macs": 0.5 * GRAPH.macs}, resume=True)
    assert RunAbout.read(run).budget == {"macs": 0.5 * GRAPH.macs}
    with pytest.raises(BudgetError), lower:  # no cut at all is what a strategy may find
        lower.choose([])
    assert json.loads((run / "run.json").read_text())["budget"] == {"macs": 0.6 * GRAPH.macs}


@pytest.mark.parametrize("iterations", [0, 1])
def test_killed_on_the_way_to_a_lower_budget_it_goes_on_to_the_same_rows(tmp_path, iterations):
    lower = {"macs": 0.55 * GRAPH.macs}
    for name in ("whole", "killed"):
        finished(tmp_path / name, {"macs": 0.8 * GRAPH.macs})
    whole = finished(tmp_path / "whole", lower, resume=True)
    killed = begin(tmp_path / "killed", lower, resume=True)
    start = len(killed.records)
    for _ in range(iterations):
        killed.choose(killed.propose())
    killed.close()
    assert len(killed.records) == start + iterations < len(whole.records)
    asked = RunAbout.read(tmp_path / "killed").as_asked  # as the command line goes on
    finished(tmp_path / "killed", asked, resume=True)
    pd.testing.assert_frame_equal(
        rows(tmp_path / "killed"), rows(tmp_path / "whole"), check_exact=True
    )


class Hears(netadapt.Callback):
    def __init__(self) -> None:
        self.left: list[int] = []
        self.notes: list[str] = []

    def feasible(self, reaches, iterations):
        self.left.append(iterations)

    def note(self, text):
        self.notes.append(text)


def test_what_is_left_of_a_run_is_counted_from_where_it_stands(tmp_path):
    run, budget = tmp_path / "run", {"macs": 0.6 * GRAPH.macs}
    hears = Hears()
    with begin(run, budget, callbacks=hears) as search:
        search.choose(search.propose())
        done = len(search.records) - 1
    assert done == 1 < hears.left[0]
    assert not hears.notes
    again = Hears()
    begin(run, budget, callbacks=again, resume=True).close()
    assert again.left[0] < hears.left[0]
    assert again.notes == [f"{run} stands at iteration 1; what is left to do is counted from there"]
    finished(run, budget, resume=True)
    met = Hears()
    begin(run, budget, callbacks=met, resume=True).close()
    assert met.left == [0]


def test_what_was_fine_tuned_for_the_budget_before_is_not_left_to_be_taken_for_the_new(
    tmp_path, monkeypatch
):
    run = tmp_path / "run"
    finished(run, {"macs": 0.8 * GRAPH.macs})
    config = json.loads((run / "iter_000" / "config.json").read_text())
    save_model(run / "final", tiny.network(), config)
    with monkeypatch.context() as patch:  # said before a step is trained
        patch.setattr("netadapt.pruning.begin.rehearsed", None)
        for lower in (0.6 * GRAPH.macs, "60%"):
            with pytest.raises(RunError, match="final was fine-tuned for the budget before"):
                begin(run, {"macs": lower}, resume=True)
    assert RunAbout.read(run).budget == {"macs": 0.8 * GRAPH.macs}
    shutil.move(run / "final", tmp_path / "kept")
    assert finished(run, {"macs": 0.6 * GRAPH.macs}, resume=True).met
