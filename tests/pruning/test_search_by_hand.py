"""A search taken step by step: iterated, stopped, and chosen from by hand."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path

import pandas as pd
import pytest
import tiny

import netadapt
from netadapt.errors import BudgetError, RunError

SHORT = netadapt.FineTuning(steps=1, batch_size=16, learning_rate=0.01)


@pytest.fixture(scope="module")
def begin(table, full_ms):
    """Begins a search of the tiny network at a share of its latency."""

    def search(out: Path, share: float = 0.7, **options) -> netadapt.Search:
        return netadapt.search(
            tiny.network(),
            tiny.EXAMPLE,
            task=tiny.task(),
            budget={table: share * full_ms},
            out=out,
            short_term=SHORT,
            first_reduction=0.1,
            **{"strategy": "full", **options},
        )

    return search


@pytest.fixture(scope="module")
def whole(begin, tmp_path_factory) -> netadapt.Search:
    """A search that was iterated to its end."""
    search = begin(tmp_path_factory.mktemp("runs") / "whole")
    assert [step.iteration for step in search] == list(range(len(search.records)))
    return search


def rows(search: netadapt.Search) -> pd.DataFrame:
    return pd.read_csv(search.out / "trajectory.csv").drop(columns="seconds")


def test_the_folder_is_known_and_held_before_the_first_step(begin, tmp_path):
    search = begin(tmp_path / "run")
    assert search.out == tmp_path / "run"
    assert (search.out / "run.json").is_file()
    assert search.records == ()
    with pytest.raises(RunError, match="being written by another process"):
        begin(tmp_path / "run", resume=True)
    search.close()
    begin(tmp_path / "run", resume=True).close()


def test_a_finished_search_gives_nothing_more_and_frees_its_folder(begin, whole):
    assert whole.met
    assert list(whole) == []
    assert whole.propose() == []
    again = begin(whole.out, resume=True)
    assert [step.iteration for step in again] == [0, len(whole.records) - 1]
    assert again.records == whole.records


def test_proposing_and_choosing_by_hand_is_what_iterating_does(begin, whole, tmp_path):
    with begin(tmp_path / "hand") as search:
        while not search.met:
            proposals = search.propose()
            assert all(p.cost < search.step.record.latency.value for p in proposals)
            assert search.choose(proposals) is search.step
    assert rows(search).equals(rows(whole))


def test_only_what_was_left_to_choose_from_is_tried(begin, tmp_path):
    with begin(tmp_path / "run") as search:
        inner = [p for p in search.propose() if p.groups == ("inner",)]
        step = search.choose(inner)
        assert step.record.group == "inner"
        assert len(pd.read_csv(search.out / "candidates.csv")) == 1
        with pytest.raises(BudgetError, match="full finds no cut that makes the network cheaper"):
            search.choose([])


def test_a_stopped_search_goes_on_to_the_same_rows(begin, whole, tmp_path):
    search = begin(tmp_path / "run")
    for step in search:
        if step.iteration == 1:
            search.stop()
    assert [record.iteration for record in search.records] == [0, 1]
    resumed = begin(tmp_path / "run", resume=True)
    assert [step.iteration for step in islice(resumed, 2)] == [0, 1]
    list(resumed)
    assert rows(resumed).equals(rows(whole))


def test_records_are_numbers_in_a_fresh_and_in_a_resumed_run(begin, whole):
    resumed = begin(whole.out, resume=True)
    list(resumed)
    for fresh, read in zip(whole.records, resumed.records, strict=True):
        assert fresh == read
        assert type(read.iteration) is int
        assert type(read.latency.value) is type(read.metrics["accuracy"]) is float


def test_one_default_for_python_and_for_the_command_line():
    """Said once, in the settings; the command's options show it."""
    from netadapt.pruning.settings import OPTIONS, SearchSettings

    settings = SearchSettings()
    assert (settings.short_term.steps, settings.short_term.learning_rate) == (3, 3e-4)
    shown = {option.name: option.default for option in OPTIONS}
    assert settings.changed(shown) == settings
    assert shown["finetune_steps"] == 3
    assert SearchSettings.from_json(settings.to_json()) == settings


def test_a_search_that_has_ended_writes_nothing_more(begin, tmp_path):
    for end in (netadapt.Search.stop, netadapt.Search.close):
        search = begin(tmp_path / end.__name__)
        proposals = search.propose()
        end(search)
        before = (search.out / "trajectory.csv").read_bytes()
        for more in (search.propose, partial(search.choose, proposals)):
            with pytest.raises(RunError, match=r"has ended and takes no further step.*resume=True"):
                more()
        assert list(search) == []
        assert (search.out / "trajectory.csv").read_bytes() == before
        assert begin(search.out, resume=True).step.iteration == 0


def test_where_a_search_stands_is_known_after_it_was_stopped(begin, whole, tmp_path):
    search = begin(tmp_path / "run")
    search.stop()
    assert not search.met
    assert search.step.iteration == 0
    assert search.step.record.metrics == whole.records[0].metrics
    assert search.records == ()
    assert not (search.out / "iter_000").exists()
    finished = begin(whole.out, resume=True)
    finished.stop()
    assert finished.met
    assert finished.step.record == whole.records[-1]
    assert finished.propose() == []


def test_a_loop_by_hand_over_a_finished_run_does_nothing(begin, whole):
    before = (whole.out / "trajectory.csv").read_bytes()
    with begin(whole.out, resume=True) as search:
        assert search.step.record == whole.records[-1]
        while not search.met:
            search.choose(search.propose())
    assert (whole.out / "trajectory.csv").read_bytes() == before


def test_asking_before_iterating_takes_no_step_away(begin, whole, tmp_path):
    search = begin(tmp_path / "run")
    assert not search.met
    assert search.step.iteration == 0
    assert search.propose()
    assert [step.iteration for step in search] == [record.iteration for record in whole.records]
    assert rows(search).equals(rows(whole))
