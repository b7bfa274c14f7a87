"""A family's estimate: the board's own rows, and what other boards teach, each by its worth.

Both predict every row of the family from the other rows, at hyperparameters that were not searched
on it, and count by the inverse square of their error, the own rows less while they are few. A
family of many rows, or one that its own rows predict clearly better, rests on them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netadapt.graph.layer_shape import LayerShape
from netadapt.latency.model.family_model import LEAST_ROWS_OF_OWN, FamilyModel, Prediction
from netadapt.latency.model.features import Array
from netadapt.latency.model.taught_model import TaughtModel

ENOUGH_ROWS = 150
"""Beside so many rows of its own, what is taught of a family doesn't count."""

NOT_BETTER = {30: 0.9, 15: 2.0}
"""By least number of rows: nor where its error is so many times that of the own rows. The errors of
few rows are known less well, so they must be far apart."""

ROWS_OF_TRUST = 30
"""Own rows count half of what their error says when they are so many, and less when fewer: what is
searched on few rows looks better on them than it is."""


@dataclass(frozen=True)
class BlendedFamily:
    """`own_share`: how much the own rows count, from 0 to 1; 1 without anything taught."""

    own: FamilyModel
    taught: TaughtModel | None = None
    own_share: float = 1.0

    def predict(self, shapes: Sequence[LayerShape]) -> Prediction:
        """Predict shapes of the family.

        Both parts may err together, so their deviations add up; and the blend is trusted no more
        than what is taught, which knows from other boards how far twenty rows reach.
        """
        own = self.own.predict(shapes)
        if self.taught is None or self.own_share == 1:
            return own
        taught, share = self.taught.predict(shapes), self.own_share
        if share == 0:
            return taught
        return Prediction(
            share * own.log_ms + (1 - share) * taught.log_ms,
            share * np.maximum(own.log_sd, taught.log_sd) + (1 - share) * taught.log_sd,
        )

    def correlation(self, shapes: Sequence[LayerShape]) -> Array:
        """How the errors of several predictions go together, [N, N]."""
        own = self.own.correlation(shapes)
        if self.taught is None or self.own_share == 1:
            return own
        share = self.own_share
        return share * own + (1 - share) * self.taught.correlation(shapes)


def own_share(own_errors: Array, taught_errors: Array) -> float:
    """How much a family's own rows count, by the relative error of each row left out of both."""
    rows = len(own_errors)
    if rows < LEAST_ROWS_OF_OWN:
        return 0.0
    own, taught = float(own_errors.mean()), float(taught_errors.mean())
    bars = [bar for least, bar in NOT_BETTER.items() if rows >= least]
    if rows >= ENOUGH_ROWS or any(taught >= bar * own for bar in bars):
        return 1.0
    return taught**2 / (own**2 + taught**2) * rows / (rows + ROWS_OF_TRUST)
