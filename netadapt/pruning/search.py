"""A search under way: the loop of NetAdapt (Yang et al., ECCV 2018, algorithm 1), step by step.

What it needs is checked and opened by `begin`; how an iteration chooses is a strategy's affair.

Of the thousands of cuts that an iteration looks at, only those it proposes are measured on demand:
a fine-tuning costs more than timing the two or three layers that a cut changes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import TracebackType

from torch import Tensor, nn

from netadapt.errors import BudgetError, InputError, ModelError, RunError
from netadapt.graph import LayerGraph, cut
from netadapt.graph.rebasing import rebased
from netadapt.graph.surgery import check_shapes
from netadapt.networks.build import describe
from netadapt.networks.config import ModelConfig
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.candidates import Candidate
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.iteration import Iteration, all_widths, latency_of
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.records import CandidateRecord, StepRecord
from netadapt.pruning.run_folder import RunFolder
from netadapt.pruning.schedule import MET
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.step import Step
from netadapt.pruning.strategies.base import Strategy
from netadapt.training.task import Task, checked_metrics, evaluated

MOST_ROUNDS = 10
"""How often an iteration proposes at most, each time by what it measured the time before."""


@dataclass(frozen=True)
class Tools:
    """What a search works with, beside the network: all of it is checked and open."""

    example_input: tuple[Tensor, ...]
    task: Task
    constraint: Constraint
    settings: SearchSettings
    strategy: Strategy
    importance: Importance
    executor: Executor
    callback: Callback
    config: ModelConfig


class Search(Iterator[Step]):
    """A search under way: an iterator of steps, each on disk when it is given.

    The first step is the network given; a resumed search gives that and its last one, then goes on.
    Between steps a search may be taken by hand: `propose`, then `choose` from some of the
    proposals; what is iterated afterwards goes on from there. It ends when the budget is met, and
    after `stop`; its folder is then free for others, as it is after `close`, at the end of a `with`
    block, and when something is raised. A search that has ended writes nothing more.
    """

    def __init__(self, run: RunFolder, given: Step, tools: Tools, held: ExitStack) -> None:
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
    def met(self) -> bool:
        """Whether the present step meets the budget."""
        constraint = self._tools.constraint
        return cost_of(constraint, self.step.graph) <= constraint.budget + MET

    def __iter__(self) -> Search:
        return self

    def __next__(self) -> Step:
        """The next step. Raises BudgetError when no cut makes the network cheaper."""
        if self._ended:
            raise StopIteration
        try:
            if self._to_give:
                return self._to_give.pop(0)()
            if not self.met:
                return self.choose(self.propose())
        except BaseException:
            self.close()
            raise
        self.close()
        raise StopIteration

    def propose(self) -> list[Proposal]:
        """What may be chosen from now; nothing is trained. None when the budget is met.

        Raises RunError when the search has ended before that.

        On demand every layer of every proposal is measured first. New rows move the estimates of
        other widths too, so it is proposed again until no layer lacks a row: the same rows then
        give the same proposals, in a resumed run too. After the last round, what misses the target
        goes, unless nothing meets it.
        """
        if self.met:
            return []
        self._require_going()
        iteration = self._next_iteration()
        proposals: list[Proposal] = []
        for _ in range(MOST_ROUNDS):
            proposals = self._proposed(iteration)
            graphs = (proposal.of(iteration.graph) for proposal in proposals)
            constraint = self._tools.constraint.refined(graphs)
            if constraint is self._tools.constraint:
                self._iteration = iteration
                return proposals
            self._tools = replace(self._tools, constraint=constraint)
            iteration = replace(iteration, constraint=constraint)
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
            raise self._stuck(iteration)
        for proposal in proposals:
            proposal.require_cut(iteration.graph)
        candidate = self._chosen(iteration, proposals)
        model = iteration.model_of(candidate)
        graph = rebased(candidate.proposal.of(iteration.graph))
        _require_saving(iteration, candidate, graph, model)
        record = StepRecord(
            **iteration.facts(
                candidate,
                graph,
                time.perf_counter() - started,
                (self.step.record.samples or 0) + iteration.samples,
            ),
            checkpoint=self._run.checkpoint(iteration.number).name,
        )
        step = Step(record, model, graph)
        self._commit(step, iteration.place_of)
        self._iteration = None
        self._to_give.clear()
        tools.callback.chosen(step)
        return step

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
            metrics = evaluated(self._given.model, self._tools.task)
        except InputError:
            self._run.discard()
            raise
        graph = self._given.graph
        record = StepRecord(
            iteration=0,
            latency=latency_of(self._tools.constraint, graph),
            metrics=metrics,
            macs=graph.macs,
            params=graph.params,
            seconds=round(time.perf_counter() - started, 3),
            checkpoint="" if self._ended else self._run.checkpoint(0).name,
            widths=all_widths(graph),
            samples=0,
        )
        self._step = replace(self._given, record=record)
        if not self._ended:
            self._commit(self._step)
        return self._step

    def _present(self) -> Step:
        """The step that the search stands at."""
        if self._step is None:
            self._step = self._resumed() if len(self._run.steps) > 1 else self._first()
        return self._step

    def _resumed(self) -> Step:
        """The last step of an interrupted run: the network given, cut, with the weights it had."""
        record = self._run.steps[-1]
        given = self._given
        keep = {
            group.name: range(record.widths[group.name])
            for group in given.graph.groups
            if not group.frozen
        }
        model = cut(given.model, given.graph, keep)
        self._run.load_weights(record, model)
        widths = {name: len(units) for name, units in keep.items()}
        return Step(record, model, rebased(given.graph.with_widths(widths)))

    def _require_going(self) -> None:
        if self._ended:
            raise RunError(
                f"the search in {self.out} has ended and takes no further step; go on with "
                f"netadapt.search(…, out='{self.out}', resume=True)"
            )

    def _proposed(self, iteration: Iteration) -> list[Proposal]:
        """What the strategy proposes. Raises InputError, naming it, for anything else."""
        what = f"the strategy {iteration.settings.strategy}"
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
        candidate = self._tools.strategy.choose(iteration, proposals)
        if not isinstance(candidate, Candidate):
            raise InputError(f"{what} chose {type(candidate).__name__}; expected a Candidate")
        candidate.proposal.require_cut(iteration.graph)
        return replace(candidate, metrics=checked_metrics(candidate.metrics, iteration.task, what))

    def _next_iteration(self) -> Iteration:
        tools, step = self._tools, self.step
        budget = tools.constraint.budget
        cost = cost_of(tools.constraint, step.graph)
        number = step.iteration + 1
        schedule = tools.settings.schedule(self._first_cost())
        target = schedule.target(number, cost, budget)
        left = schedule.iterations_left(number, cost, budget)
        tools.callback.iteration(number, cost, target, left)
        return Iteration(
            step,
            target,
            tools.constraint,
            tools.task,
            tools.settings,
            tools.importance,
            tools.executor,
            tools.callback,
            self._run.candidates(number),
            self._run.try_out,
        )

    def _first_cost(self) -> float:
        """What the network given cost when the run began."""
        first = self._run.steps[0]
        if first.latency is not None:
            return first.latency.value
        return cost_of(self._tools.constraint, self._given.graph)

    def _commit(self, step: Step, place: Callable[[CandidateRecord], float] | None = None) -> None:
        config = describe(step.model, self._tools.config, step.graph)
        self._run.commit(step, config.to_json(), place or (lambda record: 0))
        self._step = step

    def _stuck(self, iteration: Iteration) -> BudgetError:
        constraint = iteration.constraint
        return BudgetError(
            f"the budget of {constraint.budget:g} {constraint.unit} on {constraint.name} cannot be "
            f"met: at {iteration.cost:.3g} {constraint.unit} no cut of one group makes the network "
            f"cheaper; the smallest reached is in {self._run.checkpoint(iteration.step.iteration)}"
        )


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
