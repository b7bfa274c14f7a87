"""Whether a run's budgets are met, and how surely: what was asked beside what the network needs.

What a search itself stops by is `netadapt.pruning.constraints.budgets`; this reads it off the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from netadapt.large_numbers import in_three_digits
from netadapt.pruning.constraints.confidence import OF_INTERVALS, upper_end
from netadapt.pruning.constraints.registry import label_of
from netadapt.pruning.records import Interval, StepRecord
from netadapt.pruning.schedule import MET
from netadapt.pruning.verifying import correction

COUNTS = {"macs": "MACs", "params": "parameters"}
"""Budgets that are no milliseconds, with what they count."""


@dataclass(frozen=True)
class BudgetMet:
    """The most there may be of what `name` counts, and what the last network needs of it.

    `need` is None where the rows don't tell; of a run with a `confidence` it is the upper end, of
    a verified one corrected by what was timed. `cost` is the predicted latency, so corrected, where
    the budget is in milliseconds; `timed_ms` what the last network was measured at, if it was.
    """

    name: str
    most: float
    need: float | None
    cost: Interval | None = None
    timed_ms: float | None = None
    confidence: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is within; None where that isn't known."""
        return None if self.need is None else self.need <= self.most + MET

    @property
    def chance(self) -> float | None:
        """How sure it is that the device takes no more: 0 to 1; None for what isn't predicted."""
        return None if self.cost is None else chance_within(self.cost, self.most)

    @property
    def amount(self) -> str:
        """The most there may be, with its unit."""
        return self._text(self.most)

    @property
    def words(self) -> str:
        """Met or not, by how much, and how surely, in one line."""
        if self.met is None:
            return f"{self.amount} on {self.name}: the rows don't say whether it is met"
        what = "met" if self.met else "not met yet"
        if self.cost is None:
            assert self.need is not None
            return f"{what}: {self._text(self.need)} of {self.amount}, counted and so certain"
        said = f"{what}: {self.cost.value:.2f} of {self.amount} on {self.name}, {self._surely}"
        if self.confidence is not None:
            said += f" (asked: the upper end at a confidence of {self.confidence:.0%})"
        return said

    @property
    def _surely(self) -> str:
        if self.timed_ms is not None:
            return f"timed whole on the device at {self.timed_ms:.2f} ms"
        chance = self.chance
        assert chance is not None
        return f"within it with a probability of {_percent(chance)} by the predicted interval"

    def _text(self, amount: float) -> str:
        if self.cost is not None or self.name not in COUNTS:
            return f"{amount:g} ms" if self.cost is not None else f"{amount:g}"
        return in_three_digits(amount, COUNTS[self.name])


def chance_within(cost: Interval, most: float) -> float:
    """The probability that what `cost` predicts is at most `most`, 0 to 1.

    A table's intervals are normal in the logarithm; the upper end lies 1.645 standard deviations
    above the value.
    """
    if not cost.high > cost.value > 0:
        return float(cost.value <= most)
    normal = NormalDist()
    deviation = math.log(cost.high / cost.value) / normal.inv_cdf((1 + OF_INTERVALS) / 2)
    return normal.cdf((math.log(most) - math.log(cost.value)) / deviation)


def budgets_met(content: Mapping[str, Any], steps: Sequence[StepRecord]) -> list[BudgetMet]:
    """The budgets of a run.json, beside what the last network needs; none without one."""
    asked, last = content.get("budget"), steps[-1]
    if not isinstance(asked, Mapping):
        return []
    latencies = dict(last.latencies)
    if last.latency is not None and len(asked) == 1:
        latencies = {label_of(name): last.latency for name in asked}
    confidence = content.get("settings", {}).get("confidence")
    counts: dict[str, float] = {"macs": last.macs, "params": last.params}
    verified = next(iter(latencies), None)
    found = []
    for name, most in asked.items():
        label = label_of(name)
        cost, timed = latencies.get(label), None
        if cost is None:
            found.append(BudgetMet(name, float(most), counts.get(label)))
            continue
        if label == verified:
            factor, timed = correction(steps), last.measured_ms
            cost = Interval(cost.value * factor, cost.low * factor, cost.high * factor)
        need = cost.value if confidence is None else upper_end(cost, confidence)
        found.append(BudgetMet(label, float(most), need, cost, timed, confidence))
    return found


def _percent(share: float) -> str:
    """Never quite 0 or 100 %: a prediction isn't certain."""
    if share > 0.99:
        return "over 99 %"
    return "under 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
