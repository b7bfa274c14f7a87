"""The public way into the loop: `search` gives the steps as they come, `prune` the result.

Both take a network, an example of its input, a task and a budget; everything they decide is in
the run's folder `out` (a temporary one when none is named).
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from netadapt.errors import InputError
from netadapt.graph import LayerGraph, trace
from netadapt.latency.devices.profile import DeviceProfile
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.networks.build import describe as describe_network
from netadapt.networks.config import FactoryConfig, ModelConfig
from netadapt.pruning.callbacks import Watcher
from netadapt.pruning.cost import Cost, describe_table
from netadapt.pruning.feasibility import feasibility, networks_in_reach, require_reachable
from netadapt.pruning.loop import SearchSettings, run_search
from netadapt.pruning.on_demand_device import open_device, table_kept
from netadapt.pruning.run_folder import RunFolder
from netadapt.pruning.step import Step
from netadapt.report.trajectory_plot import read_trajectory
from netadapt.training.finetune import FineTuning
from netadapt.training.task import Task


@dataclass(frozen=True)
class Result:
    """The network that meets the budget, the trajectory that led to it, and the run's folder."""

    model: nn.Module
    trajectory: pd.DataFrame
    out: Path


def search(
    model: nn.Module,
    example_input: Tensor | tuple[Tensor, ...],
    *,
    task: Task,
    budget: Mapping[str, float],
    out: Path | str | None = None,
    config: ModelConfig | None = None,
    factory: str | None = None,
    first_reduction: float = 0.025,
    decay: float = 0.98,
    width_multiple: int = 8,
    short_term: FineTuning | None = None,
    seed: int = 0,
    on_demand: DeviceProfile | None = None,
    resume: bool = False,
    arguments: Mapping[str, Any] | None = None,
    data: str = "",
    watcher: Watcher | None = None,
) -> Iterator[Step]:
    """Prune `model` step by step until `budget`, `{device or table path: milliseconds}`, is met.

    `factory`, 'package.module:function', builds a network like `model`, so that
    `netadapt.load_model` can rebuild the run's checkpoints; without it they name the class of
    `model`, to be called without arguments. A network of netadapt's own has a `config` instead.
    With `on_demand`, the device's profile, layers that the search decides by and the table lacks
    are measured on the device and appended to the table.
    Raises InputError for a budget that isn't one, TableError for a device without a table (on
    demand: without one of its own) or one that a build holds, DeviceError when the device can't be
    reached, BudgetError when the budget can't be met, RunError when `out` exists and `resume` is
    false, or when it was begun by other rows than the table's.
    """
    if len(budget) != 1:
        raise InputError(f"the budget names {len(budget)} devices; expected one: {{'tx2': 6.0}}")
    ((device, budget_ms),) = budget.items()
    settings = SearchSettings(
        budget_ms=float(budget_ms),
        first_reduction=first_reduction,
        decay=decay,
        width_multiple=width_multiple,
        short_term=short_term or FineTuning(steps=10),
        seed=seed,
    )
    table = LookupTable.read(device)
    watcher = watcher or Watcher()
    watcher.table(describe_table(table))
    graph = trace(model, example_input)
    networks = networks_in_reach(graph, width_multiple)
    folder = Path(tempfile.mkdtemp(prefix="netadapt-")) if out is None else Path(out)
    built_by = config or factory_config(model, example_input, factory)

    def describe(cut_model: nn.Module, cut_graph: LayerGraph) -> Mapping[str, Any]:
        return describe_cut(cut_model, cut_graph, built_by)

    with open_device(on_demand, table, watcher) as measuring:
        cost = Cost(device, LatencyEstimator(table), measuring).measured(networks.values())
        reaches = feasibility(networks, cost)
        first_ms = cost.ms(graph)
        iterations = settings.schedule(first_ms).iterations_left(1, first_ms, settings.budget_ms)
        watcher.feasible(reaches, iterations)
        require_reachable(reaches, settings.budget_ms, device)
        configuration = {
            **asdict(settings),
            "device": device,
            **table_kept(cost.estimator.table, folder, on_demand=on_demand is not None),
            "model": built_by.to_json(),
            "weights_sha256": weights_hash(model),
            "data": data,
        }
        run = RunFolder(
            folder,
            configuration,
            task.metrics,
            resume=resume,
            arguments=arguments,
            table=describe_table(table),
        )
        given = Step(0, {}, model, graph)
        try:
            yield from run_search(
                run, given, example_input, task, cost, settings, describe, watcher
            )
        finally:
            run.close()


def prune(
    model: nn.Module,
    example_input: Tensor | tuple[Tensor, ...],
    *,
    task: Task,
    budget: Mapping[str, float],
    out: Path | str | None = None,
    **options: Any,
) -> Result:
    """Run `search` (which see) to its end; gives the network that meets the budget."""
    folder = Path(tempfile.mkdtemp(prefix="netadapt-")) if out is None else Path(out)
    steps = search(model, example_input, task=task, budget=budget, out=folder, **options)
    (last,) = deque(steps, maxlen=1)  # iteration 0 is always there
    return Result(last.model, read_trajectory(folder), folder)


def factory_config(
    model: nn.Module, example_input: Tensor | tuple[Tensor, ...], factory: str | None
) -> FactoryConfig:
    """How a user's network is built: by `factory`, or by its class."""
    kind = type(model)
    inputs = (example_input,) if isinstance(example_input, Tensor) else example_input
    return FactoryConfig(
        factory or f"{kind.__module__}:{kind.__qualname__}",
        input_shapes=tuple(tuple(tensor.shape) for tensor in inputs),
    )


def describe_cut(model: nn.Module, graph: LayerGraph, config: ModelConfig) -> Mapping[str, Any]:
    """The config.json of a cut network: how to build it at the widths it has now."""
    widths = {group.name: group.width for group in graph.groups if not group.frozen}
    if isinstance(config, FactoryConfig):
        return replace(config, widths=widths).to_json()
    return describe_network(model, config).to_json()


def weights_hash(model: nn.Module) -> str:
    """SHA-256 of all of a model's tensors, so that a run isn't resumed from other weights."""
    import hashlib

    digest = hashlib.sha256()
    with torch.no_grad():
        for name, value in model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
