"""What a search must bring a network under: the protocol of constraints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from netadapt.graph import LayerGraph
from netadapt.pruning.records import Interval


class Constraint(Protocol):
    """What any width of a network costs in one unit, and how much of it there may be.

    `cost` is asked tens of thousands of times an iteration, for graphs that differ in a few
    layers, so what can be kept between calls should be. `interval` is asked once a proposal and
    `refined` once a round of proposals; all are called in the search's own process.

    >>> class Layers:
    ...     name, unit, budget, in_ms = "layers", "layers", 10.0, False
    ...     def cost(self, graph):
    ...         return float(len(graph.layers))
    ...     def interval(self, graph):
    ...         return Interval(self.cost(graph), self.cost(graph), self.cost(graph))
    ...     def refined(self, graphs):
    ...         return self
    ...     def describe(self):
    ...         return "layers, counted"
    ...     def identity(self):
    ...         return {}
    """

    @property
    def name(self) -> str:
        """How it is called in a budget: a device's name, 'macs', 'params'."""
        ...

    @property
    def unit(self) -> str:
        """Behind its figures, for people: 'ms', 'MACs', 'parameters'."""
        ...

    @property
    def budget(self) -> float:
        """The most there may be, in the unit; more than 0."""
        ...

    @property
    def in_ms(self) -> bool:
        """Whether its figures are milliseconds, for the trajectory's latency columns."""
        ...

    def cost(self, graph: LayerGraph) -> float:
        """What the whole network costs, in the unit. Raises TableError where it can't be told.

        A number: finite for the network given, and infinite at most where widths are out of reach.
        """
        ...

    def interval(self, graph: LayerGraph) -> Interval:
        """The same with the ends of its 90 % interval."""
        ...

    def refined(self, graphs: Iterable[LayerGraph]) -> Constraint:
        """A constraint that knows the cost of `graphs` better; this one where it can't.

        Raises DeviceError when a device that is measured on fails.
        """
        ...

    def describe(self) -> str:
        """Where its figures come from, in a line."""
        ...

    def identity(self) -> Mapping[str, Any]:
        """What must be the same when a run is resumed; JSON."""
        ...
