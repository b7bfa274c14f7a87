"""All budgets of a search at once: which is furthest from being met, and whether all are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from netadapt.errors import InputError
from netadapt.graph import LayerGraph
from netadapt.pruning.constraints.base import Constraint
from netadapt.pruning.constraints.confidence import upper_end
from netadapt.pruning.constraints.registry import label_of
from netadapt.pruning.constraints.trusted import cost_of
from netadapt.pruning.records import Interval
from netadapt.pruning.schedule import MET


@dataclass(frozen=True)
class Budgets:
    """The constraints of a search, in the order in which they were asked for.

    With a `confidence` a budget is met when the upper end of what the network costs is within it.
    `corrections` has, by name, what a network was seen to take for what is predicted.
    """

    constraints: tuple[Constraint, ...]
    confidence: float | None = None
    corrections: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names: dict[str, str] = {}
        for constraint in self.constraints:
            label = label_of(constraint.name)
            if label in names:
                raise InputError(
                    f"the budget names {label} twice, as {names[label]} and {constraint.name}; "
                    f"leave one out"
                )
            names[label] = constraint.name

    @property
    def several(self) -> bool:
        """Whether there is more than one."""
        return len(self.constraints) > 1

    @property
    def on_devices(self) -> tuple[Constraint, ...]:
        """Those in milliseconds; the latency columns are of the first."""
        return tuple(constraint for constraint in self.constraints if constraint.in_ms)

    @property
    def labels(self) -> tuple[str, ...] | None:
        """What the devices are called in the columns of several budgets; None for a single one."""
        if not self.several:
            return None
        return tuple(label_of(constraint.name) for constraint in self.on_devices)

    @property
    def most(self) -> dict[str, float]:
        """What there may be of each."""
        return {constraint.name: constraint.budget for constraint in self.constraints}

    def named(self, name: str) -> Constraint:
        """The constraint of that name."""
        return next(constraint for constraint in self.constraints if constraint.name == name)

    def margin(self, constraint: Constraint, graph: LayerGraph) -> float:
        """How far the upper end of what `graph` costs lies above the cost."""
        if self.confidence is None:
            return 0.0
        interval = constraint.interval(graph)
        return upper_end(interval, self.confidence) - interval.value

    def demand(self, constraint: Constraint, graph: LayerGraph) -> float:
        """What of the budget on `constraint` the network needs."""
        needed = cost_of(constraint, graph) + self.margin(constraint, graph)
        return needed * self.correction(constraint)

    def allowed(self, constraint: Constraint, graph: LayerGraph) -> float:
        """What a network about as `graph` may cost for the budget on `constraint` to be met."""
        predicted = constraint.budget / self.correction(constraint)
        return predicted - self.margin(constraint, graph)

    def correction(self, constraint: Constraint) -> float:
        """What the device takes for a predicted millisecond; 1 where nothing says otherwise."""
        return self.corrections.get(constraint.name, 1.0)

    def binding(self, graph: LayerGraph) -> Constraint:
        """The constraint furthest from being met: the one whose budget is exceeded most."""
        if not self.several:
            return self.constraints[0]
        return max(
            self.constraints,
            key=lambda constraint: self.demand(constraint, graph) / constraint.budget,
        )

    def met(self, graph: LayerGraph) -> bool:
        """Whether `graph` meets all of them."""
        return all(
            self.demand(constraint, graph) <= constraint.budget + MET
            for constraint in self.constraints
        )

    def refined(self, graphs: Iterable[LayerGraph]) -> Budgets:
        """With constraints that know the cost of `graphs` better; this where none does.

        Raises DeviceError when a device that is measured on fails.
        """
        graphs = list(graphs)
        constraints = tuple(constraint.refined(graphs) for constraint in self.constraints)
        pairs = zip(constraints, self.constraints, strict=True)
        return self if all(a is b for a, b in pairs) else replace(self, constraints=constraints)

    def latency(self, graph: LayerGraph) -> Interval | None:
        """The milliseconds of `graph` on the first device; None without one."""
        return next((constraint.interval(graph) for constraint in self.on_devices), None)

    def latencies(self, graph: LayerGraph) -> dict[str, Interval]:
        """The milliseconds on each device, by its label; none where there is one budget."""
        if not self.several:
            return {}
        return {label_of(c.name): c.interval(graph) for c in self.on_devices}

    def describe(self) -> str:
        """Where the figures come from, in a line."""
        return "; ".join(constraint.describe() for constraint in self.constraints)

    def identity(self) -> dict[str, Any]:
        """What must be the same when a run is resumed; JSON."""
        return {
            identity_key(key, constraint.name, self.several): value
            for constraint in self.constraints
            for key, value in constraint.identity().items()
        }


def identity_key(key: str, name: str, several: bool) -> str:
    """What a part of the identity of the constraint `name` is called in run.json."""
    return f"{key} of {name}" if several else key
