"""Latency as the search sees it: a number for a graph in microseconds, the details on demand.

The search asks for tens of thousands of networks that differ in a few layers, so the estimate of
every layer shape is kept; what a millisecond is made of stays with `netadapt.latency`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from netadapt.graph import LayerGraph
from netadapt.latency.measure.on_demand import OnDemand
from netadapt.latency.model.estimator import Latency, LatencyEstimator
from netadapt.latency.table.table import LookupTable


@dataclass(frozen=True)
class Cost:
    """The latency of any width of a network on one device, which `on_demand` measures on."""

    device: str
    estimator: LatencyEstimator
    on_demand: OnDemand | None = None

    def ms(self, graph: LayerGraph) -> float:
        """Predicted latency of the whole network in milliseconds."""
        return self.estimator.network_ms([layer.shape for layer in graph.layers])

    def latency(self, graph: LayerGraph) -> Latency:
        """The same with its interval and a row a layer."""
        return self.estimator.network(graph)

    def measured(self, graphs: Iterable[LayerGraph]) -> Cost:
        """With a row for every layer of `graphs` that the device can run; this one if it has them.

        Without a device to measure on it is always this one. Raises DeviceError when the device
        fails; what was measured until then is in the table.
        """
        if self.on_demand is None:
            return self
        table = self.on_demand.ensure(layer.shape for graph in graphs for layer in graph.layers)
        return self if table is None else replace(self, estimator=LatencyEstimator(table))


def describe_table(table: LookupTable) -> str:
    """One line: the device, how many rows of which source, and the file."""
    sources = Counter(entry.source for entry in table.entries)
    counts = ", ".join(f"{count} {source}" for source, count in sources.most_common())
    return f"{table.name}: {counts} layer latencies from {table.path}"
