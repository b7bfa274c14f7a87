"""Latency as the search sees it: a number for a graph in microseconds, the details on demand.

The search asks for tens of thousands of networks that differ in a few layers, so the estimate of
every layer shape is kept; what a millisecond is made of stays with `netadapt.cost`.
"""

from __future__ import annotations

from dataclasses import dataclass

from netadapt.cost.estimator import Latency, LatencyEstimator
from netadapt.graph import LayerGraph


@dataclass(frozen=True)
class Cost:
    """The latency of any width of a network on one device."""

    device: str
    estimator: LatencyEstimator

    def ms(self, graph: LayerGraph) -> float:
        """Predicted latency of the whole network in milliseconds."""
        return self.estimator.network_ms([layer.shape for layer in graph.layers])

    def latency(self, graph: LayerGraph) -> Latency:
        """The same with its interval and a row a layer."""
        return self.estimator.network(graph)
