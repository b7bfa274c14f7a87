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
from typing import Any, TypeVar

import pandas as pd
import torch
from torch import nn

from netadapt.errors import InputError, RunError
from netadapt.graph import LayerGraph, trace
from netadapt.graph.network_copy import copied
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.networks.config import ModelConfig, factory_config
from netadapt.networks.network_inputs import Inputs, in_order
from netadapt.pruning.callbacks import Callback, Callbacks
from netadapt.pruning.constraints.budgets import Budgets
from netadapt.pruning.constraints.opening import Asked, open_budgets
from netadapt.pruning.constraints.registry import Budget
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.executors.base import Executor, Workplace
from netadapt.pruning.executors.packing import device_of
from netadapt.pruning.executors.registry import EXECUTORS, executor_for
from netadapt.pruning.feasibility import feasibility, networks_in_reach, require_reachable
from netadapt.pruning.importance.base import Importance
from netadapt.pruning.importance.registry import IMPORTANCES
from netadapt.pruning.limits import Limits, kept_whole, limited
from netadapt.pruning.on_demand_device import OpenDevices
from netadapt.pruning.records import (
    MEASURED,
    StepRecord,
    columns_of_several,
    frame_of,
    require_metric_names,
)
from netadapt.pruning.rehearsal import rehearse_judging, rehearsed
from netadapt.pruning.run_folder import RunFolder
from netadapt.pruning.run_json import RUN_JSON, VERSIONS, RunAbout, read_run_json
from netadapt.pruning.search import Search, Tools
from netadapt.pruning.settings import OF_DEVICE, VERIFY_EVERY, SearchSettings
from netadapt.pruning.step import Step
from netadapt.pruning.strategies.base import Strategy
from netadapt.pruning.strategies.registry import STRATEGIES
from netadapt.pruning.unwritten_run import UnwrittenRun
from netadapt.pruning.weights_hash import weights_hash
from netadapt.registry import Registry, require_members
from netadapt.remarks import remark
from netadapt.training.settings import require_number
from netadapt.training.task import Task, require_task
from netadapt.training.task_wrapper import DistilledTask
from netadapt.training.tasks import NamedTask
from netadapt.users_code import users_code

T = TypeVar("T")

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
    _require_object("model", model, nn.Module)
    if isinstance(task, str):
        named_task = NamedTask.of_function(task)
        task = named_task.opened_on(device_of(model))
    require_task(task, "the task")
    require_metric_names(task.metrics)
    callbacks = tuple(callbacks) if isinstance(callbacks, Iterable) else (callbacks,)
    for told in callbacks:
        _require_object("callback", told, Callback)
    deciding = _of(STRATEGIES, strategy, "propose", "choose")
    _require_workers(workers, ray)
    executor = executor_for(workers, ray) if executor is None else executor
    runner = EXECUTORS[executor]() if isinstance(executor, str) else executor
    _require(runner, "executor", "run", "close")
    callback = Callbacks(callbacks)
    with ExitStack() as held:
        held.callback(runner.close)
        given_settings = {
            **settings,
            "strategy": _name_of(strategy),
            "importance": None if importance is None else _name_of(importance),
            "frozen": (frozen,) if isinstance(frozen, str) else tuple(frozen),
            "min_widths": {} if min_widths is None else min_widths,
        }
        defaults = _defaults_of(deciding, _name_of(strategy))
        chosen = SearchSettings().changed(given_settings).with_defaults(defaults)
        named = str(chosen.importance)
        ranking = _of(IMPORTANCES, named if importance is None else importance, "__call__")
        chosen = _verified(chosen, verify_on, written=written)
        folder = None if out is None else Path(out)
        if folder is not None and not written:
            raise InputError(f"a run that isn't written has no folder; leave out {folder}")
        if resume and folder is not None:
            _require_known_again(folder, chosen)
        learned = DistilledTask(task, copied(model)) if chosen.distill else task
        place = Workplace(model, learned, named_task, workers, ray)
        _check(runner, place)
        example = in_order(model, example_input)
        traced = trace(model, example)
        graph = limited(traced, chosen.frozen, chosen.min_widths)
        begun = _begun(folder) if resume else None
        profiles = [on_demand] if isinstance(on_demand, DeviceProfile) else list(on_demand or ())
        devices = OpenDevices(callback, held)
        budgets, asked = open_budgets(
            budget, profiles, {} if begun is None else begun.identity, devices.measuring
        )
        budgets = replace(budgets, confidence=chosen.confidence)
        chosen = _with_step(chosen, budgets, begun, callback)
        more = columns_of_several(budgets.labels)
        require_metric_names(task.metrics, (*more, MEASURED) if verify_on else more)
        for constraint in budgets.constraints:
            callback.table(constraint.describe())
            cost_of(constraint, graph)  # what a table lacks is said before a step is trained
        verifier = None
        if verify_on is not None and written:
            verifier = devices.verifying(verify_on, budgets, chosen.verify_every, example)
        _say_uncounted(graph)
        counted_on = rehearsed(model, graph, task, chosen)
        graph = kept_whole(graph, counted_on)
        limits = Limits.of(kept_whole(traced, counted_on), chosen)
        rehearse_judging(model, graph, task, chosen, ranking)
        budgets = _within_reach(graph, budgets, asked, begun, chosen, callback, limits)
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
            config or factory_config(model, graph.input_shapes, factory),
        )
        if callable(prepare := getattr(runner, "prepare", None)):
            prepare(place)
        about = RunAbout(
            budgets.most,
            chosen,
            tools.config.to_json(),
            weights_hash(model),
            budgets.identity(),
            opened or {},
            budgets.describe(),
            asked.relative,
        )
        run: RunFolder | UnwrittenRun = UnwrittenRun()
        if folder is None and written:  # made when nothing can be wrong any more
            folder = Path(tempfile.mkdtemp(prefix="netadapt-"))
        elif resume and folder is not None:
            _say_other_environment(folder)
        if folder is not None:
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


def _require_workers(workers: int | None, ray: str | None) -> None:
    if workers is not None:
        require_number("the number of workers is", workers, whole=True)
        if workers < 1:
            raise InputError(f"the number of workers is {workers}; expected 1 or more")
    if ray is not None and (not isinstance(ray, str) or not ray):
        raise InputError(f"ray is {ray!r}; expected 'local' or a cluster's address")


def _check(runner: Executor, workplace: Workplace) -> None:
    """Raise InputError where the executor can't work as is asked."""
    check, prepare = (getattr(runner, name, None) for name in ("check", "prepare"))
    if callable(check):
        check(workplace)
    asks = workplace.workers is not None or workplace.address is not None
    if asks and not callable(prepare):
        raise InputError(
            f"the executor {type(runner).__name__} has no workers to choose (it has no method "
            f"prepare); leave workers and ray out, or take the executor 'processes' or 'ray'"
        )


def _say_other_environment(folder: Path) -> None:
    """Say what rounds otherwise than when a run was begun: other versions, and other threads, since
    a gradient is a sum over them."""
    if not (folder / RUN_JSON).exists():
        return
    environment = read_run_json(folder).get("environment", {})
    changed = [
        f"{name} {was} (now {now})"
        for name, now in VERSIONS.items()
        if (was := environment.get(name)) not in (None, now)
    ]
    if changed:
        remark(
            f"{folder} was begun with {', '.join(changed)}: what it has stays, and what is to come "
            f"may differ in the last digits, and with them in what is chosen"
        )
    begun, now = environment.get("threads"), torch.get_num_threads()
    if begun not in (None, now):
        remark(
            f"{folder} was begun with {begun} threads and goes on with {now}, which may change the "
            f"last digits; to get what it would have come to, use {begun} (--threads {begun}, in "
            f"Python torch.set_num_threads({begun}))"
        )


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


def _begun(folder: Path | None) -> RunAbout | None:
    """What the run in `folder` was asked, if there is one."""
    return RunAbout.read(folder) if folder is not None and (folder / RUN_JSON).exists() else None


def _with_step(
    settings: SearchSettings, budgets: Budgets, begun: RunAbout | None, callback: Callback
) -> SearchSettings:
    """`settings` with the step of the devices' kernels, where that is asked for; a run that goes on
    keeps the one it began with."""
    if settings.width_multiple != OF_DEVICE:
        return settings
    if begun is not None:
        return replace(settings, width_multiple=begun.settings.step)
    step = budgets.width_step
    if step == 1:
        step = SearchSettings().step
        callback.note(f"no table shows a step of widths: they are multiples of {step}")
    else:
        callback.note(f"widths are multiples of {step}, which the device's kernels take at once")
    return replace(settings, width_multiple=step)


def _within_reach(
    graph: LayerGraph,
    budgets: Budgets,
    asked: Asked,
    begun: RunAbout | None,
    settings: SearchSettings,
    callback: Callback,
    limits: Limits,
) -> Budgets:
    """The budgets, knowing the networks in reach of `graph`, when they can be met.

    The callback is told what is possible. Raises BudgetError when they can't.
    """
    networks = networks_in_reach(graph, settings.step)
    budgets = budgets.refined(networks.values())
    known = {} if begun is None else begun.known_parts
    budgets = asked.resolved(budgets, graph, known, callback.note)
    for constraint in budgets.constraints:
        reaches = feasibility(networks, constraint)
        first = cost_of(constraint, graph)
        if math.isinf(first):
            raise InputError(
                f"the constraint {constraint.name} gave {first} as the cost of the network given; "
                f"expected a number of {constraint.unit}"
            )
        allowed = budgets.allowed(constraint, graph)
        left = settings.schedule(first).iterations_left(1, first, allowed)
        callback.feasible(reaches, left)
    require_reachable(networks, budgets, limits)
    return budgets


def _name_of(thing: Any) -> str:
    """For run.json: the name it goes by, or says of itself; else where its code is."""
    if isinstance(thing, str):
        return thing
    if name := getattr(thing, "name", None):
        return str(name)
    code = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{code.__module__}:{code.__qualname__}"


def _defaults_of(strategy: Strategy, name: str) -> Any:
    """What the strategy says that goes with it; it needn't."""
    with users_code(f"defaults of the strategy {name}"):
        return getattr(strategy, "defaults", {})


def _require_known_again(folder: Path, settings: SearchSettings) -> None:
    """Raise RunError where nothing tells whether a run goes on by what began it."""
    for kind, name in (("strategy", settings.strategy), ("importance", str(settings.importance))):
        nameless = name.endswith("<lambda>") or name == "functools:partial"
        if nameless and (folder / RUN_JSON).exists():
            raise RunError(
                f"{folder} can't be resumed with the {kind} {name}, which nothing tells from "
                f"another; give a function with a name, or an object with one"
            )


def _of(registry: Registry[T], given: str | T, *members: str) -> T:
    """The thing of a name, or an object. Raises InputError where it lacks one of `members`."""
    thing = registry[given] if isinstance(given, str) else given
    _require(thing, registry.kind, *members)
    return thing


def _require(thing: Any, kind: str, *members: str) -> None:
    require_members(thing, f"the {kind}", f"netadapt.{kind.capitalize()}", members)


def _require_object(kind: str, thing: Any, expected: type) -> None:
    if not isinstance(thing, expected):
        found = f"the class {thing.__name__}" if isinstance(thing, type) else type(thing).__name__
        raise InputError(f"the {kind} is {found}; expected an object of {expected.__name__}")
