"""The public way into pruning: `search` begins one, `prune` runs it to its end.

`search` checks everything at once: the budget, the settings, the network, what is possible, and the
run's folder. What happens then is the `Search`'s affair.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from netadapt.errors import InputError
from netadapt.graph import LayerGraph, trace
from netadapt.graph.network_copy import copied
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.networks.config import ModelConfig, factory_config
from netadapt.networks.network_inputs import Inputs, in_order
from netadapt.pruning.callbacks import Callback
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.budgets import Budgets
from netadapt.pruning.constraints.opening import Asked, open_budgets
from netadapt.pruning.constraints.registry import Budget
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.executors.base import Executor, Workplace
from netadapt.pruning.executors.packing import device_of
from netadapt.pruning.feasibility import feasibility, networks_in_reach, require_reachable
from netadapt.pruning.going_on import GoingOn, network_of
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.limits import Limits, kept_whole, limited
from netadapt.pruning.on_demand_device import OpenDevices
from netadapt.pruning.parts import (
    open_callbacks,
    open_deciding,
    open_executor,
    require_object,
    require_workplace,
)
from netadapt.pruning.records import (
    MEASURED,
    StepRecord,
    columns_of_several,
    frame_of,
    require_metric_names,
)
from netadapt.pruning.rehearsal import rehearse_judging, rehearsed
from netadapt.pruning.run_folder import RunFolder
from netadapt.pruning.run_json import RunAbout
from netadapt.pruning.search import Search, Tools
from netadapt.pruning.settings import OF_DEVICE, VERIFY_EVERY, SearchSettings
from netadapt.pruning.step import Step
from netadapt.pruning.strategies.base import Strategy
from netadapt.pruning.unwritten_run import UnwrittenRun
from netadapt.pruning.weights_hash import weights_hash
from netadapt.remarks import remark
from netadapt.training.task import Task, require_task
from netadapt.training.task_wrapper import DistilledTask
from netadapt.training.tasks import NamedTask

WORTH_A_WORD = 0.01
"""Of all multiply-accumulates: more outside every table is said."""


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


def search(
    model: nn.Module,
    example_input: Inputs,
    *,
    task: Task | str,
    budget: Budget,
    out: Path | str | None = None,
    strategy: str | Strategy = SearchSettings.strategy,
    importance: str | Importance | None = SearchSettings.importance,
    executor: str | Executor | None = None,
    workers: int | None = None,
    ray: str | None = None,
    frozen: str | Iterable[str] = (),
    min_widths: Mapping[str, int] | None = None,
    callbacks: Iterable[Callback] = (),
    config: ModelConfig | None = None,
    factory: str | None = None,
    on_demand: DeviceProfile | Sequence[DeviceProfile] | None = None,
    verify_on: DeviceProfile | None = None,
    resume: bool = False,
    written: bool = True,
    opened: Mapping[str, Any] | None = None,
    named_task: NamedTask | None = None,
    **settings: Any,
) -> Search:
    """A search that prunes `model` step by step until `budget` is met; all is checked before it.

    `example_input` is a tensor, a tuple of them, or a dict by the names of the forward's
    parameters. A copy of the network is trained on a batch of `task` before anything is written.

    `budget` is `{device or table path: milliseconds}`, `{"macs": count}`, `{"params": count}`,
    several of these at once, or a `Constraint`. An amount may be a text: `"0.4G"`, or relative to
    what `model` takes, `"50%"` or `"2x"` (half of it: twice as fast). `strategy`, `importance` and
    `executor` are names or objects of their protocols. Groups in `frozen` keep their width and
    those in `min_widths` a least one, by name or glob; `settings` are further fields of
    `SearchSettings` (`short_term=FineTuning(…)`, `decay`, `seed`, …). An importance or a schedule
    that isn't given is what goes with the strategy. `out` is the run's folder, a temporary one
    when None.

    `task` may be the name 'package.module:function' of what gives one. Candidates are tried in this
    process; with `workers` in so many others, with `ray`, 'local' or a cluster's address, as tasks
    of Ray, at most `workers` at a time. These open a task that has a name by themselves
    (`named_task` says how, where `task` is the opened one), and are sent any other.

    A run is resumed by the strategy and importance that began it. They are known by the name given
    here, or the `name` that they have, or else as 'module:qualname' of the function or the object's
    class: two objects of a class without `name` are taken for the same, and a lambda or a partial,
    which nothing tells from another, can't resume a run.

    `factory`, 'package.module:function', builds a network like `model`, so that
    `netadapt.load_model` can rebuild the run's checkpoints; without it they name the class of
    `model`, to be called without arguments. A network of a family has a `config` instead. With
    `on_demand`, the device's profile (of several devices all that are to be measured on), layers
    that the search decides by and the table lacks are measured on the device and appended to the
    table. With `verify_on`, the profile of the first device of the budget, the whole network is
    timed on it at first, every `verify_every` iterations (5) and at the end, and what is predicted
    is corrected by it.

    A run that is resumed may have a lower budget than before. Unless it is `written`, nothing of a
    run reaches the disk. `opened` is what the command line keeps in run.json of how it opened
    network and task.

    Raises InputError for a budget or setting that isn't one, a name that nothing has, a task whose
    metrics can't be columns, a task or network that can't be sent to other processes, or an object
    that lacks a member; TableError for a device without a table (on demand: without one of its own)
    or one that a build holds; DeviceError when the device or the cluster can't be reached;
    BudgetError when the budget can't be met; RunError when `out` exists and `resume` is false, or
    when it was begun otherwise.
    """
    require_object("model", model, nn.Module)
    if isinstance(task, str):
        named_task = NamedTask.of_function(task)
        task = named_task.opened_on(device_of(model))
    require_task(task, "the task")
    require_metric_names(task.metrics)
    callback = open_callbacks(callbacks)
    with ExitStack() as held:
        runner = open_executor(executor, workers, ray)
        held.callback(runner.close)
        given_settings = {
            **settings,
            "frozen": (frozen,) if isinstance(frozen, str) else tuple(frozen),
            "min_widths": {} if min_widths is None else min_widths,
        }
        deciding, ranking, chosen = open_deciding(strategy, importance, given_settings)
        chosen = _verified(chosen, verify_on, written=written)
        folder = None if out is None else Path(out)
        if folder is not None and not written:
            raise InputError(f"a run that isn't written has no folder; leave out {folder}")
        begun = GoingOn.of(folder, chosen) if resume and folder is not None else None
        learned = DistilledTask(task, copied(model)) if chosen.distill else task
        place = Workplace(model, learned, named_task, workers, ray)
        require_workplace(runner, place)
        example = in_order(model, example_input)
        traced = trace(model, example)
        graph = limited(traced, chosen.frozen, chosen.min_widths)
        profiles = [on_demand] if isinstance(on_demand, DeviceProfile) else list(on_demand or ())
        devices = OpenDevices(callback, held)
        known_rows = {} if begun is None else begun.about.identity
        budgets, asked = open_budgets(budget, profiles, known_rows, devices.measuring)
        budgets = replace(budgets, confidence=chosen.confidence)
        chosen = _with_step(chosen, budgets, begun, callback)
        more = columns_of_several(budgets.labels)
        require_metric_names(task.metrics, (*more, MEASURED) if verify_on else more)
        _require_costs(budgets, asked, graph, begun, callback)
        verifier = None
        if verify_on is not None and written:
            verifier = devices.verifying(verify_on, budgets, chosen.verify_every, example)
        _say_uncounted(graph)
        counted_on = rehearsed(model, graph, task, chosen)
        graph = kept_whole(graph, counted_on)
        limits = Limits.of(kept_whole(traced, counted_on), chosen)
        rehearse_judging(model, graph, task, chosen, ranking)
        weights = weights_hash(model)
        stands = None if begun is None else begun.stands_at(weights, chosen)
        reachable = _Reachable(graph, chosen, callback, limits, begun, stands)
        budgets = reachable.budgets(budgets, asked)
        network = config or factory_config(model, graph.input_shapes, factory)
        tools = Tools(
            example,
            learned,
            budgets,
            chosen,
            deciding,
            ranking,
            runner,
            callback,
            verifier,
            limits,
            network,
        )
        if callable(prepare := getattr(runner, "prepare", None)):
            prepare(place)
        about = RunAbout(
            budgets.most,
            chosen,
            network.to_json(),
            weights,
            budgets.identity(),
            opened or {},
            budgets.describe(),
            asked.relative,
        )
        run: RunFolder | UnwrittenRun = UnwrittenRun()
        if written:
            if folder is None:  # made when nothing can be wrong any more
                folder = Path(tempfile.mkdtemp(prefix="netadapt-"))
            if begun is not None:
                begun.say_other_environment()
            verified = verifier is not None
            run = RunFolder(folder, about, task.metrics, more, verified=verified, resume=resume)
        held.callback(run.close)
        given = Step(StepRecord(iteration=0, checkpoint="", widths={}), model, graph)
        return Search(run, given, tools, held.pop_all())


def prune(
    model: nn.Module,
    example_input: Inputs,
    *,
    task: Task | str,
    budget: Budget,
    **options: Any,
) -> Result:
    """Run `search` (which see) to its end; gives the network that meets the budget."""
    with search(model, example_input, task=task, budget=budget, **options) as steps:
        for _ in steps:
            pass
        return Result(steps.step.model, steps.records, steps.out)


def _say_uncounted(graph: LayerGraph) -> None:
    """Say what share of the work no table has rows for, where it is worth a word."""
    share = sum(item.macs_share for item in graph.uncounted)
    if share > WORTH_A_WORD:
        remark(
            f"milliseconds leave out operators that no table has rows for, {share:.1%} of the "
            f"multiply-accumulates; netadapt plan lists them"
        )


def _verified(
    settings: SearchSettings, verify_on: DeviceProfile | None, *, written: bool
) -> SearchSettings:
    """How often networks are timed, where a device is given. Raises InputError without one."""
    if verify_on is not None and not settings.verify_every:
        return settings.changed({"verify_every": VERIFY_EVERY})
    if verify_on is None and settings.verify_every and written:
        raise InputError(
            "a run that is verified needs its device's profile: verify_on=netadapt.load_profile(…)"
        )
    return settings


def _with_step(
    settings: SearchSettings, budgets: Budgets, begun: GoingOn | None, callback: Callback
) -> SearchSettings:
    """`settings` with the step of the devices' kernels, where that is asked for; a run that goes on
    keeps the one it began with."""
    if settings.width_multiple != OF_DEVICE:
        return settings
    if begun is not None:
        return replace(settings, width_multiple=begun.about.settings.step)
    step = budgets.width_step
    if step == 1:
        step = SearchSettings().step
        callback.note(f"no table shows a step of widths: they are multiples of {step}")
    else:
        callback.note(f"widths are multiples of {step}, which the device's kernels take at once")
    return replace(settings, width_multiple=step)


def _require_costs(
    budgets: Budgets, asked: Asked, graph: LayerGraph, begun: GoingOn | None, callback: Callback
) -> None:
    """Say where the figures come from, and raise, before a step is trained, for what they lack and
    for a run whose final network would be another budget's."""
    for constraint in budgets.constraints:
        callback.table(constraint.describe())
        cost_of(constraint, graph)
    if begun is not None:
        known = begun.about.known_parts
        begun.require_final_fits(asked.resolved(budgets, graph, known, lambda text: None).most)


@dataclass(frozen=True)
class _Reachable:
    """What the search of `graph` can reach, from where the run `begun` stands."""

    graph: LayerGraph
    settings: SearchSettings
    callback: Callback
    limits: Limits
    begun: GoingOn | None
    stands: StepRecord | None

    def budgets(self, budgets: Budgets, asked: Asked) -> Budgets:
        """`budgets` as numbers, knowing the networks in reach, when they can be met.

        The callback is told what is possible. Raises BudgetError when they can't.
        """
        graph, callback = self.graph, self.callback
        networks = networks_in_reach(graph, self.settings.step)
        budgets = budgets.refined(networks.values())
        known = {} if self.begun is None else self.begun.about.known_parts
        budgets = asked.resolved(budgets, graph, known, callback.note)
        if self.begun is not None and self.stands is not None:
            callback.note(
                f"{self.begun.folder} stands at iteration {self.stands.iteration}; what is left to "
                f"do is counted from there"
            )
        for constraint in budgets.constraints:
            callback.feasible(feasibility(networks, constraint), self._left(constraint, budgets))
        require_reachable(networks, budgets, self.limits)
        return budgets

    def _left(self, constraint: Constraint, budgets: Budgets) -> int:
        """How many iterations a budget needs, if each saves just what it must."""
        first = cost_of(constraint, self.graph)
        if math.isinf(first):
            raise InputError(
                f"the constraint {constraint.name} gave {first} as the cost of the network given; "
                f"expected a number of {constraint.unit}"
            )
        present, iteration = self.graph, 1
        if self.stands is not None:
            present, iteration = network_of(self.stands, self.graph), self.stands.iteration + 1
        allowed = budgets.allowed(constraint, present)
        schedule = self.settings.schedule(first)
        return schedule.iterations_left(iteration, cost_of(constraint, present), allowed)
