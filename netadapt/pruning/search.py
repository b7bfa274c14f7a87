"""The public way into pruning: `search` gives a `Search` to be iterated, `prune` runs one.

`search` checks everything at once: the budget, the settings, the network, what is possible, and the
run's folder. The loop is that of NetAdapt (Yang et al., ECCV 2018, algorithm 1); how an iteration
chooses is a strategy's affair.

Of the thousands of cuts that an iteration looks at, only those it proposes are measured on demand:
a fine-tuning costs more than timing the two or three layers that a cut changes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd
from torch import Tensor, nn

from netadapt.errors import BudgetError, InputError
from netadapt.graph import LayerGraph, cut, trace
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.networks.config import ModelConfig
from netadapt.pruning.attempts import evaluated
from netadapt.pruning.callbacks import Callback, Callbacks
from netadapt.pruning.candidates import Candidate
from netadapt.pruning.checkpoints import describe_cut, factory_config, weights_hash
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.device_latency import DeviceLatency
from netadapt.pruning.constraints.registry import CONSTRAINTS, Budget, single_budget
from netadapt.pruning.executors.base import Executor
from netadapt.pruning.executors.registry import EXECUTORS
from netadapt.pruning.feasibility import feasibility, networks_in_reach, require_reachable
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.importance.registry import IMPORTANCES
from netadapt.pruning.iteration import Iteration, latency_of, target_ms_of
from netadapt.pruning.limits import limited
from netadapt.pruning.on_demand_device import open_device
from netadapt.pruning.proposals import Proposal
from netadapt.pruning.records import StepRecord, frame_of
from netadapt.pruning.run_folder import RunFolder
from netadapt.pruning.run_json import FILE, RunAbout
from netadapt.pruning.schedule import MET
from netadapt.pruning.settings import SearchSettings
from netadapt.pruning.step import Step
from netadapt.pruning.strategies.base import Strategy
from netadapt.pruning.strategies.registry import STRATEGIES
from netadapt.training.task import Task

MOST_ROUNDS = 10
"""How often an iteration proposes at most, each time by what it measured the time before."""


@dataclass(frozen=True)
class Result:
    """The network that meets the budget, the records that led to it, and the run's folder."""

    model: nn.Module
    records: tuple[StepRecord, ...]
    out: Path

    @property
    def trajectory(self) -> pd.DataFrame:
        """The records as a DataFrame, a row an iteration."""
        return frame_of(self.records)


@dataclass(frozen=True)
class Tools:
    """What a search works with, beside the network: all of it is checked and open."""

    example_input: Tensor | tuple[Tensor, ...]
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
    proposals. It ends when the budget is met, and after `stop`; its folder is then free for others,
    as it is after `close`, at the end of a `with` block, and when something is raised.
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
        self._resumed_at = run.steps[1:][-1:]  # of what an interrupted run did, its last matters
        self._ended = False

    @property
    def step(self) -> Step:
        """Where the search stands; evaluates the network given where nothing else was done."""
        if self._step is None:
            self._step = self._first()
        return self._step

    @property
    def records(self) -> tuple[StepRecord, ...]:
        """All iterations that are on disk."""
        return tuple(self._run.steps)

    @property
    def met(self) -> bool:
        """Whether the present step meets the budget."""
        constraint = self._tools.constraint
        return constraint.cost(self.step.graph) <= constraint.budget + MET

    def __iter__(self) -> Search:
        return self

    def __next__(self) -> Step:
        """The next step. Raises BudgetError when no cut makes the network cheaper."""
        if self._ended:
            raise StopIteration
        try:
            if self._step is None:
                return self.step
            if self._resumed_at:
                return self._resume()
            if not self.met:
                return self.choose(self.propose())
        except BaseException:
            self.close()
            raise
        self.close()
        raise StopIteration

    def propose(self) -> list[Proposal]:
        """What may be chosen from now; nothing is trained. None when the budget is met.

        On demand every layer of every proposal is measured first. New rows move the estimates of
        other widths too, so it is proposed again until no layer lacks a row: the same rows then
        give the same proposals, in a resumed run too. After the last round, what misses the target
        goes, unless nothing meets it.
        """
        self._catch_up()
        if self.met:
            return []
        tools = self._tools
        iteration = self._next_iteration()
        proposals: list[Proposal] = []
        for _ in range(MOST_ROUNDS):
            proposals = tools.strategy.propose(iteration)
            graphs = (proposal.of(iteration.graph) for proposal in proposals)
            constraint = self._tools.constraint.refined(graphs)
            if constraint is self._tools.constraint:
                self._iteration = iteration
                return proposals
            self._tools = replace(self._tools, constraint=constraint)
            iteration = replace(iteration, constraint=constraint)
        self._iteration = iteration
        cost = iteration.constraint.cost
        known = [replace(p, cost=cost(p.of(iteration.graph))) for p in proposals]
        met = [proposal for proposal in known if proposal.cost <= iteration.target + MET]
        return met or [proposal for proposal in known if proposal.cost < iteration.cost]

    def choose(self, proposals: Sequence[Proposal]) -> Step:
        """The step that the strategy makes of `proposals`; it is on disk then.

        Raises BudgetError when there are none: no cut makes the network cheaper.
        """
        started = time.perf_counter()
        tools = self._tools
        iteration = self._iteration or self._next_iteration()
        if not proposals:
            raise self._stuck(iteration)
        candidate = tools.strategy.choose(iteration, proposals)
        model = candidate.model
        if model is None:  # tried before an interruption: the same weights come again
            model = iteration.attempt(candidate.proposal).trained()
        graph = self._traced(model)
        step = Step(self._record(iteration, candidate, graph, started), model, graph)
        self._commit(step)
        self._iteration = None
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
        metrics = evaluated(self._given.model, self._tools.task)
        graph = self._given.graph
        record = StepRecord(
            iteration=0,
            latency=latency_of(self._tools.constraint, graph),
            metrics=metrics,
            macs=graph.macs,
            params=graph.params,
            seconds=round(time.perf_counter() - started, 3),
            checkpoint=self._run.checkpoint(0).name,
            widths=_widths(graph),
        )
        step = replace(self._given, record=record)
        self._commit(step)
        return step

    def _catch_up(self) -> None:
        """Stand where an interrupted run stood."""
        if self._step is None:
            self._step = self._first()
        if self._resumed_at:
            self._resume()

    def _resume(self) -> Step:
        """The last step of an interrupted run: the network given, cut, with the weights it had."""
        (record,), self._resumed_at = self._resumed_at, ()
        given = self._given
        keep = {
            group.name: range(record.widths[group.name])
            for group in given.graph.groups
            if not group.frozen
        }
        model = cut(given.model, given.graph, keep)
        self._run.load_weights(record, model)
        self._step = Step(record, model, self._traced(model))
        return self._step

    def _next_iteration(self) -> Iteration:
        tools, step = self._tools, self.step
        budget = tools.constraint.budget
        cost = tools.constraint.cost(step.graph)
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
        return self._tools.constraint.cost(self._given.graph)

    def _record(
        self, iteration: Iteration, candidate: Candidate, graph: LayerGraph, started: float
    ) -> StepRecord:
        proposal = candidate.proposal
        constraint = self._tools.constraint
        return StepRecord(
            iteration=iteration.number,
            group=proposal.group,
            layers=proposal.layers,
            width_before=proposal.width_before,
            width_after=proposal.width_after,
            latency=latency_of(constraint, graph),
            target_ms=target_ms_of(constraint, iteration.target),
            metrics=candidate.metrics,
            macs=graph.macs,
            params=graph.params,
            score=candidate.score,
            seconds=round(time.perf_counter() - started, 3),
            checkpoint=self._run.checkpoint(iteration.number).name,
            widths=_widths(graph),
        )

    def _commit(self, step: Step) -> None:
        config = describe_cut(step.model, step.graph, self._tools.config)
        self._run.commit(step, config)
        self._step = step

    def _traced(self, model: nn.Module) -> LayerGraph:
        settings = self._tools.settings
        graph = trace(model, self._tools.example_input)
        return limited(graph, settings.frozen, settings.min_widths)

    def _stuck(self, iteration: Iteration) -> BudgetError:
        constraint = iteration.constraint
        return BudgetError(
            f"the budget of {constraint.budget:g} {constraint.unit} on {constraint.name} cannot be "
            f"met: at {iteration.cost:.3g} {constraint.unit} no cut of one group makes the network "
            f"cheaper; the smallest reached is in {self._run.checkpoint(iteration.step.iteration)}"
        )


def search(
    model: nn.Module,
    example_input: Tensor | tuple[Tensor, ...],
    *,
    task: Task,
    budget: Budget,
    out: Path | str | None = None,
    strategy: str | Strategy = "full",
    importance: str | Importance = "l2",
    executor: str | Executor = "local",
    frozen: Iterable[str] = (),
    min_widths: Mapping[str, int] | None = None,
    callbacks: Iterable[Callback] = (),
    config: ModelConfig | None = None,
    factory: str | None = None,
    on_demand: DeviceProfile | None = None,
    resume: bool = False,
    opened: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Search:
    """A search that prunes `model` step by step until `budget` is met; all is checked before it.

    `budget` is `{device or table path: milliseconds}`, `{"macs": count}`, `{"params": count}` or a
    `Constraint`. `strategy`, `importance` and `executor` are names or objects of their protocols;
    groups in `frozen` keep their width and those in `min_widths` a least one, by name or glob;
    `settings` are further fields of `SearchSettings` (`short_term=FineTuning(…)`, `decay`, `seed`,
    …). `out` is the run's folder, a temporary one when None.

    `factory`, 'package.module:function', builds a network like `model`, so that
    `netadapt.load_model` can rebuild the run's checkpoints; without it they name the class of
    `model`, to be called without arguments. A network of a family has a `config` instead.
    With `on_demand`, the device's profile, layers that the search decides by and the table lacks
    are measured on the device and appended to the table. `opened` is what the command line keeps
    in run.json of how it opened network and task.

    Raises InputError for a budget or setting that isn't one, a name that nothing has, or a task
    that lacks a member; TableError for a device without a table (on demand: without one of its own)
    or one that a build holds; DeviceError when the device can't be reached; BudgetError when the
    budget can't be met; RunError when `out` exists and `resume` is false, or when it was begun
    otherwise.
    """
    require_task(task)
    deciding = STRATEGIES[strategy] if isinstance(strategy, str) else strategy
    ranking = IMPORTANCES[importance] if isinstance(importance, str) else importance
    runner = EXECUTORS[executor]() if isinstance(executor, str) else executor
    chosen = SearchSettings().changed(
        {
            **settings,
            "strategy": _name_of(strategy),
            "importance": _name_of(importance),
            "frozen": tuple(frozen),
            "min_widths": dict(min_widths or {}),
        }
    )
    graph = limited(trace(model, example_input), chosen.frozen, chosen.min_widths)
    folder = Path(tempfile.mkdtemp(prefix="netadapt-")) if out is None else Path(out)
    callback = Callbacks(callbacks)
    with ExitStack() as held:
        held.callback(runner.close)
        constraint = _constraint(budget, on_demand, folder, callback, held)
        callback.table(constraint.describe())
        networks = networks_in_reach(graph, chosen.width_multiple)
        constraint = constraint.refined(networks.values())
        reaches = feasibility(networks, constraint)
        first = constraint.cost(graph)
        left = chosen.schedule(first).iterations_left(1, first, constraint.budget)
        callback.feasible(reaches, left)
        require_reachable(reaches, constraint)
        tools = Tools(
            example_input,
            task,
            constraint,
            chosen,
            deciding,
            ranking,
            runner,
            callback,
            config or factory_config(model, example_input, factory),
        )
        about = RunAbout(
            {constraint.name: constraint.budget},
            chosen,
            tools.config.to_json(),
            weights_hash(model),
            constraint.identity(),
            opened or {},
            constraint.describe(),
        )
        run = RunFolder(folder, about, task.metrics, resume=resume)
        held.callback(run.close)
        given = Step(StepRecord(iteration=0, checkpoint="", widths={}), model, graph)
        return Search(run, given, tools, held.pop_all())


def prune(
    model: nn.Module,
    example_input: Tensor | tuple[Tensor, ...],
    *,
    task: Task,
    budget: Budget,
    **options: Any,
) -> Result:
    """Run `search` (which see) to its end; gives the network that meets the budget."""
    with search(model, example_input, task=task, budget=budget, **options) as steps:
        for _ in steps:
            pass
        return Result(steps.step.model, steps.records, steps.out)


def require_task(task: Any) -> None:
    """Raise InputError, naming what is missing, unless `task` has the members of a `Task`."""
    members = ("metrics", "loss", "training_batches", "evaluate")
    missing = [member for member in members if not hasattr(task, member)]
    if missing:
        raise InputError(
            f"the task, of the class {type(task).__name__}, has no {', '.join(missing)}; see "
            f"netadapt.Task"
        )


def _constraint(
    budget: Budget,
    on_demand: DeviceProfile | None,
    folder: Path,
    callback: Callback,
    held: ExitStack,
) -> Constraint:
    if not isinstance(budget, Mapping):
        return budget
    name, most = single_budget(budget)
    if name in CONSTRAINTS:
        return CONSTRAINTS[name](most)
    table = LookupTable.read(name)
    measuring = held.enter_context(open_device(on_demand, table, callback))
    began = None
    if measuring is not None and (folder / FILE).exists():
        began = RunAbout.read(folder).identity.get("table_rows")
    return DeviceLatency(name, most, LatencyEstimator(table), measuring, began)


def _name_of(thing: Any) -> str:
    """For run.json: the name it goes by, or says of itself, or its class's."""
    if isinstance(thing, str):
        return thing
    return str(getattr(thing, "name", None) or type(thing).__qualname__)


def _widths(graph: LayerGraph) -> dict[str, int]:
    return {group.name: group.width for group in graph.groups}
