"""Parts of a user's own that break their protocol: each is named in one line, and nothing loops."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch

import netadapt
from netadapt.errors import BudgetError, InputError, NetadaptError, RunError
from netadapt.pruning.attempts import Outcome
from netadapt.pruning.candidates import Candidate, choose
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.importance.taylor import TAYLOR
from netadapt.pruning.proposals import GroupCut
from netadapt.pruning.strategies.base import Strategy
from tests.docstring_examples import names_of_example

NO_STEPS = netadapt.FineTuning(steps=0)
GRAPH = netadapt.trace(tiny.network(), tiny.EXAMPLE)
NAN = float("nan")


def begin(out: Path | None, **options) -> netadapt.Search:
    given = {
        "task": tiny.task(),
        "budget": {"macs": 0.7 * GRAPH.macs},
        "short_term": NO_STEPS,
        "first_reduction": 0.1,
    }
    return netadapt.search(tiny.network(), tiny.EXAMPLE, out=out, **{**given, **options})


def fault(out: Path | None, **options) -> str:
    """What a search with these options says, to its end; its executor is closed."""
    with pytest.raises(NetadaptError) as raised, begin(out, **options) as search:
        list(search)
    text = str(raised.value)
    assert "\n" not in text
    return text


class Macs(names_of_example(Constraint)["Layers"]):
    """Multiply-accumulates as a user would count them."""

    name, unit = "mine", "things"
    budget = 0.7 * GRAPH.macs

    def __init__(self, **members):
        vars(self).update(members)

    def cost(self, graph):
        return graph.macs

    def interval(self, graph):
        return netadapt.Interval(*[float(self.cost(graph))] * 3)


def test_costs_and_budgets_that_are_no_numbers_end_a_search_at_once(tmp_path):
    assert len(list(begin(tmp_path / "good", budget=Macs()))) > 1
    for cost in (NAN, "much", None):
        said = fault(tmp_path / "run", budget=Macs(cost=lambda graph, cost=cost: cost))
        assert said.startswith(f"the constraint mine gave {cost!r} as the cost of a network")
    said = fault(tmp_path / "run", budget=Macs(cost=lambda graph: float("inf")))
    assert said.startswith("the constraint mine gave inf as the cost of the network given")
    for budget in (NAN, 0, -1.0, None, "6"):
        said = fault(tmp_path / "run", budget=Macs(budget=budget))
        assert said == f"the budget of mine is {budget!r}; expected a number > 0"
    assert "no JSON object" in fault(tmp_path / "run", budget=Macs(identity=lambda: {"a": {1}}))
    assert not (tmp_path / "run").exists()


def test_a_cost_that_is_no_number_later_is_said_then(tmp_path):
    def cost(graph):
        return NAN if graph.widths["first"] == 16 else float(graph.macs)

    assert "the constraint mine gave nan" in fault(tmp_path / "run", budget=Macs(cost=cost))


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        (lambda group: torch.rand(group.width // 2), r"gave \[12\] as the scores of group first"),
        (lambda group: torch.rand(group.width * 2), r"gave \[48\] as the scores of group first"),
        (lambda group: torch.full((group.width,), NAN), "gave group first scores that are NaN"),
        (lambda group: [1.0] * group.width, "gave list as the scores of group first"),
        (lambda group: 1 / 0, "failed: .* in <lambda>: ZeroDivisionError: division by zero"),
    ],
)
def test_scores_that_are_none_are_the_importance_s_fault(tmp_path, scores, said):
    def mine(model, graph, task, seed):
        return {group.name: scores(group) for group in graph.groups if not group.frozen}

    with pytest.raises(InputError, match=rf"the importance .*:\S+mine {said}"):
        begin(tmp_path / "run", importance=mine)
    assert not (tmp_path / "run").exists()


class InTraining(tiny.TinyNet):
    """Gives a pair while it is trained, as networks with auxiliary heads do."""

    def forward(self, image):
        output = super().forward(image)
        return (output, output) if self.training else output


def test_what_judging_would_find_is_found_before_anything_is_written(tmp_path):
    whole = tiny.task()
    task = with_members(
        evaluate_images=lambda model, images: whole.evaluate_images(
            model, range(whole.holdout_count)
        )
    )
    said = fault(tmp_path / "run", task=task)
    assert said.startswith(
        "evaluate_images of the task ClassificationTask gave [64] as accuracy; expected a tensor "
        "[32]"
    )

    def of_pairs(output, target):
        first, second = output
        return whole.loss(first, target) + whole.loss(second, target)

    pairs = with_members(loss=of_pairs)
    with pytest.raises(InputError, match=r"loss of the task .* in of_pairs: ValueError: too many"):
        netadapt.search(
            InTraining().eval(), tiny.EXAMPLE, task=pairs, budget={"macs": "70%"},
            out=tmp_path / "run", strategy="saliency",
        )  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_a_long_importance_of_ours_is_tried_on_one_batch_and_one_of_the_user_s_whole(tmp_path):
    drawn = []

    def batches(batch_size, seed, start_step=0):
        for batch in tiny.task().training_batches(batch_size, seed, start_step):
            drawn.append(batch_size)
            yield batch

    def mine(model, graph, task, seed):
        return TAYLOR(model, graph, task, seed)

    counts = []
    for importance in ("l2", "taylor", mine):
        drawn.clear()
        begin(tmp_path / str(importance)[:5], task=with_members(training_batches=batches),
              importance=importance).close()  # fmt: skip
        counts.append(len(drawn))
    assert [count - counts[0] for count in counts] == [0, 1, TAYLOR.images // TAYLOR.batch_size]


class Runner(names_of_example(Executor)["Backwards"]):
    """Runs the attempts well, and gives `given` of what came of them."""

    def __init__(self, given=list):
        self.given = given
        self.closed = 0

    def run(self, attempts, started):
        yield from self.given([(attempt, attempt.run()) for attempt in attempts])

    def close(self):
        self.closed += 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda pairs: pairs[1:], "gave no outcome of the attempts at first"),
        (lambda pairs: [], "gave no outcome of the attempts at first 24 → 16, inner"),
        (lambda pairs: [pairs[0], pairs[0]], "gave the attempt at first 24 → 16 again, or unasked"),
        (
            lambda pairs: [(pairs[0][0], pairs[1][1]), (pairs[1][0], pairs[0][1])],
            "gave the attempt at first 24 → 16 another's outcome",
        ),
        (lambda pairs: [(pairs[0][0], {"accuracy": 1.0})], "gave tuple; expected an attempt and"),
        (
            lambda pairs: [(pairs[0][0], Outcome(pairs[0][1].model, {"accuracy": NAN}, 0.0))],
            "gave accuracy = nan; expected a finite number",
        ),
    ],
)
def test_outcomes_that_are_lost_doubled_or_swapped_are_the_executor_s_fault(tmp_path, given, said):
    runner = Runner(given)
    text = fault(tmp_path / "run", executor=runner, strategy="full")
    assert text.startswith(f"the executor Runner {said}")
    assert runner.closed == 1


def test_an_executor_is_closed_and_no_folder_left_where_a_search_cannot_begin(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    faults = ({"decay": 5}, {"frozen": ["nose"]}, {"budget": {"macs": 1}}, {"min_widths": [1]})
    for wrong in faults:
        runner = Runner()
        fault(None, executor=runner, **wrong)
        assert runner.closed == 1
    assert list(tmp_path.iterdir()) == []
    with begin(None) as search:
        assert search.out.parent == tmp_path


class Chooses(names_of_example(Strategy)["Cheapest"]):
    """Proposes well, and chooses by `how`."""

    def __init__(self, how):
        self.how = how

    def choose(self, iteration, proposals):
        return self.how(iteration, proposals)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            lambda it, ps: Candidate(ps[0], it.step.record.metrics, 0.0, it.step.model),
            "the strategy cheapest chose first 24 → 16, but its network has other widths",
        ),
        (
            lambda it, ps: Candidate(
                replace(ps[0], cuts=(replace(ps[0].cuts[0], width_after=24),)),
                it.step.record.metrics,
                0.0,
            ),
            "the proposal first 24 → 24 is no cut of the present network",
        ),
        (
            lambda it, ps: choose(it.judge([replace(ps[0], cost=1.0)])),
            "the strategy cheapest chose first 24 → 16 at 1 MACs, but its network costs",
        ),
        (lambda it, ps: None, "the strategy cheapest chose NoneType; expected a Candidate"),
        (lambda it, ps: Candidate(ps[0], {}, 0.0), "the strategy cheapest gave no accuracy"),
    ],
)
def test_a_choice_that_is_none_is_the_strategy_s_fault(tmp_path, how, said):
    assert fault(tmp_path / "run", strategy=Chooses(how)).startswith(said)


def test_a_choice_that_saves_nothing_is_refused(tmp_path):
    class Dear(Macs):
        """Narrower widths of the first group cost as much."""

        def cost(self, graph):
            return GRAPH.with_widths({"inner": graph.widths["inner"]}).macs

    class Stubborn(Chooses):
        def propose(self, iteration):
            wide = GRAPH.groups[0]
            return [netadapt.Proposal((GroupCut.of(wide, 16),), iteration.cost)]

    said = fault(
        tmp_path / "run", budget=Dear(), strategy=Stubborn(lambda it, ps: choose(it.judge(ps)))
    )
    assert "chose first 24 → 16, which saves nothing" in said


def test_proposals_that_are_none_or_of_another_network_are_refused(tmp_path):
    with begin(tmp_path / "run") as search:
        proposals = search.propose()
        search.choose(proposals[:1])
        with pytest.raises(InputError, match="is no cut of the present network"):
            search.choose(proposals[:1])
        with pytest.raises(InputError, match="the proposal nose 24 → 16 is no cut"):
            search.choose(
                [replace(proposals[0], cuts=(replace(proposals[0].cuts[0], group="nose"),))]
            )
        assert len(search.records) == 2
    strategy = Chooses(None)
    strategy.propose = lambda iteration: None
    assert "proposed NoneType; expected Proposals" in fault(tmp_path / "o", strategy=strategy)


def score_by_place(model, graph, task, seed):
    return {group.name: torch.arange(group.width).double() for group in graph.groups}


def score_backwards(model, graph, task, seed):
    return {group.name: -torch.arange(group.width).double() for group in graph.groups}


def test_a_run_is_resumed_by_the_callables_that_began_it(tmp_path):
    begin(tmp_path / "run", importance=score_by_place).close()
    begin(tmp_path / "run", importance=score_by_place, resume=True).close()
    with pytest.raises(RunError, match=r"importance = .*:score_by_place, not .*:score_backwards"):
        begin(tmp_path / "run", importance=score_backwards, resume=True)
    first = names_of_example(Importance)["First"]
    with pytest.raises(RunError, match=r"score_by_place, not .*:First"):
        begin(tmp_path / "run", importance=first(), resume=True)
    for nameless in (lambda *given: score_by_place(*given), functools.partial(score_by_place)):
        out = tmp_path / type(nameless).__name__
        begin(out, importance=nameless, resume=True).close()  # begins it
        with pytest.raises(RunError, match="which nothing tells from another"):
            begin(out, importance=nameless, resume=True)


def with_members(**members):
    """The tiny task, with some members otherwise."""
    task = tiny.task()
    vars(task).update(members)
    return task


@pytest.mark.parametrize(
    ("options", "said"),
    [
        *(({"budget": budget}, "the budget is") for budget in (None, 6.0, "tx2", [("macs", 5)])),
        ({"budget": {"macs": 10**400}}, "the budget of macs is 1000"),
        ({"budget": {5: 5}}, "the budget is on 5"),
        ({"budget": Macs}, "the budget is the class Macs"),
        ({"width_multiple": 8.5}, "the width multiple is 8.5; expected a whole number"),
        ({"seed": 1.5}, "the seed is 1.5; expected a whole number"),
        ({"seed": 2**63}, "expected 0 to 4294967295"),
        ({"decay": "x"}, "the decay is 'x'; expected a number"),
        ({"short_term": 5}, "short_term is 5; expected a FineTuning"),
        ({"frozen": "head.*"}, "no channel group is called 'head.*'"),
        ({"min_widths": {"first": "16"}}, "the least width of group first is '16'"),
        ({"executor": Runner}, "the executor is the class Runner"),
        ({"strategy": Chooses}, "the strategy is the class Chooses"),
        ({"importance": dict}, "the importance is the class dict"),
        ({"importance": 3}, "the importance, of the class int, has no __call__"),
        ({"callbacks": [netadapt.Callback]}, "the callback is the class Callback"),
        ({"task": type(tiny.task())}, "is the class ClassificationTask"),
        ({"task": with_members(metrics=())}, "has the metrics ()"),
        ({"task": with_members(metrics="accuracy")}, "has the metrics 'accuracy'"),
        ({"task": with_members(metrics=("a", "a"))}, "has the metrics ('a', 'a')"),
        *(
            ({"task": with_members(metrics=(name,))}, f"has a metric called '{name}'")
            for name in ("macs", "params", "score", "group", "widths", "chosen")
        ),
    ],
)
def test_things_of_the_wrong_kind_are_refused_at_once(tmp_path, options, said):
    assert said in fault(tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_one_glob_freezes_as_a_list_of_one_does(tmp_path):
    with begin(tmp_path / "run", frozen="inn*") as search:
        assert {proposal.groups for proposal in search.propose()} == {("first",)}


def test_the_smallest_budget_that_is_named_can_be_asked_for(tmp_path):
    for place, budget in (("macs", 1), ("params", 1)):
        with pytest.raises(BudgetError) as raised:
            begin(tmp_path / place, budget={place: budget})
        named = float(str(raised.value).partition("takes ")[2].split()[0])
        begin(tmp_path / place, budget={place: named}).close()
