"""Milliseconds on a device, from its lookup table.

The estimate of every layer shape is kept, so that the search can ask for tens of thousands of
networks; what a millisecond is made of stays with `netadapt.latency`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from netadapt.graph import LayerGraph
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.table.table import LookupTable
from netadapt.pruning.records import Interval


@dataclass(frozen=True)
class DeviceLatency:
    """At most `budget` ms on the device called `name`; `on_demand` measures what it lacks.

    `began` is how many of the table's rows a run began with, where rows are added while it goes
    on; None where they aren't.
    """

    name: str
    budget: float
    estimator: LatencyEstimator
    on_demand: OnDemand | None = None
    began: int | None = None
    unit = "ms"
    in_ms = True

    @property
    def table(self) -> LookupTable:
        """The table that it reads."""
        return self.estimator.table

    def cost(self, graph: LayerGraph) -> float:
        return self.estimator.network_ms([layer.shape for layer in graph.layers])

    def interval(self, graph: LayerGraph) -> Interval:
        estimates = self.estimator.layers(layer.shape for layer in graph.layers)
        return Interval(*self.estimator.total(estimates))

    def refined(self, graphs: Iterable[LayerGraph]) -> DeviceLatency:
        """With a row for every layer of `graphs` that the device can run; this one if it has them.

        What was measured until a device fails is in the table.
        """
        if self.on_demand is None:
            return self
        table = self.on_demand.ensure(layer.shape for graph in graphs for layer in graph.layers)
        return self if table is None else replace(self, estimator=LatencyEstimator(table))

    def describe(self) -> str:
        """The device, how many rows of which source, and the file."""
        sources = Counter(entry.source for entry in self.table.entries)
        counts = ", ".join(f"{count} {source}" for source, count in sources.most_common())
        return f"{self.table.name}: {counts} layer latencies from {self.table.path}"

    def identity(self) -> Mapping[str, Any]:
        """The table's hash; on demand that of the rows the run began with."""
        if self.on_demand is None:
            return {"table_sha256": self.table.hash}
        table = self.table
        rows = len(table) if self.began is None else self.began
        began = LookupTable(table.name, table.entries[:rows], table.meta, table.path)
        return {"on_demand": True, "table_rows": rows, "table_sha256": began.hash}
