"""What each strategy chooses, trains and records; and that a stopped run goes on to the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from trials import Stops, pruned

import netadapt
from netadapt.errors import InputError
from netadapt.graph import trace
from netadapt.pruning.candidates import choose
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.strategies.knapsack import Knapsack
from netadapt.pruning.strategies.registry import STRATEGIES
from netadapt.training.settings import FineTuning

SHORT = FineTuning(steps=2, batch_size=16, learning_rate=0.01)
GRAPH = trace(tiny.network(), tiny.EXAMPLE)
NAMES = ("full", "racing", "saliency", "uniform", "random")


def begin(out: Path, strategy: str, share: float = 0.5, **options) -> netadapt.Search:
    return netadapt.search(
        tiny.network(), tiny.EXAMPLE, task=tiny.task(), budget={"macs": share * GRAPH.macs},
        out=out, strategy=strategy, short_term=SHORT, **{"first_reduction": 0.15, **options},
    )  # fmt: skip


def candidates_of(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "candidates.csv")


@pytest.fixture(scope="module", params=NAMES)
def finished(request, tmp_path_factory) -> netadapt.Search:
    """A run of each strategy, at its end."""
    search = begin(tmp_path_factory.mktemp("runs") / request.param, request.param)
    list(search)
    return search


def test_every_strategy_meets_the_budget_and_marks_what_it_kept(finished):
    assert finished.met
    found = candidates_of(finished.out)
    for record in finished.records[1:]:
        kept = found[(found["iteration"] == record.iteration) & (found["chosen"] == 1)]
        assert set(kept["widths"]) == {record.to_row()["widths"]}
        assert record.macs < finished.records[record.iteration - 1].macs


def test_samples_are_what_was_trained_on_and_never_fewer(finished):
    counts = [record.samples for record in finished.records]
    assert counts[0] == 0
    assert counts == sorted(counts)
    tried = candidates_of(finished.out)["samples"].sum()
    images = 64 if RunAbout.read(finished.out).settings.importance == "taylor" else 0
    assert counts[-1] == tried + images * (len(counts) - 1)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_a_stopped_run_goes_on_to_the_same_rows(finished, tmp_path, count):
    out = tmp_path / finished.out.name
    stopped = begin(out, finished.out.name, callbacks=[Stops(count)])
    try:
        list(stopped)
    except KeyboardInterrupt:
        list(begin(out, finished.out.name, resume=True))
    for name in ("trajectory.csv", "candidates.csv"):
        rows, expected = (
            pd.read_csv(run / name).drop(columns="seconds") for run in (out, finished.out)
        )
        pd.testing.assert_frame_equal(rows, expected, check_exact=True)


@pytest.mark.parametrize("cut_short", [1, 2, 3])
def test_scores_of_images_are_written_once_whenever_a_run_stops(finished, tmp_path, cut_short):
    """Between the row of its scores and its own, a candidate is tried again."""
    out = tmp_path / finished.out.name
    shutil.copytree(finished.out, out)
    for name, kept in (("candidates.csv", cut_short), ("image_scores.csv", cut_short + 1)):
        lines = (out / name).read_text().splitlines(keepends=True)
        (out / name).write_text("".join(lines[:kept]))
    rows = (out / "trajectory.csv").read_text().splitlines(keepends=True)
    (out / "trajectory.csv").write_text("".join(rows[:2]))
    list(begin(out, finished.out.name, resume=True))
    whole = (finished.out / "image_scores.csv").read_text()
    assert (out / "image_scores.csv").read_text() == whole


def test_a_first_write_that_was_cut_off_is_no_run(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".run-abc123.json").write_text("{")
    begin(tmp_path / "run", "full").close()
    assert (tmp_path / "run" / "run.json").is_file()


class Own:
    """A strategy that judges by `how`."""

    name = "own"

    def __init__(self, how):
        self.how = how

    def propose(self, iteration):
        return iteration.widest_cuts()

    def choose(self, iteration, proposals):
        return self.how(iteration, proposals)


def test_what_a_strategy_raises_is_one_line_that_names_it(tmp_path):
    def boom(iteration, proposals):
        raise KeyError("boom")

    with begin(tmp_path / "run", Own(boom)) as search, pytest.raises(InputError) as caught:
        list(search)
    assert str(caught.value).startswith("choosing by the strategy own failed: ")
    assert "boom" in str(caught.value)


def test_a_proposal_is_judged_once_at_a_time_and_known_afterwards(tmp_path):
    twice = Own(lambda iteration, proposals: choose(iteration.judge([*proposals, *proposals])))
    with begin(tmp_path / "twice", twice) as search, pytest.raises(InputError, match="twice"):
        list(search)

    def again(iteration, proposals):
        list(iteration.judge(proposals))
        return choose(iteration.judge(proposals))

    with begin(tmp_path / "again", Own(again), 0.9) as search:
        list(search)
    assert not candidates_of(search.out).duplicated(["iteration", "stage", "widths"]).any()


def test_saliency_cuts_however_little_an_iteration_must_save(tmp_path):
    with begin(tmp_path / "run", "saliency", 0.6, decay=0.01, width_multiple=1) as search:
        list(search)
    assert search.met


def test_racing_fine_tunes_only_what_may_still_win(tmp_path, monkeypatch):
    monkeypatch.setattr("netadapt.pruning.strategies.racing.FEWEST_THAT_STAY", 1)
    with begin(tmp_path / "run", "racing", 0.8) as search:
        list(search)
    for _, rows in candidates_of(search.out).groupby("iteration"):
        untrained = rows[rows["stage"] == "untrained"]
        (trained,) = rows[rows["stage"] == "short-term"].to_dict("records")
        assert len(untrained) == 2
        assert (untrained["samples"] == 0).all()
        assert trained["group"] == untrained.loc[untrained["score"].idxmin(), "group"]


def test_saliency_cuts_groups_together_and_trains_no_loser(tmp_path):
    with begin(tmp_path / "run", "saliency", 0.3, first_reduction=0.7) as search:
        list(search)
    (record,) = search.records[1:]
    assert record.group == "first inner"
    assert (record.width_before, record.width_after) == (
        48,
        record.widths["first"] + record.widths["inner"],
    )
    assert len(candidates_of(search.out)) == 1


def test_uniform_takes_one_step_to_the_budget_by_one_factor(tmp_path):
    with begin(tmp_path / "run", "uniform", 0.5, width_multiple=1) as search:
        list(search)
    (record,) = search.records[1:]
    assert record.widths["first"] == record.widths["inner"]
    assert record.macs <= 0.5 * GRAPH.macs
    wider = dict.fromkeys(("first", "inner"), record.widths["first"] + 1)
    assert GRAPH.with_widths(wider).macs > 0.5 * GRAPH.macs


def test_another_seed_draws_another_group(tmp_path):
    drawn = set()
    for seed in range(8):
        with begin(tmp_path / str(seed), "random", 0.8, seed=seed) as search:
            drawn.add(search.choose(search.propose()).record.group)
    assert drawn == {"first", "inner"}


def test_distilling_needs_no_labels(tmp_path, monkeypatch):
    def no_loss(self, output, target):
        raise AssertionError("labels aren't needed")

    monkeypatch.setattr("netadapt.pruning.begin.rehearsed", lambda *_: {})
    monkeypatch.setattr("netadapt.training.classification.ClassificationTask.loss", no_loss)
    with begin(tmp_path / "run", "full", 0.8, distill=True) as search:
        list(search)
    assert search.met
    assert '"distill": true' in (search.out / "run.json").read_text()


def test_an_importance_goes_by_labels_in_a_distillation_too(tmp_path):
    """Of what the network itself says, the loss and all its gradients are nothing at first."""
    plain, distilled = (
        begin(tmp_path / str(distill), "saliency", 0.5, distill=distill)
        for distill in (False, True)
    )
    with plain, distilled:
        assert plain.propose() == distilled.propose()


@pytest.mark.parametrize(
    ("strategy", "asked", "kept"),
    [
        ("full", {}, ("l2", 0.025, 0.98)),
        ("saliency", {}, ("taylor", 0.05, 1.0)),
        ("saliency", {"importance": "l1", "decay": 0.98}, ("l1", 0.05, 0.98)),
    ],
)
def test_what_goes_with_a_strategy_is_its_own_unless_it_is_said(tmp_path, strategy, asked, kept):
    begin(tmp_path / "run", strategy, **{"first_reduction": None, **asked}).close()
    found = RunAbout.read(tmp_path / "run").settings
    assert (found.importance, found.first_reduction, found.decay) == kept


def test_a_default_that_no_strategy_may_have_is_named():
    with pytest.raises(InputError, match="full has a default for 'seed'; it may have one for imp"):
        SearchSettings(strategy="full").with_defaults({"seed": 1})


@pytest.mark.parametrize(
    ("defaults", "said"),
    [
        (None, "the defaults of the strategy own are None; expected names of settings"),
        (["importance"], "the defaults of the strategy own are"),
        ({"importance": 5}, "the defaults of the strategy own have the importance 5; expected a"),
        ({"decay": 0}, "the defaults of the strategy own: the decay is 0; expected"),
        ({"first_reduction": "0.1"}, "the defaults of the strategy own: the first reduction is"),
        (property(lambda own: 1 / 0), "defaults of the strategy own failed: .*ZeroDivisionError"),
    ],
)
def test_defaults_that_cannot_be_are_named(tmp_path, defaults, said):
    own = type("Own", (type(STRATEGIES["saliency"]),), {"name": "own", "defaults": defaults})()
    with pytest.raises(InputError, match=said):
        pruned(tmp_path / "run", strategy=own, first_reduction=None)
    assert not (tmp_path / "run").exists()


def test_a_strategy_that_says_none_of_a_setting_gets_netadapt_s():
    found = SearchSettings().with_defaults({"importance": "l1", "decay": None})
    assert (found.importance, found.decay) == ("l1", 0.98)


scores = st.lists(st.floats(0, 10), min_size=24, max_size=24)


@settings(max_examples=60, deadline=None)
@given(scores, scores, st.floats(0.15, 0.95), st.sampled_from((1, 4, 8)))
def test_the_knapsack_meets_the_target_and_wastes_nothing(first, inner, share, multiple):
    harm = {"first": torch.tensor(first), "inner": torch.tensor(inner)}
    target = share * GRAPH.macs
    knapsack = Knapsack(GRAPH, harm, lambda graph: graph.macs, multiple)
    knapsack.shrink_to(target)
    smallest = dict.fromkeys(harm, multiple)
    if GRAPH.with_widths(smallest).macs > target:
        assert knapsack.widths == smallest
        return
    graph = GRAPH.with_widths(knapsack.widths)
    assert graph.macs == knapsack.cost <= target
    for name, width in knapsack.widths.items():
        wider = {**knapsack.widths, name: width + multiple}
        gone = harm[name].sort().values[: 24 - width]
        helps = gone[-multiple:].sum() > 0 if width < 24 else False
        assert not helps or GRAPH.with_widths(wider).macs > target


def test_the_knapsack_keeps_what_matters():
    matters = {"first": torch.full((24,), 100.0), "inner": torch.linspace(0.0, 1.0, 24)}
    knapsack = Knapsack(GRAPH, matters, lambda graph: graph.macs, 8)
    knapsack.shrink_to(GRAPH.with_widths({"inner": 16}).macs)
    assert knapsack.widths == {"first": 24, "inner": 16}
