"""Constraints that are counted on the graph, of no device: multiply-accumulates and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from netadapt.graph import LayerGraph
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.records import Interval


@dataclass(frozen=True)
class _Count:
    """What a count shares: it is exact, and nothing can be measured about it."""

    budget: float
    name: ClassVar[str]
    unit: ClassVar[str]
    what: ClassVar[str]
    in_ms: ClassVar[bool] = False

    def cost(self, graph: LayerGraph) -> float:
        raise NotImplementedError

    def interval(self, graph: LayerGraph) -> Interval:
        """Exact: all three are the same."""
        value = self.cost(graph)
        return Interval(value, value, value)

    def refined(self, graphs: Iterable[LayerGraph]) -> Constraint:
        """This one: it counts."""
        return self

    def describe(self) -> str:
        return f"{self.unit}: {self.what}, counted"

    def identity(self) -> Mapping[str, Any]:
        """Nothing: the graph says it all."""
        return {}


@dataclass(frozen=True)
class Macs(_Count):
    """At most `budget` multiply-accumulates for one image."""

    name = "macs"
    unit = "MACs"
    what = "multiply-accumulates for one image"

    def cost(self, graph: LayerGraph) -> float:
        return float(graph.macs)


@dataclass(frozen=True)
class Parameters(_Count):
    """At most `budget` learnable parameters."""

    name = "params"
    unit = "parameters"
    what = "learnable ones"

    def cost(self, graph: LayerGraph) -> float:
        return float(graph.params)
