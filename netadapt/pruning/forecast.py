"""What a search would take, told from one candidate of its first iteration that is really tried."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from netadapt.pruning.callbacks import Callback
from netadapt.pruning.feasibility import Reach
from netadapt.pruning.search import Search


@dataclass(frozen=True)
class Forecast:
    """How many iterations a search takes, what each tries, and how long that was seen to take.

    `iterations` is how many there are where each saves just what it must. `attempts` counts what an
    iteration tries by how far it takes them, `seconds_each` is what one of them took, and
    `seconds_between` what an iteration takes besides: proposing, importances, and evaluating what
    it keeps. Networks get faster on the way, so it is rather less.
    """

    iterations: int
    attempts: Mapping[str, int] = field(default_factory=dict)
    seconds_each: Mapping[str, float] = field(default_factory=dict)
    seconds_between: float = 0.0

    @property
    def seconds_an_iteration(self) -> float:
        """What the first iteration takes."""
        tried = sum(n * self.seconds_each[stage] for stage, n in self.attempts.items())
        return tried + self.seconds_between

    @property
    def seconds(self) -> float:
        """What the whole search takes."""
        return self.iterations * self.seconds_an_iteration


class Possible(Callback):
    """Keeps what a search says is possible."""

    def __init__(self) -> None:
        self.reaches: list[Reach] = []

    def feasible(self, reaches: list[Reach], iterations: int) -> None:
        self.reaches += reaches


def forecast(search: Search) -> Forecast:
    """What is left of `search`, which stands at its beginning and takes no step by this.

    One attempt of each stage that an iteration takes candidates to is run. Raises BudgetError where
    no cut makes the network cheaper.
    """
    if search.met:
        return Forecast(0)
    evaluation = search.step.record.seconds
    started = time.perf_counter()
    candidate, attempts = search.would_choose(search.propose())
    between = time.perf_counter() - started + evaluation
    first = {attempt.stage.name: attempt for attempt in reversed(attempts)}
    return Forecast(
        iterations=search.iterations_left_after(candidate),
        attempts=dict(Counter(attempt.stage.name for attempt in attempts)),
        seconds_each={stage: attempt.run().seconds for stage, attempt in first.items()},
        seconds_between=between,
    )
