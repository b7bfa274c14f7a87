"""What a run did to each layer's milliseconds, and which groups it couldn't cut, and why.

The network is built again from run.json and traced, a function of a stranger's only where the user
trusts it. Its milliseconds are the table's, which may have changed since: that is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from netadapt.graph import LayerGraph, trace
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.networks.build import built_for_use
from netadapt.networks.config import FactoryConfig
from netadapt.networks.registry import config_from_json
from netadapt.networks.trusted_functions import require_trusted
from netadapt.pruning.constraints.budgets import identity_key
from netadapt.pruning.constraints.registry import devices_of
from netadapt.pruning.limits import limited
from netadapt.pruning.run_json import RUN_JSON, RunAbout
from netadapt.pruning.task_of_model import import_network_of
from netadapt.report.run_on_disk import RunOnDisk


@dataclass(frozen=True)
class LayerTime:
    """A layer before and after, on one device. Latencies in milliseconds, shapes as text."""

    name: str
    shape_before: str
    shape_after: str
    before_ms: float
    after_ms: float
    source_after: str
    """'measured' or 'published' for a row of the table, else 'modelled'."""


@dataclass(frozen=True)
class DeviceTimes:
    """Every layer on one device, and what is to know of the table."""

    device: str
    layers: Sequence[LayerTime]
    note: str = ""


@dataclass(frozen=True)
class Frozen:
    """A channel group that keeps its width, and why."""

    name: str
    width: int
    reason: str


def graph_of(run: RunOnDisk) -> LayerGraph:
    """The network given, with what the user forbade to cut.

    Raises RunError for a run.json of another version, ModelError where the network can't be built,
    or is made by a function that the user neither names nor trusts.
    """
    about, where = RunAbout.read(run.path), run.path / RUN_JSON
    import_network_of(about.opened, run.path)  # it may register the network
    config = config_from_json(about.network, str(where))
    if isinstance(config, FactoryConfig):
        require_trusted(config.factory, where)
    graph = _traced(json.dumps(dict(about.network), sort_keys=True))
    return limited(graph, about.settings.frozen, about.settings.min_widths)


@lru_cache(maxsize=4)  # runs side by side are mostly of one network, and a trace takes seconds
def _traced(network: str) -> LayerGraph:
    """The graph of a network by its config in JSON; whoever asks has seen that it may be built."""
    config = config_from_json(json.loads(network), RUN_JSON)
    example = tuple(torch.zeros(shape) for shape in config.input_shapes)
    return trace(built_for_use(config), example)


def frozen_groups(graph: LayerGraph) -> list[Frozen]:
    """The groups of `graph` that keep their width."""
    return [Frozen(group.name, group.width, group.reason) for group in graph.groups if group.frozen]


def layer_times(run: RunOnDisk, graph: LayerGraph) -> Iterator[DeviceTimes]:
    """The layers of the network given and of the last one, on each device of the budget.

    Raises TableError where a device's table is gone, ModelError where the network is another.
    """
    before, after = (graph.with_widths(step.widths) for step in (run.first, run.last))
    budget, identity = run.content.get("budget", {}), run.content.get("constraint", {})
    for device in devices_of(budget):
        table = LookupTable.read(device)
        estimator = LatencyEstimator.of(table)
        rows = zip(before.layers, after.layers, strict=True)
        times = [
            LayerTime(
                old.name,
                str(old.shape),
                str(new.shape),
                was.ms,
                is_now.ms,
                is_now.source,
            )
            for (old, new), was, is_now in zip(
                rows,
                estimator.layers(layer.shape for layer in before.layers),
                estimator.layers(layer.shape for layer in after.layers),
                strict=True,
            )
        ]
        begun = identity.get(identity_key("table_sha256", device, len(budget) > 1))
        grows = identity_key("table_rows", device, len(budget) > 1) in identity
        changed = begun is not None and not grows and begun != table.hash
        note = f"{table.path} has changed since the run" if changed else ""
        yield DeviceTimes(table.name, times, note)


def measured_on_demand(run: RunOnDisk) -> Iterator[str]:
    """Of each device that was measured on while the run went on, how many rows its table got.

    Raises TableError where the table is gone.
    """
    budget, identity = run.content.get("budget", {}), run.content.get("constraint", {})
    for device in devices_of(budget):
        began = identity.get(identity_key("table_rows", device, len(budget) > 1))
        if began is None:
            continue
        table = LookupTable.read(device)
        added = len(table) - int(began)
        yield (
            f"On demand: {added} rows were measured on {table.name} since the run began; its table "
            f"had {began} then, and has {len(table)} now."
        )
