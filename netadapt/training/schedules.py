"""Learning rates step by step: constant, cosine with a floor, halving; any of them after a warm-up.

Plain arithmetic without torch. A schedule is called with the step, counted from 0 over the whole
training, warm-up included, and gives that step's learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """The same learning rate for ever."""

    learning_rate: float

    def __call__(self, step: int) -> float:
        return self.learning_rate


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from the highest learning rate, at step `start`, to `floor` times it, at `end`.

    After: Loshchilov and Hutter, SGDR (ICLR 2017), without restarts.
    """

    learning_rate: float
    start: int
    end: int
    floor: float = 0.0

    def __call__(self, step: int) -> float:
        progress = min(1.0, (step - self.start) / max(1, self.end - self.start))
        share = (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * progress))
        return self.learning_rate * (self.floor + share)


@dataclass(frozen=True)
class Halving:
    """Half the learning rate after every so many steps."""

    learning_rate: float
    every_steps: int

    def __call__(self, step: int) -> float:
        return self.learning_rate * 0.5 ** (step // self.every_steps)


@dataclass(frozen=True)
class WarmUp:
    """`then`, after `steps` steps in which the learning rate rises evenly to `learning_rate`."""

    learning_rate: float
    steps: int
    then: Schedule

    def __call__(self, step: int) -> float:
        if step < self.steps:
            return self.learning_rate * (step + 1) / self.steps
        return self.then(step)
