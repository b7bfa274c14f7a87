"""Constraints that are counted on the graph, of no device: multiply-accumulates and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from netadapt.graph import LayerGraph
from netadapt.pruning.records import Interval


@dataclass(frozen=True)
class _Count:
    """What a count shares: it is exact, and nothing can be measured about it."""

    budget: float
    in_ms = False

    def cost(self, graph: LayerGraph) -> float:
        raise NotImplementedError

    def interval(self, graph: LayerGraph) -> Interval:
        """Exact: all three are the same."""
        value = self.cost(graph)
        return Interval(value, value, value)

    def identity(self) -> Mapping[str, Any]:
        """Nothing: the graph says it all."""
        return {}


@dataclass(frozen=True)
class Macs(_Count):
    """At most `budget` multiply-accumulates for one image."""

    name = "macs"
    unit = "MACs"

    def cost(self, graph: LayerGraph) -> float:
        return float(graph.macs)

    def refined(self, graphs: Iterable[LayerGraph]) -> Macs:
        """This one: it counts."""
        return self

    def describe(self) -> str:
        return "MACs: multiply-accumulates for one image, counted"


@dataclass(frozen=True)
class Parameters(_Count):
    """At most `budget` learnable parameters."""

    name = "params"
    unit = "parameters"

    def cost(self, graph: LayerGraph) -> float:
        return float(graph.params)

    def refined(self, graphs: Iterable[LayerGraph]) -> Parameters:
        """This one: it counts."""
        return self

    def describe(self) -> str:
        return "parameters: learnable ones, counted"
