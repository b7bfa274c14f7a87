"""The order for a table that must be worth something after twenty layers: `lut build --quick`.

It begins with layers far from each other, every family of the network among them, and goes on with
those whose measurement leaves the least variance in the time of whole networks, each chosen with
the ones before it taken as known. The model tells how the layers' errors go together, other
boards' teaching included, so a layer that stands for many goes before one that only doubts itself.
The order for a table of some hundred layers is `planner`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.measure.planner import Planner, Round
from netadapt.latency.model.estimator import LatencyEstimator
from netadapt.latency.model.features import Array, family, traffic_bytes, weight_bytes

if TYPE_CHECKING:
    from netadapt.graph import LayerGraph

START = 8
BATCH = 4
CANDIDATES = 200
"""Of a family, those that take most time in the sampled networks: the others hardly matter."""

APART = 100.0
"""Between layers of two families, in factors e: every family is begun before one has a second."""


class TeachingPlanner(Planner):
    """Plans the table of one network so that each row is the one that teaches most."""

    sampled_networks = 32  # enough to say which layers matter, and judged in a second

    def __init__(self, graph: LayerGraph, *, seed: int = 0) -> None:
        super().__init__(graph, seed=seed)
        self._counts = Counter(s for network in (self._first, *self._networks) for s in network)
        self._start = _spread_out(list(self._counts), self.sentinel)

    def first(self, known: set[LayerShape]) -> Round:
        """Layers far from each other, or of the families that `known` has none of."""
        lacking = {family(s) for s in self._start} - {family(s) for s in known}
        missing = [s for s in self._start if s not in known and s not in self._refused]
        if len(known) >= START:
            missing = [s for s in missing if family(s) in lacking]
        return Round(tuple(missing), None)

    def next(self, estimator: LatencyEstimator, known: set[LayerShape]) -> Round:
        """A few layers, the one that teaches most first; none when all are known."""
        order = self._order(estimator, known, BATCH)
        return Round(tuple(shape for shape, _ in order), self.error(estimator))

    def outlook(
        self, estimator: LatencyEstimator, known: set[LayerShape], counts: Sequence[int]
    ) -> list[float]:
        """`error` after so many more rows, for each of `counts`, as far as the model can tell."""
        now = self.error(estimator)
        order = self._order(estimator, known, max(counts))
        shares = [share for _, share in order] or [1.0]
        return [now * float(np.sqrt(shares[min(count, len(shares)) - 1])) for count in counts]

    def _order(
        self, estimator: LatencyEstimator, known: set[LayerShape], count: int
    ) -> list[tuple[LayerShape, float]]:
        """The next `count` layers, and what share of the networks' variance each leaves."""
        families: dict[str, list[LayerShape]] = {}
        for shape in self._counts:
            if shape not in known and shape not in self._refused:
                families.setdefault(family(shape), []).append(shape)
        parts = [self._part(estimator, shapes) for shapes in families.values()]
        whole = sum(part.variance for part in parts)
        order: list[tuple[LayerShape, float]] = []
        while len(order) < count:
            best = max(parts, key=lambda part: part.gain, default=None)
            if best is None or best.gain <= 0:
                break
            shape = best.learn()
            order.append((shape, max(0.0, sum(part.variance for part in parts)) / whole))
        return order

    def _part(self, estimator: LatencyEstimator, shapes: list[LayerShape]) -> _Part:
        estimates = estimator.layers(shapes)
        doubt = np.array(
            [e.ms * e.log_sd * self._counts[s] for s, e in zip(shapes, estimates, strict=True)]
        )
        chosen = np.argsort(-doubt, kind="stable")[:CANDIDATES]
        candidates = [shapes[index] for index in chosen]
        return _Part(candidates, estimator.correlation(candidates), doubt[chosen])


@dataclass
class _Part:
    """Layers of one family: how their errors go together, and what they weigh in the networks.

    `correlation` [N, N] is what is left of it after the layers learned so far.
    """

    shapes: list[LayerShape]
    correlation: Array
    doubt: Array

    @property
    def variance(self) -> float:
        """Of the sampled networks' sum, in squared milliseconds."""
        return float(self.doubt @ self.correlation @ self.doubt)

    @property
    def gain(self) -> float:
        """By how much the best layer would lower the variance."""
        return float(self._gains().max(initial=0.0))

    def learn(self) -> LayerShape:
        """Take the best layer as measured."""
        best = int(self._gains().argmax())
        column = self.correlation[:, best]
        self.correlation = self.correlation - np.outer(column, column) / column[best]
        return self.shapes[best]

    def _gains(self) -> Array:
        left = np.diag(self.correlation)
        gains = (self.correlation @ self.doubt) ** 2 / np.maximum(left, 1e-9)
        return np.where(left > 1e-6, gains, 0.0)


def _spread_out(shapes: list[LayerShape], first: LayerShape) -> tuple[LayerShape, ...]:
    """`START` of the shapes, each the one farthest from those before it; `first` is the first.

    Every family has one of them, however many there are.
    """
    families = [family(shape) for shape in shapes]
    points = np.log1p(
        [[s.macs, traffic_bytes(s), weight_bytes(s), s.in_height * s.in_width] for s in shapes]
    )
    names = list(dict.fromkeys(families))
    apart = np.eye(len(names))[[names.index(name) for name in families]] * APART
    points = np.concatenate([points, apart], axis=1)
    chosen = [shapes.index(first)]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(len(shapes), max(START, len(names))):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return tuple(shapes[index] for index in chosen)
