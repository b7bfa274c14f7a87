"""`--verify`: whole networks timed on a device that is slower or faster than its table says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import tiny

import netadapt
from netadapt.errors import BudgetError, DeviceError, InputError, RunError
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.runtimes.base import Timing
from netadapt.latency.runtimes.fake import FakeRuntime
from netadapt.latency.runtimes.network_steps import read_network
from netadapt.latency.runtimes.registry import RUNTIMES
from netadapt.latency.table.table import LookupTable
from netadapt.latency.table.table_row import TableRow
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.records import Interval, StepRecord
from netadapt.pruning.run_folder import read_steps
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.verifying import correction
from netadapt.report.run_page import write_page

GRAPH = netadapt.trace(tiny.network(), tiny.EXAMPLE)
PROFILE = DeviceProfile(name="paper", runtime="fake")
NO_STEPS = netadapt.FineTuning(steps=0)


def board_ms(shape: netadapt.LayerShape) -> float:
    """What a layer takes by itself."""
    return 0.01 + shape.macs * 1e-6


class Board(FakeRuntime):
    """A device on which whole networks take `factor` times what their layers do."""

    factor = 1.0
    lives = 1000
    timed: list[float]

    def reach(self) -> None:
        if self.lives <= 0:
            raise DeviceError("the board is gone")

    def measure_network(self, model: bytes) -> Timing:
        self.reach()
        type(self).lives -= 1
        ms = self.factor * sum(board_ms(step.shape) for step in read_network(model).steps)
        self.timed.append(ms)
        return Timing((ms,))


@pytest.fixture
def board() -> Iterator[type[Board]]:
    board = type("board", (Board,), {"timed": []})
    with RUNTIMES.temporarily("fake", board):
        yield board


@pytest.fixture(scope="module")
def paper(tmp_path_factory) -> str:
    """The device's table, right to the last digit for each layer."""
    shapes = {
        layer.shape: None
        for widths in product(range(4, 25, 4), repeat=2)
        for layer in GRAPH.with_widths(dict(zip(GRAPH.widths, widths, strict=True))).layers
    }
    path = tmp_path_factory.mktemp("tables") / "paper.csv"
    rows = [TableRow(shape, board_ms(shape), 0.0, 5, "measured") for shape in shapes]
    LookupTable("paper", rows).write(path)
    return str(path)


@pytest.fixture(scope="module")
def given_ms(paper) -> float:
    return LatencyEstimator(LookupTable.read(paper)).network(GRAPH).ms


class Told(Callback):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def begin(out: Path, budget, **options) -> netadapt.Search:
    return netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget=budget, out=out,
        **{"short_term": NO_STEPS, "first_reduction": 0.08, "verify_on": PROFILE,
           "verify_every": 2, "width_multiple": 4, **options},
    )  # fmt: skip


def finished(out: Path, budget, **options) -> netadapt.Search:
    search = begin(out, budget, **options)
    list(search)
    return search


def rows(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "trajectory.csv").drop(columns="seconds")


def test_the_correction_is_that_of_the_last_timing():
    def step(value: float, measured: float | None) -> StepRecord:
        latency = Interval(value, 0.95 * value, 1.05 * value)
        return StepRecord(iteration=1, checkpoint="", latency=latency, measured_ms=measured)

    assert correction([]) == correction([step(6.0, None)]) == 1.0
    assert correction([step(6.0, 6.2)]) == 1.0  # within the interval
    assert correction([step(6.0, 9.0), step(5.0, None)]) == 1.5
    assert correction([step(6.0, 9.0), step(5.0, 4.0)]) == 0.8
    assert correction([step(6.0, 9.0), step(5.0, 5.1)]) == 1.0


@pytest.mark.slow
def test_a_time_that_was_disturbed_once_corrects_nothing(board, paper, given_ms, tmp_path):
    class Disturbed(board):
        def measure_network(self, model: bytes) -> Timing:
            timing = super().measure_network(model)
            return Timing((3 * timing.latency_ms,)) if len(self.timed) == 2 else timing

    with RUNTIMES.temporarily("fake", Disturbed):
        search = finished(tmp_path / "run", {paper: 0.7 * given_ms})
    plain = finished(tmp_path / "plain", {paper: 0.7 * given_ms})
    assert [r.measured_ms for r in search.records] == [r.measured_ms for r in plain.records]
    assert len(board.timed) > len([r for r in search.records if r.measured_ms is not None])


def test_a_device_that_is_slower_than_its_table_is_cut_for_more(board, paper, given_ms, tmp_path):
    board.factor = 1.4
    budget = {paper: given_ms}  # met as predicted, not as timed
    told = Told()
    search = finished(tmp_path / "run", budget, callbacks=[told])
    records = search.records
    timed = [record.iteration for record in records if record.measured_ms is not None]
    assert timed == sorted({*range(0, len(records), 2), len(records) - 1})
    measured = [record.measured_ms for record in records if record.measured_ms is not None]
    assert measured == list(dict.fromkeys(board.timed))  # what isn't as expected is timed again
    assert records[0].measured_ms > given_ms
    assert records[-1].measured_ms <= given_ms * 1.0001 < records[-2].latency.value * 1.4
    first = records[0].measured_ms / records[0].latency.value
    assert told.notes[0].startswith(f"timed whole on {paper}: {records[0].measured_ms:.4g} ms; ")
    assert told.notes[0].endswith(
        f"so the budget of {given_ms:.4g} ms is one of {given_ms / first:.4g} predicted ms from "
        f"here on"
    )
    assert len(told.notes) == len(timed)
    assert tuple(read_steps(search.out)) == records
    assert list(pd.read_csv(search.out / "trajectory.csv").columns)[-1] == "measured_ms"
    candidates = pd.read_csv(search.out / "candidates.csv")
    assert "measured_ms" not in candidates.columns
    write_page([search.out], search.out / "report.html")
    page = (search.out / "report.html").read_text()
    assert f"timed {records[-1].measured_ms:.2f}" in page
    assert "not met yet" not in page


@pytest.mark.slow
def test_one_that_is_faster_is_cut_less_and_one_that_is_as_predicted_as_before(
    board, paper, given_ms, tmp_path
):
    budget = {paper: 0.7 * given_ms}
    unverified = finished(tmp_path / "plain", budget, verify_on=None, verify_every=0)
    assert "measured_ms" not in rows(unverified.out)
    same = finished(tmp_path / "same", budget)
    assert correction(same.records) == 1.0
    assert rows(same.out).drop(columns="measured_ms").equals(rows(unverified.out))
    board.factor = 0.8
    faster = finished(tmp_path / "faster", budget)
    assert faster.records[-1].macs > same.records[-1].macs
    assert faster.records[-1].measured_ms <= 0.7 * given_ms < faster.records[-1].latency.value


@pytest.mark.slow
@pytest.mark.parametrize("stopped_after", [0, 1, 2])
def test_a_stopped_run_takes_the_same_decisions(board, paper, given_ms, tmp_path, stopped_after):
    board.factor = 1.4
    budget = {paper: 0.9 * given_ms, "params": "90%"}
    whole = finished(tmp_path / "whole", budget)
    for step in (half := begin(tmp_path / "half", budget)):
        if step.iteration == stopped_after:
            half.stop()
    resumed = finished(half.out, budget, resume=True)
    assert len(resumed.records) > stopped_after + 1
    pd.testing.assert_frame_equal(rows(half.out), rows(whole.out), check_exact=True)
    with pytest.raises(RunError, match="verify_every = 2, not 0"):
        begin(half.out, budget, resume=True, verify_on=None, verify_every=0)


@pytest.mark.slow
def test_a_device_that_goes_away_loses_nothing(board, paper, given_ms, tmp_path):
    board.factor = 1.4
    whole = finished(tmp_path / "whole", {paper: 0.9 * given_ms})
    board.lives = 1
    with pytest.raises(DeviceError, match="the board is gone"):
        finished(tmp_path / "run", {paper: 0.9 * given_ms})
    with pytest.raises(DeviceError, match="the board is gone"):  # before anything is trained
        begin(tmp_path / "other", {paper: 0.9 * given_ms})
    assert not (tmp_path / "other").exists()
    board.lives = 1000
    finished(tmp_path / "run", {paper: 0.9 * given_ms}, resume=True)
    pd.testing.assert_frame_equal(rows(tmp_path / "run"), rows(whole.out), check_exact=True)


def test_a_budget_out_of_reach_as_timed_is_said_before_more_is_trained(board, paper, tmp_path):
    smallest = GRAPH.with_widths(dict.fromkeys(GRAPH.widths, 4))
    board.factor = 10
    smallest_ms = LatencyEstimator(LookupTable.read(paper)).network(smallest).ms
    search = begin(tmp_path / "run", {paper: 2 * smallest_ms})
    with pytest.raises(BudgetError, match=r"\([0-9.]+ times what is predicted, as it was when it"):
        list(search)
    assert len(search.records) == 1
    assert not list(pd.read_csv(search.out / "candidates.csv").index)


@pytest.mark.slow
def test_a_lower_budget_out_of_reach_as_timed_leaves_the_run_its_own(
    board, paper, given_ms, tmp_path
):
    board.factor = 1.4
    run = finished(tmp_path / "run", {paper: 1.3 * given_ms}).out
    before = (run / "run.json").read_bytes()
    smallest = GRAPH.with_widths(dict.fromkeys(GRAPH.widths, 4))
    smallest_ms = LatencyEstimator(LookupTable.read(paper)).network(smallest).ms
    with pytest.raises(BudgetError, match=r"1\.4 times what is predicted, as it was when it"):
        finished(run, {paper: 1.2 * smallest_ms}, resume=True)
    assert (run / "run.json").read_bytes() == before
    finished(run, {paper: 1.2 * given_ms}, resume=True)
    assert RunAbout.read(run).budget == {paper: 1.2 * given_ms}


def test_it_goes_with_confidence_and_with_every_fifth_iteration_unless_said(
    board, paper, given_ms, tmp_path
):
    board.factor = 1.4
    options = {"confidence": 0.9, "verify_every": 0}
    search = finished(tmp_path / "run", {paper: given_ms}, **options)
    assert json.loads((search.out / "run.json").read_text())["settings"]["verify_every"] == 5
    last = search.records[-1]
    before = correction(search.records[:-1])
    assert last.latency.high * before <= given_ms + 1e-9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"budget": {"macs": "50%"}}, "nothing can be verified on paper: the budget is on macs"),
        ({"verify_on": None}, "a run that is verified needs its device's profile"),
        ({"verify_every": -1}, "verified every -1 iterations; expected 1 or more"),
        ({"verify_every": 1.5}, "between two timings are 1.5; expected a whole number"),
    ],
)
def test_what_cannot_be_verified_is_said_at_once(board, paper, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        begin(tmp_path / "run", **{"budget": {paper: 1.0}, **options})
    assert not (tmp_path / "run").exists()


def test_of_several_devices_the_first_is_verified(board, paper, table, given_ms, tmp_path):
    with pytest.raises(InputError, match=r"on the first device of the budget, .*tiny\.csv, not on"):
        begin(tmp_path / "run", {table: 1.0, paper: 1.0})
    search = finished(tmp_path / "run", {paper: 0.9 * given_ms, table: "90%"})
    assert list(rows(search.out).columns)[-7:] == [
        *(f"{device}_{end}" for device in ("paper", "tiny") for end in ("ms", "low_ms", "high_ms")),
        "measured_ms",
    ]


@pytest.fixture
def prune(command, monkeypatch, tmp_path, paper):
    """`netadapt prune OPTIONS…`, where the device has a profile."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "paper.toml").write_text('runtime = "fake"\n')
    monkeypatch.setenv("NETADAPT_DEVICES", str(tmp_path / "devices"))
    return partial(command, "prune")


@pytest.mark.slow
def test_the_command_times_says_and_goes_on(prune, board, paper, given_ms, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    board.factor = 1.4
    given = ("--model", "tiny:network", "--task", "tiny:task", "--input-shape", "1x3x8x8")
    given += ("--finetune-steps", 0, "--first-reduction", 0.1, "--width-multiple", 4)
    run = ("--out", "run", "--device", paper, "--budget-ms", given_ms)
    code, out, err = prune(*given, *run, "--verify-every", 3, "--json")
    assert code == 0, err
    trajectory = json.loads(out)["trajectory"]
    assert trajectory[0]["measured_ms"] > given_ms >= trajectory[-1]["measured_ms"]
    assert trajectory[1]["measured_ms"] is None
    code, out, err = prune("--resume", "--out", "run", "--json")
    assert code == 0, err
    assert json.loads(out)["trajectory"] == trajectory
    code, _, err = prune("--resume", "--out", "run", "--verify", "--quiet")
    assert code == 2
    assert "verify_every = 3, not 5" in err
    board.lives = 0
    code, _, err = prune(*given, "--device", paper, "--budget-ms", "50%", "--verify", "--quiet")
    assert code == 3
    assert "the board is gone" in err
    code, _, err = prune(*given, "--budget-macs", "50%", "--verify", "--quiet")
    assert code == 2
    assert "give one on a device, as --budget tx2=6, or leave out --on-demand and --verify" in err
    assert not Path("runs").exists()
