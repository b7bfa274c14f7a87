"""Every part of a search replaced by one of a user's own: those of the protocols' docstrings."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import tiny
import torch

import netadapt
from netadapt.errors import BudgetError, InputError, RunError
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.importance.registry import IMPORTANCES
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.strategies.base import Strategy
from netadapt.pruning.strategies.registry import STRATEGIES
from tests.docstring_examples import names_of_example

SHORT = netadapt.FineTuning(steps=1, batch_size=16, learning_rate=0.01)


@pytest.fixture
def prune(table, full_ms, tmp_path):
    """Prunes the tiny network to a share of its latency, or to another budget."""

    def run(out: str = "run", share: float = 0.8, **options) -> netadapt.Result:
        given = {"budget": {table: share * full_ms}, "first_reduction": 0.1, "short_term": SHORT}
        return netadapt.prune(
            tiny.network(),
            tiny.EXAMPLE,
            task=tiny.task(),
            out=tmp_path / out,
            **{**given, **options},
        )

    return run


def decisions(result: netadapt.Result) -> pd.DataFrame:
    return result.trajectory.drop(columns="seconds")


def test_a_strategy_of_one_s_own_decides_and_is_remembered(prune, tmp_path):
    cheapest = names_of_example(Strategy)["Cheapest"]()
    result = prune(strategy=cheapest)
    assert RunAbout.read(tmp_path / "run").settings.strategy == "cheapest"
    candidates = pd.read_csv(tmp_path / "run" / "candidates.csv")
    assert len(candidates) == len(result.records) - 1  # one tried an iteration
    with pytest.raises(RunError, match="strategy = cheapest, not saliency"):
        prune(resume=True)
    STRATEGIES.register("cheapest-by-name", cheapest)
    by_name = prune("by-name", strategy="cheapest-by-name")
    assert decisions(by_name).equals(decisions(result))


def test_an_importance_of_one_s_own_picks_the_filters(prune):
    """The first units stay, untrained: the first rows of the weights that make them."""
    first = names_of_example(Importance)["First"]()
    result = prune(importance=first, short_term=netadapt.FineTuning(steps=0))
    given = tiny.network()
    for name in ("first.0", "inner.0", "outer"):
        whole, cut = (model.get_submodule(name).weight for model in (given, result.model))
        assert torch.equal(cut, whole[: cut.shape[0], : cut.shape[1]])
    assert result.records[-1].macs < result.records[0].macs


def test_executors_change_no_figure(prune):
    class Threads:
        """Two at a time, given as they end."""

        def run(self, attempts, started):
            with ThreadPoolExecutor(2) as pool:
                for attempt in attempts:
                    started(attempt)
                yield from zip(attempts, pool.map(lambda a: a.run(), attempts), strict=True)

        def close(self):
            self.closed = True

    here = prune("here")
    backwards = names_of_example(Executor)["Backwards"]()
    assert decisions(prune("backwards", executor=backwards)).equals(decisions(here))
    threads = Threads()
    assert len(decisions(prune("threads", executor=threads))) == len(here.records)
    assert threads.closed


@pytest.mark.parametrize("name", ["macs", "params"])
def test_what_is_counted_is_brought_under_its_budget(prune, name):
    given = getattr(netadapt.trace(tiny.network(), tiny.EXAMPLE), name)
    result = prune(budget={name: 0.7 * given})
    graph = netadapt.trace(result.model, tiny.EXAMPLE)
    assert getattr(graph, name) <= 0.7 * given
    assert result.records[-1].latency is None  # no device was asked
    assert getattr(result.records[-1], name) == getattr(graph, name)
    assert result.trajectory["latency_ms"].isna().all()


def test_a_constraint_of_one_s_own_is_asked(prune):
    """Layers can't be cut away: the search says so, in the constraint's own words."""
    layers = names_of_example(Constraint)["Layers"]()
    graph = netadapt.trace(tiny.network(), tiny.EXAMPLE)
    layers.budget = len(graph.layers) - 1.0
    with pytest.raises(BudgetError, match=r"the budget of \d+ layers on layers cannot be met"):
        prune(budget=layers)
    layers.budget = len(graph.layers) + 1.0
    assert len(prune("met", budget=layers).records) == 1


def test_callbacks_are_told_in_order_and_all_of_them(prune, capsys):
    class Told(Callback):
        def __init__(self):
            self.calls = []

        def table(self, description):
            self.calls.append("table")

        def feasible(self, reaches, iterations):
            self.calls.append("feasible")

        def iteration(self, iteration, cost, target, left):
            assert cost > target
            self.calls.append("iteration")

        def candidate(self, proposal, index, count):
            assert 0 <= index < count
            self.calls.append("candidate")

        def chosen(self, step):
            self.calls.append("chosen")

    told = Told()
    result = prune(callbacks=[told, names_of_example(Callback)["Printer"]()])
    iterations = len(result.records) - 1
    assert told.calls[:3] == ["table", "feasible", "iteration"]
    assert told.calls.count("chosen") == told.calls.count("iteration") == iterations
    assert capsys.readouterr().out.count("accuracy") == iterations


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategy": "best"}, "there is no strategy called 'best'; choose one of full"),
        ({"importance": "l3"}, "there is no importance called 'l3'; choose one of l2, l1"),
        ({"executor": "moon"}, "there is no executor called 'moon'; choose one of local"),
        ({"momentum": 0.9}, "a search has no setting 'momentum'; it has strategy, importance"),
        ({"frozen": ["nose"]}, "no channel group is called 'nose'; there are first"),
        ({"min_widths": {"first": 99}}, "the least width of group first is 99; expected 1 to 24"),
        ({"budget": {}}, "the budget names no constraint; expected one or more"),
        ({"budget": {"macs": "much"}}, "the budget of macs is 'much'; expected a number > 0"),
        ({"task": object()}, "has no metrics, loss, training_batches, evaluate"),
    ],
)
def test_what_is_wrong_is_said_at_once(table, tmp_path, options, said):
    given = {"task": tiny.task(), "budget": {table: 0.1}, "out": tmp_path / "run", **options}
    with pytest.raises(InputError, match=said):
        netadapt.search(tiny.network(), tiny.EXAMPLE, **given)
    assert not (tmp_path / "run").exists()


def test_frozen_groups_and_least_widths_are_kept(prune):
    result = prune(share=0.75, frozen=["fir*"], min_widths={"inner": 16})
    widths = result.records[-1].widths
    assert widths["first"] == 24
    assert widths["inner"] >= 16
    assert {record.group for record in result.records} == {"", "inner"}


def test_a_name_added_to_a_registry_is_known(prune):
    IMPORTANCES.register("first-ones", names_of_example(Importance)["First"]())
    assert prune(importance="first-ones").records[-1].iteration > 0
