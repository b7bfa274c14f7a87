"""Which layers to measure next: where the estimator's doubt costs a network's prediction most.

FastDepth's widths span tens of thousands of shapes. A plan begins with a few whole networks
(full, half, quarter width), then takes, from the layers of many random prunings, those whose
uncertainty in milliseconds is largest, a few at a time, and stops when the networks' own intervals
are narrow enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.measure.random_prunings import random_prunings, scaled
from netadapt.latency.model.estimator import LatencyEstimator

if TYPE_CHECKING:
    from netadapt.graph import LayerGraph

FIRST_SHARES = (1.0, 0.5, 0.25)
LEAST_SHARE = 0.15
"""Narrower than the networks a table is checked with, so that none lies outside."""

BATCH = 12
MOST_OF_A_PLACE = 2


@dataclass(frozen=True)
class Round:
    """The layers to measure next, and the error that whole networks are predicted with now.

    `error`: half the 90 % interval of the total, relative, that nine of ten random prunings stay
    below; None before anything is known.
    """

    shapes: tuple[LayerShape, ...]
    error: float | None


class Planner:
    """Plans the table of one network."""

    sampled_networks = 120

    def __init__(self, graph: LayerGraph, *, seed: int = 0) -> None:
        self._first = _unique(
            layer.shape for share in FIRST_SHARES for layer in scaled(graph, share).layers
        )
        prunings = random_prunings(graph, self.sampled_networks, seed=seed, least=LEAST_SHARE)
        self._networks = [[layer.shape for layer in network.layers] for network in prunings]
        self._refused: set[LayerShape] = set()

    @property
    def sentinel(self) -> LayerShape:
        """The layer that is timed again and again: the one with most arithmetic at full width."""
        return max(self._first, key=lambda shape: shape.macs)

    def refuse(self, shape: LayerShape) -> None:
        """The device can't run it: not to be asked for again."""
        self._refused.add(shape)

    def first(self, known: set[LayerShape]) -> Round:
        """What any table needs, as far as it isn't known yet."""
        missing = [s for s in self._first if s not in known and s not in self._refused]
        return Round(tuple(missing), None)

    def next(self, estimator: LatencyEstimator, known: set[LayerShape]) -> Round:
        """The layers whose measurement would teach most; none when all are known."""
        error = self.error(estimator)
        counts = Counter(shape for network in self._networks for shape in network)
        unknown = [s for s in counts if s not in known and s not in self._refused]
        if not unknown:
            return Round((), error)
        estimates = estimator.layers(unknown)
        doubt = np.array([e.ms * e.log_sd for e in estimates])
        doubt *= np.sqrt([counts[shape] for shape in unknown])
        chosen: list[LayerShape] = []
        taken: Counter[tuple[object, ...]] = Counter()
        for index in np.argsort(-doubt, kind="stable"):
            shape = unknown[index]
            place = (shape.op, shape.is_depthwise, shape.kernel, shape.stride, shape.in_height)
            if taken[place] < MOST_OF_A_PLACE:
                taken[place] += 1
                chosen.append(shape)
            if len(chosen) == BATCH:
                break
        return Round(tuple(chosen), error)

    def outlook(
        self, estimator: LatencyEstimator, known: set[LayerShape], counts: Sequence[int]
    ) -> list[float]:
        """`error` after so many more rows, for each of `counts`; [] where the plan can't tell."""
        return []

    def error(self, estimator: LatencyEstimator) -> float:
        """See `Round.error`."""
        widths = []
        for network in self._networks:
            ms, _, high = estimator.total(estimator.layers(network))
            widths.append(high / ms - 1)
        return float(np.quantile(widths, 0.9))


def _unique(shapes: Iterator[LayerShape]) -> tuple[LayerShape, ...]:
    return tuple(dict.fromkeys(shapes))
