"""A search under way: the loop of NetAdapt (Yang et al., ECCV 2018, algorithm 1), step by step.

What it needs is checked and opened by `begin`; how an iteration chooses is a strategy's affair.

Of the thousands of cuts that an iteration looks at, only those it proposes are measured on demand:
a fine-tuning costs more than timing the two or three layers that a cut changes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from types import TracebackType

import torch
from torch import Tensor, nn

from netadapt.errors import BudgetError, InputError, ModelError, RunError
from netadapt.graph import LayerGraph, cut
from netadapt.graph.rebasing import rebased
from netadapt.graph.surgery import check_shapes
from netadapt.networks.build import describe
from netadapt.networks.config import ModelConfig
from netadapt.pruning.attempts import Attempt
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.candidates import Candidate
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.budgets import Budgets
from netadapt.pruning.constraints.registry import label_of
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.executors.counting import CountingExecutor
from netadapt.pruning.feasibility import networks_in_reach, require_reachable
from netadapt.pruning.going_on import network_of
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.iteration import Iteration, all_widths
from netadapt.pruning.limits import Limits
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.records import CandidateRecord, StepRecord
from netadapt.pruning.run_folder import RunFolder
from netadapt.pruning.schedule import MET, Schedule
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.step import Step
from netadapt.pruning.strategies.base import Strategy
from netadapt.pruning.unwritten_run import UnwrittenRun
from netadapt.pruning.verifying import Verifier, correction
from netadapt.registry import ships
from netadapt.training.task import (
    Task,
    checked_metrics,
    evaluated_images,
    evaluated_whole,
    tells_images,
)
from netadapt.users_code import users_code

MOST_ROUNDS = 10
"""How often an iteration proposes at most, each time by what it measured the time before."""


@dataclass(frozen=True)
class Tools:
    """What a search works with, beside the network: all of it is checked and open."""

    example_input: tuple[Tensor, ...]
    task: Task
    budgets: Budgets
    settings: SearchSettings
    strategy: Strategy
    importance: Importance
    executor: Executor
    callback: Callback
    verifier: Verifier | None
    limits: Limits
    config: ModelConfig


class Search(Iterator[Step]):
    """A search under way: an iterator of steps, each on disk when it is given.

    The first step is the network given; a resumed search gives that and its last one, then goes on.
    Between steps a search may be taken by hand: `propose`, then `choose` from some of the
    proposals; what is iterated afterwards goes on from there. It ends when all budgets are met, and
    after `stop`; its folder is then free for others, as it is after `close`, at the end of a `with`
    block, and when something is raised. A search that has ended writes nothing more.
    """

    def __init__(
        self, run: RunFolder | UnwrittenRun, given: Step, tools: Tools, held: ExitStack
    ) -> None:
        self.out = run.path
        """The run's folder."""
        self._run = run
        self._given = given
        self._tools = tools
        self._held = held
        self._step: Step | None = None
        self._iteration: Iteration | None = None
        self._to_give: list[Callable[[], Step]] = [self._first, self._present]
        if len(run.steps) < 2:
            self._to_give.pop()  # the network given is where it stands
        self._ended = False

    @property
    def step(self) -> Step:
        """Where the search stands: the last step on disk.

        Evaluates the network given where there is none; once the search has ended that is in memory
        alone.
        """
        return self._present()

    @property
    def records(self) -> tuple[StepRecord, ...]:
        """All iterations that are on disk."""
        return tuple(self._run.steps)

    @property
    def budget(self) -> dict[str, float]:
        """The most there may be of each constraint, by its name; a relative one resolved."""
        return self._tools.budgets.most

    @property
    def met(self) -> bool:
        """Whether the present step meets all budgets."""
        return self._budgets.met(self.step.graph)

    @property
    def _budgets(self) -> Budgets:
        """The budgets, corrected by what the network took when it was timed whole last."""
        budgets, verifier = self._tools.budgets, self._tools.verifier
        if verifier is None:
            return budgets
        return replace(budgets, corrections={verifier.name: correction(self._run.steps)})

    def __iter__(self) -> Search:
        return self

    def __next__(self) -> Step:
        """The next step. Raises BudgetError when no cut makes the network cheaper."""
        if self._ended:
            raise StopIteration
        try:
            if self._to_give:
                return self._to_give.pop(0)()
            self._measure_present()
            if not self.met:
                return self.choose(self.propose())
        except BaseException:
            self.close()
            raise
        self.close()
        raise StopIteration

    def propose(self) -> list[Proposal]:
        """What may be chosen from now; nothing is trained. None when all budgets are met.

        Raises RunError when the search has ended before that.

        On demand every layer of every proposal is measured first. New rows move the estimates of
        other widths too, so it is proposed again until no layer lacks a row: the same rows then
        give the same proposals, in a resumed run too. After the last round, what misses the target
        goes, unless nothing meets it.
        """
        self._measure_present()
        if self.met:
            return []
        self._require_going()
        iteration = self._next_iteration()
        proposals: list[Proposal] = []
        for _ in range(MOST_ROUNDS):
            proposals = self._proposed(iteration)
            graphs = (proposal.of(iteration.graph) for proposal in proposals)
            budgets = self._tools.budgets.refined(graphs)
            if budgets is self._tools.budgets:
                self._iteration = iteration
                return proposals
            self._tools = replace(self._tools, budgets=budgets)
            constraint = budgets.named(iteration.constraint.name)
            iteration = replace(iteration, budgets=self._budgets, constraint=constraint)
        self._iteration = iteration
        cost = iteration.cost_of
        known = [replace(p, cost=cost(p.of(iteration.graph))) for p in proposals]
        met = [proposal for proposal in known if proposal.cost <= iteration.target + MET]
        return met or [proposal for proposal in known if proposal.cost < iteration.cost]

    def choose(self, proposals: Sequence[Proposal]) -> Step:
        """The step that the strategy makes of `proposals`; it is on disk then.

        Raises BudgetError when there are none: no cut makes the network cheaper; RunError when the
        search has ended; InputError for a proposal that is no cut of the present network, or a
        choice that doesn't make it cheaper or isn't what it says.
        """
        self._require_going()
        started = time.perf_counter()
        tools = self._tools
        iteration = self._iteration or self._next_iteration()
        proposals = list(proposals)
        if not proposals:
            self._run.take_back_budget()
            raise self._stuck(iteration)
        for proposal in proposals:
            proposal.require_cut(iteration.graph)
        candidate = self._chosen(iteration, proposals)
        model = iteration.model_of(candidate)
        graph = rebased(candidate.proposal.of(iteration.graph))
        _require_saving(iteration, candidate, graph, model)
        metrics, scores = self._judged_whole(candidate, model)
        candidate = replace(candidate, metrics=metrics)
        record = StepRecord(
            **iteration.facts(
                candidate,
                graph,
                time.perf_counter() - started,
                (self.step.record.samples or 0) + iteration.samples,
            ),
            checkpoint=self._run.checkpoint(iteration.number).name,
        )
        step = self._timed(Step(record, model, graph, scores))
        self._commit(step, iteration.place_of)
        self._iteration = None
        self._to_give.clear()
        tools.callback.chosen(step)
        return step

    def would_choose(self, proposals: Sequence[Proposal]) -> tuple[Candidate, list[Attempt]]:
        """What the strategy would keep of `proposals` if none lost anything, and what it would try
        to know that. Nothing is tried, and the search stays where it stands.

        Raises BudgetError when there are no proposals.
        """
        iteration = self._iteration or self._next_iteration()
        if not proposals:
            raise self._stuck(iteration)
        executor = CountingExecutor(self.step.record.metrics)
        iteration = replace(
            iteration, executor=executor, tried=(), record=lambda tried: None, callback=Callback()
        )
        return self._chosen(iteration, proposals), executor.attempts

    def iterations_left_after(self, candidate: Candidate) -> int:
        """How many iterations it takes from the present step on, where `candidate` is the first
        choice, and the others save just what they must."""
        if self._budgets.met(candidate.proposal.of(self.step.graph)):
            return 1
        return self._iterations_left()

    def stop(self) -> None:
        """End after the present step: the next one isn't begun."""
        self._ended = True
        self.close()

    def close(self) -> None:
        """Free the run's folder and the device; the search gives no further step."""
        self._ended = True
        self._held.close()

    def __enter__(self) -> Search:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _first(self) -> Step:
        """The network given, evaluated unless that was done before an interruption."""
        if self._run.steps:
            return replace(self._given, record=self._run.steps[0])
        started = time.perf_counter()
        try:
            metrics, scores = evaluated_whole(self._given.model, self._tools.task)
        except InputError:
            self._run.discard()
            raise
        graph, budgets = self._given.graph, self._tools.budgets
        record = StepRecord(
            iteration=0,
            latency=budgets.latency(graph),
            metrics=metrics,
            macs=graph.macs,
            params=graph.params,
            seconds=round(time.perf_counter() - started, 3),
            checkpoint="" if self._ended else self._run.checkpoint(0).name,
            widths=all_widths(graph),
            samples=0,
            binding="" if budgets.several else None,
            latencies=budgets.latencies(graph),
        )
        self._step = replace(self._given, record=record, scores=scores)
        if not self._ended:
            self._step = self._timed(self._step)
            self._commit(self._step)
        return self._step

    def _timed(self, step: Step) -> Step:
        """`step` with what its network takes on the device, where that is to be known."""
        verifier = self._tools.verifier
        if verifier is None:
            return step
        if step.iteration % verifier.every and not self._budgets.met(step.graph):
            return step
        predicted = step.record.latency
        assert predicted is not None  # a run is verified on a device
        measured_ms = verifier.measured_ms(step.model, predicted)
        record = replace(step.record, measured_ms=measured_ms)
        budget = self._tools.budgets.named(verifier.name).budget
        self._tools.callback.note(verifier.said_of(record, budget))
        return replace(step, record=record)

    def _present(self) -> Step:
        """The step that the search stands at."""
        if self._step is None:
            self._step = self._resumed() if len(self._run.steps) > 1 else self._first()
        return self._step

    def _resumed(self) -> Step:
        """The last step of an interrupted run: the network given, cut, with the weights it had."""
        record = self._run.steps[-1]
        given = self._given
        network = network_of(record, given.graph)  # raises for widths that aren't this network's
        keep = {
            group.name: range(record.widths[group.name])
            for group in given.graph.groups
            if not group.frozen
        }
        model = cut(given.model, given.graph, keep)
        self._run.load_weights(record, model)
        return Step(record, model, rebased(network))

    def _measure_present(self) -> None:
        """Know the present network better where its cost is within the budgets, and only their
        confidence isn't there: measuring a layer takes less than cutting one."""
        budgets, graph = self._budgets, self.step.graph
        if self._ended or budgets.met(graph) or not replace(budgets, confidence=None).met(graph):
            return
        self._tools = replace(self._tools, budgets=self._tools.budgets.refined([graph]))

    def _require_going(self) -> None:
        if self._ended:
            raise RunError(f"the search has ended and takes no further step; {self._run.to_go_on}")

    def _proposed(self, iteration: Iteration) -> list[Proposal]:
        """What the strategy proposes. Raises InputError, naming it, for anything else."""
        what = f"the strategy {iteration.settings.strategy}"
        with self._strategys_code(f"proposing by {what}"):
            given = self._tools.strategy.propose(iteration)
        proposals = list(given) if isinstance(given, Iterable) else [given]
        for proposal in proposals:
            if not isinstance(proposal, Proposal):
                raise InputError(f"{what} proposed {type(proposal).__name__}; expected Proposals")
            proposal.require_cut(iteration.graph)
        return proposals

    def _chosen(self, iteration: Iteration, proposals: Sequence[Proposal]) -> Candidate:
        """What the strategy chooses. Raises InputError, naming it, for anything else."""
        what = f"the strategy {iteration.settings.strategy}"
        with self._strategys_code(f"choosing by {what}"):
            candidate = self._tools.strategy.choose(iteration, proposals)
        if not isinstance(candidate, Candidate):
            raise InputError(f"{what} chose {type(candidate).__name__}; expected a Candidate")
        candidate.proposal.require_cut(iteration.graph)
        return replace(candidate, metrics=checked_metrics(candidate.metrics, iteration.task, what))

    def _strategys_code(self, what: str) -> AbstractContextManager[None]:
        """What a strategy of the user's own raises comes out as a line. Of one that ships, it is
        somebody else's: a callback's, an executor's."""
        return nullcontext() if ships(self._tools.strategy) else users_code(what)

    def _judged_whole(
        self, candidate: Candidate, model: nn.Module
    ) -> tuple[Mapping[str, float], Tensor | None]:
        """The metrics over the whole holdout, where a proposal is judged on a part of it, and the
        accuracy on each image."""
        task = self._tools.task
        judged = min(self._tools.settings.proposal_images, len(candidate.scores))
        if not tells_images(task) or not judged:
            return candidate.metrics, None
        if judged < task.holdout_count:
            return evaluated_images(model, task, range(task.holdout_count))
        return candidate.metrics, torch.tensor(candidate.scores, dtype=torch.float64)

    def _next_iteration(self) -> Iteration:
        tools, step, budgets = self._tools, self.step, self._budgets
        number = step.iteration + 1
        if any(factor != 1 for factor in budgets.corrections.values()):
            # What could be met as predicted may be out of reach as timed.
            try:
                networks = networks_in_reach(step.graph, tools.settings.step)
                require_reachable(networks, budgets, tools.limits)
            except BudgetError:
                self._run.take_back_budget()
                raise
        binding = budgets.binding(step.graph)
        if budgets.several:
            tools.callback.binding(binding)
        cost, allowed, schedule = self._ahead(binding)
        target = schedule.target(number, cost, allowed)
        tools.callback.iteration(number, cost, target, self._iterations_left())
        return Iteration(
            step,
            target,
            binding,
            budgets,
            tools.task,
            tools.settings,
            tools.importance,
            tools.executor,
            tools.callback,
            self._run.candidates(number),
            self._run.try_out,
        )

    def _iterations_left(self) -> int:
        """How many iterations there are from the present step on, if each saves what it must."""
        number = self.step.iteration + 1
        return max(
            schedule.iterations_left(number, cost, allowed)
            for cost, allowed, schedule in map(self._ahead, self._budgets.constraints)
        )

    def _ahead(self, constraint: Constraint) -> tuple[float, float, Schedule]:
        """What the present network costs, what it may cost at the end, and the way there."""
        graph = self.step.graph
        schedule = self._tools.settings.schedule(self._first_cost(constraint))
        return cost_of(constraint, graph), self._budgets.allowed(constraint, graph), schedule

    def _first_cost(self, constraint: Constraint) -> float:
        """What the network given cost when the run began."""
        first = self._run.steps[0]
        known = first.latencies.get(label_of(constraint.name), first.latency)
        if constraint.in_ms and known is not None:
            return known.value
        return cost_of(constraint, self._given.graph)

    def _commit(self, step: Step, place: Callable[[CandidateRecord], float] | None = None) -> None:
        config = describe(step.model, self._tools.config, step.graph)
        self._run.commit(step, config.to_json(), place or (lambda record: 0))
        self._step = step

    def _stuck(self, iteration: Iteration) -> BudgetError:
        """No proposal makes the network cheaper, though each budget lay within reach."""
        constraint, budgets, graph = iteration.constraint, iteration.budgets, iteration.graph
        where = self._run.where_it_stands(iteration.step.iteration)
        no_cut = f"the strategy {iteration.settings.strategy} finds no cut that makes the network"
        if not budgets.several:
            return BudgetError(
                f"the budget of {_asked(constraint)} cannot be met: at "
                f"{_needed(constraint, budgets, graph)} {no_cut} cheaper{where}; raise the budget, "
                f"or take another --strategy"
            )
        standing = ", ".join(
            f"{_needed(one, budgets, graph)} for the budget of {_asked(one)}"
            for one in budgets.constraints
        )
        return BudgetError(
            f"the budgets can be met one by one, but not together: the network takes {standing}, "
            f"and {no_cut} cheaper on {constraint.name}{where}; raise one of them"
        )


def _asked(constraint: Constraint) -> str:
    return f"{constraint.budget:g} {constraint.unit} on {constraint.name}"


def _needed(constraint: Constraint, budgets: Budgets, graph: LayerGraph) -> str:
    """What `graph` costs, for people."""
    cost = cost_of(constraint, graph)
    margin = budgets.margin(constraint, graph)
    upper = f" ({cost + margin:.3g} at the upper end)" if margin > 0 else ""
    factor = budgets.correction(constraint)
    timed = f" (as timed whole {factor:.3g} times that)" if factor != 1 else ""
    return f"{cost:.3g} {constraint.unit}{upper}{timed}"


def _require_saving(
    iteration: Iteration, candidate: Candidate, graph: LayerGraph, model: nn.Module
) -> None:
    """Raise InputError unless `model`, the chosen network, has the `graph` that was proposed and
    that is cheaper."""
    proposal, strategy = candidate.proposal, iteration.settings.strategy
    chose = f"the strategy {strategy} chose {proposal}"
    try:
        check_shapes(model, graph)
    except ModelError as error:
        raise InputError(
            f"{chose}, but its network has other widths; the executor "
            f"{type(iteration.executor).__name__} or the strategy gave another proposal's network"
        ) from error
    cost, unit = iteration.cost_of(graph), iteration.constraint.unit
    if not math.isclose(cost, proposal.cost, rel_tol=1e-6):
        raise InputError(
            f"{chose} at {proposal.cost:g} {unit}, but its network costs {cost:g}; a proposal's "
            f"cost is that of iteration.cost_of(proposal.of(iteration.graph))"
        )
    if cost >= iteration.cost:
        raise InputError(
            f"{chose}, which saves nothing of {iteration.cost:g} {unit} on "
            f"{iteration.constraint.name}; a choice must make the network cheaper"
        )
