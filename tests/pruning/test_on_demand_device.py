"""A search that measures what its table lacks: what is measured, when, and how it goes on."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import tiny

from netadapt.errors import DeviceError, InputError, RunError, TableError
from netadapt.graph import LayerGraph, trace
from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.measure.table_build import open_table
from netadapt.latency.runtimes.base import Timing
from netadapt.latency.runtimes.fake import FakeRuntime, exact_ms
from netadapt.latency.runtimes.registry import RUNTIMES
from netadapt.latency.table.table import LookupTable
from netadapt.networks.config import FactoryConfig
from netadapt.pruning.begin import prune
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.records import CandidateRecord, StepRecord, Tried
from netadapt.pruning.run_folder import RunFolder, read_candidates, read_steps
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.step import Step
from netadapt.training.settings import FineTuning

PROFILE = DeviceProfile(name="paper", runtime="fake")
GRAPH = trace(tiny.network(), tiny.EXAMPLE)


def board_ms(shape: LayerShape) -> float:
    """Kernels take six channels at once, which no row of a table says."""
    taken = {
        name: math.ceil(getattr(shape, name) / 6) * 6 for name in ("in_channels", "out_channels")
    }
    return exact_ms(replace(shape, **taken))


class Board(FakeRuntime):
    """The fake device without noise, which remembers over runs what it was asked."""

    measured: list[LayerShape]
    lives: int
    """How many layers it measures before it hangs up."""
    unsupported: tuple[str, ...]

    def reach(self) -> None:
        if len(self.measured) >= self.lives:
            raise DeviceError("the board is gone")

    def measure(self, shape: LayerShape) -> Timing:
        self.reach()
        self.measured.append(shape)
        if shape.op in self.unsupported:
            return super().measure(shape)
        return Timing((board_ms(shape),) * 5)


@pytest.fixture
def board() -> Iterator[type[Board]]:
    board = type("board", (Board,), {"measured": [], "lives": 10_000, "unsupported": ()})
    with RUNTIMES.temporarily("fake", board):
        yield board


@pytest.fixture
def table(board, tmp_path) -> Path:
    """Knows the network at its full widths and nothing else."""
    return new_table(board, tmp_path / "paper.csv")


def new_table(board: type[Board], path: Path) -> Path:
    runtime = board(PROFILE)
    demand = OnDemand(PROFILE, runtime, open_table(PROFILE, runtime, path))
    assert demand.ensure(layer.shape for layer in GRAPH.layers) is not None
    return path


def run(table: Path, out: Path, **options):
    full_ms = sum(board_ms(layer.shape) for layer in GRAPH.layers)
    return prune(
        tiny.network(),
        tiny.EXAMPLE,
        task=tiny.task(),
        budget={str(table): 0.75 * full_ms},
        out=out,
        short_term=FineTuning(steps=1, batch_size=16),
        first_reduction=0.05,
        width_multiple=2,
        **{"on_demand": PROFILE, "strategy": "full", **options},
    )


def kept(out: Path) -> list[tuple[LayerGraph, StepRecord]]:
    """The network of every iteration, with its row."""
    return [(GRAPH.with_widths(record.widths), record) for record in read_steps(out)]


def proposed(out: Path) -> list[tuple[LayerGraph, CandidateRecord]]:
    """Every network that was fine-tuned to be chosen from, with its row."""
    return [(GRAPH.with_widths(record.widths), record) for record in read_candidates(out)]


def check(table: Path, out: Path) -> None:
    """Whatever was decided by was measured."""
    rows = LookupTable.read(table)
    for graph, row in kept(out) + proposed(out):
        found = [rows.find(layer.shape) for layer in graph.layers]
        assert None not in found
        assert row.latency.value == pytest.approx(sum(r.latency_ms for r in found), rel=1e-12)


def test_what_is_decided_by_is_measured_and_not_all_that_is_looked_at(board, table, tmp_path):
    result = run(table, tmp_path / "run")
    check(table, tmp_path / "run")
    assert len(result.trajectory) > 3
    assert len(board.measured) == len(set(board.measured)) == len(LookupTable.read(table))
    looked_at = {
        layer.shape
        for graph, _ in kept(tmp_path / "run")
        for group in graph.groups
        if not group.frozen
        for width in range(2, group.width, 2)
        for layer in graph.with_widths({group.name: width}).layers
    }
    assert len(board.measured) < len(looked_at) / 2


def test_a_proposal_of_many_groups_is_decided_by_measured_rows_too(board, table, tmp_path):
    run(table, tmp_path / "run", strategy="saliency")
    check(table, tmp_path / "run")


def test_rows_that_undo_a_proposal_lead_to_another(board, table, tmp_path, monkeypatch):
    """The board's steps of six channels aren't in the first estimates."""
    asked = []
    ensure = OnDemand.ensure

    def counted(self, shapes):
        found = ensure(self, shapes)
        asked.append(found is not None)
        return found

    monkeypatch.setattr(OnDemand, "ensure", counted)
    result = run(table, tmp_path / "run")
    assert sum(asked) > len(result.trajectory)  # some iteration measured twice
    check(table, tmp_path / "run")
    for _, row in proposed(tmp_path / "run"):
        assert row.latency.value <= row.target_ms + 1e-9


def test_what_is_still_too_slow_after_the_last_round_is_a_smaller_step(
    board, table, tmp_path, monkeypatch
):
    monkeypatch.setattr("netadapt.pruning.search.MOST_ROUNDS", 1)
    result = run(table, tmp_path / "run")
    check(table, tmp_path / "run")
    assert result.trajectory["latency_ms"].is_monotonic_decreasing
    assert (result.trajectory["latency_ms"] > result.trajectory["target_ms"]).any()


def test_killed_while_training_it_goes_on_to_the_same_rows(board, table, tmp_path):
    class Killed(Exception):
        pass

    class Killing(Callback):
        count = 0

        def candidate(self, proposal, index, count):
            self.count += 1
            if self.count == 4:
                raise Killed

    start = tmp_path / "start"
    start.mkdir()
    for file in (table, table.with_suffix(".toml")):
        shutil.copy(file, start)
    whole = run(table, tmp_path / "whole")
    killed = start / table.name
    with pytest.raises(Killed):
        run(killed, tmp_path / "killed", callbacks=[Killing()])
    resumed = run(killed, tmp_path / "killed", resume=True)
    for name in ("trajectory.csv", "candidates.csv"):
        a, b = (
            pd.read_csv(result.out / name).drop(columns="seconds") for result in (resumed, whole)
        )
        pd.testing.assert_frame_equal(a, b, check_exact=True)
    assert killed.read_bytes() == table.read_bytes()


def test_of_two_widths_of_a_group_the_one_that_is_kept_is_chosen(tmp_path):
    """Tried before an interruption, and after it by rows that came from elsewhere meanwhile."""
    about = RunAbout({"paper": 1.0}, SearchSettings(), {}, "")
    folder = RunFolder(tmp_path / "run", about, ("accuracy",))
    cut = {"iteration": 1, "group": "first", "metrics": {"accuracy": 0.5}}
    for width in (16, 14):
        folder.try_out(Tried(CandidateRecord(**cut, widths={"first": width}, stage="short-term")))
    record = StepRecord(**cut, checkpoint="iter_001", widths={"first": 14})
    config = FactoryConfig("tiny:network").to_json()
    folder.commit(Step(record, tiny.network(), GRAPH), config)
    folder.close()
    assert [record.chosen for record in read_candidates(tmp_path / "run")] == [False, True]
    assert read_steps(tmp_path / "run") == [record]


@pytest.mark.parametrize("more", [3, 25, 31])
def test_a_device_that_goes_away_loses_nothing(board, table, tmp_path, more):
    board.lives = len(board.measured) + more
    with pytest.raises(DeviceError, match="the board is gone") as raised:
        run(table, tmp_path / "run")
    assert raised.value.exit_code == 3
    assert len(LookupTable.read(table)) == board.lives
    board.lives = 10_000
    run(table, tmp_path / "run", resume=True)
    check(table, tmp_path / "run")
    assert len(board.measured) == len(set(board.measured))


def test_a_run_only_goes_on_with_the_rows_it_began_with(board, table, tmp_path):
    finished = run(table, tmp_path / "run")
    board.lives = 0  # nothing lacks: the device isn't needed
    again = run(table, tmp_path / "run", resume=True)
    pd.testing.assert_frame_equal(again.trajectory, finished.trajectory)
    with pytest.raises(RunError, match="on_demand = True"):
        run(table, tmp_path / "run", resume=True, on_demand=None)
    rows = LookupTable.read(table)
    rows.entries[0] = replace(rows.entries[0], latency_ms=1.0)
    rows.write()
    with pytest.raises(RunError, match="table_sha256"):
        run(table, tmp_path / "run", resume=True)


def test_a_layer_that_the_device_cannot_run_is_asked_for_once(board, table, tmp_path):
    board.unsupported = ("add",)
    rows = LookupTable.read(table)
    rows = LookupTable(rows.name, [r for r in rows.entries if r.shape.op != "add"], rows.meta)
    rows.write(table)
    board.measured.clear()
    result = run(table, tmp_path / "run")
    refused = [shape for shape in board.measured if shape.op == "add"]
    assert refused
    assert len(refused) == len(set(refused))
    assert result.trajectory["latency_ms"].is_monotonic_decreasing


def test_published_figures_are_not_added_to(board, table, tmp_path):
    published = table.with_name("paper.published.csv")
    LookupTable.read(table).write(published)
    with pytest.raises(TableError, match="netadapt lut build --device paper"):
        run(published, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_several_devices_are_measured_each_for_its_own_table(board, table, tmp_path):
    stone = DeviceProfile(name="stone", runtime="fake")
    other = tmp_path / "stone.csv"
    demand = OnDemand(stone, board(stone), open_table(stone, board(stone), other))
    demand.ensure(layer.shape for layer in GRAPH.layers)
    full_ms = sum(board_ms(layer.shape) for layer in GRAPH.layers)
    given = {
        "task": tiny.task(), "budget": {str(table): 0.8 * full_ms, str(other): "80%"},
        "short_term": FineTuning(steps=0), "first_reduction": 0.05, "width_multiple": 4,
    }  # fmt: skip
    devices = {"on_demand": [stone, PROFILE], "out": tmp_path / "run"}
    result = prune(tiny.network(), tiny.EXAMPLE, **given, **devices)
    last = GRAPH.with_widths({n: w for n, w in result.records[-1].widths.items() if n != "head"})
    for path in (table, other):
        assert all(LookupTable.read(path).find(layer.shape) for layer in last.layers)
    assert {*result.records[-1].latencies} == {"paper", "stone"}
    measured = len(board.measured)
    again = prune(tiny.network(), tiny.EXAMPLE, **given, **devices, resume=True)
    assert again.records == result.records
    assert len(board.measured) == measured
    moon = replace(stone, name="moon")
    with pytest.raises(InputError, match="moon is to be measured on, but no budget is on it; the"):
        prune(tiny.network(), tiny.EXAMPLE, **given, on_demand=[PROFILE, moon])
