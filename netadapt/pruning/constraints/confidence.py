"""How sure a budget is to be met: the upper end of what something costs, at any confidence."""

from __future__ import annotations

from statistics import NormalDist

from netadapt.pruning.records import Interval

OF_INTERVALS = 0.9
"""The confidence of every `Interval`."""


def upper_end(interval: Interval, confidence: float) -> float:
    """The upper end of the interval that holds the cost with `confidence`, between 0 and 1.

    A table's intervals are normal in the logarithm: the distance to the upper end, as a factor, is
    raised to the quantiles' ratio, that of (1 + confidence) / 2 over that of 0.95.
    """
    value, high = interval.value, interval.high
    if confidence == OF_INTERVALS or value <= 0 or high <= value:
        return max(value, high)
    quantile = NormalDist().inv_cdf
    ratio = quantile((1 + confidence) / 2) / quantile((1 + OF_INTERVALS) / 2)
    return float(value * (high / value) ** ratio)
