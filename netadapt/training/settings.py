"""How a proposal is fine-tuned, in numbers: the one place of the defaults, read without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from netadapt.errors import InputError
from netadapt.training.schedules import Constant, Cosine, Schedule, WarmUp

SCHEDULES = ("constant", "cosine")

MOST_IN_BATCH = 1 << 16

MOST_SEED = 2**32 - 1
"""What is made of a seed (that of a batch, of an iteration, of an epoch) still fits the generators.
"""


def require_number(what: str, value: Any, *, whole: bool = False) -> None:
    """Raise InputError, which says `what` it is, unless `value` is a (whole) number."""
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        kind = "a whole number" if whole else "a number"
        raise InputError(f"{what} {value!r}; expected {kind}")


def require_batch_size(images: int) -> None:
    """Raise InputError unless a step can be taken on so many images."""
    if images < 2:
        raise InputError(f"the batch size is {images}; batch norm needs at least 2 images")
    if images > MOST_IN_BATCH:
        raise InputError(f"the batch size is {images}; expected at most {MOST_IN_BATCH}")


def require_seed(seed: Any) -> None:
    """Raise InputError unless `seed` is one."""
    require_number("the seed is", seed, whole=True)
    if not 0 <= seed <= MOST_SEED:
        raise InputError(f"the seed is {seed}; expected 0 to {MOST_SEED}")


@dataclass(frozen=True)
class FineTuning:
    """How to fine-tune. The learning rate follows `schedule`: constant or cosine (to zero).

    The defaults are a short-term fine-tuning's, as a proposal gets it from the command line too
    (experiments/few-steps). Raises InputError for numbers that can't be.
    """

    steps: int = 3
    learning_rate: float = 3e-4
    batch_size: int = 8
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: str = "constant"
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        require_number("fine-tuning steps are", self.steps, whole=True)
        require_number("the batch size is", self.batch_size, whole=True)
        require_number("the warm-up steps are", self.warmup_steps, whole=True)
        require_number("the learning rate is", self.learning_rate)
        require_number("the momentum is", self.momentum)
        require_number("the weight decay is", self.weight_decay)
        if self.steps < 0:
            raise InputError(f"fine-tuning steps are {self.steps}; expected 0 or more")
        if self.learning_rate <= 0 or not math.isfinite(self.learning_rate):
            raise InputError(f"the learning rate is {self.learning_rate}; expected a number > 0")
        require_batch_size(self.batch_size)
        if self.schedule not in SCHEDULES:
            raise InputError(
                f"the schedule is '{self.schedule}'; expected {' or '.join(SCHEDULES)}"
            )

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of `step`, counted from 0."""
        highest, warmup = self.learning_rate, self.warmup_steps
        then: Schedule = Constant(highest)
        if self.schedule == "cosine":
            then = Cosine(highest, warmup, self.steps)
        return WarmUp(highest, warmup, then)(step)
