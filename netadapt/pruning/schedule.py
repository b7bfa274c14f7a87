"""How much each iteration must save (NetAdapt, ECCV 2018, section 3.2): ever a little less."""

from __future__ import annotations

from dataclasses import dataclass

MET = 1e-9
"""What a cost may lie above a bound and still meet it: sums of floats."""


@dataclass(frozen=True)
class Schedule:
    """Iteration i must save `first · decay^(i − 1)`, in the unit of the constraint."""

    first: float
    decay: float

    def reduction(self, iteration: int) -> float:
        """What `iteration` (from 1) must save."""
        return self.first * self.decay ** (iteration - 1)

    def target(self, iteration: int, cost: float, budget: float) -> float:
        """The cost that `iteration` must reach from `cost`; never below the budget."""
        return max(budget, cost - self.reduction(iteration))

    def iterations_left(self, iteration: int, cost: float, budget: float) -> int:
        """How many iterations from `iteration` on, if each saves just what it must."""
        count = 0
        while cost > budget + MET and count < 10_000:
            cost = self.target(iteration + count, cost, budget)
            count += 1
        return count
